"""The applications of a host as the inventory shows them: told by clients, or run from here.

Both are read where they live; nothing of an instance is copied.  What clients tell is kept in the
inventory (``apps.hosts.records``); an instance is changed by orders, and so refused here.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.common.lookups import Holds
from apps.hosts import records
from apps.hosts.models import AppRecord, MecHost
from apps.hosts.specs import RecordSpec
from apps.instances.models import AppInstance
from apps.instances.selectors import instances_for
from apps.tenants import quotas
from apps.tenants.actors import Actor

Application = AppRecord | AppInstance
RECORD, INSTANCE = "record", "instance"


def records_for(actor: Actor) -> QuerySet[AppRecord]:
    """The records that an actor may see."""
    rows = AppRecord.objects.all()
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def names_on(
    actor: Actor, host: MecHost, *, tenant_id: uuid.UUID | None, capability: str = ""
) -> QuerySet[Any]:
    """Name, key and kind of every application on a host that the actor may see, by name.

    With ``capability`` only those that ask for exactly this one.
    """
    wanted: dict[str, Any] = {"host": host}
    if tenant_id is not None:
        wanted["tenant_id"] = tenant_id
    if capability:
        wanted[f"capabilities__{Holds.lookup_name}"] = capability
    parts = [
        rows.filter(**wanted)
        .order_by()
        .annotate(called=F("app_name"), key=F("pk"), kind=Value(kind))
        .values_list("called", "key", "kind")
        for rows, kind in ((records_for(actor), RECORD), (instances_for(actor), INSTANCE))
    ]
    return parts[0].union(parts[1], all=True).order_by("called", "key")


def read(names: list[tuple[str, uuid.UUID, str]]) -> list[Application]:
    """The applications of a part of ``names_on``, in its order, in two queries."""
    keys = {
        kind: [key for _, key, of in names if of == kind] for kind in (RECORD, INSTANCE)
    }
    found: dict[uuid.UUID, Application] = {}
    found.update(AppRecord.objects.in_bulk(keys[RECORD]))
    instances = AppInstance.objects.select_related("package").filter(pk__in=keys[INSTANCE])
    found.update({row.pk: row for row in instances})
    return [found[key] for _, key, _ in names if key in found]


def access_application(
    actor: Actor, host: MecHost, app_instance_id: uuid.UUID, *, tenant_id: uuid.UUID | None
) -> Application:
    """One application on a host, or NotFound."""
    told = records_for(actor).filter(host=host, app_instance_id=app_instance_id)
    run = instances_for(actor).select_related("package").filter(host=host, pk=app_instance_id)
    if tenant_id is not None:
        told, run = told.filter(tenant_id=tenant_id), run.filter(tenant_id=tenant_id)
    found: Application | None = told.first() or run.first()
    if found is None:
        raise records.not_found(app_instance_id)
    return found


@transaction.atomic
def tell(
    *, actor: Actor, tenant_id: uuid.UUID, host_id: uuid.UUID, spec: RecordSpec
) -> AppRecord:
    """Keep what a client tells; Invalid for an id that the tenant has already, here or told."""
    quotas.hold(tenant_id, "applications", adding=0)
    if AppInstance.objects.filter(tenant_id=tenant_id, pk=spec.app_instance_id).exists():
        raise records.exists_already(spec.app_instance_id)
    return records.register(actor=actor, tenant_id=tenant_id, host_id=host_id, spec=spec)


def own_record(application: Application) -> AppRecord:
    """The record, if it is one; Conflict for an instance, which only orders change."""
    if isinstance(application, AppRecord):
        return application
    raise Conflict(
        N_("“%(name)s” is run from here: order its changes from the orchestrator."),
        code="run_from_here",
        name=application.app_name,
    )
