"""What an edge lost with its backup while it was on its way, or waited for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common.merging import UNKNOWN, ancestor, merge, merge_set_back
from apps.hosts.models import MecHost
from apps.instances import operations
from apps.instances.models import AppInstance, LcmOperation
from apps.journal.models import Tombstone
from apps.orchestration import delivery
from apps.orchestration import services as verbs
from apps.packages import distribution, distribution_work
from apps.packages.models import Distribution, Package
from apps.rules import agreement
from apps.rules.models import AppdConfiguration
from apps.sync import expecting
from apps.sync.models import HeldRow, Peer
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.sites import work_once
from tests.sync.edits import addresses, dns, edit, run_until_quiet, write
from tests.sync.test_restored import Backup
from tests.sync.test_restored import settled as settled


def test_instance_that_was_to_end_when_its_edge_lost_it_has_ended(follower, settled):
    backup = Backup(follower.sites)
    spec = verbs.CreateSpec(settled["package"].pk, settled["host"].pk, "late")
    late = verbs.create_instance(actor=SYSTEM, tenant_id=settled["tenant"].pk, spec=spec)
    verbs.instantiate(actor=SYSTEM, instance_id=late.pk)
    run_until_quiet(follower)
    verbs.terminate(actor=SYSTEM, instance_id=late.pk)
    # The edge takes the order, and this center gives up waiting before it has heard of the end.
    work_once()
    follower.pull()
    follower.now.advance(seconds=timedelta(hours=1).total_seconds())
    work_once()
    late.refresh_from_db()
    operation = LcmOperation.objects.get(instance_id=late.pk, kind="terminate")
    assert (late.state, operation.state) == ("Terminating", "Failed")
    backup.restore()
    run_until_quiet(follower)
    assert not AppInstance.objects.filter(pk=late.pk).exists()
    assert Tombstone.objects.filter(subject_id=late.pk).exists()
    assert not HeldRow.objects.exists()


def test_order_that_fails_after_its_edge_lost_it_is_not_what_the_edge_told_before(
    follower, settled
):
    backup = Backup(follower.sites)
    spec = verbs.CreateSpec(settled["package"].pk, settled["host"].pk, "late")
    late = verbs.create_instance(actor=SYSTEM, tenant_id=settled["tenant"].pk, spec=spec)
    verbs.instantiate(actor=SYSTEM, instance_id=late.pk)
    # The edge takes the order and tells that it is at it.
    for _ in range(12):
        work_once()
        late.refresh_from_db()
        if late.edge_state:
            break
        follower.now.advance(seconds=1)
    assert late.edge_state == "Creating"
    backup.restore()
    follower.pull()
    follower.wire.down = True
    follower.now.advance(seconds=timedelta(hours=1).total_seconds())
    work_once()
    follower.wire.down = False
    run_until_quiet(follower)
    late.refresh_from_db()
    assert late.state == "Instantiation failed"
    assert late.operation_info["code"] == "unreachable"


def test_upgrade_that_the_edge_lost_fails_and_says_so(follower, settled):
    backup = Backup(follower.sites)
    instance = settled["instance"]
    # As its edge reads it from the file.
    name = follower.at_edge(lambda: Package.objects.get().name)
    Package.objects.update(name=name)
    other = make.package(settled["tenant"], name=name, version="2.0")
    verbs.upgrade(actor=SYSTEM, instance_id=instance.pk, package_id=other.pk)

    def at_the_edge():
        return follower.at_edge(lambda: AppInstance.objects.get().package_id)

    for _ in range(12):
        work_once()
        if at_the_edge() == other.pk:
            break
        follower.at_edge(work_once)
        follower.now.advance(seconds=1)
    assert at_the_edge() == other.pk
    backup.restore()
    run_until_quiet(follower)
    operation = LcmOperation.objects.get(instance_id=instance.pk, kind="upgrade")
    assert (operation.state, operation.why.code) == ("Failed", "other_version")
    former = settled["package"].pk
    assert AppInstance.objects.get().package_id == at_the_edge() == former
    assert not operations.due()


def test_lost_value_is_kept_beside_what_the_edge_has_since(follower, settled):
    instance = settled["instance"]
    backup = Backup(follower.sites)
    write(instance, dns("a", "10.0.0.1"), dns("b", "10.0.0.2"))
    follower.at_edge(write, instance, dns("a", "10.0.0.1"), dns("b", "10.0.0.3"))
    run_until_quiet(follower)
    backup.restore()
    agreement.deliver_again(instance_id=instance.pk)
    follower.at_edge(write, instance, dns("a", "10.0.0.1"), dns("b", "10.0.0.4"))
    run_until_quiet(follower)
    one = AppdConfiguration.objects.get().contested["dns/b"]
    assert {side: rule["ipAddress"] for side, rule in one.items()} == {
        "base": "10.0.0.3", "ours": "10.0.0.2", "theirs": "10.0.0.4"}
    assert addresses()["b"] == "10.0.0.2"


def test_question_waits_on_when_the_edge_has_ours_only_because_it_was_set_back():
    contested = {"city": {"ours": "Ede", "theirs": "Gouda"}}
    merged = merge_set_back(
        ours={"city": "Ede"}, theirs={"city": "Ede"}, contested=contested, is_touched=True)
    assert merged.contested == contested
    assert merged.is_owed


def test_removal_is_no_going_back_where_nobody_knows_what_was_before():
    made = merge_set_back(ours={"city": "Ede"}, theirs={"city": "Gouda"}, is_touched=True)
    assert made.contested == {"city": {"base": UNKNOWN, "ours": "Ede", "theirs": "Gouda"}}
    merged = merge(
        agreed={"city": "Gouda"}, ours={"city": "Ede"}, theirs={}, contested=made.contested)
    assert merged.contested == {"city": {"base": UNKNOWN, "ours": "Ede"}}


def test_what_was_lost_and_is_there_again_waits_on():
    contested = {"city": {"base": "Ede", "ours": "Gouda", "theirs": "Lisse"}}
    merged = merge(
        agreed={}, ours={"city": "Gouda"}, theirs={"city": "Lisse"}, contested=contested)
    assert merged.contested == contested


def test_what_was_sent_and_is_neither_there_nor_as_before_has_no_known_ancestor():
    def known(agreed, sent, theirs):
        return ancestor(agreed, [{"city": one} for one in sent], theirs)

    ede, lisse, gouda = {"city": "Ede"}, {"city": "Lisse"}, {"city": "Gouda"}
    assert known(ede, [["Lisse"]], lisse) == lisse
    assert known(ede, [["Lisse"]], ede) == ede
    assert known(ede, [["Lisse"]], gouda) == {"city": UNKNOWN}
    assert known(ede, [["Ede"]], gouda) == ede
    assert known({}, [["Lisse"]], {}) == {"city": UNKNOWN}
    assert known({}, [["Lisse"], []], gouda) == {"city": UNKNOWN}
    assert known({}, [[]], gouda) == {}


def test_edit_that_nobody_had_read_before_the_restore_is_no_old_word(follower, settled):
    follower.at_edge(edit, city="Lisse")
    backup = Backup(follower.sites)
    follower.at_edge(edit, name="attic")
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    backup.restore()
    run_until_quiet(follower)
    host = MecHost.objects.get()
    assert host.contested["city"] == {"base": "Ede", "ours": "Gouda", "theirs": "Lisse"}
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Lisse"


def test_package_that_is_wanted_there_again_has_not_to_go_although_it_had_ended(
    follower, settled
):
    verbs.terminate(actor=SYSTEM, instance_id=settled["instance"].pk)
    run_until_quiet(follower)
    backup = Backup(follower.sites)
    pair = {"package_id": settled["package"].pk, "host_id": settled["host"].pk}
    distribution.withdraw(actor=SYSTEM, **pair)
    run_until_quiet(follower)
    assert not Distribution.objects.exists()
    distribution.distribute(
        actor=SYSTEM, package_id=pair["package_id"], host_ids=[pair["host_id"]])
    backup.restore()
    run_until_quiet(follower)
    assert not HeldRow.objects.exists()
    assert Distribution.objects.get().state == "Distributed"
    assert follower.at_edge(lambda: Distribution.objects.get().state) == "Distributed"


def test_order_of_a_package_that_its_edge_lost_waits_until_it_is_given_back(follower, settled):
    backup = Backup(follower.sites)
    late, host = make.package(settled["tenant"], name="late"), settled["host"]
    distribution.distribute(actor=SYSTEM, package_id=late.pk, host_ids=[host.pk])
    run_until_quiet(follower)
    backup.restore()
    follower.at_edge(lambda: delivery.probe(MecHost.objects.get()))
    spec = verbs.CreateSpec(late.pk, host.pk, "late")
    instance = verbs.create_instance(actor=SYSTEM, tenant_id=settled["tenant"].pk, spec=spec)
    verbs.instantiate(actor=SYSTEM, instance_id=instance.pk)
    for _ in range(2):
        work_once()
    operation = LcmOperation.objects.get(instance_id=instance.pk, kind="instantiate")
    assert (operation.state, operation.why.code) == ("Waiting", "lost_there")
    for _ in range(2):
        run_until_quiet(follower)
    instance.refresh_from_db()
    assert instance.state == "Instantiated"


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("lived", [False, True], ids=["first life", "second life"])
def test_what_was_brought_and_lost_before_it_was_told_is_brought_once_more(
    follower, settled, is_told, lived
):
    """Also where the edge knows that the same package was on that host before, and went."""
    late, host = make.package(settled["tenant"], name="late"), settled["host"]
    if lived:
        distribution.distribute(actor=SYSTEM, package_id=late.pk, host_ids=[host.pk])
        run_until_quiet(follower)
        distribution.withdraw(actor=SYSTEM, package_id=late.pk, host_id=host.pk)
        run_until_quiet(follower)
    backup = Backup(follower.sites)
    (row,) = distribution.distribute(actor=SYSTEM, package_id=late.pk, host_ids=[host.pk])
    if is_told:
        run_until_quiet(follower)
        backup.restore()
        follower.at_edge(lambda: delivery.probe(MecHost.objects.get()))
        follower.pull()
    # It is there, of which the edge has not told yet, and is lost.
    assert distribution_work.work_on(row.pk) == "arrived"
    backup.restore()
    for _ in range(2):
        run_until_quiet(follower)
    assert Distribution.objects.filter(pk=row.pk, state="Distributed").exists()
    assert follower.at_edge(lambda: Distribution.objects.get(package=late.pk).state) == (
        "Distributed"
    )


def test_what_only_the_edge_has_the_file_of_is_brought_again_each_time_it_is_lost(
    follower, settled
):
    """Its edge was read anew for ever when it lost what an order had brought there before."""
    tenant, host = settled["tenant"], settled["host"]
    own = follower.at_edge(lambda: make.package(tenant, name="own"))
    run_until_quiet(follower)
    backup = Backup(follower.sites)
    pair = {"package_id": own.pk, "host_ids": [host.pk]}
    follower.at_edge(lambda: distribution.distribute(actor=SYSTEM, **pair))
    run_until_quiet(follower)
    row = Distribution.objects.get(package=own.pk, package__has_file=False)
    for _ in range(2):
        backup.restore()
        follower.at_edge(lambda: delivery.probe(MecHost.objects.get()))
        follower.pull()
        # It is there, of which the edge has not told yet, and is lost.
        assert distribution_work.work_on(row.pk) == "arrived"
    for _ in range(2):
        run_until_quiet(follower)
    assert follower.pull()["came"] == "ok"
    row.refresh_from_db()
    assert row.state == "Distributed"
    there = follower.at_edge(lambda: Distribution.objects.get(package=own.pk).state)
    assert there == "Distributed"


def test_what_is_missed_after_a_copy_too_does_not_keep_an_edge_from_being_read(
    follower, settled, monkeypatch, caplog
):
    backup = Backup(follower.sites)
    backup.restore()
    follower.at_edge(edit, city="Lisse")
    told = frozenset({("mechost", settled["host"].pk, 7)})
    monkeypatch.setattr(expecting, "told_by_orders", lambda edge: told)
    assert follower.pull()["came"] == "ok"
    assert MecHost.objects.get().city == "Lisse"
    assert "never had what orders told of" in caplog.text
    assert Peer.objects.get().copies == 0
