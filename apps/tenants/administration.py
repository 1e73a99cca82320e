"""Changing and removing tenants and users: the only writers of it; administrators only."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, NotFound
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.models import Tenant, User
from apps.tenants.policies import may, require, require_local
from apps.tenants.roles import Role
from apps.tenants.services import check_role, set_password, taken
from apps.tenants.specs import TenantSpec, UserChange


@transaction.atomic
def update_tenant(*, actor: Actor, tenant_id: uuid.UUID, spec: TenantSpec) -> Tenant:
    """Give a tenant another name and description; Invalid when another has the name."""
    require(may(actor, "users.write"))
    tenant = _tenant(tenant_id)
    if Tenant.objects.filter(name=spec.name).exclude(pk=tenant_id).exists():
        raise taken(N_("There is already a tenant called “%(name)s”."), spec.name, "name")
    if (tenant.name, tenant.description) != (spec.name, spec.description):
        tenant.name, tenant.description = spec.name, spec.description
        tenant.save()
        journal.record("tenants.tenant.updated", tenant, actor=actor, tenant_id=tenant.pk)
    return tenant


@transaction.atomic
def remove_tenant(*, actor: Actor, tenant_id: uuid.UUID) -> None:
    """Remove a tenant that has nothing any more; Conflict while it has."""
    require(may(actor, "users.write"))
    tenant = _tenant(tenant_id)
    group = tenant.group
    try:
        with transaction.atomic():
            journal.bury("tenants.tenant.removed", tenant, actor=actor, tenant_id=tenant_id)
            group.delete()
    except ProtectedError as error:
        words = sorted({str(row._meta.verbose_name) for row in error.protected_objects})
        raise Conflict(
            N_("“%(name)s” still has something here: %(kinds)s."),
            code="in_use",
            name=tenant.name,
            kinds=", ".join(words),
            extra={"kinds": words},
        ) from None


@transaction.atomic
def update_user(*, actor: Actor, user_id: uuid.UUID, change: UserChange) -> User:
    """Change a user's role, tenant, password or access; nobody takes their own rights away."""
    require(may(actor, "users.write"))
    user = _user(user_id)
    if (change.role, change.moves, change.password) != (None, False, None):
        require_local(user)
    role = user.role if change.role is None else change.role
    tenant_id = change.tenant_id if change.moves else user.tenant_id
    active = user.is_active if change.is_active is None else change.is_active
    if str(user.pk) == actor.actor_id and (role != Role.ADMIN or not active):
        raise Conflict(N_("You cannot take your own rights away."))
    check_role(Role(role), tenant_id)
    changed = [
        name
        for name, before, after in (
            ("role", user.role, role),
            ("tenant", user.tenant_id, tenant_id),
            ("access", user.is_active, active),
        )
        if before != after
    ]
    user.role, user.tenant_id, user.is_active = role, tenant_id, active
    if change.password is not None:
        set_password(user, change.password, field="password")
        changed.append("password")
    if changed:
        user.save(update_fields=["role", "tenant", "is_active", "password"])
        journal.record(
            "tenants.user.updated", user, actor=actor, tenant_id=user.tenant_id,
            data={"changed": changed, "role": str(role)},
        )
    return user


@transaction.atomic
def remove_user(*, actor: Actor, user_id: uuid.UUID) -> None:
    """Remove a user; what they did stays in the record under their name."""
    require(may(actor, "users.write"))
    user = _user(user_id)
    if str(user.pk) == actor.actor_id:
        raise Conflict(N_("You cannot remove your own account."))
    journal.record("tenants.user.removed", user, actor=actor, tenant_id=user.tenant_id)
    user.delete()


def _tenant(tenant_id: uuid.UUID) -> Tenant:
    rows = Tenant.objects.select_for_update(of=("self",)).select_related("group")
    tenant = rows.filter(pk=tenant_id).first()
    if tenant is None:
        raise NotFound(N_("There is no such tenant."), message="Record not found")
    return tenant


def _user(user_id: uuid.UUID) -> User:
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound(N_("There is no such user."), message="Record not found")
    return user
