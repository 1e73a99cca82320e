"""``/sync/v1`` of an edge: who it is, its feed without waiting (``asgi`` waits), and what of the
feed its readers have."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.sync import acks, feed, joining
from apps.tenants.keys import this_site
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView

MOST_NAMED = 500


class QuerySerializer(serializers.Serializer[Any]):
    """Where to read from, how much, and how long to wait for news (seconds).

    ``mark`` is the last mark of this site's history that the reader has passed.
    """

    after = serializers.IntegerField(min_value=0, default=0)
    limit = serializers.IntegerField(min_value=0, max_value=feed.MOST, default=200)
    wait = serializers.FloatField(min_value=0, max_value=30, default=0)
    mark = serializers.UUIDField(required=False, allow_null=True, default=None)


class CopySerializer(serializers.Serializer[Any]):
    """Which rows of a full copy."""

    kind = serializers.ChoiceField(choices=[(name, name) for name in feed.COPIED])
    after = serializers.RegexField(
        r"^(|\d{1,18}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z",
        default="",
        allow_blank=True,
    )
    limit = serializers.IntegerField(min_value=1, max_value=feed.MOST, default=200)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        """The id that a page begins after is of the kind's own shape."""
        after, dead = data["after"], data["kind"] == feed.DEAD
        if after and dead is not after.isdecimal():
            raise serializers.ValidationError({"after": "must be the id that the last page told"})
        return data


class NamedSerializer(serializers.Serializer[Any]):
    """A row by its kind, id and version."""

    kind = serializers.CharField(max_length=40)
    id = serializers.UUIDField()
    version = serializers.IntegerField(min_value=0, max_value=2**62)


class RefusedSerializer(NamedSerializer):
    """The same with why it cannot be used yet."""

    reason = serializers.DictField(required=False)


class AckSerializer(serializers.Serializer[Any]):
    """What the reader has for good: everything up to a version, or single rows."""

    upto = serializers.IntegerField(required=False, min_value=0, max_value=2**62)
    rows = serializers.ListField(
        child=NamedSerializer(), required=False, max_length=MOST_NAMED
    )
    refused = serializers.ListField(
        child=RefusedSerializer(), required=False, max_length=MOST_NAMED
    )


class SiteView(ApiView):
    """``GET /sync/v1/site``: the identity that a center pins at first contact."""

    permission_classes = [AllowAny]
    authentication_classes = []

    def get(self, request: Request) -> Response:
        """Id and name."""
        site = this_site()
        return Response({"site_id": str(site.site_id), "name": site.name})


class ReaderView(ApiView):
    """A view for those who read the feed: a center that asks is heard of."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who asks."""
        super().initial(request, *args, **kwargs)
        joining.note_heard(self.actor.site_id)


class ChangesView(ReaderView):
    """``GET /sync/v1/changes``: one page of the feed."""

    @extend_schema(parameters=[QuerySerializer])
    def get(self, request: Request) -> Response:
        """Read; nothing is changed by it."""
        require(may(self.actor, "feed.read"))
        query = QuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(read(query.validated_data))


class CopyView(ReaderView):
    """``GET /sync/v1/copy``: one page of a full copy."""

    @extend_schema(parameters=[CopySerializer])
    def get(self, request: Request) -> Response:
        """Read; nothing is changed by it."""
        require(may(self.actor, "feed.read"))
        query = CopySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(feed.copy_page(**query.validated_data))


class DigestView(ReaderView):
    """``GET /sync/v1/digest``: what a copy is compared with."""

    def get(self, request: Request) -> Response:
        """How many rows of each kind, and a digest of them."""
        require(may(self.actor, "feed.read"))
        return Response(feed.digest())


class AckView(ReaderView):
    """``POST /sync/v1/ack``: a reader has something for good."""

    serializer_class = AckSerializer

    def post(self, request: Request) -> Response:
        """Keep it; said again it is the same.  409 for what this site has not told yet."""
        require(may(self.actor, "feed.own"))
        form = AckSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        if "upto" in data or "refused" in data:
            require(may(self.actor, "feed.read"))
        reader = acks.acknowledge(
            acks.reader_for(self.actor),
            upto=data.get("upto"),
            rows=[acks.Named.from_json(row) for row in data.get("rows", ())],
            refused=[acks.Named.from_json(row) for row in data.get("refused", ())],
        )
        return Response({"acked": reader.acked})


def read(query: dict[str, Any]) -> dict[str, Any]:
    """The page of the feed that a query asks for."""
    return feed.page(after=query["after"], limit=query["limit"], mark=query["mark"])
