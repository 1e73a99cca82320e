"""Who subscribed to which services, resolved from their criteria, and how often each is called."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable

from apps.mep import calls
from apps.mep.access import as_uuid
from apps.mep.models import MecService, SubscriptionKey
from apps.mep.notify.matching import ALL, ASKED_AT_ONCE
from apps.mep.selectors import services_for, subscriptions_for
from apps.tenants.actors import Actor


def calls_of_services(actor: Actor) -> dict[str, list[int]]:
    """Calls of the last seven days per name: those counted by name and by the services' ids.

    A gateway's log says either; a name that another tenant's service has as well counts by id only.
    """
    ids: dict[str, list[str]] = defaultdict(list)
    for key, name in services_for(actor).order_by("ser_name").values_list("pk", "ser_name"):
        ids[name].append(str(key))
    shared = _names_of_others(actor, ids)
    found = calls.last_days([*ids, *(key for keys in ids.values() for key in keys)])
    counted = {name: keys if name in shared else [name, *keys] for name, keys in ids.items()}
    return {
        name: [sum(day) for day in zip(*(found[one] for one in subjects), strict=True)]
        for name, subjects in counted.items()
    }


def _names_of_others(actor: Actor, names: Iterable[str]) -> set[str]:
    if actor.is_admin:
        return set()
    rows = MecService.objects.filter(ser_name__in=names).exclude(
        application__tenant_id=actor.wall
    )
    return set(rows.values_list("ser_name", flat=True))


def relations(actor: Actor) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Per subscribed application the services that its availability subscriptions fit."""
    keys = SubscriptionKey.objects.filter(subscription__in=subscriptions_for(actor))
    pairs = list(keys.values_list("subscription__application_id", "key"))
    by_key = _services_by_key(actor, {key for _, key in pairs})
    found: dict[uuid.UUID, set[uuid.UUID]] = {}
    for application_id, key in pairs:
        found.setdefault(application_id, set()).update(by_key.get(key, ()))
    return found


def subscribed(actor: Actor) -> tuple[int, int]:
    """How many applications subscribed, and to how many services, without naming each."""
    keys = SubscriptionKey.objects.filter(subscription__in=subscriptions_for(actor))
    applications = keys.values("subscription__application_id").distinct().count()
    wanted = set(keys.values_list("key", flat=True).distinct())
    if ALL in wanted:
        return applications, services_for(actor).count()
    services = {one for found in _services_by_key(actor, wanted).values() for one in found}
    return applications, len(services)


def _services_by_key(actor: Actor, wanted: set[str]) -> dict[str, set[uuid.UUID]]:
    """The services of this platform filed under each wanted key; no others are read."""
    rows = services_for(actor).filter(application__site_id__isnull=True).order_by()
    found: dict[str, set[uuid.UUID]] = {}
    if ALL in wanted:
        found[ALL] = set(rows.values_list("pk", flat=True))
    for prefix, column in (("id:", "pk"), ("name:", "ser_name"), ("cat:", "category_key")):
        values = [key.removeprefix(prefix) for key in wanted if key.startswith(prefix)]
        if prefix == "id:":
            values = [value for value in values if as_uuid(value)]
        for start in range(0, len(values), ASKED_AT_ONCE):
            part = rows.filter(**{f"{column}__in": values[start : start + ASKED_AT_ONCE]})
            for key, value in part.values_list("pk", column):
                found.setdefault(f"{prefix}{value}", set()).add(key)
    return found
