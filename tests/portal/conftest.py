"""A small estate with something in every state, and people of every role who look at it."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
from django.test import Client

from apps.common import clock
from apps.common.words import Reason
from apps.hosts import managers
from apps.hosts import services as hosts
from apps.hosts.models import AppLcm
from apps.hosts.specs import HostObservation
from apps.instances.models import LcmOperation
from apps.packages.models import Distribution
from apps.tenants.actors import SYSTEM
from apps.tenants.roles import Role
from tests import factories
from tests.mep.conftest import mep  # noqa: F401 - the platform of one test
from tests.portal import mep_world

MISSING = "⁉%s⁉"
WHY = Reason("Nothing is registered under %(ip)s.", "x", {"ip": "10.9.9.9"})
FACTS = {
    "kind": "simulated", "version": "1", "as_of": "2026-01-01T00:00:00+00:00",
    "nodes": [{"name": "n1", "ready": True, "cpus": 8, "memory_mb": 16384, "storage_gb": None}],
    "capacity": {"cpus": 8, "memory_mb": 16384, "cpus_used": 7.5}, "architecture": "x86",
    "capabilities": ["GPU"], "simulated": True, "notes": [WHY.as_json()],
}
WORKLOAD = {
    "phase": "Ready", "as_of": "2026-01-01T00:00:00+00:00", "ready": 1, "total": 1,
    "scope": "ns-1", "simulated": True,
    "pods": [{"name": "p", "kind": "Deployment", "phase": "Running", "node": "n1",
              "containers": [{"name": "c", "image": "i:1", "state": "running"}]}],
    "servers": [{"name": "s", "id": "7", "status": "ACTIVE",
                 "addresses": [{"network": "n6", "ip": "192.0.2.7"}]}],
    "services": [{"name": "web", "type": "NodePort", "cluster_ip": "10.96.0.1",
                  "ports": [{"port": 80, "target_port": "8080", "node_port": 30080}]}],
}
STEPS = [
    {"name": "check_host", "state": "done", "started_at": "2026-01-01T00:00:00+00:00",
     "finished_at": "2026-01-01T00:00:01+00:00", "reason": None},
    {"name": "install", "state": "failed", "started_at": "2026-01-01T00:00:01+00:00",
     "finished_at": None, "reason": WHY.as_json()},
]


@pytest.fixture
def strict(house):
    """A center whose templates show every name that they do not find."""
    return _strict(house)


def _strict(site):
    templates = copy.deepcopy(site.TEMPLATES)
    templates[0]["OPTIONS"]["string_if_invalid"] = MISSING
    site.TEMPLATES = templates
    return site


def _observe(host, reachable, fault=None, facts=None):
    why = fault.as_json() if fault else {}
    seen = HostObservation(reachable, clock.now(), "simulated", bool(facts), facts or {}, why)
    hosts.note_observed(actor=SYSTEM, host_id=host.pk, seen=seen, edge_version=1)


@pytest.fixture
def estate(strict):
    """Two tenants; hosts online, offline, behind a dead edge and never seen; work in all states."""
    one, two = factories.tenant("one"), factories.tenant("two")
    edge, dead = factories.edge("10.9.0.1"), factories.edge("10.9.0.2")
    managers.note_contact(AppLcm, manager_id=edge.pk, fault=None)
    managers.note_contact(AppLcm, manager_id=dead.pk, fault=WHY)
    online = factories.host("10.2.0.1", edge=edge)
    offline = factories.host("10.2.0.2", edge=edge, access="")
    stale = factories.host("10.2.0.3", edge=dead)
    unseen = factories.host("10.2.0.4")
    _observe(online, True, facts=FACTS)
    _observe(offline, False, fault=WHY)
    _observe(stale, True, facts=FACTS)
    package, other = factories.package(one), factories.package(two, app_class="vm")
    for host, state in ((online, "Distributed"), (offline, "Error"), (stale, "Processing")):
        fault = WHY.as_json() if state == "Error" else {}
        Distribution(package=package, host=host, state=state, fault=fault).save()
    running = factories.instance(package, online, state="Instantiated", health="Ready",
                                 workload=WORKLOAD, observed_at=clock.now())
    failed = factories.instance(package, stale, state="Instantiation failed", health="Failed",
                                operation_info=WHY.as_json())
    for row, state in ((running, "Succeeded"), (failed, "Failed")):
        LcmOperation.objects.create(
            instance_id=row.pk, tenant_id=one.pk, host_id=row.host_id, app_name=row.app_name,
            kind="instantiate", state=state, steps=STEPS, started_at=clock.now(),
            reason=WHY.as_json() if state == "Failed" else {}, actor=SYSTEM.as_json(),
        )
    people = {
        "admin": factories.admin("root"),
        "tenant": factories.user(one, name="ann"),
        "other": factories.user(two, name="bob"),
        "guest": factories.user(one, role=Role.GUEST, name="gus"),
    }
    return SimpleNamespace(
        one=one, two=two, edge=edge, dead=dead, online=online, offline=offline, stale=stale,
        unseen=unseen, package=package, other=other, running=running, failed=failed, people=people,
    )


def browser(user, language="en"):
    """A browser in which ``user`` is signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["mecm_language"] = language
    return client


@pytest.fixture
def open_as(estate):
    """A browser of one of the people of the estate."""

    def opened(who, language="en"):
        return browser(estate.people[who], language)

    return opened


@pytest.fixture
def platform(mep, edge_house):  # noqa: F811 - the fixture of that name
    """An edge whose MEC platform has something in every state."""
    _strict(edge_house)
    return mep_world.build()


@pytest.fixture
def visit(platform):
    """A browser of one of the people of the platform."""

    def opened(who, language="en"):
        return browser(platform.people[who], language)

    return opened
