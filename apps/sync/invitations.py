"""Invitations to join this center: shown once, good once, and afterwards the record of the join."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.words import Reason
from apps.hosts.models import AppLcm
from apps.journal import services as journal
from apps.sync.models import Invitation, JoinStep
from apps.tenants import keys
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.models import Tenant
from apps.tenants.policies import may_change_trust, require

USUAL, LONGEST = timedelta(hours=1), timedelta(days=7)
# Those that were never used are forgotten, and failed attempts are not written without end.
KEPT = timedelta(days=30)
MOST_FAILURES = 50
STEPS = {
    "invited": _("Invited"),
    "withdrawn": _("Withdrawn"),
    "refused": _("Tried to join and was refused"),
    "joined": _("Joined"),
    "told_again": _("Asked again and got the same answer"),
    "contact": _("Answered for the first time"),
    "synced": _("Synchronized for the first time"),
    "key_rotated": _("Signs with a new key"),
    "key_told": _("Has the new key of this center"),
    "revoked": _("Shut out"),
    "left": _("Left this center by itself"),
}


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation and its token, which nobody can read again."""

    invitation: Invitation
    token: str


@transaction.atomic
def invite(
    *,
    actor: Actor,
    name: str,
    opened_by: str = AppLcm.Opener.CENTER,
    tenants: Sequence[uuid.UUID] = (),
    lifetime: timedelta = USUAL,
) -> Invited:
    """Permit one edge to join; without ``tenants`` it works for all of them.

    The token carries the fingerprint of our key, so that the edge can tell that it is us.
    """
    require(may_change_trust(actor))
    if not timedelta(0) < lifetime <= LONGEST:
        most = int(LONGEST.total_seconds() // 3600)
        why = Reason(N_("must be more than 0 and at most %(most)s hours"), "range", {"most": most})
        raise Invalid(N_("The request is not valid."), fields={"hours": why})
    known = {str(key) for key in Tenant.objects.filter(pk__in=tenants).values_list("pk", flat=True)}
    if {str(key) for key in tenants} - known:
        why = Reason(N_("there is no such tenant"))
        raise Invalid(N_("The request is not valid."), fields={"tenants": why})
    purge()
    token = f"{secrets.token_hex(24)}-{keys.own_key().kid}"
    moment = clock.now()
    row = Invitation.objects.create(
        digest=digest_of(token), name=name, opened_by=opened_by, tenants=sorted(known),
        created_at=moment, created_by=actor.actor_name, expires_at=moment + lifetime,
    )
    note(row, "invited", by=actor.actor_name)
    journal.record("sync.invitation.created", row, actor=actor)
    return Invited(row, token)


@transaction.atomic
def withdraw(*, actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """Take an invitation back; Conflict for one that was used.  Twice is the same."""
    require(may_change_trust(actor))
    row = Invitation.objects.select_for_update().filter(pk=invitation_id).first()
    if row is None:
        raise _unknown()
    if row.used_at is not None:
        raise Conflict(
            N_("“%(name)s” has joined with it already; it can be shut out."),
            code="invitation_used", name=row.name,
        )
    if row.withdrawn_at is None:
        row.withdrawn_at = clock.now()
        row.save()
        note(row, "withdrawn", by=actor.actor_name)
        journal.record("sync.invitation.withdrawn", row, actor=actor)
    return row


def command_of(made: Invited) -> str:
    """What is to be run at the edge; only a center that dials has to be told where it is."""
    words = ["manage.py edge join", f"--center {settings.SITE_URL}", f"--token {made.token}"]
    if made.invitation.opened_by != "edge":
        words.append("--address IP:PORT")
    return " ".join(words)


def access(invitation_id: uuid.UUID) -> Invitation:
    """One invitation with its steps, or NotFound."""
    row = invitations().filter(pk=invitation_id).first()
    if row is None:
        raise _unknown()
    return row


def invitations() -> QuerySet[Invitation]:
    """All of them, newest first."""
    return Invitation.objects.select_related("edge").prefetch_related("steps")


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def fingerprint_in(token: str) -> str:
    """The ``kid`` of the center's key that a token carries; Invalid for what is no token."""
    _, _, kid = token.partition("-")
    if len(kid) != 32 or not set(kid) <= set("0123456789abcdef"):
        why = Reason(N_("this is not the token of an invitation; copy it as a whole"))
        raise Invalid(N_("The request is not valid."), fields={"token": why})
    return kid


def note(invitation: Invitation, step: str, *, ok: bool = True, **data: Any) -> None:
    """Write down one step of an edge's way to us."""
    if ok or invitation.steps.filter(ok=False).count() < MOST_FAILURES:
        JoinStep.objects.create(invitation=invitation, step=step, ok=ok, data=data)


def without(edge_id: uuid.UUID | OuterRef, step: str) -> QuerySet[Invitation]:
    """The invitations by which an edge joined and in whose record this step is not."""
    noted = JoinStep.objects.filter(invitation=OuterRef("pk"), step=step)
    return Invitation.objects.filter(~Exists(noted), edge_id=edge_id, used_at__isnull=False)


def note_of_edge(edge_id: uuid.UUID, step: str, *, once: bool = False, **data: Any) -> None:
    """The same for an edge that joined; ``once`` writes only the first of its kind."""
    rows = Invitation.objects.filter(edge_id=edge_id).exclude(used_at=None).order_by("-used_at")
    row = rows.first()
    # Asked at each contact: most edges have nothing to note, and others want to write.
    if row is not None and not (once and row.steps.filter(step=step).exists()):
        _note_of_edge(row.pk, step, once=once, **data)


@transaction.atomic
def _note_of_edge(invitation_id: Any, step: str, *, once: bool, **data: Any) -> None:
    row = Invitation.objects.select_for_update(of=("self",)).filter(pk=invitation_id).first()
    if row is None or (once and row.steps.filter(step=step).exists()):
        return
    note(row, step, **data)
    journal.record("sync.invitation.progressed", row, actor=SYSTEM, quiet=True)


def purge() -> int:
    """Forget invitations that were never used, a month after their end."""
    old = Invitation.objects.filter(used_at=None, expires_at__lt=clock.now() - KEPT)
    return old.delete()[1].get(Invitation._meta.label, 0)


def _unknown() -> NotFound:
    return NotFound(N_("There is no such invitation."), message="Record not found")
