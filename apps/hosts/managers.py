"""The only writers of AppLCMs and AppRuleManagers, which have the same life."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.fields import is_address
from apps.common.words import Reason
from apps.hosts.limits import make_room, take_turns
from apps.hosts.models import AppLcm, AppRuleManager, AppStore
from apps.hosts.policies import may_configure
from apps.hosts.specs import ManagerSpec
from apps.journal import services as journal
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.policies import require

M = TypeVar("M", AppLcm, AppRuleManager)
Addressed = TypeVar("Addressed", AppLcm, AppRuleManager, AppStore)


@transaction.atomic
def register(model: type[M], *, actor: Actor, spec: ManagerSpec) -> M:
    """Take a manager into the inventory; Invalid when its address is known already."""
    require(may_configure(actor))
    take_turns(model)
    if model.objects.filter(ip=spec.ip).exists():
        raise Invalid(
            N_("%(ip)s is registered already."),
            code="duplicate",
            ip=spec.ip,
            message="Record already exist",
            details=["Record already exist"],
        )
    make_room(model)
    row = model(name=spec.name, ip=spec.ip, port=spec.port, user_name=spec.user_name)
    row.save(force_insert=True)
    journal.record(f"hosts.{model._meta.model_name}.registered", row, actor=actor)
    return row


@transaction.atomic
def update(model: type[M], *, actor: Actor, ip: str, spec: ManagerSpec) -> M:
    """Replace the name and port of a manager; its address stays."""
    require(may_configure(actor))
    row = access(model, ip, lock=True)
    if spec.ip != row.ip:
        raise Invalid(
            N_("The request is not valid."),
            fields={"ip": Reason(N_("must be the address in the URL"))},
            message="Illegal argument",
            details=["IP in body and url is different"],
        )
    if (row.name, row.port, row.user_name) != (spec.name, spec.port, spec.user_name):
        row.name, row.port, row.user_name = spec.name, spec.port, spec.user_name
        row.reachable = None
        row.save()
        journal.record(f"hosts.{model._meta.model_name}.updated", row, actor=actor)
    return row


@transaction.atomic
def remove(model: type[M], *, actor: Actor, ip: str) -> None:
    """Remove a manager; Conflict names the hosts that still use it."""
    require(may_configure(actor))
    row = access(model, ip, lock=True)
    try:
        with transaction.atomic():
            journal.bury(f"hosts.{model._meta.model_name}.removed", row, actor=actor)
    except ProtectedError as error:
        names = ", ".join(sorted(str(host) for host in error.protected_objects)[:5])
        raise Conflict(
            N_("“%(name)s” is still used by: %(users)s."), code="in_use", name=row.name, users=names
        ) from None


@transaction.atomic
def remove_all(model: type[M], *, actor: Actor) -> None:
    """Remove every manager of a kind or, when one is still used, none."""
    for ip in model.objects.values_list("ip", flat=True):
        remove(model, actor=actor, ip=ip)


def access(model: type[Addressed], ip: str, *, lock: bool = False) -> Addressed:
    """One manager or store by address, or NotFound."""
    rows: Any = model.objects.select_for_update() if lock else model.objects
    row: Addressed | None = rows.filter(ip=ip).first() if is_address(ip) else None
    if row is None:
        raise NotFound(
            N_("Nothing is registered under %(ip)s."),
            ip=ip,
            message="Record not found",
            details=["Record not found"],
        )
    return row


@transaction.atomic
def note_contact(
    model: type[M], *, manager_id: uuid.UUID, fault: Reason | None, at: datetime | None = None
) -> None:
    """Store whether a manager answered; a change is announced, the same answer again is not."""
    row = model.objects.select_for_update().filter(pk=manager_id).first()
    if row is None:
        return
    moment = at or clock.now()
    answered = fault is None
    if answered:
        row.last_seen = moment
    if row.reachable is answered:
        model.objects.filter(pk=row.pk).update(last_seen=row.last_seen)
        return
    row.reachable, row.since = answered, moment
    row.fault = fault.as_json() if fault else {}
    row.save()
    verb = f"hosts.{model._meta.model_name}.{'reachable' if answered else 'unreachable'}"
    journal.record(verb, row, actor=SYSTEM)


@transaction.atomic
def note_identity(*, applcm_id: uuid.UUID, site_id: uuid.UUID) -> None:
    """Pin the identity that an edge showed at first contact; another one later is a Conflict."""
    row = AppLcm.objects.select_for_update().get(pk=applcm_id)
    if row.site_id == site_id:
        return
    if row.site_id is not None:
        raise Conflict(
            N_("Another site answers at %(ip)s than the one that was registered."),
            ip=row.ip,
            code="identity_changed",
        )
    row.site_id = site_id
    row.cursor = 0
    row.save()


@transaction.atomic
def let_edge_dial(*, actor: Actor, ip: str, site_id: uuid.UUID) -> None:
    """From now on the edge of that identity opens the link, and the center waits for it."""
    require(may_configure(actor))
    note_identity(applcm_id=access(AppLcm, ip).pk, site_id=site_id)
    row = access(AppLcm, ip, lock=True)
    if not row.dials_in:
        row.opened_by = AppLcm.Opener.EDGE
        row.save()
        journal.record("hosts.applcm.updated", row, actor=actor)


def note_channel(*, applcm_id: uuid.UUID, url: str) -> None:
    """The edge has dialled in; it is reached through the process at ``url`` now."""
    AppLcm.objects.filter(pk=applcm_id).update(channel_url=url)


def drop_channel(*, applcm_id: uuid.UUID, url: str) -> bool:
    """The edge is not reached at ``url`` any more; whether it was until now."""
    return bool(AppLcm.objects.filter(pk=applcm_id, channel_url=url).update(channel_url=""))


def drop_channels() -> int:
    """Nobody has dialled in: the only process of this center starts just now."""
    return AppLcm.objects.exclude(channel_url="").update(channel_url="")
