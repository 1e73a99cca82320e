"""The only writers of application instances and their credentials."""

from __future__ import annotations

import base64
import re
import secrets
import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.journal import services as journal
from apps.journal.services import Actor
from apps.mep import grants, register
from apps.mep.liveness.book import book
from apps.mep.models import Application, ConfigTask, Credential, new_stamp
from apps.mep.states import Cause

ACCESS_KEY = re.compile(r"[A-Za-z0-9_=+/]{20}")
SECRET_KEY = re.compile(r"[A-Za-z0-9_=+/]{64}")


@transaction.atomic
def ensure(
    *,
    actor: Actor,
    application_id: uuid.UUID,
    name: str = "",
    tenant_id: uuid.UUID | None = None,
) -> Application:
    """The application instance of that id, made when the platform does not know it yet."""
    row, made = Application.objects.select_for_update().get_or_create(
        pk=application_id, defaults={"name": name[:128], "tenant_id": tenant_id}
    )
    if made:
        journal.record("mep.application.registered", row, actor=actor, tenant_id=tenant_id)
    elif name and row.name != name[:128]:
        row.name = name[:128]
        row.save(update_fields=["name"])
        transaction.on_commit(lambda: grants.revoke(application_id))
    return row


def new_pair() -> tuple[str, str]:
    """An AK and an SK that nobody else has."""
    access, secret = (
        base64.b64encode(secrets.token_bytes(size)).decode() for size in (15, 48)
    )
    return access, secret


@transaction.atomic
def configure(
    *,
    actor: Actor,
    application: Application,
    access_key: str,
    secret_key: str,
    required_services: list[str],
) -> Credential:
    """Give an application its AK/SK; tokens made with an earlier pair end.

    Invalid for keys of another form, and for an AK that another application has.
    """
    _check_form(access_key, secret_key)
    taken = Credential.objects.filter(access_key=access_key).exclude(application=application)
    if taken.exists():
        raise _wrong("accessKeyId", N_("belongs to another application instance"))
    row, _ = Credential.objects.update_or_create(
        application=application,
        defaults={
            "access_key": access_key,
            "secret_key": secret_key,
            "required_services": required_services,
        },
    )
    _restamp(application)
    journal.record(
        "mep.application.credentials_stored",
        application,
        actor=actor,
        tenant_id=application.tenant_id,
    )
    return row


@transaction.atomic
def remove_credentials(*, actor: Actor, application: Application) -> bool:
    """Take an application's AK/SK away, and its tokens with it; False when it had none."""
    gone, _ = Credential.objects.filter(application=application).delete()
    _restamp(application)
    if gone:
        journal.record(
            "mep.application.credentials_removed",
            application,
            actor=actor,
            tenant_id=application.tenant_id,
        )
    return bool(gone)


@transaction.atomic
def save_registration(*, actor: Actor, application: Application, info: dict[str, Any]) -> None:
    """Keep the AppInfo with which an application registered itself (MEC 011 v3)."""
    application.info, application.registered = info, True
    application.name = str(info.get("appName", ""))[:128]
    application.save(update_fields=["info", "registered", "name"])
    transaction.on_commit(lambda: grants.revoke(application.pk))
    journal.record(
        "mep.application.updated", application, actor=actor, tenant_id=application.tenant_id
    )


@transaction.atomic
def remove(*, actor: Actor, application_id: uuid.UUID) -> bool:
    """Remove an application with its services, subscriptions, rules, keys and tokens.

    Whoever subscribed to its services is told; False when there is no such application.
    """
    row = Application.objects.select_for_update().filter(pk=application_id).first()
    if row is None:
        return False
    for service in list(row.services.all()):
        register.remove(actor=actor, application=row, service=service, cause=Cause.TERMINATED)
    ConfigTask.objects.filter(application_id=row.pk).delete()
    journal.record("mep.application.removed", row, actor=actor, tenant_id=row.tenant_id)
    row.delete()
    transaction.on_commit(lambda: _forget(application_id))
    return True


def _forget(application_id: uuid.UUID) -> None:
    grants.revoke(application_id)
    book.forget_producer(application_id)


def _restamp(application: Application) -> None:
    application.stamp = new_stamp()
    application.save(update_fields=["stamp"])
    transaction.on_commit(lambda: grants.revoke(application.pk))


def _check_form(access_key: str, secret_key: str) -> None:
    if not ACCESS_KEY.fullmatch(access_key):
        raise _wrong("accessKeyId", N_("must be 20 characters of A-Z, a-z, 0-9, _, =, + and /"))
    if not SECRET_KEY.fullmatch(secret_key):
        raise _wrong("secretKey", N_("must be 64 characters of A-Z, a-z, 0-9, _, =, + and /"))


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(
        N_("The request is not valid."),
        fields={f"authInfo.credentials.{field}": Reason(text, "invalid")},
    )
