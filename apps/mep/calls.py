"""How often the registry is used, by day: counted in memory, saved now and then.

A site that is killed loses the calls since the last save (30 s at most).
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, Min

from apps.common import clock
from apps.mep.models import CallCount

REGISTER, DISCOVER = "serviceRegister", "serviceDiscovery"
KEPT_DAYS = 90
ASKED_AT_ONCE = 400
MOST_SUBJECTS = 10_000  # of which calls are held in memory; they are saved before there are more
_counts: Counter[tuple[date, str]] = Counter()
_lock = threading.Lock()


def count(subject: str | uuid.UUID, calls: int = 1) -> None:
    """Note a call of the platform (``REGISTER``, ``DISCOVER``) or of a service (its id)."""
    with _lock:
        _counts[clock.now().date(), str(subject)] += calls
        full = len(_counts) >= MOST_SUBJECTS
    if full:
        save()


def clear() -> None:
    """Forget what was not saved."""
    with _lock:
        _counts.clear()


def save() -> None:
    """Add what was counted to the rows; what cannot be written is kept for the next time."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    if not taken:
        return
    try:
        _add(taken)
    except Exception:
        with _lock:
            _counts.update(taken)
        raise


@transaction.atomic
def _add(taken: dict[tuple[date, str], int]) -> None:
    for day, subject in sorted(taken):  # every process in the same order, or two wait for ever
        row, _ = CallCount.objects.get_or_create(day=day, subject=subject)
        more = F("calls") + taken[day, subject]
        CallCount.objects.filter(pk=row.pk).update(calls=more)


def last_days(subjects: list[str], days: int = 7) -> dict[str, list[int]]:
    """Calls per subject: today first, then yesterday and so on (UTC days)."""
    save()
    today = clock.now().date()
    found = {subject: [0] * days for subject in subjects}
    # A day that lies ahead, after the clock was set back, is none of the asked ones.
    since = CallCount.objects.filter(day__gt=today - timedelta(days=days), day__lte=today)
    for start in range(0, len(subjects), ASKED_AT_ONCE):
        for row in since.filter(subject__in=subjects[start : start + ASKED_AT_ONCE]):
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
