"""Who subscribed to which services, resolved from their criteria, and how often each is called."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable

from apps.mep import calls
from apps.mep.models import MecService, SubscriptionKey
from apps.mep.notify.matching import ALL
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
    by_key: dict[str, set[uuid.UUID]] = defaultdict(set)
    rows = services_for(actor).filter(application__site_id__isnull=True)
    for key, name, category in rows.values_list("pk", "ser_name", "category_key"):
        for filed in (ALL, f"id:{key}", f"name:{name}", f"cat:{category}"):
            by_key[filed].add(key)
    found: dict[uuid.UUID, set[uuid.UUID]] = {}
    keys = SubscriptionKey.objects.filter(subscription__in=subscriptions_for(actor))
    for application_id, filed in keys.values_list("subscription__application_id", "key"):
        found.setdefault(application_id, set()).update(by_key.get(filed, ()))
    return found
