"""The readers of users and tenants."""

from __future__ import annotations

import uuid

from django.db.models import Count, QuerySet

from apps.tenants.actors import Actor
from apps.tenants.models import Tenant, User


def tenants_for(actor: Actor) -> QuerySet[Tenant]:
    """The tenants that an actor may know of: all for an administrator, else their own."""
    rows = Tenant.objects.annotate(user_count=Count("users"))
    return rows if actor.is_admin else rows.filter(pk=actor.wall)


def users() -> QuerySet[User]:
    """Everybody who can sign in here, with their tenants."""
    return User.objects.select_related("tenant").order_by("username")


def tenant_name(tenant_id: uuid.UUID | None) -> str:
    """The name of a tenant, empty when it is not known here."""
    if tenant_id is None:
        return ""
    return Tenant.objects.filter(pk=tenant_id).values_list("name", flat=True).first() or ""
