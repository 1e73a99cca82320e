"""Who subscribed to which services, resolved from their criteria."""

from __future__ import annotations

import uuid
from collections import defaultdict

from apps.mep.models import SubscriptionKey
from apps.mep.notify.matching import ALL
from apps.mep.selectors import services_for, subscriptions_for
from apps.tenants.actors import Actor


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
