"""The center's side of joining: who is let in, who calls, and who is shut out again."""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError, Invalid, NotFound, Unauthenticated
from apps.common.guard import METADATA, literal_addresses
from apps.common.words import Reason
from apps.hosts import mepms
from apps.hosts.models import AppLcm
from apps.hosts.policies import may_configure
from apps.hosts.specs import ManagerSpec
from apps.journal import services as journal
from apps.sync import invitations, link
from apps.sync.models import Invitation, Peer
from apps.tenants import keys, statements, tokens
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.models import SigningKey, Tenant
from apps.tenants.policies import may_change_trust, require

SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class JoinSpec:
    """What an edge says of itself when it joins.  ``proof`` shows that the key is its own.

    ``ip`` is empty for one that says no address, which only one that dials us may.  ``caller`` is
    the address that the request came from.
    """

    token: str
    site_id: uuid.UUID
    name: str
    public_key: str
    proof: str
    ip: str = ""
    port: int = 0
    caller: str = ""


def admit(*, spec: JoinSpec) -> dict[str, Any]:
    """Let an edge in that shows an invitation; returns our welcome, or raises with nothing done.

    A site that did not get the answer gets it again until it was heard of.
    """
    row = Invitation.objects.filter(digest=invitations.digest_of(spec.token)).first()
    if row is None:
        raise Unauthenticated(N_("There is no such invitation."), code="no_invitation")
    try:
        with transaction.atomic():
            return _admit(Invitation.objects.select_for_update().get(pk=row.pk), spec)
    except DomainError as error:
        reasons = error.fields or {"": error.reason}
        invitations.note(
            row, "refused", ok=False, site_id=str(spec.site_id), name=spec.name, ip=spec.caller,
            reason=next(iter(reasons.values())).as_json(),
        )
        raise


def _admit(row: Invitation, spec: JoinSpec) -> dict[str, Any]:
    kid = keys.fingerprint(spec.public_key)
    own = keys.this_site()
    statements.read(
        spec.proof, statements.JOIN, audience=row.digest, public_key=spec.public_key,
        issuer=str(spec.site_id),
    )
    if row.used_at is not None:
        _require_again(row, spec, kid)
        invitations.note(row, "told_again", site_id=str(spec.site_id))
        return _welcome(row, spec)
    _require_open(row)
    if spec.site_id == own.site_id:
        raise Conflict(
            N_("This is the center's own identity; an edge must not be a copy of it."),
            code="same_site",
        )
    _require_itself(row, spec, kid)
    edge = mepms.take_in(
        actor=SYSTEM, spec=_place(row, spec), site_id=spec.site_id,
        opened_by=AppLcm.Opener(row.opened_by), delegated=row.tenants,
    )
    keys.trust(
        kid=kid, site_id=spec.site_id, site_name=edge.name, public_key=spec.public_key,
        purpose=SigningKey.Purpose.LINK,
    )
    keys.note_holder(site_id=spec.site_id, site_name=edge.name, key=_key_in(spec.token))
    if Peer.objects.filter(edge=edge).exists():
        link.judge(edge.pk)
    row.used_at, row.used_by, row.edge = clock.now(), spec.site_id, edge
    row.save()
    invitations.note(
        row, "joined", site_id=str(spec.site_id), name=spec.name, ip=spec.caller, kid=kid
    )
    journal.record("sync.invitation.used", row, actor=SYSTEM, data={"edge": str(edge.pk)})
    return _welcome(row, spec)


def _require_open(row: Invitation) -> None:
    if row.withdrawn_at is not None:
        raise Conflict(N_("The invitation was withdrawn."), code="invitation_withdrawn")
    if row.expires_at <= clock.now():
        raise Conflict(N_("The invitation has expired."), code="invitation_expired")


def _require_again(row: Invitation, spec: JoinSpec, kid: str) -> None:
    """The same site with the same key, which nobody heard of since."""
    key = keys.active_key(kid)
    same = row.used_by == spec.site_id and key is not None and key.site_id == spec.site_id
    if not same or row.steps.filter(step="contact").exists():
        raise Conflict(N_("The invitation was used already."), code="invitation_used")


def _require_itself(row: Invitation, spec: JoinSpec, kid: str) -> None:
    """Nobody takes over the identity of a site that is known here, not even with an invitation."""
    edge = AppLcm.objects.filter(site_id=spec.site_id).first()
    if edge is None:
        return
    theirs = SigningKey.objects.filter(site_id=spec.site_id)
    if edge.revoked_at is not None:
        same = theirs.filter(pk=kid).exists() or row.name == edge.name
    elif theirs.exists():
        same = theirs.filter(pk=kid).exists() and keys.active_key(kid) is not None
    else:  # registered by hand: what tells it from others is where it answers
        same = spec.ip == edge.ip
    if not same:
        raise Conflict(
            N_("“%(name)s” is known as this site; shut it out and invite it under its name."),
            code="site_known",
            name=edge.name,
        )


def _place(row: Invitation, spec: JoinSpec) -> ManagerSpec:
    """Under which name and address the edge is registered."""
    if spec.ip:
        _require_plain(spec)
        return ManagerSpec(row.name, spec.ip, spec.port)
    if row.opened_by != "edge":
        why = Reason(N_("say the address and the port at which the center reaches this edge"))
        raise Invalid(N_("The request is not valid."), fields={"address": why})
    # It is never dialled; what stands for an address is unique, and nobody's (RFC 4193).
    alias = ipaddress.IPv6Address(b"\xfd" + spec.site_id.bytes[1:])
    return ManagerSpec(row.name, str(alias), 1)


def _require_plain(spec: JoinSpec) -> None:
    """An address of a machine: none that leads back to ourselves or to the secrets of a cloud."""
    ip = ipaddress.ip_address(spec.ip)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    special = ip in METADATA or ip.is_unspecified or ip.is_multicast or ip.is_link_local
    if special or (ip.is_loopback and not _all_on_this_machine()):
        why = Reason(N_("%(ip)s is no address at which the center may look for an edge"),
                     "forbidden_address", {"ip": spec.ip})
        raise Invalid(N_("The request is not valid."), fields={"address": why})


def _all_on_this_machine() -> bool:
    """Whether this center itself is known under an address that only its machine reaches."""
    try:
        found = literal_addresses(urlsplit(settings.SITE_URL).hostname or "")
    except ValueError:
        return False
    return any(one.is_loopback for one in found)


def _key_in(token: str) -> SigningKey:
    """The key pair of ours whose fingerprint a token carries; Conflict when it is gone."""
    key = keys.own_keys().filter(pk=invitations.fingerprint_in(token)).first()
    if key is None or not key.private_key:
        raise Conflict(
            N_("The center has other keys since this invitation was made; ask for another one."),
            code="invitation_expired",
        )
    return key


def _welcome(row: Invitation, spec: JoinSpec) -> dict[str, Any]:
    """Who we are and what we delegate, signed with the key that the invitation names."""
    site = keys.this_site()
    tenants = Tenant.objects.order_by("name")
    if row.tenants:
        tenants = tenants.filter(pk__in=row.tenants)
    key = _key_in(spec.token)
    content = {
        "token": row.digest,
        "name": site.name,
        "edge_name": row.name,
        "opened_by": row.opened_by,
        "tenants": [
            {"id": str(one.pk), "name": one.name, "description": one.description}
            for one in tenants
        ],
    }
    signed = statements.make(statements.WELCOME, content, audience=str(spec.site_id), key=key)
    return {
        "site_id": str(site.site_id), "kid": key.kid, "public_key": key.public_key,
        "welcome": signed,
    } | content


def edge_of(token: str) -> AppLcm:
    """The edge that shows its link token; Unauthenticated when it is none, or shut out."""
    site_id = tokens.read_link(token) if token else None
    edge = AppLcm.objects.filter(site_id=site_id, revoked_at=None).first() if site_id else None
    if edge is None:
        raise Unauthenticated(N_("A valid access token is needed."))
    return edge


def greeted(edge: AppLcm) -> None:
    """An edge says that it is there: what it has is asked for at once by whoever hears of this."""
    invitations.note_of_edge(edge.pk, "contact", once=True)
    with transaction.atomic():
        journal.record("sync.edge.greeted", edge, actor=SYSTEM, quiet=True)


def revoke(*, actor: Actor, edge_id: uuid.UUID) -> AppLcm:
    """Shut an edge out: its signature is worth nothing, and it is asked nothing any more.

    What it told stays readable.  Another invitation lets the same site in again.
    """
    require(may_change_trust(actor))
    return _shut_out(actor, edge_id, "revoked", by=actor.actor_name)


def left(edge: AppLcm) -> None:
    """An edge says that it has left: what is asked or ordered there from now on is refused."""
    _shut_out(SYSTEM, edge.pk, "left")


@transaction.atomic
def _shut_out(actor: Actor, edge_id: uuid.UUID, step: str, **about: Any) -> AppLcm:
    before = AppLcm.objects.filter(pk=edge_id).values_list("revoked_at", flat=True).first()
    edge = mepms.shut_out(actor=actor, applcm_id=edge_id)
    if edge.site_id is not None:
        keys.distrust(edge.site_id)
    if before is None:
        invitations.note_of_edge(edge.pk, step, **about)
        if Peer.objects.filter(edge=edge).exists():
            link.judge(edge.pk)
    return edge


@transaction.atomic
def set_autonomy(*, actor: Actor, edge_id: uuid.UUID, autonomy: timedelta) -> Peer:
    """For how long an edge may be silent before it counts as dead."""
    require(may_configure(actor))
    if not SHORTEST <= autonomy <= LONGEST:
        most = int(LONGEST.total_seconds() // 3600)
        why = Reason(N_("must be from 1 to %(most)s hours"), "range", {"most": most})
        raise Invalid(N_("The request is not valid."), fields={"autonomy_hours": why})
    edge = AppLcm.objects.filter(pk=edge_id).first()
    if edge is None:
        raise NotFound(N_("There is no such edge."), message="Record not found")
    peer, _ = Peer.objects.get_or_create(edge=edge)
    if peer.autonomy != autonomy:
        Peer.objects.filter(pk=peer.pk).update(autonomy=autonomy)
        peer.autonomy = autonomy
        hours = autonomy.total_seconds() / 3600
        journal.record("hosts.applcm.autonomy_set", edge, actor=actor, data={"hours": hours})
        link.judge(edge_id)
    return peer
