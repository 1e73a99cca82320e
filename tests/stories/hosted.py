"""A running center and edge with one host more, whose VIM is a real one."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from examples.packages import build
from tests.stories.running import Person, World, create, eventually, upload

HOST_IP = "10.77.0.40"


class HostedWorld(World):
    """The world of the stories, with a real VIM behind the edge."""

    def take_in(self, access: str, vim: str = "K8S") -> Any:
        """Register the host at the center as one of the edge; waits until its VIM answers."""
        admin = self.center("admin")
        edge = self.demo["edges"][0]["url"].split("//")[1].split(":")[0]
        host = {
            "mechostIp": HOST_IP,
            "mechostName": "real-host",
            "city": "Genova",
            "address": "Molo 4",
            "coordinates": "8.93,44.40",
            "vim": vim,
            "applcmIp": edge,
            "appRuleIp": edge,
        }
        url = f"/inventory/v1/mechosts/{HOST_IP}"
        admin.ok("POST", "/inventory/v1/mechosts", json=host)
        eventually(lambda: admin.ok("GET", url)["delivery"]["delivered"])
        admin.ok("POST", f"{url}/k8sconfig", files={"file": ("config", access.encode())})
        return eventually(lambda: (seen := admin.ok("GET", url)["observed"])["reachable"] and seen)


def onboard(
    person: Person, folder: Path, name: str, version: str = "1.0", **request: Any
) -> dict[str, str]:
    """Build a package, upload it at the center and bring it to the host; its ids."""
    path = folder / f"{name}-{version}.csar"
    build(path, name=name, version=version, **({"app_class": "container"} | request))
    return bring(person, path)


def bring(person: Person, path: Path) -> dict[str, str]:
    """Upload a package at the center and bring it to the host; its ids."""
    ids = upload(person, path)
    package = f"/apm/v1/tenants/{{t}}/packages/{ids['appPackageId']}"
    person.ok("POST", package, json={"hostIp": [HOST_IP]})
    eventually(lambda: distributed(person, package))
    return ids


def distributed(person: Person, package: str) -> bool:
    """Whether the package is on its only host."""
    hosts = person.ok("GET", package)["mecHostInfo"]
    return [row["status"] for row in hosts] == ["Distributed"]


def order(person: Person, ids: dict[str, str], name: str) -> str:
    """Create an instance on the host and order it to run; its id."""
    key = create(person, ids, HOST_IP, name)
    eventually(lambda: person.status_of(key) == "Created")
    person.ok("POST", f"/appo/v1/tenants/{{t}}/app_instances/{key}")
    return key


def run(person: Person, ids: dict[str, str], name: str, seconds: float = 120) -> str:
    """The same, and wait until it runs."""
    key = order(person, ids, name)
    eventually(lambda: person.status_of(key) == "Instantiated", seconds=seconds,
               otherwise=lambda: str(info(person, key)))
    return key


def end(person: Person, *keys: str, seconds: float = 120) -> None:
    """Terminate instances and wait until they are gone."""
    for key in keys:
        person.ok("DELETE", f"/appo/v1/tenants/{{t}}/app_instances/{key}")
    for key in keys:
        eventually(partial(_is_gone, person, key), seconds=seconds,
                   otherwise=partial(_told, person, key))


def withdraw(person: Person, ids: dict[str, str]) -> None:
    """Take a package away from the center and so from its hosts."""
    answer = person("DELETE", f"/apm/v1/tenants/{{t}}/packages/{ids['appPackageId']}")
    assert answer.is_success, answer.text


def _is_gone(person: Person, key: str) -> bool:
    return person.status_of(key) == "gone"


def _told(person: Person, key: str) -> str:
    return str(info(person, key))


def info(person: Person, key: str) -> Any:
    """What the center says of an instance."""
    answer = person("GET", f"/appo/v1/tenants/{{t}}/app_instance_infos/{key}")
    return answer.json().get("response", answer.text)


def pause(seconds: float) -> None:
    """Let time pass in the world, whose processes have clocks of their own."""
    time.sleep(seconds)
