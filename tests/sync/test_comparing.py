"""``manage.py sync compare``: says that both sites are the same, and finds what is not."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from apps.common.models import Origin
from apps.hosts import services as hosts
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.instances.specs import CreateSpec
from apps.mep.models import MecService
from apps.orchestration import delivery
from apps.orchestration import services as verbs
from apps.packages.models import Distribution, Package
from apps.rules.models import AppdRule
from apps.sync import comparing
from apps.sync.models import HeldRow
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from tests import factories as make
from tests.sites import owed, work_once
from tests.sync.lives import life


def compared(*words):
    """What the command prints, and whether it is content."""
    out = io.StringIO()
    try:
        call_command("sync", "compare", *words, stdout=out)
    except CommandError as error:
        return False, f"{out.getvalue()}{error}"
    return True, out.getvalue()


def everything():
    """At an edge: one of each kind."""
    born = life()
    make.configuration(born["instance"])
    born["service"] = make.mec_service(make.mec_application(born["tenant"], name="cam"))
    return born


@pytest.fixture
def born(follower):
    """An edge with one of each kind, of which the center has all."""
    found = follower.at_edge(everything)
    assert follower.pull()["held"] == 0
    return found


def test_both_sites_are_the_same_after_a_pull(born):
    fine, text = compared()
    assert fine, text
    for kind in comparing.KINDS:
        line = next(one for one in text.splitlines() if one.strip().startswith(kind.name))
        assert line.split()[1:] == ["1", "1", "1", "0", "0", "0", "0"], line


def test_comparing_changes_nothing_at_the_edge(born, follower):
    asked = []
    follower.wire.on_request = lambda request: asked.append(request.method)
    compared()
    assert set(asked) == {"GET"}


@pytest.mark.parametrize(("model", "fields", "words"), [
    (Tenant, {"name": "renamed"}, 'name: at the edge "local", here "renamed"'),
    (MecHost, {"city": "Leiden"}, 'city: at the edge "Delft", here "Leiden"'),
    (MecHost, {"facts": {"kind": "other"}}, "facts: at the edge"),
    (Package, {"sha256": "0" * 64}, "sha256: at the edge"),
    (Distribution, {"state": "Error"}, 'state: at the edge "Distributed", here "Error"'),
    (AppInstance, {"health": "Failed"}, 'health: at the edge "Ready", here "Failed"'),
    (AppInstance, {"workload": {}}, "workload: at the edge"),
    (AppdRule, {"body": {"ttl": 1}}, "dns/d1: at the edge"),
    (MecService, {"state": "SUSPENDED"}, 'state: at the edge "ACTIVE", here "SUSPENDED"'),
])
def test_planted_difference_is_found_and_named(born, model, fields, words):
    model.objects.update(**fields)
    fine, text = compared("--edge", "far")
    assert not fine
    assert words in text
    assert "Not the same at both sites: far." in text


@pytest.mark.parametrize("kind", ["appdconfiguration", "mecservice", "distribution"])
def test_row_that_is_missing_at_one_side_is_told(born, follower, kind):
    models = {"appdconfiguration": AppInstance, "mecservice": MecService,
              "distribution": Distribution}
    model = models[kind]
    with follower.sites.inside():
        rows = list(model.objects.values_list("pk", flat=True))
    if kind == "appdconfiguration":
        AppdRule.objects.all().delete()
        AppInstance.objects.get().configuration.delete()
    else:
        model.objects.all().delete()
    fine, text = compared()
    assert not fine
    assert f"({rows[0]})" in text or str(rows[0]) in text
    assert "is at the edge, and not here" in text
    follower.at_edge(MecService.objects.all().delete)
    if kind != "mecservice":
        assert "is here, and not at the edge" in compared()[1]


def test_row_that_is_held_back_is_told_as_that(born, follower):
    follower.at_edge(make.host, "10.5.0.9", access="")
    make.host("10.5.0.9", access="")
    follower.pull()
    assert HeldRow.objects.count() == 1
    fine, text = compared()
    assert not fine
    assert "came, and is held back here" in text


def test_what_the_center_ordered_is_compared_too(follower):
    tenant = make.tenant("red")
    host = make.host("10.5.0.7", edge=follower.edge)
    for key in owed():
        delivery.deliver(key)
    follower.pull()
    package = make.package(tenant, name="ordered")
    spec = CreateSpec(package.pk, host.pk, "ordered")
    instance = verbs.create_instance(actor=SYSTEM, tenant_id=tenant.pk, spec=spec)
    verbs.instantiate(actor=SYSTEM, instance_id=instance.pk)
    for _ in range(12):
        work_once()
        follower.sites.work(follower.now, 3)
        follower.pull()
    assert AppInstance.objects.get().state == "Instantiated"
    fine, text = compared()
    assert fine, text
    hosts.update_host(actor=SYSTEM, host_id=host.pk,
                      spec=make.host_spec("10.5.0.7", name="other", applcm_ip=follower.edge.ip))
    fine, text = compared()
    assert not fine
    assert 'here "other"' in text


def test_edge_that_does_not_answer_and_one_that_is_not_there_are_told(born, follower):
    follower.wire.down = True
    fine, text = compared()
    assert not fine
    assert "could not be read" in text
    fine, text = compared("--edge", "nobody")
    assert "Name one edge with --edge" in text
    assert AppLcm.objects.count() == 1
    assert MecHost.objects.get().origin == Origin.MEPM
