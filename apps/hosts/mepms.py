"""The only writers of MEPMs: an AppLCM and a rule manager at one address, registered as a pair."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, NotFound
from apps.hosts import managers
from apps.hosts.limits import make_room, take_turns
from apps.hosts.models import AppLcm, AppRuleManager
from apps.hosts.policies import may_configure
from apps.hosts.selectors import mepms
from apps.hosts.specs import ManagerSpec
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.policies import require

# Which of the two a type variable stands for is not known here.
PAIR: tuple[type[Any], ...] = (AppLcm, AppRuleManager)


@transaction.atomic
def register(*, actor: Actor, spec: ManagerSpec) -> None:
    """Take both into the inventory, or none; Invalid when either is there already."""
    for model in PAIR:
        managers.register(model, actor=actor, spec=spec)


@transaction.atomic
def update(*, actor: Actor, ip: str, spec: ManagerSpec) -> None:
    """Replace name, port and user of both."""
    require(may_configure(actor))
    row = access(ip)
    for model in PAIR:
        managers.update(model, actor=actor, ip=row.ip, spec=spec)


@transaction.atomic
def remove(*, actor: Actor, ip: str) -> None:
    """Remove both, or none; Conflict names the hosts that still use one."""
    require(may_configure(actor))
    row = access(ip)
    for model in PAIR:
        managers.remove(model, actor=actor, ip=row.ip)


@transaction.atomic
def remove_all(*, actor: Actor) -> None:
    """Remove every pair or, when one is still used, none."""
    require(may_configure(actor))
    for ip in list(mepms().order_by("pk").values_list("ip", flat=True)):
        remove(actor=actor, ip=ip)


def access(ip: str) -> AppLcm:
    """The AppLCM of a pair, or NotFound; the rule manager has the same address."""
    managers.access(AppRuleManager, ip)
    return managers.access(AppLcm, ip)


@transaction.atomic
def take_in(
    *,
    actor: Actor,
    spec: ManagerSpec,
    site_id: uuid.UUID,
    opened_by: AppLcm.Opener,
    delegated: Sequence[str] = (),
) -> AppLcm:
    """Register both of a site that joins, or take over those registered under its identity, or
    under its address and never met.  One that was shut out is let in again.

    Conflict when the address is another site's.
    """
    require(may_configure(actor))
    for model in PAIR:
        take_turns(model)
    there = AppLcm.objects.select_for_update().filter(ip=spec.ip).first()
    row = AppLcm.objects.select_for_update().filter(site_id=site_id).first() or there
    if there is not None and (there != row or there.site_id not in (None, site_id)):
        raise Conflict(
            N_("%(ip)s is the address of “%(name)s”, which is another site."),
            code="address_of_another",
            ip=spec.ip,
            name=there.name,
        )
    known = row is not None
    was, row = (row.ip, row) if row else (spec.ip, AppLcm())
    rules = AppRuleManager.objects.select_for_update()
    _become(rules.filter(ip=spec.ip).first() or rules.filter(ip=was).first(), actor, spec)
    if not known:
        make_room(AppLcm)
    row.name, row.ip, row.port = spec.name, spec.ip, spec.port
    row.site_id, row.opened_by, row.revoked_at = site_id, opened_by, None
    row.delegated = list(delegated)
    row.save(force_insert=not known)
    journal.record(f"hosts.applcm.{'updated' if known else 'registered'}", row, actor=actor)
    return row


def _become(row: AppRuleManager | None, actor: Actor, spec: ManagerSpec) -> None:
    """The rule manager beside the AppLCM, where it now is."""
    if row is None:
        managers.register(AppRuleManager, actor=actor, spec=spec)
    elif (row.name, row.ip, row.port) != (spec.name, spec.ip, spec.port):
        row.name, row.ip, row.port = spec.name, spec.ip, spec.port
        row.save()
        journal.record("hosts.apprulemanager.updated", row, actor=actor)


@transaction.atomic
def shut_out(*, actor: Actor, applcm_id: uuid.UUID) -> AppLcm:
    """Have nothing to do with an edge any more; what it told stays.  Twice is the same."""
    require(may_configure(actor))
    row = AppLcm.objects.select_for_update().filter(pk=applcm_id).first()
    if row is None:
        raise NotFound(N_("There is no such edge."), message="Record not found")
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        row.channel_url = ""
        row.save()
        journal.record("hosts.applcm.revoked", row, actor=actor)
    return row
