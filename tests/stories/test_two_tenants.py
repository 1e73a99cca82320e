"""Two tenants at a running center: nothing of one reaches the other, by page, API or socket."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import uuid

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from examples.packages import build
from tests.stories.running import create, eventually, new_name, upload

pytestmark = pytest.mark.world


class Browser:
    """Somebody at the portal with a session, as a browser has it."""

    def __init__(self, world, name):
        self.url, user = world.demo["center"]["url"], world.demo["center"]["users"][name]
        self.http = httpx.Client(base_url=self.url, follow_redirects=True, trust_env=False)
        page = self.http.get("/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
        answer = self.http.post(
            "/login/",
            data={
                "username": user["username"],
                "password": user["password"],
                "csrfmiddlewaretoken": token,
            },
            headers={"Referer": f"{self.url}/login/"},
        )
        assert answer.url.path == "/", answer.text

    def post(self, path):
        token = next(value for name, value in self.http.cookies.items() if name.endswith("csrf"))
        return self.http.post(
            path, data={"csrfmiddlewaretoken": token}, headers={"Referer": f"{self.url}{path}"}
        )

    def listen(self, topics):
        """Everything that the socket says from now on, as a list that grows."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        socket = connect(
            self.url.replace("http", "ws", 1) + "/ws/ui/",
            additional_headers={"Cookie": cookie},
            origin=self.url,
            legacy=True,
        )
        socket.send(json.dumps({"subscribe": topics}))
        heard = []

        def read():
            with contextlib.suppress(ConnectionClosed):
                heard.extend(map(json.loads, socket))

        threading.Thread(target=read, daemon=True).start()
        return socket, heard


def see_nothing(someone, *secrets):
    """None of the pages that a tenant has says any of the secrets."""
    for page in (
        "/",
        "/packages/",
        "/instances/",
        "/topology/",
        "/topology/table/",
        "/activity/",
        "/hosts/",
        "/api/v1/topology",
    ):
        answer = someone.http.get(page)
        assert answer.status_code == 200, page
        assert not [secret for secret in secrets if secret in answer.text], page


def test_neither_tenant_sees_the_other_and_the_administrator_sees_both(world, tmp_path):
    mine, theirs, admin = (Browser(world, who) for who in ("tenant", "other_tenant", "admin"))
    owner, name = world.center("tenant"), new_name("secret")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class="container")
    topics = ["instances", "packages", "topology"]
    sockets = [someone.listen(topics) for someone in (mine, theirs, admin)]
    eventually(lambda: all(any(m["kind"] == "subscribed" for m in heard) for _, heard in sockets))

    ids = upload(owner, path)
    instance = create(owner, ids, world.demo["edges"][0]["host_ip"], name)
    order = f"/appo/v1/tenants/{{t}}/app_instances/{instance}"
    owner.ok("POST", order)
    eventually(lambda: owner.status_of(instance) == "Instantiated")
    package = owner.ok("GET", f"/apm/v1/tenants/{{t}}/packages/{ids['appPackageId']}")
    package_id = ids["appPackageId"][32:]

    def changes(heard):
        return [m for m in heard if m["kind"] in ("changed", "gone")]

    (_, heard_by_owner), (_, heard_by_other), (_, heard_by_admin) = sockets
    eventually(lambda: any(m.get("id") == instance for m in changes(heard_by_owner)))
    eventually(lambda: any(m.get("id") == instance for m in changes(heard_by_admin)))
    said = json.dumps(heard_by_other)
    assert instance not in said
    assert package_id not in said.replace("-", "")
    assert name not in said

    page_id = str(uuid.UUID(hex=package_id))
    see_nothing(theirs, name, package["sha256"])
    for page in (
        f"/instances/{instance}/",
        f"/packages/{page_id}/",
        f"/packages/{page_id}/download/",
    ):
        answers = [someone.http.get(page).status_code for someone in (mine, theirs, admin)]
        assert answers == [200, 404, 200], page
    assert theirs.post(f"/instances/{instance}/terminate/").status_code == 404
    assert owner.status_of(instance) == "Instantiated"
    socket, heard = theirs.listen([f"instance:{instance}", "instance:" + "0" * 8])
    eventually(lambda: any(m["kind"] == "refused" for m in heard))
    for one in (*[pair[0] for pair in sockets], socket):
        one.close()
    owner("DELETE", order)
    eventually(lambda: owner.status_of(instance) == "gone")


def test_guest_changes_nothing(world):
    guest = Browser(world, "guest")
    tenant = world.center("tenant")
    infos = tenant.ok("GET", "/appo/v1/tenants/{t}/app_instance_infos")["response"]
    instance = infos[0]["appInstanceId"]
    assert guest.http.get(f"/instances/{instance}/").status_code == 200
    assert "A guest may look at instances" in guest.post(f"/instances/{instance}/terminate/").text
    packages = tenant.ok("GET", "/apm/v1/tenants/{t}/packages")
    assert "A guest may look at packages" in guest.post("/packages/upload/").text
    assert tenant.ok("GET", "/apm/v1/tenants/{t}/packages") == packages
    assert tenant.status_of(instance) == infos[0]["operationalStatus"]


def test_socket_of_nobody_is_closed_at_once(world):
    url = world.demo["center"]["url"]
    socket = connect(url.replace("http", "ws", 1) + "/ws/ui/", origin=url, legacy=True)
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=5)
    assert closed.value.rcvd.code == 4401
