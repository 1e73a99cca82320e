"""The outbox: an event and everything that has to be delivered because of it, in one transaction.

Written in bulk, since a cut network suspends thousands of services at once.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction

from apps.common import clock
from apps.common.rows import insert
from apps.mep.models import Delivery, ServiceEvent, Subscription
from apps.mep.notify.matching import Happening, Matcher
from apps.mep.states import DeliveryState

_wakers: set[Callable[[], None]] = set()
_INSERT = (
    "INSERT INTO mep_delivery"
    " (subscription_id, seq, event_id, state, attempts, queued_at, fault)"
    " VALUES (%s, %s, %s, %s, 0, %s, %s)"
)


def put(happenings: Sequence[Happening]) -> None:
    """Record what happened and queue it for everybody who wants to hear of it.

    Must be called inside the transaction that makes the change.
    """
    moment = clock.now()
    events = [
        ServiceEvent(
            at=moment,
            service_id=one.service_id,
            application_id=one.application_id,
            ser_name=one.ser_name,
            change=one.change,
            state=one.state,
            cause=one.cause,
        )
        for one in happenings
    ]
    if len(events) == 1:
        insert(events[0])
    else:
        ServiceEvent.objects.bulk_create(events)
    matcher = Matcher(happenings)
    queues: dict[uuid.UUID, list[int]] = defaultdict(list)
    for event, happening in zip(events, happenings, strict=True):
        for subscription_id in matcher.subscribers(happening):
            queues[subscription_id].append(event.pk)
    if queues:
        _queue_events(queues)
        announce()


def put_body(subscription: Subscription, body: dict[str, Any]) -> None:
    """Queue a notification that is about no service; inside the caller's transaction."""
    seq = _take_numbers(subscription.pk, 1)
    if not seq:
        return
    Delivery.objects.create(
        subscription=subscription, seq=seq, body=body, state=DeliveryState.PENDING
    )
    announce()


def announce() -> None:
    """Tell the deliverer once the transaction is committed."""
    transaction.on_commit(wake)


def wake() -> None:
    """There is something to deliver; callable from any thread."""
    for waker in tuple(_wakers):
        waker()


def listen(waker: Callable[[], None]) -> None:
    """Call ``waker`` whenever something is queued in this process."""
    _wakers.add(waker)


def unlisten(waker: Callable[[], None]) -> None:
    """Stop calling it."""
    _wakers.discard(waker)


def _queue_events(queues: dict[uuid.UUID, list[int]]) -> None:
    subscription_field = Delivery._meta.get_field("subscription")
    moment = Delivery._meta.get_field("queued_at").get_db_prep_save(clock.now(), connection)
    nothing = json.dumps({})
    rows = []
    for subscription_id in sorted(queues):  # in the order in which everybody locks them
        event_ids = queues[subscription_id]
        first = _take_numbers(subscription_id, len(event_ids))
        if not first:
            continue
        key = subscription_field.get_db_prep_save(subscription_id, connection)
        rows += [
            (key, first + number, event_id, DeliveryState.PENDING.value, moment, nothing)
            for number, event_id in enumerate(event_ids)
        ]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


def _take_numbers(subscription_id: uuid.UUID, count: int) -> int:
    """The first of ``count`` sequence numbers; the row stays locked until the commit.

    0 when it was removed since it was found to match.
    """
    key = Subscription._meta.pk.get_db_prep_save(subscription_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mep_subscription SET next_seq = next_seq + %s WHERE id = %s RETURNING next_seq",
            [count, key],
        )
        row = cursor.fetchone()
    return int(row[0]) - count if row else 0
