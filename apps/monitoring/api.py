"""``GET /api/v1/topology`` and ``/api/v1/services/topology``: what the graphs draw, for anybody."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.monitoring.marks import TONES
from apps.monitoring.mep_topology import service_graph
from apps.monitoring.topology import graph_for
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require

KINDS = (
    "site", "edge", "host", "instance", "workload", "platform", "application", "service",
)


class NodeSerializer(serializers.Serializer[dict[str, Any]]):
    """One thing; ``state`` is the code, ``state_text`` the word in the reader's language."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(KINDS)
    label: Any = serializers.CharField()  # a field of the data, not REST framework's option
    state = serializers.CharField()
    state_text = serializers.CharField()
    tone = serializers.ChoiceField(TONES)
    detail = serializers.CharField(allow_blank=True)
    parent: Any = serializers.CharField(allow_blank=True)  # the same
    url = serializers.CharField(allow_blank=True)
    as_of = serializers.CharField(allow_blank=True)
    stale = serializers.BooleanField()
    simulated = serializers.BooleanField()
    folded = serializers.IntegerField()
    depth = serializers.IntegerField()


class EdgeSerializer(serializers.Serializer[dict[str, Any]]):
    """A line from what something hangs below to it."""

    id = serializers.CharField()
    source: Any = serializers.CharField()  # a field of the data, not REST framework's option
    target = serializers.CharField()
    kind = serializers.CharField()


class TopologySerializer(serializers.Serializer[dict[str, Any]]):
    """The graph; ``total`` counts the nodes before any were folded."""

    version = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    notice = serializers.CharField(allow_blank=True)
    total = serializers.IntegerField()
    nodes = NodeSerializer(many=True)
    edges = EdgeSerializer(many=True)


class TopologyView(APIView):
    """The estate as far as the caller may see it."""

    serializer_class = TopologySerializer

    @extend_schema(responses=TopologySerializer, summary="The topology as one graph")
    def get(self, request: Request) -> Response:
        """Nodes and edges, with the version that they are at least of."""
        actor = cast(Actor, request.user)
        require(may(actor, "topology.read"))
        return Response(graph_for(actor), headers={"Cache-Control": "no-store"})


class ServiceTopologySerializer(TopologySerializer):
    """The graph of the MEC platform; ``subscribed`` says what each application subscribed to."""

    subscribed = serializers.DictField(child=serializers.CharField())


class ServiceTopologyView(APIView):
    """The MEC platform of this site as far as the caller may see it."""

    serializer_class = ServiceTopologySerializer

    @extend_schema(
        responses=ServiceTopologySerializer, summary="Applications, services and subscriptions"
    )
    def get(self, request: Request) -> Response:
        """Platform, applications and services, and who subscribed to which."""
        actor = cast(Actor, request.user)
        require(may(actor, "mep.read"))
        return Response(service_graph(actor), headers={"Cache-Control": "no-store"})
