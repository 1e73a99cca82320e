"""Who calls the MEC platform, and whether the application of the path is theirs."""

from __future__ import annotations

import hmac
import ipaddress
import re
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop as N_
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.common.errors import Denied, NotFound, Unauthenticated
from apps.common.guard import networks
from apps.mep import grants
from apps.mep.models import Application
from apps.tenants import tokens
from apps.tenants.actors import Actor
from apps.tenants.authentication import token_in
from apps.tenants.roles import Role

_UUID = re.compile("[0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}\\1){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Caller:
    """An application instance, or somebody who may act for any (``application_id`` None)."""

    application_id: uuid.UUID | None
    actor: Actor
    # The row of the application, where it is known already.
    application: Application | None = None
    # REST framework asks its user object this.
    is_authenticated = True

    @property
    def actor_id(self) -> str:
        """Who it is, for remembered answers."""
        return self.actor.actor_id

    def owns(self, application_id: uuid.UUID) -> bool:
        """Whether the caller speaks for this application."""
        return self.application_id is None or self.application_id == application_id


class Mp1Authentication(BaseAuthentication):
    """An application's token, an administrator's, a trusted gateway's word, or a test's."""

    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        """The caller and the kind of proof; None when nothing was shown."""
        said = request.headers.get("Authorization", "")
        if test_credential() and hmac.compare_digest(said.encode(), test_credential().encode()):
            return Caller(None, Actor("conformance", "conformance test", Role.ADMIN)), "test"
        token = token_in(request.headers)
        if token:
            return caller_of(token), "token"
        application_id = _gateways_word(request)
        return (_caller(application_id), "gateway") if application_id else None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 tells the caller to do."""
        return 'Bearer realm="mecm"'


def caller_of(token: str) -> Caller:
    """Whom a token speaks for; Unauthenticated when it does not verify or does not hold any more.

    Denied for people who are no administrators: Mp1 is for applications.
    """
    authorization = b"Bearer " + token.encode("utf-8", "surrogateescape")
    grant = grants.find(authorization)
    if grant is not None:
        return _caller(grant.application.pk, grant.application)
    marked = grants.mark()
    claims = tokens.application_claims(token)
    if claims is None:
        actor = tokens.read(token)
        if not actor.is_admin:
            raise Denied(N_("Only an application or an administrator may call the MEC platform."))
        return Caller(None, actor)
    application = _of_claims(claims)
    grants.remember(authorization, application, float(claims["exp"]), marked)
    return _caller(application.pk, application)


def owned(caller: Caller, text: str) -> Application:
    """The application of a path: NotFound when there is none, Denied when it is another's."""
    own = caller.application
    if own is not None and as_uuid(text) == own.pk:
        return own
    application = find_application(text)
    if application is None:
        raise unknown(N_("There is no such application instance."))
    if not caller.owns(application.pk):
        raise Denied(
            N_("The token belongs to another application instance."), code="not_the_owner"
        )
    return application


def find_application(text: str) -> Application | None:
    """The application of this site with that id; words are ids that nobody has."""
    key = as_uuid(text)
    if key is None:
        return None
    return Application.objects.filter(pk=key, site_id__isnull=True).first()


def as_uuid(text: str) -> uuid.UUID | None:
    """The UUID that ``text`` is, with or without hyphens; None for every other text."""
    return uuid.UUID(text) if _UUID.fullmatch(text) else None


def unknown(text: str) -> NotFound:
    """A 404 in the words that the original uses for it."""
    return NotFound(text, message="Can not found resource")


def test_credential() -> str:
    """The Authorization value that a conformance test may use; empty where there is none."""
    mep: dict[str, Any] = settings.MEP
    return str(mep["test_credential"]) if mep["profile"] == "conformance" else ""


def _caller(application_id: uuid.UUID, application: Application | None = None) -> Caller:
    name = f"application {application_id}"
    return Caller(application_id, Actor(str(application_id), name, Role.GUEST), application)


def _of_claims(claims: dict[str, Any]) -> Application:
    application = find_application(str(claims["sub"]))
    if application is not None and application.stamp == claims.get("stamp"):
        return application
    raise Unauthenticated(N_("The application of this token, or its key, is gone."))


def _gateways_word(request: Request) -> uuid.UUID | None:
    """The application that a gateway named which the site's settings trust."""
    text = request.headers.get("X-AppinstanceID", "")
    if not text or not _trusted(request.META.get("REMOTE_ADDR", "")):
        return None
    application_id = as_uuid(text)
    if application_id is None:
        raise Unauthenticated(N_("X-AppinstanceID must be the id of an application instance."))
    return application_id


def _trusted(address: str) -> bool:
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(peer in network for network in networks(settings.MEP["gateways"]))
