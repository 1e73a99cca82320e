"""The edge's side of joining: it finds its center, keeps in touch, and may leave."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock, http
from apps.common.errors import Conflict, DomainError, Invalid, Upstream
from apps.common.guard import Guard
from apps.common.models import Origin
from apps.common.words import Reason
from apps.hosts.models import AppLcm
from apps.journal import services as journal
from apps.sync import invitations
from apps.sync.models import Center
from apps.tenants import cached, keys, statements, tokens
from apps.tenants.actors import Actor
from apps.tenants.policies import may_change_trust, require
from apps.tenants.services import adopt_tenant

# A center that is heard of more often than this is told nothing.
SILENCE = timedelta(seconds=60)
NOTED_EVERY = timedelta(seconds=5)
NO_CENTER = N_("This site has joined no center.")
_ANYWHERE = Guard((ip_network("0.0.0.0/0"), ip_network("::/0")))


@dataclass(frozen=True, slots=True)
class Place:
    """Where this edge is reached; an empty address for one that dials its center."""

    ip: str = ""
    port: int = 0

    @classmethod
    def from_text(cls, text: str) -> Place:
        """``10.0.0.7:8100`` or ``[2001:db8::7]:8100``; Invalid for anything else."""
        host, _, port = text.strip().rpartition(":")
        try:
            found = ip_address(host.removeprefix("[").removesuffix("]"))
            number = int(port) if port.isascii() and port.isdecimal() else 0
        except ValueError:
            number = 0
        if not 1 <= number <= 65535:
            why = Reason(N_("must be an IP address and a port such as 10.0.0.7:8100"))
            raise Invalid(N_("The request is not valid."), fields={"address": why})
        return cls(str(found), number)

    @classmethod
    def usual(cls) -> Place:
        """What this site's own URL says, where that names an address."""
        url = urlsplit(settings.SITE_URL)
        try:
            ip = ip_address(url.hostname or "")
        except ValueError:
            return cls()
        return cls(str(ip), url.port or (443 if url.scheme == "https" else 80))


def current() -> Center | None:
    """The center that this site has joined and not left."""
    return Center.objects.filter(left_at=None).order_by("-joined_at").first()


def join(*, actor: Actor, url: str, token: str, address: str = "") -> Center:
    """Join the center at ``url`` with a token of one use; the way to it is repeatable.

    Believes the center only if it has the key whose fingerprint the token carries.  Raises with
    nothing changed here when it refuses, cannot be reached or is another.
    """
    require(may_change_trust(actor))
    url, token = _center_url(url), token.strip()
    kid = invitations.fingerprint_in(token)
    place = Place.from_text(address) if address.strip() else Place.usual()
    _require_free(url, kid)
    key, site = keys.own_key(), keys.this_site()
    digest = invitations.digest_of(token)
    body = {
        "token": token,
        "site_id": str(site.site_id),
        "name": site.name,
        "public_key": key.public_key,
        "proof": statements.make(statements.JOIN, {}, audience=digest, key=key),
        "ip": place.ip,
        "port": place.port,
    }
    said = _believed(_ask(url, body), kid=kid, digest=digest)
    center = _adopt(actor, url, said)
    greet(center)
    return Center.objects.get(pk=center.pk)


def _center_url(text: str) -> str:
    """The base URL of a center; Invalid for what is none.  An administrator of this site types it,
    so that it may be anywhere but where clouds keep their secrets."""
    url = text.strip().rstrip("/")
    reason = _ANYWHERE.check(url)
    if reason is None and urlsplit(url).query:
        reason = Reason(N_("enter the address of a center such as https://center.example"))
    if reason is not None:
        raise Invalid(N_("The request is not valid."), fields={"center": reason})
    return url


def _require_free(url: str, kid: str) -> None:
    """Conflict when this site belongs to another center; joining the same one again is right."""
    center = current()
    key = keys.active_key(kid)
    if center and center.url != url and (key is None or key.site_id != center.site_id):
        raise _other_center(center)


def _other_center(center: Center) -> Conflict:
    return Conflict(
        N_("This site has joined “%(name)s”; leave it first."),
        code="joined_already",
        name=center.name,
    )


def _ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The center's answer; Invalid at the field where it does not know the token."""
    with http.client(url) as session:
        try:
            said = http.send(session, "POST", "/sync/v1/join", json=body).json()
        except Upstream as error:
            if error.reason.params.get("status") != 401:
                raise
            why = Reason(N_("the center does not know this token"), "no_invitation")
            raise Invalid(N_("The request is not valid."), fields={"token": why}) from None
        except DomainError as error:
            raise _refusal(error) from None
        except ValueError:
            said = None
    return said if isinstance(said, dict) else {}


def _refusal(error: DomainError) -> DomainError:
    """What the center refused, with the field that it is about where it says one."""
    told = error.answer.get("errors")
    if isinstance(told, dict) and isinstance(told.get("address"), str):
        why = Reason("%(said)s", "upstream_refused", {"said": told["address"]})
        return Invalid(N_("The request is not valid."), fields={"address": why})
    return error


def _believed(said: dict[str, Any], *, kid: str, digest: str) -> dict[str, Any]:
    """What the center states under its signature; Conflict when it is another than invited us."""
    public_key, site_id = str(said.get("public_key", "")), str(said.get("site_id", ""))
    try:
        if keys.fingerprint(public_key) != kid:
            raise ValueError
        claims = statements.read(
            str(said.get("welcome", "")), statements.WELCOME, public_key=public_key,
            audience=str(keys.this_site().site_id), issuer=site_id,
        )
        if claims["token"] != digest:
            raise ValueError
        return {
            "site_id": uuid.UUID(site_id),
            "kid": kid,
            "public_key": public_key,
            "name": str(claims["name"])[:128],
            "opened_by": AppLcm.Opener(claims["opened_by"]),
            "tenants": [
                (uuid.UUID(one["id"]), str(one["name"])[:128], str(one["description"])[:256])
                for one in claims["tenants"]
            ],
        }
    except (DomainError, KeyError, TypeError, ValueError):
        raise Conflict(
            N_("Another site answers there than the one that made the invitation."),
            code="another_center",
        ) from None


@transaction.atomic
def _adopt(actor: Actor, url: str, said: dict[str, Any]) -> Center:
    """Trust the center, take over its tenants, and keep that we joined."""
    before = current()
    if before is not None and before.site_id != said["site_id"]:
        raise _other_center(before)
    keys.trust(
        kid=said["kid"], site_id=said["site_id"], site_name=said["name"],
        public_key=said["public_key"],
    )
    keys.note_holder(site_id=said["site_id"], site_name=said["name"], key=keys.own_key())
    for tenant_id, name, description in said["tenants"]:
        adopt_tenant(tenant_id=tenant_id, name=name, description=description, origin=Origin.MEO)
    center, _ = Center.objects.update_or_create(
        site_id=said["site_id"],
        defaults={
            "name": said["name"],
            "url": url,
            "opened_by": said["opened_by"],
            "joined_at": clock.now(),
            "heard_at": None,
            "connected": None,
            "since": None,
            "fault": {},
            "left_at": None,
        },
    )
    journal.record("sync.center.joined", center, actor=actor, data={"url": url})
    return center


def leave(*, actor: Actor) -> Center:
    """Obey the center no more, and drop its accounts; what runs here runs on.

    The center is told, if it can be reached; else it hears a refusal instead.  Conflict when there
    is none.
    """
    require(may_change_trust(actor))
    center = _leave(actor)
    if center.url:
        with suppress(DomainError):
            call(center, "POST", "/sync/v1/goodbye")
    return center


@transaction.atomic
def _leave(actor: Actor) -> Center:
    center = Center.objects.select_for_update().filter(left_at=None).first()
    if center is None:
        raise Conflict(NO_CENTER, code="no_center")
    keys.distrust(center.site_id)
    cached.forget_all(center.site_id)
    center.left_at, center.connected, center.since = clock.now(), None, None
    center.save()
    journal.record("sync.center.left", center, actor=actor)
    return center


def note_heard(site_id: uuid.UUID | None) -> None:
    """The center has asked something; written at most every five seconds."""
    if site_id is None:
        return
    moment = clock.now()
    center = Center.objects.filter(site_id=site_id, left_at=None).only("heard_at").first()
    if center and (center.heard_at is None or moment - center.heard_at >= NOTED_EVERY):
        Center.objects.filter(pk=center.pk).update(heard_at=moment)


def needs_greeting() -> Center | None:
    """The center, where it is long ago that it asked us anything."""
    center = current()
    if center is None or not center.url:
        return None
    heard = center.heard_at
    return center if heard is None or clock.now() - heard >= SILENCE else None


def greet(center: Center) -> bool:
    """Say that this site is there, so that its news is asked for at once; whether it was heard."""
    try:
        call(center, "POST", "/sync/v1/hello")
    except DomainError as error:
        _note_fault(center, error.reason)
        return False
    _note_fault(center, None)
    return True


def _note_fault(center: Center, reason: Reason | None) -> None:
    fault = reason.as_json() if reason else {}
    if center.fault != fault:
        Center.objects.filter(pk=center.pk).update(fault=fault)


def call(center: Center, method: str, path: str, **options: Any) -> httpx.Response:
    """Ask the center something in this site's own name; Upstream, with a code of its own where the
    center does not let us in any more."""
    headers = {"Authorization": f"Bearer {tokens.link_token(audience=center.site_id)}"}
    with http.client(center.url) as session:
        try:
            return http.send(
                session, method, path, called=center.name, headers=headers, **options
            )
        except Upstream as error:
            if error.reason.params.get("status") != 401:
                raise
            raise Upstream(
                N_("“%(where)s” does not let this site in any more."),
                where=center.name, retryable=False, code="shut_out",
            ) from None
