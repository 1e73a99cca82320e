"""Which tenants may use a host that is not open to all: the only writer of these grants."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid, NotFound
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.hosts.policies import may_configure
from apps.hosts.selectors import DEPLOY
from apps.journal import services as journal
from apps.tenants import grants
from apps.tenants.actors import Actor
from apps.tenants.models import Tenant
from apps.tenants.policies import require


@transaction.atomic
def share_host(*, actor: Actor, host_id: uuid.UUID, tenant_ids: Iterable[uuid.UUID]) -> MecHost:
    """Let exactly these tenants use a host; Invalid names one that does not exist.

    What they have on it already stays.  While the host is open to all, the choice waits.
    """
    require(may_configure(actor))
    host = MecHost.objects.select_for_update().filter(pk=host_id).first()
    if host is None:
        raise NotFound(N_("There is no such host."), message="Record not found")
    wanted = _tenants(set(tenant_ids))
    present = {tenant.pk: tenant for tenant in grants.tenants_of(DEPLOY, host)}
    given = [tenant for key, tenant in wanted.items() if key not in present]
    taken = [tenant for key, tenant in present.items() if key not in wanted]
    grant(host, given)
    for tenant in taken:
        grants.take(tenant, DEPLOY, host)
    if given or taken:
        host.save()
        data = {
            "given": [tenant.name for tenant in given],
            "taken": [tenant.name for tenant in taken],
        }
        journal.record("hosts.host.shared", host, actor=actor, data=data)
    return host


def grant(host: MecHost, tenants: Iterable[Tenant]) -> None:
    """Let these tenants use a host as well."""
    for tenant in tenants:
        grants.give(tenant, DEPLOY, host)


def _tenants(asked: set[uuid.UUID]) -> dict[uuid.UUID, Tenant]:
    found = {
        tenant.pk: tenant for tenant in Tenant.objects.select_related("group").filter(pk__in=asked)
    }
    for key in asked - found.keys():
        reason = Reason(N_("there is no tenant %(id)s"), params={"id": str(key)})
        raise Invalid(N_("The request is not valid."), fields={"tenant_ids": reason})
    return found
