"""The only writers of application instances and their credentials."""

from __future__ import annotations

import base64
import re
import secrets
import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, Invalid, Locked, NotFound
from apps.common.words import Reason
from apps.journal import services as journal
from apps.journal.services import Actor
from apps.mep import grants, locking, register
from apps.mep.access import unknown
from apps.mep.liveness.book import book
from apps.mep.models import Application, ConfigTask, Credential, new_stamp
from apps.mep.states import Cause

ACCESS_KEY = re.compile(r"[A-Za-z0-9_=+/]{20}")
TRIES = 5
SECRET_KEY = re.compile(r"[A-Za-z0-9_=+/]{64}")


@transaction.atomic
def ensure(
    *,
    actor: Actor,
    application_id: uuid.UUID,
    name: str = "",
    tenant_id: uuid.UUID | None = None,
    by_itself: bool = False,
) -> Application:
    """The application instance of that id, made when the platform does not know it yet.

    One that nobody's tenant has yet gets ``tenant_id``.  Conflict where it is another tenant's or
    another site's: an id that is known is taken over by nobody.  ``by_itself`` says that it is the
    application that asks, and not management.
    """
    name = name[:128]
    row, made = _found_or_made(
        application_id, {"name": name, "tenant_id": tenant_id, "by_itself": by_itself}
    )
    if made:
        journal.record("mep.application.registered", row, actor=actor, tenant_id=tenant_id)
        return row
    if row.site_id is not None or (tenant_id and row.tenant_id not in (None, tenant_id)):
        raise Conflict(N_("This id is that of another application instance."), code="id_taken")
    new_tenant = bool(tenant_id) and row.tenant_id is None
    before = row.name, row.tenant_id, row.by_itself
    row.name = name or row.name
    row.tenant_id = tenant_id or row.tenant_id
    row.by_itself = row.by_itself and by_itself
    if before != (row.name, row.tenant_id, row.by_itself):
        row.save(update_fields=["name", "tenant", "by_itself"])
        transaction.on_commit(lambda: grants.revoke(application_id))
    if new_tenant:
        journal.record("mep.application.updated", row, actor=actor, tenant_id=tenant_id)
        register.touch_all(application=row)
    return row


def _found_or_made(
    application_id: uuid.UUID, fields: dict[str, Any]
) -> tuple[Application, bool]:
    """The locked row, and whether it is new; others may make and remove it at the same time."""
    rows = Application.objects.select_for_update()
    for _ in range(TRIES):
        try:
            return rows.get_or_create(pk=application_id, defaults=fields)
        except IntegrityError:  # made by another, and removed before it could be looked at
            continue
    raise Locked(N_("This application instance is made and removed just now; try again."))


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
    application = locking.application(application.pk)
    pair = {"access_key": access_key, "secret_key": secret_key}
    try:
        with transaction.atomic():
            row, _ = Credential.objects.update_or_create(
                application=application, defaults={**pair, "required_services": required_services}
            )
    except IntegrityError:
        raise _wrong("accessKeyId", N_("belongs to another application instance")) from None
    _restamp(application)
    journal.record(
        "mep.application.credentials_stored",
        application,
        actor=actor,
        tenant_id=application.tenant_id,
    )
    return row


@transaction.atomic
def ensure_pair(
    *, actor: Actor, application: Application, required_services: list[str]
) -> tuple[str, str]:
    """The AK and SK of an application, made when it has none: then it can ask for tokens."""
    known = Credential.objects.filter(application=application).first()
    if known is not None:
        return known.access_key, known.secret_key.reveal()
    access_key, secret_key = new_pair()
    configure(
        actor=actor,
        application=application,
        access_key=access_key,
        secret_key=secret_key,
        required_services=required_services,
    )
    return access_key, secret_key


@transaction.atomic
def remove_credentials(*, actor: Actor, application: Application) -> bool:
    """Take an application's AK/SK away, and its tokens with it; False when it had none."""
    application = locking.application(application.pk)
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
def save_registration(
    *, actor: Actor, application: Application, info: dict[str, Any]
) -> Application:
    """Keep the AppInfo with which an application registered itself (MEC 011 v3)."""
    # Not the caller's object: that may be the one which goes with a remembered token.
    application = locking.application(application.pk)
    application.info, application.registered = info, True
    application.name = str(info.get("appName", ""))[:128]
    application.save(update_fields=["info", "registered", "name"])
    transaction.on_commit(lambda: grants.revoke(application.pk))
    journal.record(
        "mep.application.updated", application, actor=actor, tenant_id=application.tenant_id
    )
    return application


@transaction.atomic
def leave(*, actor: Actor, application: Application) -> None:
    """End a registration, with the services and subscriptions that the application made.

    What management gave it (its keys, its rules, itself) stays until management takes it away.
    """
    row = locking.application(application.pk)
    if not row.registered:
        raise unknown(N_("There is no such registration."))
    if row.by_itself:
        _remove(actor, row)
        return
    register.remove_all(actor=actor, application=row, cause=Cause.REMOVED)
    locking.hold(row.subscriptions.all())
    row.subscriptions.all().delete()
    row.info, row.registered, row.ready_at = {}, False, None
    row.save(update_fields=["info", "registered", "ready_at"])
    transaction.on_commit(lambda: grants.revoke(row.pk))
    journal.record("mep.application.left", row, actor=actor, tenant_id=row.tenant_id)


@transaction.atomic
def remove(*, actor: Actor, application_id: uuid.UUID) -> bool:
    """Remove an application with its services, subscriptions, rules, keys and tokens.

    Whoever subscribed to its services is told; False when there is no such application.
    """
    try:
        row = locking.application(application_id)
    except NotFound:
        return False
    _remove(actor, row)
    return True


def _remove(actor: Actor, row: Application) -> None:
    application_id = row.pk
    register.remove_all(actor=actor, application=row, cause=Cause.TERMINATED)
    ConfigTask.objects.filter(application_id=row.pk).delete()
    journal.record("mep.application.removed", row, actor=actor, tenant_id=row.tenant_id)
    # Before their deliveries, as whoever delivers does.
    locking.hold(row.subscriptions.all())
    row.delete()
    transaction.on_commit(lambda: _forget(application_id))


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
