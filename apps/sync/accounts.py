"""Accounts of the center at an edge: the edge asks, the center answers."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Denied, DomainError, TooManyFailures, Unauthenticated, Upstream
from apps.common.words import Reason
from apps.hosts.models import AppLcm
from apps.sync import joining
from apps.sync.models import Invitation
from apps.tenants.cached import Answer, HomeAccount
from apps.tenants.models import User
from apps.tenants.roles import Role
from apps.tenants.sign_in import sign_in
from apps.tenants.specs import TenantSpec


def answer_to(edge: AppLcm, username: str, password: str) -> dict[str, Any]:
    """Whose name and password these are, for an edge; TooManyFailures after many wrong ones.

    Nobody's, or somebody whose tenant works elsewhere only, is no account.
    """
    try:
        user = sign_in(username=username, password=password, address=f"edge {edge.site_id}")
    except Unauthenticated:
        return {"account": None, "reason": None}
    except Denied as error:
        return {"account": None, "reason": error.reason.as_json()}
    if not _works_there(edge, user):
        why = Reason(N_("Your tenant does not work at this edge."), "tenant_elsewhere")
        return {"account": None, "reason": why.as_json()}
    tenant = user.tenant
    return {
        "account": {
            "id": str(user.pk),
            "username": user.username,
            "role": user.role,
            "tenant": {
                "id": str(tenant.pk), "name": tenant.name, "description": tenant.description,
            } if tenant else None,
        },
        "reason": None,
    }


def _works_there(edge: AppLcm, user: User) -> bool:
    rows = Invitation.objects.filter(edge=edge).exclude(used_at=None).order_by("-used_at")
    tenants = rows.values_list("tenants", flat=True).first()
    return user.tenant_id is None or not tenants or str(user.tenant_id) in tenants


def ask_center(username: str, password: str) -> Answer | None:
    """What the center says to a name and a password; None when this site has none to ask.

    Upstream when it cannot be asked, TooManyFailures when it has had enough of wrong ones.
    """
    center = joining.current()
    if center is None or not center.url:
        return None
    body = {"username": username, "password": password}
    try:
        said = joining.call(center, "POST", "/sync/v1/accounts", json=body).json()
        account = said["account"]
        return Answer(
            center.site_id, _account(account) if account else None, Reason.from_json(said["reason"])
        )
    except Upstream as error:
        if error.reason.params.get("status") == 429:
            text = N_("Too many wrong attempts; try again in five minutes.")
            raise TooManyFailures(text) from None
        raise
    except (DomainError, KeyError, TypeError, ValueError):
        raise Upstream(
            N_("What answers at %(where)s is not a center."), where=center.name,
            code="not_a_center",
        ) from None


def _account(data: dict[str, Any]) -> HomeAccount:
    tenant = data["tenant"]
    return HomeAccount(
        uuid.UUID(data["id"]),
        str(data["username"])[:150],
        Role(data["role"]),
        TenantSpec(str(tenant["name"])[:128], str(tenant["description"])[:256],
                   uuid.UUID(tenant["id"])) if tenant else None,
    )
