"""Load over time: of a host and of an instance, at an edge and through it at the center."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.monitoring.load import host_series, instance_series
from apps.orchestration.answers import OrchestratorView
from apps.orchestration.api_hosts import HostView
from apps.tenants.policies import may, require


class MeterSerializer(serializers.Serializer[Any]):
    """Used out of total; null is not known, never zero."""

    used = serializers.FloatField(allow_null=True)
    total = serializers.FloatField(allow_null=True)


class SampleSerializer(serializers.Serializer[Any]):
    """What was measured in the slot that begins at ``at``; a slot that is left out is a gap."""

    at = serializers.DateTimeField()
    cpu = MeterSerializer()
    memory = MeterSerializer()
    storage = MeterSerializer()


class PartSerializer(serializers.Serializer[Any]):
    """The samples of one resolution: one each ``step`` seconds, of the last ``seconds``."""

    step = serializers.IntegerField()
    seconds = serializers.IntegerField()
    samples = SampleSerializer(many=True)


class SeriesSerializer(serializers.Serializer[Any]):
    """Load over time; ``source`` and ``reason`` are of the last look."""

    asOf = serializers.DateTimeField(allow_null=True)
    source: Any = serializers.CharField(allow_null=True)  # of the data, not REST framework's
    reason = serializers.CharField(allow_null=True)
    why = serializers.DictField(allow_null=True)
    units = serializers.DictField(child=serializers.CharField())
    series = PartSerializer(many=True)


class HostSeriesView(HostView):
    """``GET …/hosts/{host_ip}/kpi/series``."""

    wrapped = False
    serializer_class = SeriesSerializer

    @extend_schema(responses=SeriesSerializer)
    def get(self, request: Request, ip: str, tenant_id: uuid.UUID | None = None) -> Response:
        """Load of the host over the last hour and the last day."""
        host = self.host(request, ip, tenant_id)
        return self.answer(host_series(host, actor=self.actor).as_json())


class InstanceUsageView(OrchestratorView):
    """``GET …/app_instances/{app_instance_id}/workload/usage``."""

    serializer_class = SeriesSerializer

    @extend_schema(responses=SeriesSerializer)
    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Load of the instance over the last hour and the last day."""
        require(may(self.actor, "instances.read"))
        instance = self.instance(request, tenant_id, instance_id)
        return Response(instance_series(instance, actor=self.actor).as_json())
