"""Choosing the tenants of a host that is not open to all."""

from __future__ import annotations

import uuid

import pytest

from apps.common.errors import Denied, Invalid, NotFound
from apps.hosts.models import MecHost, MecHostGrant
from apps.hosts.selectors import hosts_for, tenants_of
from apps.hosts.sharing import share_host
from apps.journal.models import Entry
from apps.tenants.actors import SYSTEM
from apps.tenants.roles import Role
from tests import factories as make


@pytest.fixture
def estate(house):
    """Two tenants and a closed host that nobody has, at an edge that has all of it."""
    red, blue = make.tenant("red"), make.tenant("blue")
    host = make.host(edge=make.edge(), access="", name="closed", shared=False)
    MecHost.objects.filter(pk=host.pk).update(delivered_version=host.desired_version)
    return {"red": red, "blue": blue, "host": host, "admin": make.admin().actor}


def share(estate, *names, actor=None):
    """Choose tenants by name."""
    ids = [estate[name].pk for name in names]
    return share_host(actor=actor or estate["admin"], host_id=estate["host"].pk, tenant_ids=ids)


def having(estate):
    """The names of the tenants that see the host."""
    return {name for name in ("red", "blue")
            if hosts_for(make.user(estate[name]).actor).filter(pk=estate["host"].pk).exists()}


def test_exactly_the_chosen_tenants_have_the_host(estate):
    assert having(estate) == set()
    for names in (("red",), ("red", "blue"), ("blue",), ()):
        share(estate, *names)
        assert having(estate) == set(names)


def test_the_choice_is_recorded_once_by_name_and_raises_the_version(estate):
    before = MecHost.objects.get(pk=estate["host"].pk).version
    share(estate, "red")
    share(estate, "red")
    share(estate, "blue")
    told = Entry.objects.filter(verb="hosts.host.shared").order_by("id")
    assert [entry.data for entry in told] == [
        {"given": ["red"], "taken": []}, {"given": ["blue"], "taken": ["red"]},
    ]
    assert {entry.actor_id for entry in told} == {estate["admin"].actor_id}
    host = MecHost.objects.get(pk=estate["host"].pk)
    assert host.version > before
    assert host.is_delivered  # grants stay at the site where they are given


@pytest.mark.parametrize("role", [Role.TENANT, Role.GUEST])
def test_only_an_administrator_chooses(estate, role):
    with pytest.raises(Denied):
        share(estate, "red", actor=make.user(estate["red"], role=role).actor)
    assert MecHostGrant.objects.count() == 0


def test_a_tenant_that_does_not_exist_changes_nothing(estate):
    share(estate, "red")
    with pytest.raises(Invalid) as refusal:
        share_host(actor=SYSTEM, host_id=estate["host"].pk,
                   tenant_ids=[estate["blue"].pk, uuid.uuid4()])
    assert set(refusal.value.fields) == {"tenant_ids"}
    assert having(estate) == {"red"}
    with pytest.raises(NotFound):
        share_host(actor=SYSTEM, host_id=uuid.uuid4(), tenant_ids=[])


def test_everybody_reads_of_the_tenants_that_they_know_of(estate):
    share(estate, "red", "blue")

    def read(actor):
        return [tenant.name for tenant in tenants_of(actor, estate["host"])]

    assert read(estate["admin"]) == ["blue", "red"]
    assert read(make.user(estate["red"]).actor) == ["red"]
