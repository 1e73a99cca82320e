"""The readers of users and tenants."""

from __future__ import annotations

import uuid

from django.db.models import Count, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
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


def access_tenant(actor: Actor, tenant_id: uuid.UUID) -> Tenant:
    """One tenant, or NotFound: somebody else's does not exist for the asker."""
    found = tenants_for(actor).filter(pk=tenant_id).first()
    if found is None:
        raise NotFound(N_("There is no such tenant."), message="Record not found")
    return found


def find_user(user_id: uuid.UUID) -> User:
    """One user, or NotFound."""
    found = users().filter(pk=user_id).first()
    if found is None:
        raise NotFound(N_("There is no such user."), message="Record not found")
    return found
