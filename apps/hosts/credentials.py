"""The access file of a host: tried before it replaces the one that is there, sealed, delivered."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Invalid, NotFound
from apps.common.secrets import Secret
from apps.common.words import Reason
from apps.hosts.driver_settings import driver_with
from apps.hosts.models import HostCredential, MecHost
from apps.hosts.policies import may_handle_credentials
from apps.hosts.services import lock_host
from apps.journal import services as journal
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.policies import require
from apps.vim import registry
from apps.vim.contract import CredentialsInvalid, VimRefused, VimUnreachable

MAX_CREDENTIAL_BYTES = 1024 * 1024
# A note of a probe that names something that the driver needs and may not do.
RIGHT_MISSING = "right_missing"


def store_credentials(
    *, actor: Actor, host_id: uuid.UUID, content: bytes, untested: bool = False
) -> HostCredential:
    """Seal the access file of a host; the old one stays when the new one does not open its VIM.

    A host of this site is asked with the new file first; that of another is tried by its edge.
    ``untested`` leaves that out, and is kept with the file.  Raises Invalid, naming what is wrong
    in the file or what it may not do there, and VimUnreachable while nobody answers.
    """
    require(may_handle_credentials(actor))
    if len(content) > MAX_CREDENTIAL_BYTES:
        raise Invalid(N_("The file is larger than 1 MiB; an access file is a few kilobytes."))
    host = MecHost.objects.filter(pk=host_id).first()
    if host is None:
        raise NotFound(N_("There is no such host."), message="Record not found")
    # Read and tried before the transaction: it may take a while, and nobody else could write then.
    summary = registry.describe_credentials(host.vim, content)
    if untested:
        summary |= {"untested": True}
    elif host.is_local:
        _try(host, content)
        summary |= {"tested_at": clock.now().isoformat()}
    with transaction.atomic():
        return _store(actor, lock_host(host_id), content, summary)


def _try(host: MecHost, content: bytes) -> None:
    """Ask the VIM with the new file whether it can be used there."""
    try:
        notes = driver_with(host, content).probe().notes
    except VimRefused as refusal:
        if refusal.retryable:
            raise
        raise CredentialsInvalid.of({"file": refusal.reason}) from None
    except VimUnreachable as silence:
        # What answers there is not whom the file names: that does not pass by itself.
        if silence.code != "vim_certificate":
            raise
        raise CredentialsInvalid.of({"file": silence.reason}) from None
    missing = [note.params for note in notes if note.code == RIGHT_MISSING]
    if missing:
        rights = ", ".join(f"{one.get('verb')} {one.get('resource')}" for one in missing)
        text = N_("The credentials may not do what this site needs to: %(rights)s.")
        raise CredentialsInvalid.of({"file": Reason(text, RIGHT_MISSING, {"rights": rights})})


def _store(actor: Actor, host: MecHost, content: bytes, summary: dict[str, Any]) -> HostCredential:
    credential, _ = HostCredential.objects.update_or_create(
        host=host,
        defaults={
            "content": Secret(content.decode()),
            "summary": summary,
            "uploaded_at": clock.now(),
            "delivered_at": clock.now() if host.is_local else None,
            "fault": {},
            "removing": False,
        },
    )
    if host.is_local:
        host.config_upload_status = "Uploaded"
    host.save()
    journal.record("hosts.host.credentials_stored", host, actor=actor)
    return credential


@transaction.atomic
def remove_credentials(*, actor: Actor, host_id: uuid.UUID) -> MecHost:
    """Forget the access file of a host; NotFound when there is none."""
    require(may_handle_credentials(actor))
    host = lock_host(host_id)
    credential = HostCredential.objects.filter(host=host, removing=False).first()
    if credential is None:
        raise NotFound(N_("No credentials are stored for this host."), message="Record not found")
    if host.is_local or credential.delivered_at is None:
        credential.delete()
        host.config_upload_status = "Deleted"
    else:
        credential.removing, credential.content = True, Secret("")
        credential.save()
    host.save()
    journal.record("hosts.host.credentials_removed", host, actor=actor)
    return host


@transaction.atomic
def note_credentials_delivered(*, sent: HostCredential) -> None:
    """The edge has the access file that was sent: keep that fact, and not the file.

    One that was uploaded meanwhile is still to be sent.
    """
    done = HostCredential.objects.filter(pk=sent.pk, uploaded_at=sent.uploaded_at, removing=False)
    if done.update(content="", delivered_at=clock.now(), fault={}):
        _note_upload_status(sent.host_id, "Uploaded")


@transaction.atomic
def note_credentials_refused(*, sent: HostCredential, fault: Reason) -> None:
    """The edge cannot use the access file that was sent: keep why, and do not send it again."""
    HostCredential.objects.filter(pk=sent.pk, uploaded_at=sent.uploaded_at).update(
        fault=fault.as_json()
    )
    _note_upload_status(sent.host_id, "")


@transaction.atomic
def note_credentials_removed(*, sent: HostCredential) -> None:
    """The edge has forgotten the access file."""
    if HostCredential.objects.filter(pk=sent.pk, removing=True).delete()[0]:
        _note_upload_status(sent.host_id, "Deleted")


def _note_upload_status(host_id: uuid.UUID, status: str) -> None:
    host = lock_host(host_id)
    host.config_upload_status = status
    host.save()
    journal.record("hosts.host.observed", host, actor=SYSTEM, quiet=True)
