"""Bringing packages to hosts and taking them off: rows, leases, retries, and what people see."""

from __future__ import annotations

import pytest

from apps.common.errors import Conflict, NotFound
from apps.edgelink.client import EdgeClient
from apps.journal.models import Entry, Tombstone
from apps.packages import distribution, distribution_work, services
from apps.packages.local import LocalPackageTarget
from apps.packages.models import Distribution, Package
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM
from tests import factories as make


def order(package, *hosts, actor=SYSTEM):
    """Order a package onto hosts; the rows."""
    return distribution.distribute(
        actor=actor, package_id=package.pk, host_ids=[host.pk for host in hosts]
    )


def states(package):
    """Where a package is, by the host's name."""
    return {row.host.name: row.state for row in package.distributions.select_related("host")}


def test_package_ordered_to_a_local_host_is_there_after_one_step(red, now):
    package, host = make.package(red), make.host(name="quay")
    (row,) = order(package, host)
    assert states(package) == {"quay": "Processing"}
    assert distribution_work.due() == [row.pk]
    assert distribution_work.work_on(row.pk) == "arrived"
    assert states(package) == {"quay": "Distributed"}
    assert distribution_work.due() == []
    assert distribution_work.work_on(row.pk) == "not due"


def test_order_given_again_is_the_same_order(red, now):
    package, host = make.package(red), make.host()
    first = order(package, host)[0]
    again = order(package, host)[0]
    assert (again.pk, again.version) == (first.pk, first.version)
    distribution_work.work_on(first.pk)
    assert order(package, host)[0].state == "Distributed"
    assert distribution_work.due() == []


def test_package_whose_file_is_damaged_is_an_error_with_its_reason_until_tried_again(red, now):
    package, host = make.package(red), make.host(name="quay")
    content = package.path.read_bytes()
    package.path.write_bytes(content[:-1])
    (row,) = order(package, host)
    assert distribution_work.work_on(row.pk) == "failed"
    row.refresh_from_db()
    assert row.state == "Error"
    assert "missing or damaged" in str(row.fault_reason)
    assert distribution_work.due() == [], "nobody tries for ever what cannot succeed"
    package.path.write_bytes(content)
    order(package, host)
    assert states(package) == {"quay": "Processing"}
    assert distribution_work.work_on(row.pk) == "arrived"
    row.refresh_from_db()
    assert not row.fault_reason


def test_package_withdrawn_from_a_host_leaves_a_tombstone_and_the_package(red, now):
    package, host = make.package(red), make.host()
    (row,) = order(package, host)
    distribution_work.work_on(row.pk)
    distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)
    row.refresh_from_db()
    assert row.removing
    assert distribution_work.work_on(row.pk) == "withdrawn"
    assert states(package) == {}
    assert Tombstone.objects.filter(kind="distribution", subject_id=row.pk).exists()
    assert Package.objects.filter(pk=package.pk).exists()
    with pytest.raises(NotFound):
        distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)


def test_package_ordered_again_while_it_is_withdrawn_stays(red, now):
    package, host = make.package(red), make.host(name="quay")
    (row,) = order(package, host)
    distribution_work.work_on(row.pk)
    distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)
    order(package, host)
    distribution_work.work_on(row.pk)
    assert states(package) == {"quay": "Distributed"}


def test_package_with_an_instance_on_the_host_is_not_withdrawn_from_it(red, now):
    package, host, other = make.package(red), make.host(), make.host()
    order(package, host, other)
    make.instance(package, host, name="camera")
    with pytest.raises(Conflict, match="used by") as caught:
        distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)
    assert "camera" in str(caught.value)
    distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=other.pk)


@pytest.mark.parametrize("vim", ["K8S", "OpenStack"])
def test_host_that_cannot_run_the_class_of_a_package_refuses_it_for_all(red, now, vim):
    wrong = {"K8S": "vm", "OpenStack": "container"}[vim]
    package = make.package(red, app_class=wrong)
    good, bad = make.host(), make.host(vim=vim, access="", name="narrow")
    with pytest.raises(Conflict) as caught:
        order(package, good, bad)
    assert caught.value.code == "wrong_class"
    assert "narrow" in str(caught.value)
    assert states(package) == {}


def test_host_that_is_being_removed_takes_nothing_new(red, now):
    host = make.host(edge=make.edge())
    host.removing = True
    host.save()
    with pytest.raises(Conflict) as caught:
        order(make.package(red), host)
    assert caught.value.code == "host_removing"


def test_package_of_which_only_the_description_is_here_goes_nowhere(red, now):
    package = make.package(red)
    Package.objects.filter(pk=package.pk).update(has_file=False)
    with pytest.raises(Conflict):
        order(package, make.host())


def test_step_in_hand_is_nobody_elses_until_its_lease_ends(red, now):
    package, host = make.package(red), make.host()
    (row,) = order(package, host)
    # A worker takes the row and dies before it writes anything.
    Distribution.objects.filter(pk=row.pk).update(
        lease="of somebody who died", lease_until=now() + distribution_work.LEASE
    )
    assert distribution_work.due() == []
    assert distribution_work.work_on(row.pk) == "not due"
    now.advance(seconds=distribution_work.LEASE.total_seconds())
    assert distribution_work.due() == [row.pk]
    assert distribution_work.work_on(row.pk) == "arrived"


def test_step_in_hand_when_the_process_died_is_due_at_its_next_start(red, now):
    (row,) = order(make.package(red), make.host())
    Distribution.objects.filter(pk=row.pk).update(
        lease="of a process that died", lease_until=now() + distribution_work.LEASE
    )
    assert distribution_work.due() == []
    assert distribution_work.drop_leases() == 1
    assert distribution_work.due() == [row.pk]


class Interrupted(LocalPackageTarget):
    """A target in the middle of whose work somebody gives another order."""

    def __init__(self, deed):
        self.deed = deed

    def put(self, package, host, *, actor):
        self.deed()
        return super().put(package, host, actor=actor)

    def remove(self, package, host, *, actor):
        self.deed()


def interrupt(monkeypatch, deed):
    monkeypatch.setattr(distribution_work, "target_for", lambda host: Interrupted(deed))


def test_withdrawal_ordered_while_it_arrives_is_carried_out_afterwards(red, now, monkeypatch):
    package, host = make.package(red), make.host()
    (row,) = order(package, host)
    interrupt(
        monkeypatch,
        lambda: distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk),
    )
    assert distribution_work.work_on(row.pk) == "arrived"
    monkeypatch.undo()
    assert distribution_work.due() == [row.pk]
    assert distribution_work.work_on(row.pk) == "withdrawn"


def test_package_removed_while_it_arrives_is_gone_in_the_end(red, now, monkeypatch):
    package, host = make.package(red), make.host()
    (row,) = order(package, host)
    remove = lambda: services.remove_package(actor=SYSTEM, package_id=package.pk)  # noqa: E731
    interrupt(monkeypatch, remove)
    distribution_work.work_on(row.pk)
    monkeypatch.undo()
    assert distribution_work.work_on(row.pk) == "withdrawn"
    assert services.forget_when_gone(actor=SYSTEM, package_id=package.pk)


def test_package_ordered_back_while_it_is_taken_away_is_brought_again(red, now, monkeypatch):
    package, host = make.package(red), make.host()
    (row,) = order(package, host)
    distribution_work.work_on(row.pk)
    distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)
    interrupt(monkeypatch, lambda: order(package, host))
    assert distribution_work.work_on(row.pk) == "waiting"
    monkeypatch.undo()
    assert distribution_work.work_on(row.pk) == "arrived"


def test_bug_in_a_step_is_an_error_with_a_reason_and_not_a_wait_for_ever(red, now, monkeypatch):
    package, host = make.package(red), make.host()
    (row,) = order(package, host)

    def stumble():
        raise OSError("no such file")

    interrupt(monkeypatch, stumble)
    assert distribution_work.work_on(row.pk) == "failed"
    assert states(package) == {host.name: "Error"}
    assert "no such file" not in str(Distribution.objects.get().fault_reason)


# --- to an edge ----------------------------------------------------------------------------------


@pytest.fixture
def remote(two_sites, red, now):
    """A package and a host at a real edge, which has been given the host."""
    host = make.host("10.9.1.1", edge=make.edge(), name="far")
    two_sites.work_at_center()
    return two_sites, make.package(red, name="gauge"), host


def at_edge(sites, what):
    """Read something at the edge."""
    with sites.inside():
        return what()


def test_package_ordered_to_an_edge_is_streamed_there_and_distributed(remote):
    sites, package, host = remote
    (row,) = order(package, host, actor=make.user(package.tenant, name="rita").actor)
    assert distribution_work.work_on(row.pk) == "arrived"

    def there():
        copy = Package.objects.get()
        assert (copy.package_id, copy.sha256, copy.origin) == (
            package.package_id, package.sha256, "MEO")
        assert copy.tenant.name == "red"
        assert copy.tenant_id == package.tenant_id
        assert states(copy) == {"far": "Distributed"}
        said = Entry.objects.get(verb="packages.package.onboarded")
        assert said.actor_name == "rita", "the edge knows for whom the center acted"
        return copy.path.read_bytes()

    assert at_edge(sites, there) == package.path.read_bytes()


def test_edge_that_is_down_is_waited_for_with_the_reason_and_ever_longer_pauses(remote, now):
    sites, package, host = remote
    (row,) = order(package, host)
    sites.wire.down = True
    pauses = []
    for _ in range(9):
        assert distribution_work.work_on(row.pk) == "waiting"
        assert distribution_work.work_on(row.pk) == "not due"
        row.refresh_from_db()
        assert row.state == "Processing"
        assert "cannot be reached" in str(row.fault_reason)
        pauses.append((row.next_at - now()).total_seconds())
        now.at = row.next_at
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    sites.wire.down = False
    assert distribution_work.work_on(row.pk) == "arrived"
    row.refresh_from_db()
    assert not row.fault_reason


def test_order_for_a_host_that_its_edge_does_not_know_yet_waits_for_it(remote, now):
    sites, package, _ = remote
    new = make.host("10.9.1.2", applcm_ip="10.9.0.1", name="near")
    (row,) = order(package, new)
    assert distribution_work.work_on(row.pk) == "waiting"
    row.refresh_from_db()
    assert (row.state, row.fault_reason.code) == ("Processing", "host_pending")
    sites.work_at_center()
    now.at = row.next_at
    assert distribution_work.work_on(row.pk) == "arrived"


@pytest.mark.parametrize("step", ["distribute", "package"])
def test_package_that_an_edge_loses_in_between_is_brought_again(remote, now, monkeypatch, step):
    """As one does that is set back to a backup at that moment."""
    sites, package, host = remote
    (row,) = order(package, host)
    whole, asked = getattr(EdgeClient, step), []

    def set_back(client, *what):
        asked.append(what)
        if len(asked) == (1 if step == "distribute" else 2):
            at_edge(sites, Distribution.objects.all().delete)
            at_edge(sites, Package.objects.all().delete)
        return whole(client, *what)

    monkeypatch.setattr(EdgeClient, step, set_back)
    assert distribution_work.work_on(row.pk) == "waiting"
    row.refresh_from_db()
    assert (row.state, row.fault_reason.code) == ("Processing", "package_lost")
    now.at = row.next_at
    assert distribution_work.work_on(row.pk) == "arrived"
    assert at_edge(sites, Package.objects.count) == 1


@pytest.mark.parametrize("lost", range(1, 5))
def test_replies_that_are_lost_lead_to_one_package_and_not_to_two(remote, now, lost):
    sites, package, host = remote
    (row,) = order(package, host)
    sites.wire.lose_replies = lost
    for _ in range(lost + 1):
        distribution_work.work_on(row.pk)
        now.advance(seconds=31)
    assert states(package) == {"far": "Distributed"}
    assert at_edge(sites, Package.objects.count) == 1
    assert at_edge(sites, Distribution.objects.count) == 1


def test_refusal_of_the_edge_is_an_error_with_the_words_of_the_edge(remote, settings):
    _, package, host = remote
    settings.PACKAGE_MAX_BYTES = 10
    (row,) = order(package, host)
    assert distribution_work.work_on(row.pk) == "failed"
    row.refresh_from_db()
    assert row.state == "Error"
    assert "at most 10 bytes are accepted" in str(row.fault_reason)


def test_package_that_a_center_sends_was_counted_there_and_not_by_the_limit_of_the_edge(
    remote, settings
):
    sites, package, host = remote
    settings.LIMITS = settings.LIMITS | {"packages_per_tenant": 0}
    quotas.set_limits(actor=SYSTEM, tenant_id=package.tenant_id, limits={"packages": 1})
    (row,) = order(package, host, actor=make.user(package.tenant).actor)
    assert distribution_work.work_on(row.pk) == "arrived"
    assert at_edge(sites, Package.objects.count) == 1


def test_package_withdrawn_from_its_last_host_leaves_nothing_at_the_edge(remote):
    sites, package, host = remote
    (row,) = order(package, host)
    distribution_work.work_on(row.pk)
    distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)
    assert distribution_work.work_on(row.pk) == "withdrawn"
    assert at_edge(sites, Package.objects.count) == 0
    with sites.inside():
        assert list((sites.folder / "packages").iterdir()) == []


def test_package_withdrawn_from_one_of_two_hosts_stays_at_the_edge(remote):
    sites, package, host = remote
    other = make.host("10.9.1.2", applcm_ip="10.9.0.1", name="near")
    sites.work_at_center()
    for row in order(package, host, other):
        distribution_work.work_on(row.pk)
    distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)
    distribution_work.work_on(package.distributions.get(host=host).pk)
    assert at_edge(sites, lambda: states(Package.objects.get())) == {"near": "Distributed"}


def test_withdrawal_that_the_edge_has_done_already_is_done(remote, now):
    sites, package, host = remote
    (row,) = order(package, host)
    distribution_work.work_on(row.pk)
    with sites.inside():
        services.remove_package(actor=SYSTEM, package_id=package.pk)
        for due in distribution_work.due():
            distribution_work.work_on(due)
        services.forget_when_gone(actor=SYSTEM, package_id=package.pk)
    distribution.withdraw(actor=SYSTEM, package_id=package.pk, host_id=host.pk)
    sites.wire.lose_replies = 1
    assert distribution_work.work_on(row.pk) == "waiting"
    now.advance(seconds=31)
    assert distribution_work.work_on(row.pk) == "withdrawn"
