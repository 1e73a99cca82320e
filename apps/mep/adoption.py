"""Services between sites: what of a service travels, and the copy that a center keeps of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from apps.common.models import Origin, save_many
from apps.journal import services as journal
from apps.mep import locking
from apps.mep.models import Application, MecService
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant

_PLAIN = (
    "ser_name", "ser_version", "state", "serializer", "category", "category_key", "transport",
    "scope_of_locality", "consumed_local_only", "liveness_interval",
)
_TIMES = ("beat_at", "state_since")


def export(row: MecService) -> dict[str, Any]:
    """What travels of a service: the record and when it was heard of, and no credentials."""
    application = row.application
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        **{name: _text(getattr(row, name)) for name in _TIMES},
        "application": {
            "id": str(application.pk),
            "name": application.name,
            "tenant_id": str(application.tenant_id) if application.tenant_id else None,
        },
    }


@transaction.atomic
def take_over(*, site_id: uuid.UUID, told: Mapping[uuid.UUID, dict[str, Any]]) -> list[bool]:
    """Keep the copies of an edge's services, by id; False for each whose tenant is unknown here.

    An edge speaks for its own services only: what belongs to another is left alone.
    """
    asked = {one["application"]["tenant_id"] for one in told.values()} - {None, ""}
    tenants = set(map(str, Tenant.objects.filter(pk__in=asked).values_list("pk", flat=True)))
    known = {
        key: data
        for key, data in told.items()
        if not data["application"]["tenant_id"] or data["application"]["tenant_id"] in tenants
    }
    applications = _applications(site_id, [data["application"] for data in known.values()])
    rows = MecService.objects.select_for_update(of=("self",)).select_related("application")
    there = {row.pk: row for row in rows.filter(pk__in=known).order_by("pk")}
    taken = []
    for key, data in known.items():
        application = applications.get(data["application"]["id"])
        row = there.get(key)
        if application is None or (row and row.application.site_id != site_id):
            continue
        row = row or MecService(pk=key, origin=Origin.MEPM)
        row.application = application
        for name in _PLAIN:
            setattr(row, name, data[name])
        for name in _TIMES:
            setattr(row, name, parse_datetime(data[name]) if data[name] else None)
        taken.append(row)
    save_many(taken, fields=("application", *_PLAIN, *_TIMES))
    for row in taken:
        journal.record(
            "mep.service.observed", row, actor=SYSTEM, tenant_id=row.application.tenant_id,
            data={"site_id": str(site_id)}, quiet=True,
        )
    return [key in known for key in told]


def _applications(
    site_id: uuid.UUID, said: Iterable[dict[str, Any]]
) -> dict[str, Application]:
    """The applications of which an edge speaks as they are now, made where they are new.

    Without those that belong to another edge.
    """
    told = {one["id"]: one for one in said}
    rows = Application.objects.select_for_update().filter(pk__in=told).order_by("pk")
    found = {str(row.pk): row for row in rows}
    for key, one in told.items():
        tenant_id = uuid.UUID(one["tenant_id"]) if one["tenant_id"] else None
        row = found.get(key)
        if row is None:
            found[key] = Application.objects.create(
                pk=uuid.UUID(key), site_id=site_id, name=one["name"], tenant_id=tenant_id
            )
        elif row.site_id == site_id and (row.name, row.tenant_id) != (one["name"], tenant_id):
            row.name, row.tenant_id = one["name"], tenant_id
            row.save(update_fields=["name", "tenant"])
    return {key: row for key, row in found.items() if row.site_id == site_id}


@transaction.atomic
def note_gone(*, site_id: uuid.UUID, service_id: uuid.UUID) -> None:
    """Drop the copy of a service that its edge has removed, and of an application without any."""
    owners = Application.objects.filter(services=service_id, site_id=site_id)
    application = owners.select_for_update(of=("self",)).first()
    row = application and application.services.select_for_update().filter(pk=service_id).first()
    if application is None or row is None:
        return
    journal.record(
        "mep.service.forgotten", row, actor=SYSTEM, tenant_id=application.tenant_id,
        data={"site_id": str(site_id)}, quiet=True,
    )
    row.delete()
    if not application.services.exists():
        application.delete()


@transaction.atomic
def forget_site(*, site_id: uuid.UUID) -> int:
    """Drop every copy of an edge that is no longer followed."""
    rows = Application.objects.filter(site_id=site_id)
    locking.hold(rows)
    return rows.delete()[0]


def _text(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def copies(site_id: uuid.UUID) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
    """The services of an edge as they are known here, by id, in the words of ``export``."""
    rows = MecService.objects.select_related("application").filter(application__site_id=site_id)
    for row in rows:
        yield row.pk, export(row)


def comparable(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of an exported service both sites have: all but when it was heard of."""
    return {name: value for name, value in data.items() if name not in _TIMES}
