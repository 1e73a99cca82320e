"""The only writers of services, apart from the two moves of liveness (``liveness.transitions``)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_noop as N_
from msgspec import UnsetType

from apps.common import clock
from apps.common.errors import Conflict, Invalid
from apps.common.models import next_version
from apps.common.rows import insert
from apps.common.words import Reason
from apps.journal import services as journal
from apps.journal.services import Actor
from apps.mep import transports
from apps.mep.access import unknown
from apps.mep.bodies import as_plain
from apps.mep.liveness import records
from apps.mep.liveness.book import book
from apps.mep.liveness.policy import granted_interval
from apps.mep.models import Application, MecService
from apps.mep.notify import outbox
from apps.mep.notify.matching import Happening
from apps.mep.states import SERVICE, Cause, Change, ServiceState
from apps.mep.types import ServiceInfo

_LOCK = "SELECT id FROM mep_application WHERE id = %s FOR UPDATE"
_COUNT = (
    "SELECT (SELECT COUNT(*) FROM mep_mecservice s WHERE s.application_id = a.id)"
    " FROM mep_application a WHERE a.id = %s"
)
# Who can raise the limit: whoever sets this in the site's environment.
RAISED_BY = "MECM_LIMIT_SERVICES_PER_APPLICATION"
_ATTRIBUTES = (
    "ser_name", "ser_version", "serializer", "category", "category_key", "transport",
    "scope_of_locality", "consumed_local_only", "liveness_interval",
)


@transaction.atomic
def register(*, actor: Actor, application: Application, info: ServiceInfo) -> MecService:
    """Add a service of an application; Conflict when it has as many as it may."""
    most = settings.LIMITS["services_per_application"]
    used = _count_locked(application)
    if used >= most:
        raise Conflict(
            N_("An application may register %(most)s services; remove one first."),
            code="limit",
            most=most,
            extra={"limit": most, "used": used, "raised_by": RAISED_BY},
        )
    row = MecService(application=application, state=info.state, **_columns(info))
    SERVICE.move("", f"register_{info.state.lower()}")
    row.version = next_version()
    insert(row)
    _announce("registered", row, actor, Change.ADDED, Cause.REGISTERED)
    return row


@transaction.atomic
def update(
    *,
    actor: Actor,
    application: Application,
    service: MecService,
    info: ServiceInfo,
    match: Callable[[MecService], None] = lambda row: None,
) -> MecService:
    """Put another representation in the place of a service's; tells what kind of change it was.

    The heartbeat's time begins anew where the service becomes ACTIVE.  ``match`` raises where the
    row, which nobody else can change now, is not the one that the caller means.
    """
    row = _locked(application, service)
    match(row)
    before = {name: getattr(row, name) for name in _ATTRIBUTES}
    after = _columns(info)
    state = SERVICE.move(row.state, f"put_{info.state.lower()}")
    changed = [name for name in _ATTRIBUTES if before[name] != after[name]]
    if not changed and state == row.state:
        return row
    for name in changed:
        setattr(row, name, after[name])
    if "liveness_interval" in changed:
        row.liveness_told = False
    if state != row.state:
        row.state_since = clock.now()
        if state == ServiceState.ACTIVE:
            row.beat_at = clock.now()
    row.state = ServiceState(state)
    row.save()
    change = Change.ATTRIBUTES_CHANGED if changed else Change.STATE_CHANGED
    _announce("updated", row, actor, change, Cause.UPDATED)
    return row


@transaction.atomic
def remove(
    *,
    actor: Actor,
    application: Application,
    service: MecService,
    match: Callable[[MecService], None] = lambda row: None,
) -> None:
    """Take a service out of the register; its liveness address is gone with it.

    ``match`` is as for ``update``.
    """
    row = _locked(application, service)
    match(row)
    _bury([row], actor, application, Cause.REMOVED)


def remove_all(*, actor: Actor, application: Application, cause: Cause) -> None:
    """Take out all services of an application, whose row the caller has locked."""
    rows = application.services.select_for_update().order_by("pk")
    _bury(list(rows), actor, application, cause)


def touch_all(*, application: Application) -> None:
    """Give the services of a locked application a new version: what they say of it has changed."""
    for row in application.services.select_for_update().order_by("pk"):
        row.save()
        transaction.on_commit(partial(records.follow, row))


def _bury(
    rows: Sequence[MecService], actor: Actor, application: Application, cause: Cause
) -> None:
    gone, versions = [], {}
    for row in rows:
        key = row.pk
        state, row.state = str(row.state), ServiceState.INACTIVE
        gone.append(Happening.of(row, Change.REMOVED, cause, asked_state=state))
        journal.bury("mep.service.removed", row, actor=actor, tenant_id=application.tenant_id)
        versions[key] = row.version
    if not gone:
        return
    # All at once and after the versions: subscriptions are locked after those, and in order.
    outbox.put(gone)
    transaction.on_commit(lambda: _forget(versions))


def _forget(versions: dict[uuid.UUID, int]) -> None:
    for key, version in versions.items():
        book.remove(key, version)


def _announce(verb: str, row: MecService, actor: Actor, change: Change, cause: Cause) -> None:
    outbox.put([Happening.of(row, change, cause)])
    journal.record(
        f"mep.service.{verb}",
        row,
        actor=actor,
        tenant_id=row.application.tenant_id,
        data={"state": str(row.state)},
    )
    transaction.on_commit(lambda: records.follow(row))


def _columns(info: ServiceInfo) -> dict[str, Any]:
    """The columns that a representation sets; the transport is always resolved."""
    category = as_plain(info.serCategory) if info.serCategory else None
    return {
        "ser_name": info.serName,
        "ser_version": info.version,
        "serializer": info.serializer,
        "category": category,
        "category_key": category["id"] if category else "",
        "transport": _transport(info),
        "scope_of_locality": info.scopeOfLocality,
        "consumed_local_only": info.consumedLocalOnly,
        "liveness_interval": granted_interval(_given(info.livenessInterval)),
    }


def _transport(info: ServiceInfo) -> dict[str, Any]:
    if not isinstance(info.transportInfo, UnsetType):
        plain: dict[str, Any] = as_plain(info.transportInfo)
        return plain
    found = transports.offered(str(info.transportId))
    if found is None:
        reason = Reason(N_("is not the id of a transport that the platform offers"), "unknown")
        raise Invalid(N_("The request is not valid."), fields={"transportId": reason})
    return found


def _given(value: int | UnsetType) -> int | None:
    return None if isinstance(value, UnsetType) else value


def _count_locked(application: Application) -> int:
    """How many services the application has, and nobody else adds one until the commit."""
    key = Application._meta.pk.get_db_prep_save(application.pk, connection)
    with connection.cursor() as cursor:
        if connection.features.has_select_for_update:
            # A statement of its own: what one counts is as it was before that one had to wait.
            cursor.execute(_LOCK, [key])
        cursor.execute(_COUNT, [key])
        row = cursor.fetchone()
    if row is None:
        raise unknown(N_("There is no such application instance."))
    return int(row[0])


def _locked(application: Application, service: MecService) -> MecService:
    rows = MecService.objects.select_for_update(of=("self",)).select_related("application")
    row = rows.filter(pk=service.pk, application=application).first()
    if row is None:
        raise unknown(N_("There is no such service."))
    return row

