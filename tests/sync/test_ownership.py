"""An edge speaks for its own rows only, whatever it says of others."""

from __future__ import annotations

import pytest

from apps.common import clock
from apps.common.errors import Conflict
from apps.hosts import adoption as hosts
from apps.hosts.models import MecHost
from apps.instances import adoption as instances
from apps.instances.models import AppInstance
from apps.instances.services import Observation
from apps.packages import adoption as packages
from apps.packages.models import Distribution
from tests import factories as make

EITHER_WAY = True

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine(house):
    """A host, an instance and a distribution at one edge, ordered at the center."""
    edge = make.edge("10.9.0.1")
    host = make.host("10.9.1.1", edge=edge, name="mine")
    package = make.package(make.tenant("red"))
    Distribution(package=package, host=host, remote_id=package.pk).save()
    return host, make.instance(package, host)


@pytest.fixture
def stranger():
    """Another edge."""
    return make.edge("10.9.0.2")


def test_other_edge_configures_no_host_of_ours(mine, stranger):
    host, _ = mine
    said = hosts.export(host) | {"name": "stolen", "ip": "10.66.6.6", "origin": "MEPM"}
    with pytest.raises(Conflict):
        hosts.take_over(edge=stranger, host_id=host.pk, version=99, data=said)
    stored = MecHost.objects.get(pk=host.pk)
    assert (stored.name, stored.ip, stored.applcm_id) == ("mine", "10.9.1.1", host.applcm_id)


def test_own_edge_does_not_rename_a_host_that_was_configured_here(mine):
    host, _ = mine
    said = hosts.export(host) | {"name": "renamed", "origin": "MEPM"}
    assert hosts.take_over(edge=host.applcm, host_id=host.pk, version=99, data=said)
    assert MecHost.objects.get(pk=host.pk).name == "mine"


def test_other_edge_buries_nothing_of_ours(mine, stranger):
    host, instance = mine
    assert hosts.note_gone(edge=stranger, host_id=host.pk)
    instances.note_gone(edge=stranger, instance_id=instance.pk)
    packages.note_distribution_gone(edge=stranger, remote_id=instance.package_id)
    assert packages.note_package_gone(edge=stranger, package_id=instance.package_id)
    assert MecHost.objects.filter(pk=host.pk, delivered_version=host.delivered_version).exists()
    assert AppInstance.objects.filter(pk=instance.pk).exists()
    assert Distribution.objects.count() == 1


def test_other_edge_tells_nothing_about_our_instance(mine, stranger):
    _, instance = mine
    said = instances.export(instance)
    seen = Observation(
        at=clock.now(), edge_state="Instantiation failed", health="Failed", version=99
    )
    words = [instances.Word(instance.pk, said, seen)]
    (refusal,) = instances.take_over(edge=stranger, words=words)
    assert isinstance(refusal, Conflict)
    assert AppInstance.objects.get(pk=instance.pk).state == instance.state


def test_other_edge_says_nothing_about_a_copy_on_our_host(mine, stranger):
    row = Distribution.objects.get()
    said = packages.export_distribution(row) | {"state": "Error"}
    assert packages.take_over_distributions(edge=stranger, told={row.pk: said}) == [False]
    assert Distribution.objects.get().state == row.state
