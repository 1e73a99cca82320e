"""Operations: one worker at a time, leases that end, deadlines, and nothing written by the late."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from apps.common.errors import IllegalMove
from apps.common.words import Reason
from apps.instances import operations
from apps.instances.models import LcmOperation
from apps.instances.operations import LeaseLost
from apps.instances.states import OperationKind
from apps.journal.models import Entry
from apps.tenants.actors import SYSTEM
from tests import factories as make

WHY = Reason("it rains", "weather")


@pytest.fixture
def instance(now):
    """Something to work on."""
    return make.instance(make.package(make.tenant()), make.host(access=""), name="camera")


@pytest.fixture
def operation(instance):
    """A queued instantiation."""
    return operations.queue(actor=SYSTEM, instance=instance, kind=OperationKind.INSTANTIATE)


def stored(operation):
    """The row as it is in the database."""
    return LcmOperation.objects.get(pk=operation.pk)


def test_operation_queued_twice_is_one_until_it_is_finished(instance, operation, now):
    again = operations.queue(actor=SYSTEM, instance=instance, kind=OperationKind.INSTANTIATE)
    assert again.pk == operation.pk
    other = operations.queue(actor=SYSTEM, instance=instance, kind=OperationKind.TERMINATE)
    assert other.pk != operation.pk
    operations.finish(operations.claim(operation.pk), "succeed")
    later = operations.queue(actor=SYSTEM, instance=instance, kind=OperationKind.INSTANTIATE)
    assert later.pk != operation.pk


@pytest.mark.parametrize("state", ["Queued", "Running", "Waiting"])
def test_database_refuses_a_second_unfinished_operation_of_a_kind(instance, operation, state):
    LcmOperation.objects.update(state=state)
    fields = {"instance_id": instance.pk, "tenant_id": instance.tenant_id,
              "host_id": instance.host_id, "app_name": "x"}
    with pytest.raises(IntegrityError), transaction.atomic():
        LcmOperation.objects.create(kind="instantiate", **fields)
    LcmOperation.objects.create(kind="terminate", **fields)
    LcmOperation.objects.create(kind="instantiate", state="Failed", **fields)


def test_operation_in_hand_is_nobody_elses_until_its_lease_ends(operation, now):
    mine = operations.claim(operation.pk)
    assert (mine.state, mine.started_at) == ("Running", now())
    assert operations.claim(operation.pk) is None
    assert operations.due() == []
    now.advance(seconds=operations.LEASE.total_seconds() - 1)
    assert operations.claim(operation.pk) is None
    now.advance(seconds=1)
    assert operations.due() == [operation.pk]
    theirs = operations.claim(operation.pk)
    assert theirs.lease != mine.lease
    assert theirs.started_at == mine.started_at, "it began when it began"


@pytest.mark.parametrize(
    "write",
    [
        lambda op: operations.note_step(op, "install", "running"),
        lambda op: operations.wait(op, 1.0),
        lambda op: operations.finish(op, "succeed"),
        lambda op: operations.finish(op, "fail", WHY),
    ],
    ids=["step", "wait", "succeed", "fail"],
)
@pytest.mark.parametrize("how", ["overtaken", "cancelled", "finished", "restarted"])
def test_worker_that_lost_its_operation_writes_nothing_any_more(
    instance, operation, now, write, how
):
    mine = operations.claim(operation.pk)
    if how == "overtaken":
        now.advance(minutes=2)
        operations.claim(operation.pk)
    elif how == "cancelled":
        operations.cancel(actor=SYSTEM, instance_id=instance.pk)
    elif how == "finished":
        operations.finish(operations.claim(operation.pk) or stored(operation), "succeed")
    else:
        operations.drop_leases()
    before, entries = LcmOperation.objects.values().get(), Entry.objects.count()
    with pytest.raises(LeaseLost):
        write(mine)
    assert LcmOperation.objects.values().get() == before
    assert Entry.objects.count() == entries


def test_each_step_lengthens_the_lease_and_is_logged_with_its_times(operation, now):
    mine = operations.claim(operation.pk)
    start = now().isoformat()
    operations.note_step(mine, "one", "running")
    now.advance(seconds=50)
    operations.note_step(mine, "one", "done")
    operations.note_step(mine, "two", "running")
    now.advance(seconds=50)
    assert operations.claim(operation.pk) is None, "the lease counts from the last step"
    operations.note_step(mine, "two", "failed", WHY)
    row = stored(operation)
    assert row.step == 1
    assert [(line["name"], line["state"]) for line in row.steps] == [
        ("one", "done"), ("two", "failed")]
    assert row.steps[0]["started_at"] == start
    assert row.steps[0]["finished_at"] == row.steps[1]["started_at"]
    assert row.steps[1]["finished_at"] == now().isoformat()
    assert row.steps[1]["reason"]["code"] == "weather"


def test_operation_that_waits_is_due_at_its_time_and_remembers_why(operation, now):
    operations.wait(operations.claim(operation.pk), 5, WHY)
    row = stored(operation)
    assert (row.state, str(row.why), row.attempts, row.lease) == ("Waiting", "it rains", 1, "")
    assert operations.due() == []
    now.advance(seconds=5)
    assert operations.due() == [operation.pk]
    operations.wait(operations.claim(operation.pk), 5, WHY)
    assert stored(operation).attempts == 2
    now.advance(seconds=5)
    operations.wait(operations.claim(operation.pk), 5)
    row = stored(operation)
    assert (row.attempts, str(row.why)) == (0, "")


def test_news_makes_what_waits_due_at_once(instance, operation, now):
    operations.wait(operations.claim(operation.pk), 500)
    assert operations.nudge(instance.pk) == [operation.pk]
    assert operations.due() == [operation.pk]


def test_finished_operation_stays_finished(instance, operation, now):
    operations.finish(operations.claim(operation.pk), "fail", WHY)
    row = stored(operation)
    assert (row.state, str(row.why), row.finished_at) == ("Failed", "it rains", now())
    now.advance(hours=1)
    assert operations.due() == []
    assert operations.claim(operation.pk) is None
    operations.cancel(actor=SYSTEM, instance_id=instance.pk)
    assert stored(operation).state == "Failed"


def test_cancelled_operation_is_over_but_its_worker_is_waited_for(instance, operation, now):
    other = operations.queue(actor=SYSTEM, instance=instance, kind=OperationKind.TERMINATE)
    mine = operations.claim(operation.pk)
    assert operations.busy_elsewhere(other)
    assert not operations.busy_elsewhere(mine)
    operations.cancel(actor=SYSTEM, instance_id=instance.pk)
    assert stored(operation).state == stored(other).state == "Cancelled"
    assert operations.busy_elsewhere(other), "its hands are still in it"
    operations.release(mine)
    assert not operations.busy_elsewhere(other)


def test_worker_that_died_is_waited_for_no_longer_than_its_lease(instance, operation, now):
    other = operations.queue(actor=SYSTEM, instance=instance, kind=OperationKind.TERMINATE)
    operations.claim(operation.pk)
    operations.cancel(actor=SYSTEM, instance_id=instance.pk)
    now.advance(seconds=operations.LEASE.total_seconds())
    assert not operations.busy_elsewhere(other)


def test_start_of_the_site_takes_back_every_lease(instance, operation, now):
    operations.claim(operation.pk)
    operations.drop_leases()
    assert operations.due() == [operation.pk]
    assert operations.claim(operation.pk)


def test_beginning_and_end_are_recorded_and_the_steps_between_are_not(operation, now):
    mine = operations.claim(operation.pk)
    operations.note_step(mine, "one", "running")
    operations.note_step(mine, "one", "done")
    operations.finish(mine, "succeed")
    verbs = Entry.objects.filter(kind="lcmoperation").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["instances.operation.queued", "instances.operation.succeeded"]


def test_operation_does_not_end_by_a_verb_that_its_table_does_not_know(operation, now):
    with pytest.raises(IllegalMove):
        operations.finish(operations.claim(operation.pk), "queue")


def test_finished_operations_are_kept_for_their_stated_time(instance, operation, now):
    operations.finish(operations.claim(operation.pk), "succeed")
    other = operations.queue(actor=SYSTEM, instance=instance, kind=OperationKind.TERMINATE)
    now.advance(days=operations.RETENTION_DAYS - 1)
    assert operations.purge() == 0
    now.advance(days=2)
    assert operations.purge() == 1
    assert list(LcmOperation.objects.all()) == [other], "what is unfinished is never too old"
