"""Hosts between the sites: delivered when the edge answers, probed where they are."""

from __future__ import annotations

import pytest

from apps.common import clock
from apps.common.errors import Conflict
from apps.hosts import credentials, services
from apps.hosts.models import AppLcm, HostCredential, MecHost
from apps.orchestration import delivery, tasks
from apps.tenants.actors import SYSTEM
from apps.vim import registry
from tests import factories as make
from tests.sites import owed

EITHER_WAY = True
OTHER = make.ACCESS.replace("seed: ", "seed: 9").encode()


@pytest.fixture
def edge(two_sites):
    """The AppLCM of the real edge."""
    return make.edge()


def at_edge(sites, what):
    """Read something at the edge."""
    with sites.inside():
        return what()


def test_registered_host_reaches_its_edge_with_its_access_file_and_the_center_forgets_that(
    two_sites, edge
):
    host = make.host("10.9.1.1", edge=edge, name="far")
    assert owed() == [host.pk]
    assert delivery.deliver(host.pk) == "delivered"
    assert owed() == []

    def there():
        copy = MecHost.objects.get()
        assert (copy.pk, copy.name, copy.origin, copy.is_local) == (host.pk, "far", "MEO", True)
        return HostCredential.objects.get().content.reveal()

    assert at_edge(two_sites, there) == make.ACCESS
    kept = HostCredential.objects.get()
    assert not kept.content
    assert kept.delivered_at


def test_edge_that_is_down_owes_the_host_until_it_answers(two_sites, edge):
    host = make.host("10.9.1.1", edge=edge)
    two_sites.wire.down = True
    with clock.frozen() as now:
        assert delivery.deliver(host.pk) == "waiting"
        host.refresh_from_db()
        assert "cannot be reached" in str(host.delivery_reason)
        lost = AppLcm.objects.get()
        assert (lost.reachable, lost.since) == (False, now())
    assert owed() == owed(edge_id=edge.pk) == [host.pk]
    two_sites.wire.down = False
    assert delivery.deliver(host.pk) == "delivered"
    host.refresh_from_db()
    assert host.is_delivered
    assert not host.delivery_reason
    assert owed() == []


def test_what_is_changed_during_a_delivery_is_brought_next_and_waits_for_no_sweep(
    two_sites, edge, monkeypatch
):
    """Its own job finds the delivery taken, and ends."""
    host, release = make.host("10.9.1.1", edge=edge), services.release_delivery
    came, asked = [], []

    def change_before_release(*, host_id):
        if not came:
            credentials.store_credentials(actor=SYSTEM, host_id=host_id, content=OTHER)
            came.append(tasks.deliver_host(str(host_id))["came"])
            asked.clear()
        release(host_id=host_id)

    monkeypatch.setattr(services, "release_delivery", change_before_release)
    monkeypatch.setattr(tasks.deliver_host, "delay", asked.append)
    assert tasks.deliver_host(str(host.pk)) == {"came": "delivered"}
    assert came == ["nothing to do"]
    assert asked == [str(host.pk)]
    assert tasks.deliver_host(*asked) == {"came": "delivered"}
    assert owed() == []
    assert at_edge(two_sites, lambda: HostCredential.objects.get().content.reveal()) == (
        OTHER.decode()
    )


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_replies_that_are_lost_lead_to_one_host(two_sites, edge, lost):
    host = make.host("10.9.1.1", edge=edge)
    two_sites.wire.lose_replies = lost
    while delivery.deliver(host.pk) != "delivered":
        lost -= 1
        assert lost >= 0, "it never ends"
    assert at_edge(two_sites, MecHost.objects.count) == 1
    assert at_edge(two_sites, HostCredential.objects.count) == 1


def test_change_while_the_edge_is_down_is_delivered_once_and_is_the_last_one(two_sites, edge):
    host = make.host("10.9.1.1", edge=edge, name="far")
    delivery.deliver(host.pk)
    two_sites.wire.down = True
    for city in ("Leiden", "Gouda"):
        spec = make.host_spec("10.9.1.1", name="far", city=city, applcm_ip=edge.ip)
        services.update_host(actor=SYSTEM, host_id=host.pk, spec=spec)
        assert delivery.deliver(host.pk) == "waiting"
    two_sites.wire.down = False
    assert delivery.deliver(host.pk) == "delivered"
    assert at_edge(two_sites, lambda: MecHost.objects.get().city) == "Gouda"
    assert owed() == []


def test_change_during_the_delivery_is_owed_still(two_sites, edge):
    host = make.host("10.9.1.1", edge=edge, name="far")

    def change(request):
        two_sites.wire.on_request = None
        spec = make.host_spec("10.9.1.1", name="far", city="Gouda", applcm_ip=edge.ip)
        services.update_host(actor=SYSTEM, host_id=host.pk, spec=spec)

    two_sites.wire.on_request = change
    delivery.deliver(host.pk)
    assert owed() == [host.pk]
    delivery.deliver(host.pk)
    assert at_edge(two_sites, lambda: MecHost.objects.get().city) == "Gouda"


def test_removed_host_goes_at_the_edge_first_and_then_here(two_sites, edge):
    host = make.host("10.9.1.1", edge=edge)
    delivery.deliver(host.pk)
    two_sites.wire.down = True
    services.remove_host(actor=SYSTEM, host_id=host.pk)
    assert delivery.deliver(host.pk) == "waiting"
    assert MecHost.objects.get().removing
    two_sites.wire.down = False
    two_sites.wire.lose_replies = 1
    assert delivery.deliver(host.pk) == "waiting"
    assert at_edge(two_sites, MecHost.objects.count) == 0
    assert delivery.deliver(host.pk) == "removed"
    assert not MecHost.objects.exists()
    assert delivery.deliver(host.pk) == "nothing to do"


def test_host_that_the_edge_cannot_let_go_stays_with_the_words_of_the_edge(two_sites, edge):
    host = make.host("10.9.1.1", edge=edge)
    delivery.deliver(host.pk)

    def use_it():
        make.instance(make.package(make.tenant()), MecHost.objects.get(), name="camera")

    at_edge(two_sites, use_it)
    services.remove_host(actor=SYSTEM, host_id=host.pk)
    assert delivery.deliver(host.pk) == "waiting"
    host.refresh_from_db()
    assert "camera" in str(host.delivery_reason)
    assert owed() == [host.pk]


def test_access_file_that_the_edge_refuses_is_owed_with_the_reason(
    two_sites, edge, settings, monkeypatch
):
    host = make.host("10.9.1.1", edge=edge, access="")
    delivery.deliver(host.pk)
    credentials.store_credentials(actor=SYSTEM, host_id=host.pk, content=make.ACCESS.encode())
    # The center could read it; the edge calls the kind of VIM by a name of its own, and has no
    # driver for that.
    found = registry.find_spec
    monkeypatch.setattr(
        registry, "find_spec", lambda name: None if "openstack" in name else found(name)
    )
    with two_sites.inside():
        MecHost.objects.update(vim="OpenStack")
    assert delivery.deliver(host.pk) == "waiting"
    host.refresh_from_db()
    assert host.delivery_reason
    assert HostCredential.objects.get().content.reveal() == make.ACCESS


# --- probing our own hosts -----------------------------------------------------------------------


def test_probe_of_a_local_host_stores_what_its_driver_says(house):
    host = make.host()
    with clock.frozen() as now:
        assert delivery.probe(host)
        at = now()
    host.refresh_from_db()
    assert (host.reachable, host.vim_kind, host.simulated) == (True, "simulated", True)
    assert (host.since, host.observed_at) == (at, at)
    assert host.facts["capacity"]["cpus"] == 48


def test_probe_again_is_no_news_but_a_new_time(house):
    host = make.host()
    with clock.frozen() as now:
        delivery.probe(host)
        host.refresh_from_db()
        before = host.version
        now.advance(seconds=15)
        assert not delivery.probe(host)
        host.refresh_from_db()
        assert (host.version, host.observed_at) == (before, now())


def test_probe_without_credentials_knows_nothing_and_says_why(house):
    host = make.host(access="")
    delivery.probe(host)
    host.refresh_from_db()
    assert host.reachable is None
    assert "No credentials" in str(host.fault_reason)


def test_probe_of_a_vim_that_nobody_can_drive_knows_nothing_and_says_why(house):
    host = make.host(vim="K8S", access="")
    HostCredential.objects.create(host=host, content="apiVersion: v1")
    delivery.probe(host)
    host.refresh_from_db()
    assert host.reachable in (None, False)
    assert host.fault_reason


def test_probe_of_a_vim_that_does_not_answer_keeps_what_was_known(house):
    host = make.host()
    with clock.frozen() as now:
        delivery.probe(host)
        host.refresh_from_db()
        facts = host.facts
        make.simulate(host.pk, "  faults:\n    - {kind: unreachable}\n")
        now.advance(minutes=1)
        assert delivery.probe(host)
        host.refresh_from_db()
        assert (host.reachable, host.since, host.facts) == (False, now(), facts)
        since = now()
        now.advance(minutes=1)
        assert not delivery.probe(host)
        host.refresh_from_db()
        assert (host.since, host.observed_at) == (since, now())


def test_local_host_is_never_owed_to_anybody(house):
    host = make.host()
    assert owed() == []
    assert delivery.deliver(host.pk) == "nothing to do"
    with pytest.raises(Conflict):
        services.register_host(actor=SYSTEM, spec=make.host_spec(), host_id=host.pk)
