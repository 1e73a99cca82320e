"""The wall stands in the query: each reader shows an actor what is of their tenant, by itself."""

from __future__ import annotations

import pytest

from apps.common.errors import NotFound
from apps.hosts.selectors import access_host, hosts_for
from apps.instances.selectors import access_instance, instances_for
from apps.packages.selectors import access_package, distributions_for, packages_for
from apps.tenants.actors import Actor
from apps.tenants.roles import Role
from apps.tenants.selectors import tenants_for

READERS = {
    "tenants": (tenants_for, lambda side: {side.tenant.pk}),
    "packages": (packages_for, lambda side: {side.package.pk, side.spare.pk}),
    "distributions": (
        distributions_for, lambda side: {d.pk for p in (side.package, side.spare)
                                         for d in p.distributions.all()}),
    "instances": (instances_for, lambda side: {side.instance.pk}),
}


def ids(rows):
    """The primary keys of a query."""
    return set(rows.values_list("pk", flat=True))


@pytest.mark.parametrize("name", READERS)
def test_reader_shows_each_tenant_its_own_and_the_administrator_all(center_world, name):
    world, (reader, of) = center_world, READERS[name]
    assert ids(reader(world.red.user.actor)) == ids(reader(world.red.guest.actor)) == of(world.red)
    assert ids(reader(world.blue.user.actor)) == of(world.blue)
    assert ids(reader(world.admin.actor)) == of(world.red) | of(world.blue)


@pytest.mark.parametrize("name", READERS)
def test_reader_shows_nothing_to_an_actor_without_a_tenant(center_world, name):
    assert ids(READERS[name][0](Actor("1", "x", Role.TENANT))) == set()


@pytest.mark.parametrize(
    ("access", "of"),
    [
        (access_package, lambda side: side.package.pk),
        (access_package, lambda side: side.package.package_id),
        (access_instance, lambda side: side.instance.pk),
        (access_host, lambda side: side.host.pk),
        (access_host, lambda side: side.host.ip),
    ],
)
def test_thing_of_another_tenant_does_not_exist_for_the_asker(center_world, access, of):
    world = center_world
    assert access(world.red.user.actor, of(world.red))
    with pytest.raises(NotFound):
        access(world.blue.user.actor, of(world.red))


def test_host_of_another_tenant_is_not_among_those_that_are_seen(center_world):
    world = center_world
    assert world.red.host.pk not in ids(hosts_for(world.blue.user.actor))
    assert world.red.host.pk in ids(hosts_for(world.red.user.actor))
