"""How an API request says who asks: bearer token, EdgeGallery's header, or session."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext_noop as N_
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.common.errors import Denied
from apps.tenants.actors import Actor
from apps.tenants.models import User
from apps.tenants.tokens import read


def _no_view(*_: object) -> HttpResponse:
    """Stands where Django's check wants a view, to see whether it is exempt."""
    return HttpResponse()


def token_in(headers: Mapping[str, str]) -> str:
    """The token that a request shows, empty when it shows none."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    # Proxies and WSGI drop names with an underscore, so both spellings arrive as one or other.
    return (headers.get("access-token") or headers.get("access_token") or "").strip()


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: object, reason: str) -> str:
        return reason


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer``, then ``access_token``, then the session with its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Actor, str] | None:
        """The actor and the kind of proof; None when nothing was shown."""
        token = token_in(request.headers)
        if token:
            return read(token), "token"
        return self._session(request)

    def authenticate_header(self, request: Request) -> str:
        """What a 401 tells the caller to do."""
        return 'Bearer realm="mecm"'

    def _session(self, request: Request) -> tuple[Actor, str] | None:
        user = getattr(request._request, "user", None)
        if not isinstance(user, User) or not user.is_active or not user.is_let_in:
            return None
        check = _CsrfCheck(lambda _: None)  # type: ignore[arg-type]
        check.process_request(request._request)
        if check.process_view(request._request, _no_view, (), {}):
            raise Denied(N_("The form has expired; load the page again."), code="csrf")
        return user.actor, "session"
