"""The base of the house's API views: the asker is an Actor.  No endpoints here."""

from __future__ import annotations

import uuid
from typing import cast

from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.tenants.actors import Actor
from apps.tenants.policies import tenant_for


class ApiView(APIView):
    """An API view whose ``actor`` is who ``TokenAuthentication`` found."""

    @property
    def actor(self) -> Actor:
        """Who asks; authentication has made sure that there is somebody."""
        return cast(Actor, self.request.user)


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
