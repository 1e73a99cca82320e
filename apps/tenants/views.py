"""The base of the house's API views: the asker is an Actor.  No endpoints here."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.conditional import check_match, etag
from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.journal import orders
from apps.tenants.actors import Actor
from apps.tenants.policies import tenant_for

V = TypeVar("V", bound=APIView)
P = ParamSpec("P")
R = TypeVar("R")


class ApiView(APIView):
    """An API view whose ``actor`` is who ``TokenAuthentication`` found."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; what came with an order of another site is forgotten afterwards."""
        with orders.none_taken():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who asks, and for a center which of its orders this is."""
        super().initial(request, *args, **kwargs)
        if getattr(request.user, "site_id", None) is not None:
            orders.take(request.headers)

    @property
    def actor(self) -> Actor:
        """Who asks; authentication has made sure that there is somebody."""
        return cast(Actor, self.request.user)

    def expect(self, row: Any) -> None:
        """Refuse where If-Match names another version of ``row`` than it has now.

        For handlers that are ``conditional``: nobody changes the row before they are done.
        """
        given = self.request.headers.get("If-Match")
        if given is None:
            return
        held = type(row)._default_manager.select_for_update().filter(pk=row.pk)
        check_match(given, map(etag, held.values_list("version", flat=True)))


def conditional(handler: Callable[Concatenate[V, Request, P], R]) -> Callable[..., R]:
    """A handler that honours If-Match by ``expect``, in one transaction with what it changes."""

    @wraps(handler)
    def held(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> R:
        if "If-Match" not in request.headers:
            return handler(view, request, *args, **kwargs)
        with transaction.atomic():
            return handler(view, request, *args, **kwargs)

    held.conditional = True  # type: ignore[attr-defined]  # for the description
    return held


TENANT = OpenApiParameter(
    "tenant_id",
    uuid.UUID,
    OpenApiParameter.QUERY,
    description="The tenant that is meant, where the address has none; an administrator has to "
    "name one to write.",
)


class TenantView(ApiView):
    """A view at two addresses: with a tenant in it, and without.

    Without one it is about the caller's own tenant; an administrator reads all, and names
    ``tenant_id`` in the query to write.
    """

    spellings = True

    def tenant_to_read(self, tenant_id: uuid.UUID | None) -> uuid.UUID | None:
        """Whose things are asked for; None for an administrator who means all."""
        asked = tenant_id or self._named()
        if asked is None and self.actor.is_admin:
            return None
        return tenant_for(self.actor, asked)

    def tenant_to_write(self, tenant_id: uuid.UUID | None) -> uuid.UUID:
        """For whom something is changed; Invalid when an administrator names nobody."""
        return tenant_for(self.actor, tenant_id or self._named())

    def _named(self) -> uuid.UUID | None:
        text = self.request.query_params.get("tenant_id")
        if text is None:
            return None
        try:
            return uuid.UUID(text)
        except ValueError:
            reason = Reason(N_("must be a UUID"))
            raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason}) from None
