"""Services between sites: what of a service travels, and the copy that a center keeps of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from apps.common.models import Origin
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
def take_over(*, site_id: uuid.UUID, service_id: uuid.UUID, data: dict[str, Any]) -> bool:
    """Keep the copy of an edge's service; False while its tenant is not known here.

    An edge speaks for its own services only: what belongs to another is left alone.
    """
    said = data["application"]
    tenant_id = uuid.UUID(said["tenant_id"]) if said["tenant_id"] else None
    if tenant_id is not None and not Tenant.objects.filter(pk=tenant_id).exists():
        return False
    key = uuid.UUID(said["id"])
    application, _ = Application.objects.select_for_update().get_or_create(
        pk=key, defaults={"site_id": site_id, "name": said["name"], "tenant_id": tenant_id}
    )
    rows = MecService.objects.select_for_update(of=("self",)).select_related("application")
    row = rows.filter(pk=service_id).first()
    if application.site_id != site_id or (row and row.application.site_id != site_id):
        return True
    if (application.name, application.tenant_id) != (said["name"], tenant_id):
        application.name, application.tenant_id = said["name"], tenant_id
        application.save(update_fields=["name", "tenant"])
    row = row or MecService(pk=service_id, origin=Origin.MEPM)
    row.application = application
    for name in _PLAIN:
        setattr(row, name, data[name])
    for name in _TIMES:
        setattr(row, name, parse_datetime(data[name]) if data[name] else None)
    row.save()
    journal.record(
        "mep.service.observed", row, actor=SYSTEM, tenant_id=tenant_id,
        data={"site_id": str(site_id)}, quiet=True,
    )
    return True


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
