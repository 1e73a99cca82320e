"""How much a tenant may have of each kind of thing, counted under a lock on the tenant's row."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.words import Reason
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.models import Quota, Tenant
from apps.tenants.policies import may, require


@dataclass(frozen=True, slots=True)
class Use:
    """A limit and how much of it is used."""

    kind: str
    limit: int
    used: int

    @property
    def full(self) -> bool:
        """Whether nothing more fits."""
        return self.used >= self.limit


class LimitReached(Conflict):
    """A tenant has all that it may have; tells the limit, the use and who can raise it."""

    default_code = "limit"

    def __init__(self, use: Use, tenant_id: uuid.UUID) -> None:
        super().__init__(
            N_(
                "The limit of %(limit)s is reached (%(used)s in use); "
                "an administrator can raise it."
            ),
            message="Max record limit exceeded",
            limit=use.limit,
            used=use.used,
            extra={
                "kind": use.kind,
                "limit": use.limit,
                "used": use.used,
                "raised_by": f"PUT /tenants/v1/tenants/{tenant_id}/quotas",
            },
        )


def kinds() -> list[str]:
    """The kinds of things that are counted per tenant."""
    return list(settings.COUNTED_PER_TENANT)


def limit_for(tenant_id: uuid.UUID, kind: str) -> int:
    """How much of ``kind`` the tenant may have: its own quota, else that of the site."""
    own = Quota.objects.filter(tenant_id=tenant_id, kind=kind).values_list("limit", flat=True)
    found = own.first()
    return usual_limit(kind) if found is None else found


def usual_limit(kind: str) -> int:
    """What a tenant may have of ``kind`` unless it has a quota of its own."""
    return int(settings.LIMITS[f"{kind}_per_tenant"])


def used_by(tenant_id: uuid.UUID, kind: str) -> int:
    """How much of ``kind`` the tenant has just now."""
    model = apps.get_model(settings.COUNTED_PER_TENANT[kind])
    return int(model._default_manager.filter(tenant_id=tenant_id).count())


def use_of(tenant_id: uuid.UUID) -> list[Use]:
    """Limit and use of every kind."""
    own = dict(Quota.objects.filter(tenant_id=tenant_id).values_list("kind", "limit"))
    return [
        Use(kind, own.get(kind, usual_limit(kind)), used_by(tenant_id, kind)) for kind in kinds()
    ]


def hold(
    tenant_id: uuid.UUID, kind: str, *, adding: int = 1, actor: Actor | None = None
) -> Use:
    """Make sure that ``adding`` more of ``kind`` fit; LimitReached when they do not.

    What an ``actor`` of a center orders was counted there, by the quota that the tenant has there;
    the edge knows nothing of it, and does not refuse it a second time.

    Locks the tenant's row until the transaction ends, so whoever adds to one tenant takes turns;
    must be called inside the transaction that adds.  Invalid for a tenant that does not exist.
    """
    if not _locked(tenant_id):
        reason = Reason(N_("there is no such tenant"))
        raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason})
    use = Use(kind, limit_for(tenant_id, kind), used_by(tenant_id, kind))
    counted_elsewhere = actor is not None and actor.site_id is not None
    if adding > 0 and not counted_elsewhere and use.used + adding > use.limit:
        raise LimitReached(use, tenant_id)
    return use


@transaction.atomic
def set_limits(*, actor: Actor, tenant_id: uuid.UUID, limits: Mapping[str, int | None]) -> Tenant:
    """Give a tenant quotas of its own; None goes back to the site's.  What it has already stays."""
    require(may(actor, "users.write"))
    tenant = Tenant.objects.select_for_update(of=("self",)).filter(pk=tenant_id).first()
    if tenant is None:
        raise NotFound(N_("There is no such tenant."), message="Record not found")
    before = {use.kind: use.limit for use in use_of(tenant_id)}
    for kind, limit in limits.items():
        if limit is None:
            Quota.objects.filter(tenant=tenant, kind=kind).delete()
        else:
            Quota.objects.update_or_create(tenant=tenant, kind=kind, defaults={"limit": limit})
    after = {use.kind: use.limit for use in use_of(tenant_id)}
    changed = {kind: after[kind] for kind in after if after[kind] != before[kind]}
    if changed:
        tenant.save()
        journal.record(
            "tenants.tenant.quotas_changed",
            tenant,
            actor=actor,
            tenant_id=tenant.pk,
            data={"limits": changed},
        )
    return tenant


def _locked(tenant_id: uuid.UUID) -> bool:
    """Whether there is such a tenant; its row is held, and may still be referred to by others."""
    rows = Tenant.objects.select_for_update(no_key=True).filter(pk=tenant_id)
    return rows.values_list("pk").first() is not None
