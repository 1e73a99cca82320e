"""The only writers of application records: applications that clients tell of."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid, NotFound
from apps.common.words import Reason
from apps.hosts.models import AppRecord
from apps.hosts.policies import may_record
from apps.hosts.specs import RecordSpec
from apps.journal import services as journal
from apps.tenants import quotas
from apps.tenants.actors import Actor
from apps.tenants.policies import require


@transaction.atomic
def register(
    *, actor: Actor, tenant_id: uuid.UUID, host_id: uuid.UUID, spec: RecordSpec
) -> AppRecord:
    """Keep a record; Invalid for an id that the tenant has already, LimitReached when it is full."""
    require(may_record(actor))
    quotas.hold(tenant_id, "applications", adding=0)
    known = AppRecord.objects.filter(tenant_id=tenant_id, app_instance_id=spec.app_instance_id)
    if known.exists():
        raise exists_already(spec.app_instance_id)
    quotas.hold(tenant_id, "applications")
    row = AppRecord(
        tenant_id=tenant_id,
        host_id=host_id,
        app_instance_id=spec.app_instance_id,
        app_name=spec.app_name,
        package_id=spec.package_id,
        status=spec.status,
        capabilities=list(spec.capabilities or ()),
    )
    row.save(force_insert=True)
    journal.record("hosts.apprecord.registered", row, actor=actor, tenant_id=tenant_id)
    return row


@transaction.atomic
def update(
    *,
    actor: Actor,
    tenant_id: uuid.UUID,
    host_id: uuid.UUID,
    app_instance_id: uuid.UUID,
    spec: RecordSpec,
) -> AppRecord:
    """Replace what is told of an application; capabilities that are not said stay."""
    require(may_record(actor))
    row = access(tenant_id, host_id, app_instance_id, lock=True)
    if spec.app_instance_id != app_instance_id:
        raise Invalid(
            N_("The request is not valid."),
            fields={"appInstanceId": Reason(N_("must be the one in the URL"))},
            message="Illegal argument",
            details=["app instance id in body and url is different"],
        )
    before = {name: getattr(row, name) for name in AppRecord.DESIRED}
    row.app_name, row.package_id, row.status = spec.app_name, spec.package_id, spec.status
    if spec.capabilities is not None:
        row.capabilities = list(spec.capabilities)
    changed = sorted(name for name in before if before[name] != getattr(row, name))
    if changed:
        row.save()
        data = {"changed": changed}
        journal.record("hosts.apprecord.updated", row, actor=actor, tenant_id=tenant_id, data=data)
    return row


@transaction.atomic
def remove(
    *, actor: Actor, tenant_id: uuid.UUID, host_id: uuid.UUID, app_instance_id: uuid.UUID
) -> None:
    """Forget a record; the place that it took is free again."""
    require(may_record(actor))
    row = access(tenant_id, host_id, app_instance_id, lock=True)
    journal.bury("hosts.apprecord.removed", row, actor=actor, tenant_id=tenant_id)


def access(
    tenant_id: uuid.UUID, host_id: uuid.UUID, app_instance_id: uuid.UUID, *, lock: bool = False
) -> AppRecord:
    """One record of a tenant on a host, or NotFound."""
    rows = AppRecord.objects.select_for_update() if lock else AppRecord.objects.all()
    row = rows.filter(
        tenant_id=tenant_id, host_id=host_id, app_instance_id=app_instance_id
    ).first()
    if row is None:
        raise not_found(app_instance_id)
    return row


def exists_already(app_instance_id: uuid.UUID) -> Invalid:
    """The refusal of an id that the tenant has already."""
    return Invalid(
        N_("The application %(id)s is known already."),
        code="duplicate",
        id=str(app_instance_id),
        message="Record already exist",
        details=["Record already exist"],
    )


def not_found(app_instance_id: uuid.UUID) -> NotFound:
    """The one answer for an application that is not there, or not for this asker."""
    return NotFound(
        N_("There is no application %(id)s on this host."),
        id=str(app_instance_id),
        message="Record not found",
        details=["Record not found"],
    )
