"""``/sync/v1``: who this site is, and its feed without waiting (``asgi`` waits)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.sync import feed
from apps.tenants.keys import this_site
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView


class QuerySerializer(serializers.Serializer[Any]):
    """Where to read from, how much, and how long to wait for news (seconds)."""

    after = serializers.IntegerField(min_value=0, default=0)
    limit = serializers.IntegerField(min_value=0, max_value=feed.MOST, default=200)
    wait = serializers.FloatField(min_value=0, max_value=30, default=0)


class SiteView(ApiView):
    """``GET /sync/v1/site``: the identity that a center pins at first contact."""

    permission_classes = [AllowAny]
    authentication_classes = []

    def get(self, request: Request) -> Response:
        """Id and name."""
        site = this_site()
        return Response({"site_id": str(site.site_id), "name": site.name})


class ChangesView(ApiView):
    """``GET /sync/v1/changes``: one page of the feed."""

    @extend_schema(parameters=[QuerySerializer])
    def get(self, request: Request) -> Response:
        """Read; nothing is changed by it."""
        require(may(self.actor, "feed.read"))
        query = QuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        data = query.validated_data
        return Response(feed.page(after=data["after"], limit=data["limit"]))
