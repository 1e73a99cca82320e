"""What a subscriber gets over a real connection: each notification, once, in order, on time."""

from __future__ import annotations

import asyncio
import math
import random
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.mep import termination
from apps.mep.liveness import transitions
from apps.mep.liveness.book import book
from apps.mep.liveness.records import load
from apps.mep.models import Delivery, MecService, ServiceEvent, Subscription
from apps.mep.notify import deliver, outbox, queue
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.conftest import App, service_info
from tests.mep.subscriber import Subscriber, delivering, drain, run_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def to(mep):
    """A subscriber who is there."""
    subscriber = Subscriber()
    yield subscriber
    subscriber.close()


def row_of(subscription):
    """The row behind a document."""
    return Subscription.objects.get(pk=subscription["subscriptionId"])


def missed(app, subscription, after):
    """What the platform tells of notifications after a number."""
    url = f"{subscription['_links']['self']['href']}/notifications?after={after}"
    answer = app.send("GET", url)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_each_event_arrives_once_per_subscription_in_order_and_numbered(app, other_app, to):
    both = {path: other_app.subscribe(to.url(path)) for path in ("/a", "/b")}
    other_app.subscribe(to.url("/none"), serNames=["another"])
    made = app.register()
    url = made["_links"]["self"]["href"]
    app.send("PUT", url, service_info(state="INACTIVE"))
    app.send("DELETE", url)
    drain(to)
    drain(to)
    assert to.of("/none") == []
    for path, subscription in both.items():
        came = to.of(path)
        assert [one.seq for one in came] == [1, 2, 3]
        assert {one.subscription for one in came} == {subscription["subscriptionId"]}
        assert {one.media_type for one in came} == {"application/json"}
        reference = {"serName": "positioning", "serInstanceId": made["serInstanceId"]}
        here = reference | {"link": {"href": url}}
        own = {"subscription": {"href": subscription["_links"]["self"]["href"]}}
        assert [one.body for one in came] == [
            {"notificationType": "SerAvailabilityNotification", "serviceReferences": [told],
             "_links": own}
            for told in (
                here | {"state": "ACTIVE", "changeType": "ADDED"},
                here | {"state": "INACTIVE", "changeType": "STATE_CHANGED"},
                reference | {"state": "INACTIVE", "changeType": "REMOVED"},
            )
        ]
        row = row_of(subscription)
        assert (row.waiting, row.failures, row.fault, row.lease_until) == (0, 0, {}, None)
        assert row.last_ok is not None


def test_end_of_an_application_is_delivered(app, to, mep):
    subscription = app.send("POST", f"{app.support}/subscriptions", {
        "subscriptionType": "AppTerminationNotificationSubscription",
        "callbackReference": to.url("/end"), "appInstanceId": app.id,
    }).json()
    termination.begin(actor=SYSTEM, application=app.row)
    drain(to)
    (came,) = to.got
    assert (came.seq, came.subscription) == (1, subscription["subscriptionId"])
    assert came.body == {
        "notificationType": "AppTerminationNotification",
        "operationAction": "TERMINATING",
        "maxGracefulTimeout": mep["graceful_seconds"],
        "_links": {
            "subscription": {"href": subscription["_links"]["self"]["href"]},
            "confirmTermination": {"href": f"{app.support}/confirm_termination"},
        },
    }


def test_site_delivers_what_is_queued_while_it_runs_within_a_moment(app, other_app, to):
    other_app.subscribe(to.url())

    async def registered():
        async with delivering(to) as deliverer:
            running = asyncio.create_task(deliverer.run())
            await asyncio.sleep(0.05)
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(app.register)
            while not to.got:
                await asyncio.sleep(0.005)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return to.got[0].at - began

    assert asyncio.run(registered()) < deliver.LOOK_SECONDS / 2


@pytest.mark.parametrize("answer", [500, 404, 301, 302, 199 + 400])
def test_failure_is_tried_again_with_the_same_number_and_holds_back_later_ones(
    app, other_app, to, answer
):
    subscription = other_app.subscribe(to.url())
    to.answers["/x"] = [answer, answer]
    with clock.frozen() as now:
        for _ in range(3):
            app.register()
        drain(to)
        row = row_of(subscription)
        assert (to.seqs(), row.failures, row.waiting) == ([1], 1, 3)
        assert str(queue.Reason.from_json(row.fault)) == f"The subscriber answered {answer}."
        drain(to)
        assert to.seqs() == [1], "tried before its time"
        now.advance(seconds=60)
        drain(to)
        now.advance(seconds=60)
        drain(to)
    assert to.seqs() == [1, 1, 1, 2, 3]
    row = row_of(subscription)
    assert (row.waiting, row.failures, row.fault, row.try_at) == (0, 0, {}, None)
    assert [(one["state"], one["attempts"]) for one in missed(other_app, subscription, 0)] == [
        ("delivered", 3), ("delivered", 1), ("delivered", 1)
    ]


def test_pauses_grow_to_a_minute_and_differ(app, other_app, to):
    subscription = other_app.subscribe(to.url())
    to.answers["/x"] = [503] * 12
    pauses = []
    with clock.frozen() as now:
        app.register()
        for _ in range(9):
            drain(to)
            pauses.append((row_of(subscription).try_at - now()).total_seconds())
            now.advance(seconds=pauses[-1] - 0.001)
            drain(to)
            now.advance(seconds=0.002)
    assert to.seqs() == [1] * 9
    for number, pause in enumerate(pauses):
        assert min(60, 2**number) / 2 <= pause <= min(60, 2**number)
    assert len({round(queue.pause_after(7), 6) for _ in range(20)}) > 1


def test_back_off_never_overflows():
    assert 30 <= queue.pause_after(10**6) <= queue.LONGEST_PAUSE


def test_nobody_there_is_a_failure_with_a_sentence(app, other_app, to):
    subscription = other_app.subscribe("http://127.0.0.1:1/x")
    app.register()
    drain(to)
    row = row_of(subscription)
    assert (row.failures, row.waiting) == (1, 1)
    assert "127.0.0.1 cannot be reached" in str(queue.Reason.from_json(row.fault))


def test_no_answer_in_time_is_a_failure(app, other_app, to, monkeypatch):
    monkeypatch.setattr(deliver, "BUDGET_SECONDS", 0.2)
    subscription = other_app.subscribe(to.url())
    to.answers["/x"] = [None]
    with clock.frozen() as now:
        app.register()
        drain(to)
        row = row_of(subscription)
        assert str(queue.Reason.from_json(row.fault)) == "127.0.0.1 did not answer in time."
        now.advance(seconds=1)
        drain(to)
    assert to.seqs() == [1, 1]
    assert row_of(subscription).waiting == 0


def test_what_is_too_old_is_given_up_and_can_be_asked_for(app, other_app, to, mep):
    mep["dead_letter_seconds"] = 600
    subscription = other_app.subscribe(to.url())
    to.answers["/x"] = [500] * 3
    with clock.frozen() as now:
        made = [app.register()["serInstanceId"] for _ in range(2)]
        drain(to)
        now.advance(seconds=mep["dead_letter_seconds"] + 1)
        app.register()
        drain(to)
        row = row_of(subscription)
        assert (row.waiting, row.done_seq) == (1, 2)
        now.advance(seconds=60)
        drain(to)  # the third fails once as well
        now.advance(seconds=60)
        drain(to)
    assert to.seqs() == [1, 1, 3, 3]
    told = missed(other_app, subscription, 0)
    assert [(one["sequence"], one["state"]) for one in told] == [
        (1, "dead"), (2, "dead"), (3, "delivered")
    ]
    assert [one["notification"]["serviceReferences"][0]["serInstanceId"]
            for one in told[:2]] == made
    assert [one["sequence"] for one in missed(other_app, subscription, 2)] == [3]
    dead = Delivery.objects.get(subscription=row, seq=2)
    assert "given up" in str(queue.Reason.from_json(dead.fault))


def test_hundred_that_hang_do_not_delay_one_that_answers(app, to):
    to.answers |= {f"/dead/{number}": None for number in range(100)}
    to.answers["/slow"] = [4.0] * 20
    sleepers = [App(f"sleeper-{number}") for number in range(13)]
    for number in range(100):
        sleepers[number // 8].subscribe(to.url(f"/dead/{number}"))
    App("slow").subscribe(to.url("/slow"))
    App("well").subscribe(to.url("/well"))
    for _ in range(20):
        app.register()
    taken = run_until(to, lambda: len(to.seqs("/well")) == 20)
    assert to.seqs("/well") == list(range(1, 21))
    assert taken < deliver.BUDGET_SECONDS, "nobody waited for one that hangs to be given up"
    assert len(to.of("/dead/")) > deliver.PLACES_FOR_SUSPECTS


def test_one_application_takes_no_more_places_than_it_may(app, other_app, to):
    for number in range(50):
        to.answers[f"/slow/{number}"] = None
        other_app.subscribe(to.url(f"/slow/{number}"))
    App("well").subscribe(to.url("/well"))
    app.register()
    taken = run_until(to, lambda: to.of("/well") and len(to.of("/slow")) >= 8, seconds=2)
    assert taken < 1
    assert to.most_open <= deliver.PLACES_PER_APPLICATION + 1


def test_many_subscriptions_of_full_applications_do_not_hide_another(app, to):
    """Far more are due than are looked at once, and none of those may be started."""
    rows = []
    for number in range(6):
        greedy = App(f"greedy-{number}")
        rows += [greedy.subscribe(to.url("/hang")) for _ in range(30)]
    to.answers["/hang"] = None
    App("well").subscribe(to.url("/well"))
    app.register()
    assert run_until(to, lambda: to.of("/well")) < 1


def test_long_queue_of_one_leaves_room_for_others(app, other_app, to, monkeypatch):
    monkeypatch.setattr(deliver, "PLACES", 1)
    monkeypatch.setattr(deliver, "AT_ONCE", 2)
    other_app.subscribe(to.url("/long"))
    for _ in range(30):
        app.register()
    App("late").subscribe(to.url("/late"))
    app.register()
    drain(to)
    assert to.seqs("/long") == list(range(1, 32))
    order = [one.path for one in to.got]
    assert order.index("/late") < len(order) - 1, "served only when the other had everything"


@pytest.mark.parametrize("transitions_at_once", [50, 500])
def test_cut_network_is_told_to_everybody_in_a_bounded_number_of_queries(
    app, mep, to, transitions_at_once
):
    for number in range(transitions_at_once):
        make.mec_service(app.row, name=f"s{number}", interval=10)
    watchers = [App(f"watcher-{number}").subscribe(to.url()) for number in range(10)]
    with clock.frozen() as now:
        load()
        now.advance(seconds=30)
        with CaptureQueriesContext(connection) as queries:
            assert transitions.suspend(book.sweep()) == transitions_at_once
    assert ServiceEvent.objects.count() == transitions_at_once
    assert Delivery.objects.count() == 10 * transitions_at_once
    numbers = list(range(1, transitions_at_once + 1))
    for watcher in watchers:
        rows = Delivery.objects.filter(subscription=watcher["subscriptionId"]).order_by("seq")
        assert list(rows.values_list("seq", flat=True)) == numbers
        assert len(set(rows.values_list("event", flat=True))) == transitions_at_once
        assert row_of(watcher).next_seq == transitions_at_once + 1
    statements = [one["sql"] for one in queries if not one["sql"].startswith("INSERT INTO mep_del")]
    many = [sql for sql in statements if "mep_mecservice SET" not in sql]
    # Finding subscribers and inserting events is done in portions of some hundreds.
    assert len(many) < 30 + math.ceil(transitions_at_once / 50)
    assert MecService.objects.filter(state="SUSPENDED").count() == transitions_at_once


def test_every_event_reaches_everybody_although_answers_are_random(app, to):
    chance = random.Random(7)
    paths = [f"/r{number}" for number in range(4)]
    for path in paths:
        App(path).subscribe(to.url(path))
        to.answers[path] = [chance.choice([200, 200, 500, 503]) for _ in range(12)]
    with clock.frozen() as now:
        for _ in range(8):
            app.register()
            drain(to)
            now.advance(seconds=chance.uniform(0, 20))
        for _ in range(14):
            now.advance(seconds=60)
            drain(to)
    for path in paths:
        seqs = to.seqs(path)
        assert sorted(set(seqs)) == list(range(1, 9))
        assert seqs == sorted(seqs), "a later one came before an earlier one"


def test_purge_keeps_what_waits(app, other_app, to):
    subscription = other_app.subscribe(to.url())
    with clock.frozen() as now:
        app.register()
        drain(to)
        to.answers["/x"] = [500]
        app.register()
        drain(to)
        now.advance(days=60)
        queue.purge()
        kept = Delivery.objects.filter(subscription=subscription["subscriptionId"])
        assert [one.seq for one in kept] == [2]
        assert ServiceEvent.objects.count() == 1
        drain(to)
        queue.purge()
        assert not kept.all().exists()
    assert to.seqs() == [1, 2, 2]


def test_termination_and_events_have_one_numbering_each(app, to):
    row = row_of(app.subscribe(to.url()))
    outbox.put_body(row, {"notificationType": "x"})
    app.register()
    drain(to)
    assert to.seqs() == [1, 2]
    assert uuid.UUID(to.got[0].subscription) == row.pk


def test_waker_of_a_site_that_has_stopped_is_gone(app, other_app, to):
    other_app.subscribe(to.url())
    app.register()
    before = set(outbox._wakers)
    run_until(to, lambda: to.got)
    assert set(outbox._wakers) == before
    app.register()
