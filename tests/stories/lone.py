"""An edge that is worked with while its center is away: every kind of change, as many as wanted."""

from __future__ import annotations

import uuid
from collections import Counter
from itertools import cycle
from pathlib import Path

import httpx

from examples.packages import build
from tests.mep.conftest import service_info
from tests.rules.conftest import config, dns
from tests.stories.running import World, eventually, new_name

LCM, RULES = "/lcmcontroller/v1", "/apprulemgr/v1"


class LoneEdge:
    """People and applications at the first edge of a world."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world, self.directory = world, directory
        self.edge = world.edge()
        site = world.demo["edges"][0]
        self.host_ip, mp1 = site["host_ip"], site["mp1_test_app"]
        self.mep = httpx.Client(
            base_url=site["url"],
            headers={"Authorization": f"Bearer {mp1['token']}"},
            trust_env=False,
            timeout=30,
        )
        self.services = f"/mep/mec_service_mgmt/v1/applications/{mp1['app_instance_id']}/services"
        self.done: Counter[str] = Counter()
        self.rounds = 0

    def change(self, least: int) -> Counter[str]:
        """Make at least ``least`` changes; how many there were of each kind."""
        for keeps in cycle((False, True)):
            if self.done.total() >= least:
                return self.done
            self.rounds += 1
            self._hosts(keeps=keeps)
            self._services(keeps=keeps)
            self._applications(keeps=keeps)
        raise AssertionError

    def _ok(self, kind: str, method: str, url: str, **options: object) -> object:
        found = self.edge.ok(method, url, **options)
        self.done[kind] += 1
        return found

    def _hosts(self, *, keeps: bool) -> None:
        ip = f"10.66.{self.rounds // 200}.{self.rounds % 200 + 1}"
        host = {
            "mechostIp": ip, "mechostName": f"lone-{self.rounds}", "city": "Delft",
            "address": "Quay 1", "coordinates": "4.36,52.01", "vim": "Simulated",
        }
        self._ok("host added", "POST", f"{LCM}/hosts", json=host)
        host |= {"city": "Rotterdam", "address": "码头 2"}
        self._ok("host changed", "PUT", f"{LCM}/hosts", json=host)
        if not keeps:
            self._ok("host removed", "DELETE", f"{LCM}/hosts/{ip}")

    def _services(self, *, keeps: bool) -> None:
        info = service_info(serName=new_name("lone"))
        made = self.mep.post(self.services, json=info)
        assert made.status_code == 201, made.text
        url = made.headers["Location"]
        self.done["service registered"] += 1
        assert self.mep.put(url, json=info | {"version": "2.0"}).status_code == 200
        self.done["service changed"] += 1
        if not keeps:
            assert self.mep.delete(url).status_code == 204
            self.done["service removed"] += 1

    def _applications(self, *, keeps: bool) -> None:
        package, instance = self._package(), str(uuid.uuid4())
        base = f"{LCM}/tenants/{{t}}/app_instances/{instance}"
        order = {"hostIp": self.host_ip, "packageId": package, "appName": f"lone-{self.rounds}"}
        self._ok("instance created", "POST", f"{base}/instantiate", json=order)
        eventually(
            lambda: self.edge.ok("GET", f"{base}/record")["state"] == "Instantiated", seconds=40
        )
        rules = f"{RULES}/tenants/{{t}}/app_instances/{instance}/appd_configuration"
        number = 2 * self.rounds
        body = config(appName=f"lone-{self.rounds}", appDNSRule=[dns(number)])
        self._ok("rules made", "PUT", rules, json=body)
        body["appDNSRule"].append(dns(number + 1))
        self._ok("rules changed", "PUT", rules, json=body)
        if keeps:
            return
        self._ok("rules removed", "DELETE", rules)
        self._ok("instance terminated", "POST", f"{base}/terminate")
        eventually(lambda: self.edge("GET", f"{base}/record").status_code == 404, seconds=40)
        self._ok("package removed", "DELETE", f"{LCM}/tenants/{{t}}/packages/{package}")

    def _package(self) -> str:
        name = new_name("lone")
        path = self.directory / f"{name}.csar"
        build(path, name=name, version="1.0", app_class="container")
        packages = f"{LCM}/tenants/{{t}}/packages"
        with path.open("rb") as file:
            ids = self._ok(
                "package uploaded", "POST", packages, files={"package": (path.name, file)}
            )
        assert isinstance(ids, dict)
        package = str(ids["packageId"])
        url = f"{packages}/{package}"
        self._ok("package distributed", "POST", url, json={"hostIp": [self.host_ip]})
        return package
