"""Grants: a host that is not open to all is there only for the tenants that it was given to."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from guardian.shortcuts import assign_perm

from apps.common.errors import NotFound
from apps.hosts.models import MecHostGrant
from apps.hosts.selectors import access_host, hosts_for
from apps.hosts.services import remove_host
from apps.tenants import grants
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.roles import Role
from tests import factories as make

DEPLOY = "deploy_to_mechost"


@pytest.fixture
def estate(house):
    """Two tenants, an open host, and one that only red was given."""
    red, blue = make.tenant("red"), make.tenant("blue")
    return {
        "red": make.user(red).actor, "blue": make.user(blue).actor, "admin": make.admin().actor,
        "open": make.host(access="", name="open"),
        "closed": make.host(access="", name="closed", granted_to=red), "tenants": (red, blue),
    }


def names(actor):
    """The hosts that an actor sees."""
    return sorted(host.name for host in hosts_for(actor))


def test_host_that_is_not_open_is_seen_by_those_it_was_given_to(estate):
    assert names(estate["red"]) == ["closed", "open"]
    assert names(estate["blue"]) == ["open"]
    assert names(estate["admin"]) == ["closed", "open"]
    assert access_host(estate["red"], estate["closed"].pk)
    for key in (estate["closed"].pk, estate["closed"].ip):
        with pytest.raises(NotFound):
            access_host(estate["blue"], key)


def test_grant_given_twice_is_one_and_taken_once_is_gone(estate):
    _, blue = estate["tenants"]
    for _ in range(2):
        grants.give(blue, DEPLOY, estate["closed"])
    assert names(estate["blue"]) == ["closed", "open"]
    for _ in range(2):
        grants.take(blue, DEPLOY, estate["closed"])
    assert names(estate["blue"]) == ["open"]
    assert names(estate["red"]) == ["closed", "open"]


def test_permission_on_the_whole_model_never_counts_as_every_host(estate):
    _, blue = estate["tenants"]
    permission = Permission.objects.get(codename=DEPLOY)
    assign_perm(f"{permission.content_type.app_label}.{DEPLOY}", blue.group)
    assert list(blue.group.permissions.all()) == [permission]
    assert names(estate["blue"]) == ["open"]


def test_grants_go_when_the_host_goes(estate):
    remove_host(actor=SYSTEM, host_id=estate["closed"].pk)
    assert MecHostGrant.objects.count() == 0


def test_somebody_without_a_tenant_sees_open_hosts_only(estate):
    nobody = Actor("1", "x", Role.TENANT)
    assert names(nobody) == ["open"]


def test_answer_of_an_unrelated_change_keeps_a_host_closed(estate):
    host = estate["closed"]
    make.edge()
    body = {
        "mechostIp": host.ip, "mechostName": "renamed", "city": "Delft", "address": "a",
        "coordinates": "1,2", "vim": "Simulated", "applcmIp": "10.9.0.1",
    }
    boss = make.Api(make.admin())
    assert boss.send("PUT", f"/inventory/v1/mechosts/{host.ip}", body).status_code == 200
    host.refresh_from_db()
    assert (host.name, host.shared) == ("renamed", False)
    assert names(estate["blue"]) == ["open"]
