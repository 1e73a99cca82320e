"""Template vocabulary of the MEC platform: marks, words and heartbeats.

Loaded by ``{% load mep %}``.  Everything that is shown passes Django's escaping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext

from apps.common import clock, words
from apps.common.words import Reason
from apps.mep.liveness.book import book
from apps.mep.liveness.policy import allowance
from apps.mep.models import MecService, Subscription
from apps.mep.states import ServiceState
from apps.monitoring import marks
from apps.portal import mep_words
from apps.portal.templatetags.portal import AGE_WORDS

register = template.Library()

register.filter("service_mark", marks.service_mark)
register.filter("event_mark", marks.event_mark)
register.filter("delivery_mark", marks.delivery_mark)
register.filter("subscription_mark", marks.subscription_mark)
register.filter("happening", mep_words.happening)
register.filter("news", mep_words.news)


@register.filter
def wanted(subscription: Subscription, names: Mapping[str, str]) -> str:
    """What a subscriber wants to hear of, as a sentence."""
    return mep_words.wanted(subscription, names)


@register.filter
def fault(stored: Mapping[str, Any] | None) -> str:
    """A stored reason in the reader's language."""
    return words.say(Reason.from_json(stored)) if isinstance(stored, Mapping) else ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What is known of a service's heartbeat: ``live`` from this process's memory, else a snapshot.

    ``counts`` says that a deadline runs; ``allowance`` is its length in seconds.  ``never`` says
    that none has come: then the time runs from the registration.  ``here`` is False for a copy
    of another site's service, whose single heartbeats are not known here.
    """

    interval: int
    allowance: float
    live: bool
    counts: bool
    at: datetime | None
    never: bool = False
    here: bool = True

    @property
    def seconds(self) -> float:
        """Since the last one."""
        return max(0.0, (clock.now() - self.at).total_seconds()) if self.at else 0.0

    @property
    def share(self) -> int:
        """How much of the deadline is used up, in percent."""
        return min(100, round(100 * self.seconds / self.allowance))

    @property
    def tone(self) -> str:
        """Late is not yet suspended."""
        return "warn" if self.seconds > self.interval else "ok"

    @property
    def due(self) -> datetime | None:
        """When the service is suspended unless another one comes."""
        return self.at + timedelta(seconds=self.allowance) if self.at and self.counts else None

    @property
    def left(self) -> int:
        """Seconds until then."""
        return max(0, round(self.allowance - self.seconds))

    @property
    def allowance_text(self) -> str:
        """The length of the deadline without needless digits."""
        return number_format(self.allowance, 1 if self.allowance % 1 else 0)

    @property
    def told(self) -> str:
        """How long ago, to the second in the first minute."""
        if self.seconds < 60:
            return gettext("%s s ago") % int(self.seconds)
        for unit, size, most in (("minutes", 60, 3600), ("hours", 3600, 172800)):
            if self.seconds < most:
                return str(AGE_WORDS[unit]) % int(self.seconds // size)
        return str(AGE_WORDS["days"]) % int(self.seconds // 86400)

    @property
    def stamp(self) -> str:
        """The exact time."""
        return f"{timezone.localtime(self.at):%Y-%m-%d %H:%M:%S %Z}" if self.at else ""


@register.filter
def heartbeat(service: MecService) -> Heartbeat | None:
    """The heartbeat of a service; None for one without, or whose interval makes no sense."""
    interval = service.liveness_interval
    if not isinstance(interval, int) or interval <= 0:
        return None
    here = service.application.site_id is None
    entry = book.find(service.pk) if here else None
    if entry is None:
        never = service.beat_at is None
        return Heartbeat(interval, allowance(interval), False, False, service.beat_at, never, here)
    at = datetime.fromtimestamp(entry.beat_at, UTC) if entry.beat_at else service.beat_at
    counts = service.state == ServiceState.ACTIVE
    never = not entry.told and service.beat_at is None
    return Heartbeat(entry.interval, entry.allowance, True, counts, at, never)


@register.simple_tag
def now() -> str:
    """The site's time, for scripts on machines whose clock is wrong."""
    return clock.now().isoformat()
