"""Accounts of the center at an edge: asked for there, and kept here for a stated time.

A local account of the same name always wins.  Of a password only its hash is kept.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Denied, Upstream
from apps.common.models import Origin
from apps.common.words import NO_REASON, Reason
from apps.journal import services as journal
from apps.tenants.actors import SYSTEM
from apps.tenants.models import User
from apps.tenants.roles import Role
from apps.tenants.services import adopt_tenant
from apps.tenants.specs import TenantSpec


@dataclass(frozen=True, slots=True)
class HomeAccount:
    """An account as the center tells of it."""

    id: uuid.UUID
    username: str
    role: Role
    tenant: TenantSpec | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the center ``site_id`` says to a name and a password: whose they are, or nobody's.

    ``why`` is a reason to keep out somebody whose name and password are right.
    """

    site_id: uuid.UUID
    account: HomeAccount | None = None
    why: Reason = NO_REASON


class Center(Protocol):
    """Whoever asks the center."""

    def __call__(self, username: str, password: str) -> Answer | None:
        """Its answer; None when this site has no center.  Upstream when it cannot be asked."""


def visitor(known: User | None, username: str, password: str) -> User | None:
    """Whoever of the center these are the name and password of; None when they are nobody's.

    ``known`` is the copy of the account that is here already.  Denied for somebody who is known and
    may not be here.
    """
    ask: Center = import_string(settings.CENTER_ACCOUNTS)
    fits = known is not None and known.check_password(password)
    try:
        answer = ask(username, password)
    except Upstream:
        return _alone(known) if known is not None and fits else None
    if answer is None:
        return None
    if answer.account is None:
        # Whoever only mistypes a password does not take the account away from its owner.
        if known is not None and fits and known.is_active:
            forget(known)
        if answer.why:
            raise Denied(answer.why.text, code=answer.why.code, **answer.why.params)
        return None
    if answer.account.role == Role.ADMIN and not settings.CENTER_ADMINS:
        raise Denied(N_("Administrators of the center may not sign in at this edge."))
    return _keep(answer.site_id, answer.account, password)


def _alone(user: User) -> User:
    """The account as long as it is good without the center; Denied afterwards."""
    if user.is_active and user.cached_until is not None and user.cached_until <= clock.now():
        until = timezone.localtime(user.cached_until)
        raise Denied(
            N_("The center cannot be asked, and without it this account was good until %(until)s."),
            code="cache_over",
            until=f"{until:%Y-%m-%d %H:%M %Z}",
        )
    return user


@transaction.atomic
def _keep(site_id: uuid.UUID, account: HomeAccount, password: str) -> User | None:
    """The copy of an account, made or brought up to date; None where a local one has the name."""
    tenant = account.tenant
    if tenant is not None and tenant.id is not None:
        adopt_tenant(
            tenant_id=tenant.id, name=tenant.name, description=tenant.description,
            origin=Origin.MEO,
        )
    named = User.objects.select_for_update().filter(username__iexact=account.username)
    if named.filter(home_site=None).exists():
        return None
    user = User.objects.select_for_update().filter(pk=account.id).first()
    if user is not None and user.home_site != site_id:
        return None  # ids are the center's to give, but not those of our own people
    named.exclude(pk=account.id).delete()
    new = user is None
    user = user or User(pk=account.id)
    user.username, user.role, user.home_site = account.username, account.role, site_id
    user.tenant_id = tenant.id if tenant else None
    user.cached_until = clock.now() + settings.ACCOUNT_CACHE
    # Another hash of the same password would end the sessions that stand.
    if new or not user.check_password(password):
        user.set_password(password)
    user.save(force_insert=new)
    journal.record(
        "tenants.user.cached", user, actor=SYSTEM, tenant_id=user.tenant_id, quiet=not new
    )
    return user


@transaction.atomic
def forget(user: User) -> None:
    """Drop the copy of an account: the center does not know it like this any more."""
    journal.record("tenants.user.removed", user, actor=SYSTEM, tenant_id=user.tenant_id)
    user.delete()


def forget_all(site_id: uuid.UUID) -> int:
    """Drop the copies of all accounts of a center that this site leaves."""
    users = list(User.objects.filter(home_site=site_id))
    for user in users:
        forget(user)
    return len(users)
