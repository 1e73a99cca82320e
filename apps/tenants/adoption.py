"""Tenants of a center at an edge: known by what a verified token says, made at first use."""

from __future__ import annotations

import uuid

from apps.common.models import Origin, born_here
from apps.tenants.actors import Actor
from apps.tenants.policies import tenant_for
from apps.tenants.services import adopt_tenant


def origin_of(actor: Actor, stated: str | None) -> Origin:
    """Where an order was born: as stated, else by whose token gave it."""
    if stated:
        return Origin(stated)
    return Origin.MEO if actor.site_id is not None else born_here()


def tenant_at_edge(actor: Actor, tenant_id: uuid.UUID) -> uuid.UUID:
    """The tenant of an order, taken over from the center when it is new here.

    Only a token of another site brings tenants in; a local user names one that exists.
    """
    if actor.site_id is not None and (actor.is_admin or actor.tenant_id == tenant_id):
        adopt_tenant(tenant_id=tenant_id, name=actor.tenant_name, origin=Origin.MEO)
    return tenant_for(actor, tenant_id)
