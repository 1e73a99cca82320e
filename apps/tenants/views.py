"""The base of the house's API views: the asker is an Actor.  No endpoints here."""

from __future__ import annotations

from typing import cast

from rest_framework.views import APIView

from apps.tenants.actors import Actor


class ApiView(APIView):
    """An API view whose ``actor`` is who ``TokenAuthentication`` found."""

    @property
    def actor(self) -> Actor:
        """Who asks; authentication has made sure that there is somebody."""
        return cast(Actor, self.request.user)
