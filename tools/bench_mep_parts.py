"""Parts of the MEC platform that are measured without a server: the sweep, and mass expiry."""

from __future__ import annotations

import statistics
import time
import uuid

from apps.common import clock
from apps.mep.liveness import records, transitions
from apps.mep.liveness.book import TICK_SECONDS, Book, Facts, book
from apps.mep.models import (
    Application,
    Delivery,
    MecService,
    ServiceEvent,
    Subscription,
    SubscriptionKey,
)
from tools.bench_mep import Figure
from tools.mep_world import make

SWEEPS = 300


def measure() -> list[Figure]:
    """The figures, in this process's own database."""
    return [sweep(), mass_expiry()]


def sweep() -> Figure:
    """A sweep in which nothing expires, in a large book against a small one."""
    few, many = _sweep_seconds(1_000), _sweep_seconds(100_000)
    return Figure(
        "idle sweep at 100,000 services against 1,000",
        f"{many / few:.2f} ({many * 1e6:.1f} µs, {few * 1e6:.1f} µs)", "≤ 1.5",
    )


def _sweep_seconds(services: int) -> float:
    """The median sweep of a book in which every service has just beaten."""
    with clock.frozen() as now:
        one = Book()
        entries = [
            one.apply(
                Facts(uuid.uuid4(), uuid.uuid4(), "ACTIVE", 60, 63.0, 1, 0.0, told=True)
            )
            for _ in range(services)
        ]
        for entry in entries:
            if entry is not None:
                one.touch(entry)
        times = []
        for _ in range(SWEEPS):
            now.advance(seconds=TICK_SECONDS)
            began = time.perf_counter()
            expired = one.sweep()
            times.append(time.perf_counter() - began)
            if expired:
                raise RuntimeError("something expired in an idle sweep")
    return statistics.median(times)


def mass_expiry(services: int = 10_000, subscriptions: int = 10) -> Figure:
    """All services of a platform miss their heartbeat at the same moment."""
    Application.objects.all().delete()
    make(services // 10, 10)
    subscriber = Application.objects.create(name="subscriber")
    for number in range(subscriptions):
        row = Subscription.objects.create(
            application=subscriber, kind=Subscription.Kind.AVAILABILITY,
            callback=f"http://192.0.2.1/{number}",
        )
        SubscriptionKey.objects.create(subscription=row, key="*")
    MecService.objects.update(liveness_interval=5)
    with clock.frozen(clock.now()) as now:
        records.load()
        now.advance(seconds=30)
        began = time.perf_counter()
        moved = transitions.suspend(book.sweep())
        seconds = time.perf_counter() - began
    stored = (ServiceEvent.objects.count(), Delivery.objects.count())
    if (moved, *stored) != (services, services, services * subscriptions):
        raise RuntimeError(f"{moved} moved, {stored} stored")
    book.clear()
    return Figure(
        f"{services:,} services expire at once, {subscriptions} subscriptions each: all stored",
        f"{seconds:.2f} s", "≤ 3 s",
    )

