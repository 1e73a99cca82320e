"""How often the registry is used, by day: counted in memory, saved now and then.

A site that is killed loses the calls since the last save (30 s at most).
"""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, Min

from apps.common import clock
from apps.mep.models import CallCount

REGISTER, DISCOVER = "serviceRegister", "serviceDiscovery"
KEPT_DAYS = 90
_counts: Counter[tuple[date, str]] = Counter()


def count(subject: str | uuid.UUID, calls: int = 1) -> None:
    """Note a call of the platform (``REGISTER``, ``DISCOVER``) or of a service (its id)."""
    _counts[clock.now().date(), str(subject)] += calls


def clear() -> None:
    """Forget what was not saved."""
    _counts.clear()


def save() -> None:
    """Add what was counted to the rows."""
    global _counts
    taken, _counts = _counts, Counter()
    if not taken:
        return
    with transaction.atomic():
        for (day, subject), calls in taken.items():
            row, _ = CallCount.objects.get_or_create(day=day, subject=subject)
            CallCount.objects.filter(pk=row.pk).update(calls=F("calls") + calls)


def last_days(subjects: list[str], days: int = 7) -> dict[str, list[int]]:
    """Calls per subject: today first, then yesterday and so on (UTC days)."""
    save()
    today = clock.now().date()
    found = {subject: [0] * days for subject in subjects}
    rows = CallCount.objects.filter(subject__in=subjects, day__gt=today - timedelta(days=days))
    for row in rows:
        found[row.subject][(today - row.day).days] += row.calls
    return found


def first_day() -> date | None:
    """Since when calls are counted at this site, as far as anything is kept; None: nothing yet."""
    found: date | None = CallCount.objects.aggregate(first=Min("day"))["first"]
    return found


def purge() -> int:
    """Drop what is older than its retention."""
    oldest = clock.now().date() - timedelta(days=KEPT_DAYS)
    return CallCount.objects.filter(day__lt=oldest).delete()[0]
