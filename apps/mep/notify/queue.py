"""The database side of delivering: who is due, what comes next, how it went.

One subscriber's notifications go out one after the other, so ``done_seq`` says all about the past.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.journal.fanout import Event, publish
from apps.mep import documents
from apps.mep.liveness.records import readable
from apps.mep.models import Delivery, ServiceEvent, Subscription
from apps.mep.states import DELIVERY, DeliveryState

LEASE = timedelta(seconds=60)
LONGEST_PAUSE = 60.0
KEPT_DELIVERIES = timedelta(days=7)
KEPT_EVENTS = timedelta(days=30)
TOO_OLD = Reason(N_("It could not be delivered in time and was given up."), code="dead_letter")


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


def due(limit: int) -> list[Due]:
    """Subscriptions that may be tried now, those that answer first."""
    moment = clock.now()
    rows = Subscription.objects.filter(
        Q(try_at__isnull=True) | Q(try_at__lte=moment),
        Q(lease_until__isnull=True) | Q(lease_until__lte=moment),
        next_seq__gt=F("done_seq") + 1,
    )
    found = rows.order_by("failures", "try_at").values_list("pk", "application_id", "failures")
    return [Due(*row) for row in found[:limit]]


def next_due() -> datetime | None:
    """When the next subscription that waits after a failure may be tried."""
    rows = Subscription.objects.filter(next_seq__gt=F("done_seq") + 1, try_at__isnull=False)
    return rows.order_by("try_at").values_list("try_at", flat=True).first()


def claim(subscription_id: uuid.UUID) -> bool:
    """Take a subscription, so that no other process delivers to it at the same time."""
    moment = clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    rows = Subscription.objects.filter(free, pk=subscription_id)
    return bool(rows.update(lease_until=moment + LEASE))


def release(subscription_id: uuid.UUID) -> None:
    """Let go of a subscription."""
    Subscription.objects.filter(pk=subscription_id).update(lease_until=None)


def drop_leases() -> int:
    """At the start of a site that is one process: nobody is delivering."""
    return Subscription.objects.filter(lease_until__isnull=False).update(lease_until=None)


def take(subscription_id: uuid.UUID, count: int) -> list[Letter]:
    """The next notifications of a subscriber in order; empty when none waits."""
    row = Subscription.objects.filter(pk=subscription_id).first()
    if row is None:
        return []
    waiting = row.deliveries.filter(seq__gt=row.done_seq).select_related("event").order_by("seq")
    return [_letter(row, one) for one in readable(waiting[:count])]


def delivered(subscription_id: uuid.UUID, seqs: Sequence[int]) -> None:
    """Note what arrived."""
    moment = clock.now()
    with transaction.atomic():
        Delivery.objects.filter(subscription_id=subscription_id, seq__in=seqs).update(
            state=DELIVERY.move(DeliveryState.PENDING, "deliver"),
            attempts=F("attempts") + 1,
            done_at=moment,
            fault={},
        )
        _subscription(subscription_id).update(
            done_seq=max(seqs), failures=0, try_at=None, fault={}, last_ok=moment,
            lease_until=moment + LEASE,
        )
    _announce(subscription_id)


def failed(subscription_id: uuid.UUID, seq: int, reason: Reason) -> None:
    """Note what did not arrive: it is tried again later, or given up when it is too old."""
    moment = clock.now()
    with transaction.atomic():
        row = _subscription(subscription_id).select_for_update().first()
        if row is None:
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
    deliveries = old.delete()[0]
    events = ServiceEvent.objects.filter(at__lt=moment - KEPT_EVENTS, delivery__isnull=True)
    return {"deliveries": deliveries, "events": events.delete()[0]}


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
    body: dict[str, Any] = documents.notification(one, one.event, row)
    return Letter(one.seq, row.callback, msgspec.json.encode(body))


def _subscription(subscription_id: uuid.UUID) -> Any:
    return Subscription.objects.filter(pk=subscription_id)


def _announce(subscription_id: uuid.UUID) -> None:
    """Tell the pages, in the name of the subscriber's tenant: others do not hear of it."""
    rows = _subscription(subscription_id).values_list("application__tenant_id", flat=True)
    for tenant_id in rows:
        key = str(subscription_id)
        publish(Event("mep.subscription.progressed", "subscription", key, 0, tenant_id))
