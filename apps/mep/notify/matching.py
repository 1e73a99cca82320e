"""Which subscriptions an event is for (GS MEC 011 clause 8.1.3.2, filteringCriteria)."""

from __future__ import annotations

import json
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from apps.mep.models import MecService, SubscriptionKey
from apps.mep.states import Cause, Change

ALL = "*"
ASKED_AT_ONCE = 400
_log = logging.getLogger("mecm.mep")


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to a service, as it is afterwards; ``category`` is the id of its category.

    ``asked_state`` is the state that a subscriber's filter looks at: that of a removed service is
    the one that it had, since whoever follows ACTIVE services wants to know that one is gone.
    """

    service_id: uuid.UUID
    application_id: uuid.UUID
    ser_name: str
    category: str
    state: str
    change: Change
    cause: Cause
    asked_state: str = ""

    @classmethod
    def of(
        cls, service: MecService, change: Change, cause: Cause, asked_state: str = ""
    ) -> Happening:
        """To a row as it is now."""
        return cls(
            service.pk,
            service.application_id,
            service.ser_name,
            service.category_key,
            str(service.state),
            change,
            cause,
            asked_state,
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """What subscriptions that may fit are filed under."""
        keys = (ALL, f"id:{self.service_id}", f"name:{self.ser_name}")
        return (*keys, f"cat:{self.category}") if self.category else keys


def keys_of(criteria: dict[str, Any]) -> list[str]:
    """What a subscription with these criteria is filed under."""
    for member, prefix in (("serInstanceIds", "id"), ("serNames", "name")):
        if member in criteria:
            return sorted({f"{prefix}:{value}" for value in criteria[member]})
    if "serCategories" in criteria:
        return sorted({f"cat:{one['id']}" for one in criteria["serCategories"]})
    return [ALL]


class Matcher:
    """The subscriptions for a batch of happenings, read at once."""

    def __init__(self, happenings: Sequence[Happening]) -> None:
        self._by_key: dict[str, list[tuple[uuid.UUID, dict[str, Any]]]] = defaultdict(list)
        wanted = list({key for one in happenings for key in one.keys})
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            self._read(wanted[start : start + ASKED_AT_ONCE])

    def _read(self, keys: list[str]) -> None:
        if not _any_of(keys):  # most services have no subscriber, and that is asked quickly
            return
        # As text: a subscription that cannot be read must not stop the change that is told of.
        columns = ("subscription_id", "subscription__criteria")
        rows = SubscriptionKey.objects.filter(key__in=keys).values_list(
            "key", *(Cast(column, TextField()) for column in columns)
        )
        for key, subscription_id, criteria in rows:
            try:
                self._by_key[key].append((uuid.UUID(subscription_id), json.loads(criteria)))
            except (ValueError, TypeError, AttributeError, RecursionError):
                _log.error("subscription %s cannot be read; it is told nothing", subscription_id)

    def subscribers(self, happening: Happening) -> Iterable[uuid.UUID]:
        """The subscriptions that are told; each once."""
        found = {
            subscription_id: None
            for key in happening.keys
            for subscription_id, criteria in self._by_key.get(key, ())
            if _fits(criteria, happening)
        }
        return found.keys()


def _any_of(keys: list[str]) -> bool:
    """Whether anybody subscribed by one of these."""
    marks = ", ".join(["%s"] * len(keys))
    text = f'SELECT 1 FROM mep_subscriptionkey WHERE "key" IN ({marks}) LIMIT 1'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(text, keys)
        return cursor.fetchone() is not None


def _fits(criteria: Any, happening: Happening) -> bool:
    """Whether the remaining criteria are met; everything on this platform is local to it."""
    if not isinstance(criteria, dict):
        return False
    states = criteria.get("states")
    if criteria.get("isLocal") is False or not isinstance(states, list | None):
        return False
    return states is None or (happening.asked_state or happening.state) in states
