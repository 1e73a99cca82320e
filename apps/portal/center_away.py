"""The banner of an edge whose center is away: since when, and how many changes wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

from apps.common import clock
from apps.sync import waiting

SECTION = "waiting"


@dataclass(frozen=True, slots=True)
class Away:
    """A center that is away, as far as ``apps.sync.waiting.Presence`` knows."""

    since: datetime | None
    count: int
    heard: bool


def away() -> Away | None:
    """What the banner says; None where the center is there, or nothing can be said."""
    if SECTION not in settings.ROLE.nav:
        return None
    found = waiting.presence()
    if found is None or not found.away:
        return None
    count = waiting.changes(found.reader).count()
    # Of a center whose calls are not noticed, silence says something only while changes wait.
    if not found.heard and not count:
        return None
    return Away(found.since, count, found.heard)


def sentence(found: Away) -> str:
    """The banner's one sentence."""
    said = {"since": _moment(found.since) if found.since else "", "waits": _waits(found.count)}
    if not found.heard:
        return gettext("The center took changes last at %(since)s – %(waits)s.") % said
    if found.since is None:
        return gettext("The link to the center does not stand – %(waits)s.") % said
    return gettext("The center has been away since %(since)s – %(waits)s.") % said


def _waits(count: int) -> str:
    if not count:
        return gettext("no change waits")
    number = number_format(count, force_grouping=True)
    return ngettext("%(n)s change waits", "%(n)s changes wait", count) % {"n": number}


def _moment(when: datetime) -> str:
    local, today = timezone.localtime(when), timezone.localtime(clock.now())
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%Y-%m-%d %H:%M}"
