"""The only caller of django-guardian: which tenant may use which object.

Grants are rows with a real foreign key, so they go when the object goes, and a model-level
permission never counts as "every object".
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from guardian.models import GroupObjectPermissionBase
from guardian.shortcuts import (
    assign_perm,
    get_groups_with_perms,
    remove_perm,
)

from apps.tenants.models import Tenant


class TenantGrant(GroupObjectPermissionBase):
    """Base of the grant table of one model; the subclass adds ``content_object``."""

    class Meta:
        abstract = True
        unique_together = [("group", "permission", "content_object")]


def give(tenant: Tenant, permission: str, thing: models.Model) -> None:
    """Let ``tenant`` use ``thing``; giving twice is giving once."""
    assign_perm(permission, tenant.group, thing)


def take(tenant: Tenant, permission: str, thing: models.Model) -> None:
    """Take back what was given; taking what was not given does nothing."""
    remove_perm(permission, tenant.group, thing)


def tenants_of(permission: str, thing: models.Model) -> models.QuerySet[Tenant]:
    """The tenants to whom ``thing`` was given, by name."""
    groups: Any = get_groups_with_perms(thing, only_with_perms_in=[permission])
    return Tenant.objects.select_related("group").filter(group__in=groups).order_by("name")


def granted(
    table: type[TenantGrant], permission: str, *, tenant_id: uuid.UUID
) -> models.QuerySet[Any, Any]:
    """The ids of what a tenant was granted one by one, as part of the query that asks for them."""
    rows = table._default_manager.filter(
        group__tenant=tenant_id,
        permission__codename=permission,
        permission__content_type__app_label=table._meta.app_label,
    )
    return rows.values("content_object")
