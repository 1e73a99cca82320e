"""What center and edge changed both while apart: reading it, and the choice of a person.

Of two kinds: the configuration of a host, field by field, and the rules of an instance, rule by
rule.  Each field has an ancestor, our value and the edge's; a side may have none of it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, NotFound
from apps.hosts import agreement as host_agreement
from apps.hosts.models import MecHost
from apps.hosts.policies import may_configure as may_configure_hosts
from apps.instances.models import AppInstance
from apps.journal.models import Entry
from apps.rules import agreement as rule_agreement
from apps.rules.models import AppdConfiguration
from apps.rules.policies import may_configure as may_configure_rules
from apps.tenants.actors import Actor
from apps.tenants.policies import Decision, require

HOST, RULES = "mechost", "appdconfiguration"
SIDES = ("base", "ours", "theirs")
CONTESTED = ("hosts.host.contested", "rules.configuration.contested")
_OPEN = ~Q(contested={})


@dataclass(frozen=True, slots=True)
class Field:
    """One contested field: its value at each of ``SIDES`` that has one."""

    name: str
    sides: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contest:
    """A host, or an instance with its rules, of which somebody has to choose the fields.

    ``stamp`` is another one as soon as anything else is to be chosen from.
    """

    kind: str
    id: uuid.UUID
    name: str
    edge: str
    fields: tuple[Field, ...]
    since: datetime | None = None

    @property
    def stamp(self) -> str:
        """What tells these values from any others."""
        told = json.dumps([[one.name, dict(one.sides)] for one in self.fields], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def open_for(actor: Actor) -> QuerySet[Any, dict[str, Any]]:
    """What waits for a choice that the actor may see, by name.

    Each has ``kind``, ``key``, ``called``, ``edge`` and ``contested``.  Hosts are the
    administrators' to configure; a tenant sees the rules of its own instances.
    """
    rules = AppdConfiguration.objects.filter(_OPEN)
    if not actor.is_admin:
        return _told(rules.filter(tenant_id=actor.wall), RULES).order_by("called", "key")
    hosts = _told(MecHost.objects.filter(_OPEN), HOST)
    return hosts.union(_told(rules, RULES), all=True).order_by("called", "key")


def _told(rows: QuerySet[Any], kind: str) -> QuerySet[Any, dict[str, Any]]:
    host = "" if kind == HOST else "instance__host__"
    name = "name" if kind == HOST else "instance__app_name"
    found: QuerySet[Any, dict[str, Any]] = rows.order_by().values(
        "contested",
        kind=Value(kind),
        key=F("id"),
        called=F(name),
        edge=F(f"{host}applcm__name"),
    )
    return found


def since_of(keys: Iterable[uuid.UUID]) -> dict[str, datetime]:
    """When each of the things with these ids was found contested last, by id."""
    told = Entry.objects.filter(verb__in=CONTESTED, subject_id__in=[str(key) for key in keys])
    return dict(told.order_by("id").values_list("subject_id", "at"))


def access(actor: Actor, kind: str, key: uuid.UUID) -> Contest:
    """One of them, or NotFound when there is nothing to choose, or not for the actor."""
    found = _FIND[kind](actor, key) if kind in _FIND else None
    if found is None:
        raise NotFound(N_("There is no such conflict."), message="Record not found")
    return found


def is_open(actor: Actor, kind: str, key: uuid.UUID) -> bool:
    """Whether there is still something to choose of a thing, for the actor."""
    return kind in _FIND and _FIND[kind](actor, key) is not None


def may_settle(actor: Actor, kind: str) -> Decision:
    """Whether the actor's role lets them choose."""
    return may_configure_hosts(actor) if kind == HOST else may_configure_rules(actor)


@transaction.atomic
def settle(
    *, actor: Actor, kind: str, key: uuid.UUID, choices: Mapping[str, str], stamp: str = ""
) -> None:
    """Choose "ours" or "theirs" for contested fields; Invalid names a field that is not one.

    Conflict when ``stamp`` is of other values than there are to choose from now.
    """
    require(may_settle(actor, kind))
    _hold(kind, key)
    found = access(actor, kind, key)
    if stamp and stamp != found.stamp:
        raise Conflict(
            N_("What there is to choose from is other than what you saw; look at it again."),
            code="other_values",
        )
    if kind == HOST:
        host_agreement.settle(actor=actor, host_id=key, choices=choices)
    else:
        rule_agreement.settle(actor=actor, instance_id=key, choices=choices)


def _hold(kind: str, key: uuid.UUID) -> None:
    """Keep others from changing it until the transaction ends; in the order that services lock."""
    rows: QuerySet[Any] = MecHost.objects.all() if kind == HOST else AppInstance.objects.all()
    list(rows.select_for_update().filter(pk=key).values_list("pk"))


def _host(actor: Actor, key: uuid.UUID) -> Contest | None:
    rows = MecHost.objects.select_related("applcm") if actor.is_admin else MecHost.objects.none()
    host = rows.filter(_OPEN, pk=key).first()
    if host is None:
        return None
    edge = host.applcm.name if host.applcm else ""
    ours = host_agreement.content_of(host)
    return Contest(HOST, key, host.name, edge, _fields(host.contested, ours), _since(key))


def _rules(actor: Actor, key: uuid.UUID) -> Contest | None:
    rows = AppdConfiguration.objects.select_related("instance__host__applcm")
    if not actor.is_admin:
        rows = rows.filter(tenant_id=actor.wall)
    row = rows.filter(_OPEN, pk=key).first()
    if row is None:
        return None
    edge = row.instance.host.applcm
    ours = rule_agreement.content_of(row)
    fields = _fields(row.contested, ours)
    name = row.instance.app_name
    return Contest(RULES, key, name, edge.name if edge else "", fields, _since(key))


def _fields(
    contested: Mapping[str, Mapping[str, Any]], ours: Mapping[str, Any]
) -> tuple[Field, ...]:
    """Our own side is what there is now: it may have been changed again since."""
    return tuple(
        Field(
            name,
            {side: one[side] for side in ("base", "theirs") if side in one}
            | ({"ours": ours[name]} if name in ours else {}),
        )
        for name, one in sorted(contested.items())
    )


def _since(key: uuid.UUID) -> datetime | None:
    return since_of([key]).get(str(key))


_FIND: dict[str, Callable[[Actor, uuid.UUID], Contest | None]] = {HOST: _host, RULES: _rules}
