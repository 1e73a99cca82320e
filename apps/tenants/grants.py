"""The only caller of django-guardian: which tenant may use which object.

Grants are rows with a real foreign key, so they go when the object goes, and a model-level
permission never counts as "every object".
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import Group
from django.db import models
from guardian.models import GroupObjectPermissionBase
from guardian.shortcuts import (
    assign_perm,
    get_groups_with_perms,
    get_objects_for_group,
    remove_perm,
)

from apps.tenants.models import Tenant

M = TypeVar("M", bound=models.Model)


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


def granted(tenant_group: Group, permission: str, rows: models.QuerySet[M]) -> models.QuerySet[M]:
    """The rows that the group was granted one by one."""
    found: Any = get_objects_for_group(tenant_group, permission, rows, accept_global_perms=False)
    return found  # type: ignore[no-any-return]
