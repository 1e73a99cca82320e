"""The only writers of users and tenants."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import (
    Conflict,
    Invalid,
    NotFound,
)
from apps.common.models import Origin, born_here, next_version
from apps.common.words import Reason
from apps.journal import services as journal
from apps.tenants.actors import NOBODY, SYSTEM, Actor
from apps.tenants.models import Tenant, User
from apps.tenants.policies import may, require, require_local
from apps.tenants.roles import Role
from apps.tenants.specs import TenantSpec, UserSpec


@transaction.atomic
def create_tenant(*, actor: Actor, spec: TenantSpec) -> Tenant:
    """Make a tenant with its group; Invalid when the name is taken, Conflict over the limit."""
    require(may(actor, "users.write"))
    next_version(0)  # whoever makes a tenant waits here for whoever makes another
    if Tenant.objects.filter(name=spec.name).exists():
        raise taken(N_("There is already a tenant called “%(name)s”."), spec.name, "name")
    most, count = settings.LIMITS["tenants"], Tenant.objects.count()
    if count >= most:
        raise Conflict(
            N_("The limit of %(limit)s is reached (%(used)s in use); the operator can raise it."),
            code="limit",
            message="Max record limit exceeded",
            limit=most,
            used=count,
            extra={"limit": most, "used": count, "raised_by": "MECM_LIMIT_TENANTS"},
        )
    return _insert_tenant(actor, spec, born_here())


@transaction.atomic
def adopt_tenant(
    *, tenant_id: uuid.UUID, name: str, origin: Origin, description: str = ""
) -> Tenant:
    """The tenant that another site told us about, made here when it is new."""
    tenant = Tenant.objects.filter(pk=tenant_id).first()
    if tenant is not None:
        return tenant
    spec = TenantSpec(name or str(tenant_id), description, tenant_id)
    return _insert_tenant(SYSTEM, spec, origin)


def _insert_tenant(actor: Actor, spec: TenantSpec, origin: Origin) -> Tenant:
    key = spec.id or uuid.uuid4()
    group = Group.objects.create(name=f"tenant {key}")
    tenant = Tenant(
        id=key, name=spec.name, description=spec.description, group=group, origin=origin
    )
    tenant.save(force_insert=True)
    journal.record("tenants.tenant.created", tenant, actor=actor, tenant_id=tenant.pk)
    return tenant


@transaction.atomic
def create_user(*, actor: Actor, spec: UserSpec) -> User:
    """Make a user; Invalid for a weak password or a name that is taken."""
    require(may(actor, "users.write"))
    named = User.objects.filter(username__iexact=spec.username)
    named.exclude(home_site=None).delete()  # a local account wins over the copy of one elsewhere
    if named.exists():
        raise taken(N_("There is already a user called “%(name)s”."), spec.username, "username")
    check_role(spec.role, spec.tenant_id)
    user = User(username=spec.username, role=spec.role, tenant_id=spec.tenant_id)
    set_password(user, spec.password, field="password")
    user.save(force_insert=True)
    journal.record(
        "tenants.user.created",
        user,
        actor=actor,
        tenant_id=user.tenant_id,
        data={"role": user.role},
    )
    return user


@transaction.atomic
def set_user_active(*, actor: Actor, user_id: uuid.UUID, active: bool) -> User:
    """Let a user in or keep them out; nobody locks themselves out."""
    require(may(actor, "users.write"))
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound(N_("There is no such user."))
    if str(user.pk) == actor.actor_id and not active:
        raise Conflict(N_("You cannot switch off your own account."))
    if user.is_active != active:
        user.is_active = active
        user.save(update_fields=["is_active"])
        verb = "tenants.user.enabled" if active else "tenants.user.disabled"
        journal.record(verb, user, actor=actor, tenant_id=user.tenant_id)
    return user


@transaction.atomic
def change_my_password(*, user: User, old: str, new: str) -> User:
    """Give oneself another password; ends every token that was made with the old one."""
    require_local(user)
    if not user.check_password(old):
        reason = Reason(N_("this is not your present password"))
        raise Invalid(N_("The request is not valid."), fields={"old_password": reason})
    set_password(user, new, field="new_password")
    user.save(update_fields=["password"])
    journal.record(
        "tenants.user.password_changed", user, actor=user.actor, tenant_id=user.tenant_id
    )
    return user


@transaction.atomic
def reset_administrator(*, username: str) -> tuple[User, str]:
    """A new random password for an administrator, made when there is none; returned once."""
    user = User.objects.filter(username__iexact=username).first()
    if user is not None and user.role != Role.ADMIN:
        raise Conflict(N_("“%(name)s” is not an administrator."), name=username)
    if user is not None:
        require_local(user)
    user = user or User(username=username, role=Role.ADMIN)
    password = generate_password()
    user.is_active = True
    user.set_password(password)
    user.save()
    journal.record("tenants.user.password_reset", user, actor=SYSTEM)
    return user, password


@transaction.atomic
def signed_out(*, user: User) -> None:
    """Announce that a session ended, so that its other tabs end with it; not a deed to record."""
    journal.record("tenants.user.signed_out", user, actor=user.actor, quiet=True)


def remember_preferences(
    *, user: User, language: str | None = None, theme: str | None = None
) -> None:
    """Keep how a user likes the portal to look; not a deed, so not in the journal."""
    if language is not None:
        user.language = language
    if theme is not None:
        user.theme = theme
    user.save(update_fields=["language", "theme"])


def generate_password() -> str:
    """A password that no dictionary holds."""
    return secrets.token_urlsafe(12)


def taken(text: str, name: str, field: str) -> Invalid:
    """A duplicate, at its field."""
    why = Reason(text, "duplicate", {"name": name})
    return Invalid(text, code="duplicate", name=name, fields={field: why})


def check_role(role: Role, tenant_id: uuid.UUID | None) -> None:
    """Invalid for a role that needs a tenant and has none, or one that does not exist."""
    wanted = role != Role.ADMIN or tenant_id is not None
    if wanted and not Tenant.objects.filter(pk=tenant_id or NOBODY).exists():
        reason = Reason(N_("choose the tenant that this user belongs to"))
        raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason})


def set_password(user: User, password: str, *, field: str) -> None:
    """Give an unsaved change of a password; Invalid at ``field`` for a weak one."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        reason = Reason(" ".join(error.messages).replace("%", "%%") % ())
        raise Invalid(N_("The request is not valid."), fields={field: reason}) from None
    user.set_password(password)
