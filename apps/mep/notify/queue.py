"""The database side of delivering: who is due, what comes next, how it went.

One subscriber's notifications go out one after the other, so ``done_seq`` says all about the past.
"""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import CharField, F, Q, QuerySet
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.journal.fanout import Event, publish
from apps.mep import documents
from apps.mep.models import Delivery, ServiceEvent, Subscription
from apps.mep.states import DELIVERY, DeliveryState

LEASE = timedelta(seconds=60)
LONGEST_PAUSE = 60.0
PAUSE_AFTER_TROUBLE = timedelta(seconds=5)
KEPT_DELIVERIES = timedelta(days=7)
KEPT_EVENTS = timedelta(days=30)
PURGED_AT_ONCE = 1000
TOO_OLD = Reason(N_("It could not be delivered in time and was given up."), code="dead_letter")
BROKEN = Reason(N_("Its record cannot be read, and it was given up."), code="broken")
# What delivering reads of a subscription: the rest may be malformed without holding it up.
_READ = ("application_id", "kind", "callback", "next_seq", "done_seq", "failures")
_log = logging.getLogger("mecm.mep")


@dataclass(frozen=True, slots=True)
class Due:
    """A subscription for which something waits."""

    id: uuid.UUID
    application_id: uuid.UUID
    failures: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One notification, ready to be sent."""

    seq: int
    uri: str
    body: bytes


def due(
    limit: int,
    *,
    moment: datetime | None = None,
    full: Collection[uuid.UUID] = (),
    suspects: bool = True,
    slow: Collection[uuid.UUID] = (),
) -> list[Due]:
    """Subscriptions that may be tried at ``moment``, those that answer first, in turn.

    Leaves out the applications ``full`` and, without ``suspects``, those that failed or are
    ``slow``: who cannot be started now must not hide who can.
    """
    rows = due_rows(limit, moment=moment, full=full, suspects=suspects, slow=slow)
    return list(_dues(rows))


def due_rows(
    limit: int,
    *,
    moment: datetime | None = None,
    full: Collection[uuid.UUID] = (),
    suspects: bool = True,
    slow: Collection[uuid.UUID] = (),
) -> QuerySet[Subscription, Any]:
    """The query of ``due``: along the index of those for which something waits."""
    rows = _free(Subscription.objects.all(), moment or clock.now()).exclude(application__in=full)
    if not suspects:
        rows = rows.filter(failures=0).exclude(pk__in=slow)
    # As text, so that an id which is none costs its own row and not the whole answer.
    columns = (Cast("pk", CharField()), Cast("application_id", CharField()), "failures")
    found = rows.order_by("failures", Coalesce("last_ok", "created_at")).values_list(*columns)
    return found[:limit]


def _dues(rows: Iterable[Any]) -> Iterator[Due]:
    for key, application_id, failures in rows:
        try:
            yield Due(uuid.UUID(key), uuid.UUID(application_id), int(failures))
        except (ValueError, TypeError, AttributeError) as error:
            _log.error("subscription %s cannot be read: %s", key, error)


def _free(rows: QuerySet[Subscription], moment: datetime) -> QuerySet[Subscription]:
    """Those for which something waits, whose pause is over, and that nobody serves."""
    return rows.filter(
        Q(try_at__isnull=True) | Q(try_at__lte=moment),
        Q(lease_until__isnull=True) | Q(lease_until__lte=moment),
        next_seq__gt=F("done_seq") + 1,
    )


def claim(subscription_id: uuid.UUID) -> bool:
    """Take a subscription, so that no other process delivers to it at the same time."""
    moment = clock.now()
    # All is asked again: another process may have served it since it was found to be due.
    rows = _free(_subscription(subscription_id), moment)
    return bool(rows.update(lease_until=moment + LEASE))


def release(subscription_id: uuid.UUID) -> None:
    """Let go of a subscription."""
    _subscription(subscription_id).update(lease_until=None)


def postpone(subscription_id: uuid.UUID) -> None:
    """Let go of a subscription after trouble of our own, and not come back to it at once."""
    _subscription(subscription_id).update(
        lease_until=None, try_at=clock.now() + PAUSE_AFTER_TROUBLE
    )


def drop_leases() -> int:
    """At the start of a site that is one process: nobody is delivering."""
    return Subscription.objects.filter(lease_until__isnull=False).update(lease_until=None)


def take(subscription_id: uuid.UUID, count: int) -> list[Letter]:
    """The next notifications of a subscriber in order; empty when none waits.

    One whose record is malformed is given up when its turn comes.
    """
    row = _subscription(subscription_id).only(*_READ).first()
    if row is None:
        return []
    waiting = row.deliveries.filter(seq__gt=row.done_seq, seq__lt=row.next_seq).order_by("seq")
    try:
        found = [_letter(row, one) for one in waiting.select_related("event")[:count]]
    except Error:
        raise
    except Exception:
        found = _take_singly(row, list(waiting.values_list("pk", "seq")[:count]))
    if not found:  # what was counted is not there: it must not be looked for again and again
        rows = Subscription.objects.filter(pk=row.pk, next_seq=row.next_seq)
        rows.update(done_seq=row.next_seq - 1)
    return found


def _take_singly(row: Subscription, waiting: list[tuple[int, int]]) -> list[Letter]:
    """The letters up to the next malformed one; those before all letters are given up."""
    found: list[Letter] = []
    for key, seq in waiting:
        try:
            one = row.deliveries.select_related("event").get(pk=key)
            found.append(_letter(row, one))
        except Error:
            raise
        except Exception as error:
            if found:
                break
            _log.error("delivery %s cannot be read: %s", key, type(error).__name__)
            _give_up_broken(row, key, seq)
    return found


def _give_up_broken(row: Subscription, key: int, seq: int) -> None:
    with transaction.atomic():
        _subscription(row.pk).update(done_seq=seq)
        row.deliveries.filter(pk=key).update(
            state=DELIVERY.move(DeliveryState.PENDING, "give_up"),
            done_at=clock.now(),
            fault=BROKEN.as_json(),
        )


def delivered(subscription_id: uuid.UUID, seqs: Sequence[int]) -> None:
    """Note what arrived."""
    moment = clock.now()
    with transaction.atomic():
        # The subscription first, as all its writers do, or two of them wait for each other.  One
        # that was held up for longer than its lease must not take back what another noted.
        mine = _subscription(subscription_id).filter(done_seq__lt=max(seqs))
        mine.update(
            done_seq=max(seqs), failures=0, try_at=None, fault={}, last_ok=moment,
            lease_until=moment + LEASE,
        )
        Delivery.objects.filter(subscription_id=subscription_id, seq__in=seqs).update(
            state=DELIVERY.move(DeliveryState.PENDING, "deliver"),
            attempts=F("attempts") + 1,
            done_at=moment,
            fault={},
        )
    _announce(subscription_id)


def failed(subscription_id: uuid.UUID, seq: int, reason: Reason) -> None:
    """Note what did not arrive: it is tried again later, or given up when it is too old."""
    moment = clock.now()
    with transaction.atomic():
        row = _subscription(subscription_id).only(*_READ).select_for_update().first()
        if row is None or seq <= row.done_seq:
            return
        Delivery.objects.filter(subscription=row, seq=seq).update(
            state=DELIVERY.move(DeliveryState.PENDING, "fail"),
            attempts=F("attempts") + 1,
            fault=reason.as_json(),
        )
        _give_up(row, moment)
        row.failures += 1
        row.try_at = moment + timedelta(seconds=pause_after(row.failures))
        row.fault, row.lease_until = reason.as_json(), None
        row.save(update_fields=["failures", "try_at", "fault", "lease_until", "done_seq"])
    _announce(subscription_id)


def pause_after(failures: int) -> float:
    """Seconds until the next try: doubling from one to sixty, and nobody in step with others."""
    longest = min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret


def purge() -> dict[str, int]:
    """Keep deliveries and events within their retention; what waits stays."""
    moment = clock.now()
    old = Delivery.objects.filter(
        queued_at__lt=moment - KEPT_DELIVERIES, seq__lte=F("subscription__done_seq")
    )
    deliveries = _drop_singly(old) if connection.features.has_select_for_update else old.delete()[0]
    events = ServiceEvent.objects.filter(at__lt=moment - KEPT_EVENTS, delivery__isnull=True)
    return {"deliveries": deliveries, "events": events.delete()[0]}


def _drop_singly(old: QuerySet[Delivery]) -> int:
    """Delete what nobody has locked: whoever removes a subscription is removing its own."""
    count, keys = 0, list(old.values_list("pk", flat=True))
    for start in range(0, len(keys), PURGED_AT_ONCE):
        with transaction.atomic():
            rows = Delivery.objects.filter(pk__in=keys[start : start + PURGED_AT_ONCE])
            free = rows.select_for_update(skip_locked=True).values_list("pk", flat=True)
            count += Delivery.objects.filter(pk__in=list(free)).delete()[0]
    return count


def _give_up(row: Subscription, moment: datetime) -> None:
    """Everything that is too old is dead, and no longer in the way of what came later."""
    oldest = moment - timedelta(seconds=settings.MEP["dead_letter_seconds"])
    dead = row.deliveries.filter(seq__gt=row.done_seq, queued_at__lt=oldest)
    last = dead.order_by("-seq").values_list("seq", flat=True).first()
    if last is None:
        return
    row.deliveries.filter(seq__gt=row.done_seq, seq__lte=last).update(
        state=DELIVERY.move(DeliveryState.PENDING, "give_up"),
        done_at=moment,
        fault=TOO_OLD.as_json(),
    )
    row.done_seq = last


def _letter(row: Subscription, one: Delivery) -> Letter:
    """Ready to be sent; ValueError when it says nothing."""
    body: dict[str, Any] = documents.notification(one, one.event, row)
    if not body:
        raise ValueError("no body")
    return Letter(one.seq, row.callback, msgspec.json.encode(body))


def _subscription(subscription_id: uuid.UUID) -> QuerySet[Subscription]:
    return Subscription.objects.filter(pk=subscription_id)


def _announce(subscription_id: uuid.UUID) -> None:
    """Tell the pages, in the name of the subscriber's tenant: others do not hear of it."""
    rows = _subscription(subscription_id).values_list("application__tenant_id", flat=True)
    for tenant_id in rows:
        key = str(subscription_id)
        publish(Event("mep.subscription.progressed", "subscription", key, 0, tenant_id))
