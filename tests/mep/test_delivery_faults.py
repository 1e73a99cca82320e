"""What goes wrong while notifications are delivered: it stays with whom it concerns."""

from __future__ import annotations

import asyncio
import logging

import pytest
from django.db import OperationalError, connection

from apps.common import clock
from apps.mep import applications, documents
from apps.mep.liveness import transitions
from apps.mep.liveness.book import book
from apps.mep.liveness.records import load
from apps.mep.models import Delivery, MecService, Subscription
from apps.mep.notify import deliver, queue
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.conftest import App
from tests.mep.subscriber import Subscriber, delivering, drain, run_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def to(mep):
    """A subscriber who is there."""
    subscriber = Subscriber()
    yield subscriber
    subscriber.close()


@pytest.fixture
def now(mep):
    """Time that stands still."""
    with clock.frozen() as frozen:
        yield frozen


def row_of(subscription):
    """The row behind a document."""
    return Subscription.objects.get(pk=subscription["subscriptionId"])


def sql(text, *values):
    """Write past the models, as a fault of the disk or of another program would."""
    lite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if lite:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(text, values)
        if lite:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


# --- the guard -----------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::1"])
def test_name_that_leads_inside_is_refused_when_it_is_called(app, other_app, to, mep, address):
    mep["callback_networks"] = ""
    subscription = other_app.subscribe(to.url(host="looks-public.example"))
    app.register()

    async def ask(host, port):
        return [address]

    drain(to, ask)
    assert to.got == []
    row = row_of(subscription)
    assert (row.failures, row.waiting, row.fault["code"]) == (1, 1, "forbidden_address")
    assert str(queue.Reason.from_json(row.fault)) == (
        "looks-public.example is not a public address, and this site does not allow calls to it."
    )


def test_name_may_come_to_life_later(app, other_app, to, now):
    subscription = other_app.subscribe(to.url(host="unborn.example"))
    app.register()
    answers = [OSError("Name or service not known"), ["127.0.0.1"]]

    async def ask(host, port):
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    drain(to, ask)
    fault = str(queue.Reason.from_json(row_of(subscription).fault))
    assert fault == "unborn.example cannot be reached (Name or service not known)."
    now.advance(seconds=1)
    drain(to, ask)
    assert to.seqs() == [1]
    assert row_of(subscription).fault == {}


def test_callback_that_nobody_may_call_any_more_is_a_fault(app, other_app, to, mep, now):
    subscription = other_app.subscribe(to.url())
    mep["callback_networks"] = ""
    app.register()
    drain(to)
    assert (to.got, row_of(subscription).fault["code"]) == ([], "forbidden_address")


# --- crashes -------------------------------------------------------------------------------------
def test_crash_between_sending_and_recording_sends_the_same_numbers_again(
    app, other_app, to, now, monkeypatch
):
    subscription = other_app.subscribe(to.url())
    for _ in range(3):
        app.register()

    def crash(*_):
        raise OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(queue, "delivered", crash)
        drain(to)
    row = row_of(subscription)
    assert (row.waiting, row.lease_until) == (3, None)
    now.advance(seconds=10)
    drain(to)
    assert to.seqs() == [1, 2, 3, 1, 2, 3]
    bodies = {}
    for one in to.got:
        assert bodies.setdefault(one.seq, one.body) == one.body
    assert row_of(subscription).waiting == 0


def test_process_that_was_killed_while_sending_delivers_after_its_restart(
    app, other_app, to, now
):
    subscription = other_app.subscribe(to.url())
    app.register()
    assert queue.claim(row_of(subscription).pk)
    drain(to)
    assert to.got == [], "somebody else has it"
    assert queue.drop_leases() == 1
    drain(to)
    assert to.seqs() == [1]


def test_lease_of_another_process_that_is_gone_runs_out(app, other_app, to, now):
    subscription = other_app.subscribe(to.url())
    app.register()
    assert queue.claim(row_of(subscription).pk)
    assert not queue.claim(row_of(subscription).pk)
    now.advance(seconds=61)
    drain(to)
    assert to.seqs() == [1]


def test_claim_asks_again_whether_it_is_time(app, other_app, to, now):
    subscription = other_app.subscribe(to.url())
    key = row_of(subscription).pk
    assert not queue.claim(key), "nothing waits"
    app.register()
    (found,) = queue.due(10)
    queue.failed(found.id, 1, queue.TOO_OLD)  # another process tried meanwhile
    assert not queue.claim(key)


def test_process_that_slept_takes_nothing_back(app, other_app, to, now):
    subscription = other_app.subscribe(to.url())
    for _ in range(3):
        app.register()
    drain(to)
    key = row_of(subscription).pk
    queue.delivered(key, [1])
    queue.failed(key, 2, queue.TOO_OLD)
    row = row_of(subscription)
    assert (row.done_seq, row.failures, row.fault) == (3, 0, {})
    states = Delivery.objects.filter(subscription=row).values_list("state", flat=True)
    assert set(states) == {"delivered"}


def test_stopping_ends_what_hangs_and_loses_nothing(app, other_app, to, now):
    to.answers["/x"] = [None]
    subscription = other_app.subscribe(to.url())
    app.register()
    assert run_until(to, lambda: to.got) < 2
    assert row_of(subscription).waiting == 1
    queue.drop_leases()
    drain(to)
    assert to.seqs() == [1, 1]


def test_database_that_fails_for_a_while_ends_nothing(app, other_app, to, monkeypatch, caplog):
    other_app.subscribe(to.url())
    real, failures = queue.due, iter(range(2))
    monkeypatch.setattr(deliver, "LOOK_SECONDS", 0.02)

    def due(*args, **more):
        if next(failures, None) is not None:
            raise OperationalError("the database is down")
        return real(*args, **more)

    monkeypatch.setattr(queue, "due", due)
    app.register()
    with caplog.at_level(logging.CRITICAL):
        assert run_until(to, lambda: to.got) < 2


# --- malformed rows ------------------------------------------------------------------------------
BREAKS = [
    "UPDATE mep_delivery SET event_id = NULL, body = '[1]' WHERE seq = 2 AND subscription_id = %s",
    "UPDATE mep_delivery SET event_id = NULL, body = NULL WHERE seq = 2 AND subscription_id = %s",
    (
        "UPDATE mep_serviceevent SET service_id = 'x' WHERE id = (SELECT event_id FROM mep_delivery"
        " WHERE seq = 2 AND subscription_id = %s)"
    ),
]


@pytest.mark.parametrize("broken", BREAKS)
def test_notification_that_cannot_be_read_is_given_up_and_later_ones_go_on(
    app, other_app, to, broken
):
    if connection.vendor != "sqlite" and "NULL" not in broken:
        pytest.skip("this database takes no such value")
    subscription = other_app.subscribe(to.url())
    for _ in range(3):
        app.register()
    sql(broken, row_of(subscription).pk.hex)
    drain(to)
    assert to.seqs() == [1, 3]
    assert row_of(subscription).waiting == 0
    dead = Delivery.objects.filter(subscription=row_of(subscription), seq=2)
    assert list(dead.values_list("state", flat=True)) == ["dead"]
    url = subscription["_links"]["self"]["href"] + "/notifications"
    answer = other_app.send("GET", url)
    assert answer.status_code == 200
    assert {one["sequence"] for one in answer.json()} >= {1, 3}


def test_notification_that_is_gone_is_not_looked_for_again(app, other_app, to):
    subscription = other_app.subscribe(to.url())
    for _ in range(2):
        app.register()
    Delivery.objects.all().delete()
    drain(to)
    assert (to.got, row_of(subscription).waiting) == ([], 0)
    app.register()
    drain(to)
    assert to.seqs() == [3]


@pytest.mark.parametrize("column", ["criteria", "fault", "last_ok", "failures", "created_at"])
def test_malformed_subscription_holds_up_nobody_else(app, other_app, to, column):
    if connection.vendor != "sqlite":
        pytest.skip("this database takes no such value")
    subscription = other_app.subscribe(to.url("/bad"))
    App("well").subscribe(to.url("/well"))
    app.register()
    drain(to)
    statement = f"UPDATE mep_subscription SET {column} = '{{x' WHERE id = %s"  # noqa: S608
    sql(statement, row_of(subscription).pk.hex)
    app.register()
    drain(to)
    assert to.seqs("/well") == [1, 2]
    readable = column in ("fault", "last_ok", "created_at")
    assert to.seqs("/bad") == ([1, 2] if readable else [1])


def test_subscription_with_an_id_that_is_none_holds_up_nobody_else(app, other_app, to):
    if connection.vendor != "sqlite":
        pytest.skip("this database takes no such value")
    subscription = other_app.subscribe(to.url("/bad"))
    App("well").subscribe(to.url("/well"))
    key = row_of(subscription).pk.hex
    sql("PRAGMA foreign_keys = OFF")
    sql("UPDATE mep_subscription SET id = 'none', next_seq = 2 WHERE id = %s", key)
    sql("UPDATE mep_subscriptionkey SET subscription_id = 'none' WHERE subscription_id = %s", key)
    app.register()
    drain(to)
    assert to.seqs("/well") == [1]
    sql("DELETE FROM mep_subscriptionkey WHERE subscription_id = 'none'")
    sql("DELETE FROM mep_subscription WHERE id = 'none'")
    sql("PRAGMA foreign_keys = ON")


@pytest.mark.parametrize("criteria", ['{"states": 7}', "[]", "null", '"x"', "{" * 10])
def test_malformed_criteria_stop_no_change_of_a_service(app, other_app, to, criteria):
    if connection.vendor != "sqlite" and criteria.startswith("{{"):
        pytest.skip("this database takes no such value")
    subscription = other_app.subscribe(to.url("/bad"))
    App("well").subscribe(to.url("/well"))
    sql("UPDATE mep_subscription SET criteria = %s WHERE id = %s", criteria,
        row_of(subscription).pk.hex)
    make.mec_service(app.row, interval=10)
    with clock.frozen() as now:
        load()
        now.advance(seconds=30)
        assert transitions.suspend(book.sweep()) == 1
    app.register()
    drain(to)
    assert (to.seqs("/well"), to.seqs("/bad")) == ([1, 2], [])


def test_whatever_goes_wrong_in_sending_is_a_failure_and_waits_its_pause(
    app, other_app, to, now, monkeypatch
):
    subscription = other_app.subscribe(to.url())
    app.register()

    async def odd(*_, **__):
        raise UnicodeError("label too long")

    with monkeypatch.context() as patch:
        patch.setattr(deliver.outward, "post", odd)
        drain(to)
    row = row_of(subscription)
    assert (row.failures, row.lease_until) == (1, None)
    assert "UnicodeError" in str(queue.Reason.from_json(row.fault))
    now.advance(seconds=1)
    drain(to)
    assert to.seqs() == [1]


def test_letter_that_cannot_be_made_for_another_reason_than_its_row_is_not_given_up(
    app, other_app, to, now, monkeypatch
):
    subscription = other_app.subscribe(to.url())
    app.register()

    def down(*_):
        raise OperationalError("the database is down")

    with monkeypatch.context() as patch:
        patch.setattr(documents, "notification", down)
        drain(to)
    assert (to.got, row_of(subscription).waiting) == ([], 1)
    now.advance(seconds=10)
    drain(to)
    assert to.seqs() == [1]


# --- what goes away meanwhile --------------------------------------------------------------------
@pytest.mark.parametrize("answer", [0.15, 500])
@pytest.mark.parametrize("what", ["subscription", "application", "service"])
def test_what_is_removed_while_a_notification_is_on_its_way_ends_quietly(
    app, other_app, to, what, answer, caplog
):
    subscription = other_app.subscribe(to.url())
    made = app.register()
    app.register()
    to.answers["/x"] = [answer]

    def gone():
        if what == "subscription":
            other_app.send("DELETE", subscription["_links"]["self"]["href"])
        elif what == "application":
            applications.remove(actor=SYSTEM, application_id=other_app.row.pk)
        else:
            app.send("DELETE", made["_links"]["self"]["href"])

    async def story():
        async with delivering(to) as deliverer:
            draining = asyncio.create_task(deliverer.drain())
            while not to.got:
                await asyncio.sleep(0.002)
            await asyncio.to_thread(gone)
            await asyncio.wait_for(draining, 5)

    asyncio.run(story())
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
    if what == "service":
        with clock.frozen() as now:
            now.advance(seconds=1)
            drain(to)
        assert list(dict.fromkeys(to.seqs())) == [1, 2, 3]
        assert to.got[-1].body["serviceReferences"][0]["changeType"] == "REMOVED"
    else:
        assert not Subscription.objects.exists()
        assert not Delivery.objects.exists()
        app.register()
        drain(to)
        assert max(to.seqs()) <= 2


def test_removed_producer_is_told_of_to_the_end(app, other_app, to):
    other_app.subscribe(to.url())
    app.register()
    applications.remove(actor=SYSTEM, application_id=app.row.pk)
    drain(to)
    kinds = [one.body["serviceReferences"][0]["changeType"] for one in to.got]
    assert kinds == ["ADDED", "REMOVED"]
    assert not MecService.objects.exists()


def test_drain_ends_although_a_subscriber_keeps_failing(app, other_app, to, monkeypatch):
    monkeypatch.setattr(queue, "pause_after", lambda failures: 0.0)
    other_app.subscribe(to.url())
    to.answers["/x"] = [500] * 1000
    app.register()
    drain(to)
    assert len(to.got) == 1
