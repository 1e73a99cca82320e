"""Whole lives of instances at a real edge behind a wire that can be cut and can lose replies."""

from __future__ import annotations

import random

import pytest

from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance, LcmOperation
from apps.journal.models import Entry
from apps.orchestration import services
from apps.orchestration.services import CreateSpec
from apps.packages.models import Package
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM
from apps.vim.contract import Phase
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.sites import EdgeDied, work_once

FAULT = "  faults:\n    - {{{}}}\n"


class Pair(Stage):
    """A stage at the center whose host is at the edge; both sites work."""

    def __init__(self, now, sites, app_class="container"):
        self.sites = sites
        host = make.host("10.9.1.1", edge=make.edge(), name="far")
        super().__init__(now, host, app_class)
        work_once()

    def work(self, seconds=20.0, *, step=0.5, until=None, edge=True):
        """Let both sites do what is due for so long; the center's states that were seen."""
        states, passed = [], 0.0
        while passed <= seconds:
            work_once()
            if edge:
                with self.sites.inside():
                    work_once()
            if not states or states[-1] != self.state():
                states.append(self.state())
            if states[-1] == until:
                break
            self.now.advance(seconds=step)
            passed += step
        return states

    def there(self):
        """The life cycle of the only instance at the edge."""
        with self.sites.inside():
            return self.state()

    def phase(self, instance_id):
        """What the edge's driver says."""
        with self.sites.inside():
            return driver_of(MecHost.objects.get()).status(instance_id).phase

    def simulate(self, text):
        """Give the edge's simulated site other properties."""
        with self.sites.inside():
            make.simulate(self.host.pk, text)


@pytest.fixture
def pair(now, two_sites):
    """A center and its edge."""
    return Pair(now, two_sites)


def run(pair):
    """An instance that was created and ordered to run."""
    instance = pair.create()
    pair.instantiate(instance)
    return instance


def info():
    """Why the last operation of the center's instance failed."""
    return str(AppInstance.objects.get().info)


def test_instance_ordered_from_an_edge_comes_up_is_known_and_goes_without_a_trace(pair):
    instance = run(pair)
    assert pair.work(until="Instantiated")[-1] == "Instantiated"
    row = AppInstance.objects.get()
    assert (row.health, row.edge_state, row.seen.phase) == ("Ready", "Instantiated", Phase.READY)
    assert row.observed_version > 0
    with pair.sites.inside():
        copy = AppInstance.objects.get()
        assert (copy.pk, copy.origin, copy.tenant.name) == (instance.pk, "MEO", "red")
        assert Entry.objects.filter(verb="instances.instance.instantiated").get().actor_name == (
            "rita")
    pair.terminate(instance)
    assert pair.work(until="gone")[-1] == "gone"
    assert pair.there() == "gone"
    assert pair.phase(instance.pk) is Phase.ABSENT


def test_edge_that_is_down_is_waited_for_with_the_reason_and_then_the_order_goes_on(pair):
    pair.sites.wire.down = True
    run(pair)
    assert pair.work(60)[-1] == "Instantiating"
    waiting = LcmOperation.objects.get(kind="instantiate")
    assert waiting.state == "Waiting"
    assert "cannot be reached" in str(waiting.why)
    assert waiting.steps[-1]["state"] == "waiting"
    pair.sites.wire.down = False
    assert pair.work(60, until="Instantiated")[-1] == "Instantiated"


def test_termination_while_the_edge_is_down_is_kept_and_carried_out_when_it_answers(pair):
    instance = run(pair)
    pair.work(until="Instantiated")
    pair.sites.wire.down = True
    pair.terminate(instance)
    assert pair.work(60) == ["Terminating"]
    assert pair.there() == "Instantiated", "nobody told it"
    pair.sites.wire.down = False
    assert pair.work(60, until="gone")[-1] == "gone"
    assert pair.there() == "gone"


@pytest.mark.parametrize("lost", [1, 2, 4, 7])
def test_replies_that_are_lost_lead_to_one_instance_that_runs(pair, lost):
    pair.sites.wire.lose_replies = lost
    instance = run(pair)
    assert pair.work(120, until="Instantiated", step=2)[-1] == "Instantiated"
    with pair.sites.inside():
        assert AppInstance.objects.count() == Package.objects.count() == 1
        assert LcmOperation.objects.filter(kind="instantiate").count() == 1
    pair.sites.wire.lose_replies = lost
    pair.terminate(instance)
    assert pair.work(120, until="gone", step=2)[-1] == "gone"
    assert pair.there() == "gone"


@pytest.mark.parametrize("seed", range(3))
def test_link_that_loses_at_random_ends_with_both_sites_agreeing(pair, seed):
    dice = random.Random(seed)

    def trouble(request):
        fate = dice.random()
        pair.sites.wire.lose_requests = int(fate < 0.2)
        pair.sites.wire.lose_replies = int(0.2 <= fate < 0.4)

    pair.sites.wire.on_request = trouble
    instance = run(pair)
    pair.work(dice.uniform(0, 40), step=1)
    pair.terminate(instance) if seed % 2 else None
    states = pair.work(240, step=4)
    pair.sites.wire.on_request = None
    pair.sites.wire.lose_requests = pair.sites.wire.lose_replies = 0
    pair.work(60, step=4)
    assert states
    assert pair.state() == pair.there() == ("gone" if seed % 2 else "Instantiated")
    wanted = Phase.ABSENT if seed % 2 else Phase.READY
    assert pair.phase(instance.pk) is wanted


def test_edge_that_died_in_an_order_has_none_of_it_and_takes_it_again(pair, monkeypatch):
    order = services.instantiate

    def die(**options):
        monkeypatch.setattr(services, "instantiate", order)
        raise EdgeDied

    def arm(request):
        if request.url.path.endswith("/instantiate"):
            pair.sites.wire.on_request = None
            monkeypatch.setattr(services, "instantiate", die)

    instance = pair.create()
    pair.work(until="Created")
    pair.instantiate(instance)
    pair.sites.wire.on_request = arm
    while pair.sites.wire.on_request:
        pair.work(0, edge=False)
    assert pair.there() == "gone"
    # It is up again, and hears the order before its workers do anything.
    pair.work(5, edge=False)
    assert pair.work(60, until="Instantiated")[-1] == "Instantiated"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("kind: refuse, says: quota exceeded", "quota exceeded"),
        ("kind: die, after: 0.2, cause: ImagePullBackOff", "cannot be pulled"),
    ],
)
def test_failure_at_the_edge_is_the_centers_failure_in_the_edges_words(pair, fault, words):
    pair.simulate(FAULT.format(fault))
    instance = run(pair)
    assert pair.work(60, until="Instantiation failed")[-1] == "Instantiation failed"
    assert pair.there() == "Instantiation failed"
    assert words in info()
    pair.simulate("")
    pair.instantiate(instance)
    assert pair.work(60, until="Instantiated")[-1] == "Instantiated"


def test_removal_that_fails_at_the_edge_fails_here_in_the_edges_words(pair):
    instance = run(pair)
    pair.work(until="Instantiated")
    pair.simulate(FAULT.format("kind: uninstall_refuses, says: volume in use"))
    pair.terminate(instance)
    assert pair.work(60, until="Terminate failed")[-1] == "Terminate failed"
    assert "volume in use" in info()
    pair.simulate("")
    pair.terminate(instance)
    assert pair.work(60, until="gone")[-1] == "gone"


def test_edge_that_refuses_the_package_fails_the_instance_with_its_reason(pair, settings):
    settings.PACKAGE_MAX_BYTES = 10
    run(pair)
    assert pair.work(60, until="Instantiation failed")[-1] == "Instantiation failed"
    assert "at most 10 bytes are accepted" in info()


def test_quota_raised_at_the_center_is_worth_something_at_an_edge_that_knows_none(pair, settings):
    settings.LIMITS = settings.LIMITS | {"packages_per_tenant": 0, "instances_per_tenant": 0}
    more = {"packages": 1, "instances": 1}
    quotas.set_limits(actor=SYSTEM, tenant_id=pair.package.tenant_id, limits=more)
    run(pair)
    assert pair.work(60, until="Instantiated")[-1] == "Instantiated"


def test_order_on_an_instance_that_was_ended_at_the_edge_ends_with_that_reason(pair):
    instance = run(pair)
    while pair.there() != "Instantiating":
        pair.work(0)
        pair.now.advance(seconds=0.1)
    with pair.sites.inside():
        services.terminate(actor=SYSTEM, instance_id=instance.pk)
        for _ in range(20):
            work_once()
            pair.now.advance(seconds=0.5)
        assert not AppInstance.objects.exists()
    assert pair.state() == "Instantiating"
    assert pair.work(120, until="Instantiation failed")[-1] == "Instantiation failed"
    assert "ended here" in str(AppInstance.objects.get().info)
    assert pair.there() == "gone"


def test_host_of_this_site_and_host_of_an_edge_differ_in_data_only(pair):
    local = make.host("10.1.9.9", name="near")
    spec = CreateSpec(pair.package.pk, local.pk, "camera")
    instance = services.create_instance(actor=pair.actor, tenant_id=pair.tenant.pk, spec=spec)
    services.instantiate(actor=pair.actor, instance_id=instance.pk)
    assert pair.work(until="Instantiated")[-1] == "Instantiated"
    assert pair.there() == "gone"
