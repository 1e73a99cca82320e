"""A small estate of two tenants, and tabs that follow it."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from apps.common import clock
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.monitoring.hub import hub
from apps.monitoring.routing import websocket_urlpatterns
from apps.packages.models import Package
from apps.tenants import grants
from apps.tenants.models import Tenant, User


def make_tenant(name):
    tenant = Tenant(name=name, group=Group.objects.create(name=f"tenant {name}"))
    tenant.save()
    return tenant


def make_user(username, role, tenant=None):
    # The password is never checked here; hashing it would only cost time.
    return User.objects.create(username=username, role=role, tenant=tenant, password=f"x{username}")


def make_host(name, ip, applcm=None, **fields):
    fields = {"reachable": True, "observed_at": clock.now(), "desired_version": 0, **fields}
    host = MecHost(name=name, ip=ip, city="X", address="Y", coordinates="1,1",
                   applcm=applcm, **fields)
    host.save()
    return host


def make_package(tenant, name="web"):
    package = Package(tenant=tenant, name=name, package_version="1.0", app_class="container",
                      filename=f"{name}.csar", sha256="0" * 64, size=1)
    package.save()
    return package


def make_workload(pods=1, bad=0, prefix="pod"):
    """What an edge reports about an instance: ``bad`` of the pods have failed."""
    return {
        "phase": "Ready" if not bad else "Degraded",
        "as_of": clock.now().isoformat(),
        "ready": pods - bad,
        "total": pods,
        "pods": [
            {"name": f"{prefix}-{n}", "kind": "Deployment",
             "phase": "Failed" if n < bad else "Running",
             "containers": [{"name": "c", "image": "i", "state": "running"}]}
            for n in range(pods)
        ],
        "simulated": True,
    }


def make_instance(tenant, package, host, name, **fields):
    fields = {"state": "Instantiated", "health": "Ready", "workload": make_workload(), **fields}
    instance = AppInstance(tenant=tenant, package=package, host=host, app_name=name,
                           observed_at=clock.now(), **fields)
    instance.save()
    return instance


@dataclass
class Estate:
    """One edge with an open host and one that only the first tenant may use, and a local host."""

    red: Tenant
    blue: Tenant
    admin: User
    rita: User
    bert: User
    guest: User
    edge: AppLcm
    shared: MecHost
    closed: MecHost
    red_instance: AppInstance
    blue_instance: AppInstance
    red_package: Package
    blue_package: Package


@pytest.fixture
def estate(db, settings):
    settings.GUEST_ACCESS = True
    red, blue = make_tenant("red"), make_tenant("blue")
    edge = AppLcm(name="edge one", ip="10.0.0.9", port=8100, reachable=True, last_seen=clock.now())
    edge.save()
    shared = make_host("open host", "10.0.0.1", edge, simulated=True)
    closed = make_host("closed host", "10.0.0.2", edge, shared=False)
    grants.give(red, "deploy_to_mechost", closed)
    packages = make_package(red, "redpack"), make_package(blue, "bluepack")
    return Estate(
        red, blue, make_user("root", "admin"), make_user("rita", "tenant", red),
        make_user("bert", "tenant", blue), make_user("gast", "guest", red), edge, shared, closed,
        make_instance(red, packages[0], closed, "red app"),
        make_instance(blue, packages[1], shared, "blue app"),
        *packages,
    )


class Tab:
    """One open page of somebody, seen from the browser."""

    def __init__(self, user=None, origin="http://testserver", client=None):
        self.client = client or Client()
        self.topics = []
        if user is not None and client is None:
            self.client.force_login(user)
        jar = self.client.cookies.items()
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in jar)
        self.headers = [(b"host", b"testserver"), (b"cookie", cookies.encode())]
        if origin:
            self.headers.append((b"origin", origin.encode()))

    async def open(self):
        """Connect; ``accepted`` says whether the site let the socket in at all."""
        scope = {"type": "websocket", "path": "/ws/ui/", "query_string": b"",
                 "headers": self.headers, "subprotocols": []}
        application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        self.line = ApplicationCommunicator(application, scope)
        await self.line.send_input({"type": "websocket.connect"})
        answer = await self.line.receive_output(timeout=2)
        self.accepted = answer["type"] == "websocket.accept"
        return self

    async def close(self):
        await self.line.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.line.wait(timeout=2)

    async def say(self, **message):
        await self.say_raw(text=json.dumps(message))

    async def say_raw(self, **frame):
        await self.line.send_input({"type": "websocket.receive", **frame})

    async def hear(self):
        """The next message, or the close code."""
        event = await self.line.receive_output(timeout=2)
        if event["type"] == "websocket.close":
            return event.get("code")
        return json.loads(event["text"])

    async def hear_all(self):
        """Everything that was sent until now: up to the answer to another subscription."""
        found = []
        await self.say(subscribe=self.topics)
        while True:
            message = await self.hear()
            if isinstance(message, dict) and message["kind"] == "subscribed":
                return found
            if not isinstance(message, dict):
                return [*found, message]
            if message["kind"] != "refused":
                found.append(message)

    async def follow(self, *topics, **more):
        """Subscribe; returns the topics that were granted, with what else came."""
        self.topics = list(topics)
        await self.say(subscribe=self.topics, **more)
        found = []
        while (message := await self.hear())["kind"] != "subscribed":
            found.append(message)
        return message["topics"], found + await self.hear_all()


@pytest.fixture
def tab():
    return Tab


@pytest.fixture
def on_loop():
    """Runs a coroutine function on a loop of its own, with database work in this thread."""

    def run(story, *args):
        async def told():
            hub.attach(asyncio.get_running_loop())
            try:
                return await story(*args)
            finally:
                hub.detach()
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()

        return async_to_sync(told)()

    return run


@pytest.fixture
def make():
    """The makers, for tests that need more of something."""
    return {"host": make_host, "instance": make_instance, "workload": make_workload}


@pytest.fixture
def session_cookie():
    return settings.SESSION_COOKIE_NAME


@pytest.fixture
def some_id():
    return str(uuid.uuid4())
