"""Instances in EdgeGallery's field names, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.common import typed as serializers
from apps.common.fields import NAME, ipv4
from apps.common.models import Origin
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.states import InstanceState
from apps.vim.contract import ContainerUsage, Meter, Pod, Server, ServiceInfo, Usage

# The states in which the last operation went well.
WELL = (InstanceState.CREATED, InstanceState.INSTANTIATED)


class OrderSerializer(serializers.Serializer[Any]):
    """The body of ``instantiate`` at an edge."""

    hostIp = serializers.CharField(max_length=15, validators=[ipv4])
    packageId = serializers.CharField(max_length=64)
    appName = serializers.CharField(max_length=128, validators=[NAME])
    origin = serializers.ChoiceField(choices=Origin.choices, required=False, allow_blank=True)
    description = serializers.Prose(max_length=256, required=False, allow_blank=True)
    capabilities = serializers.ListField(
        child=serializers.CharField(max_length=128), required=False, max_length=10
    )
    parameters = serializers.DictField(
        child=serializers.Prose(max_length=256, allow_blank=True), required=False
    )
    allow_missing_services = serializers.BooleanField(required=False, default=False)


# The columns of which ``instance_info`` is made: lists fetch no others.
INFO = (
    "version", "tenant_id", "app_name", "description", "state", "operation_info", "health",
    "health_reason", "observed_at", "warnings", "package__app_id", "package__store_key",
    "host__ip", "host__simulated", "host__applcm__ip", "host__applcm__last_seen",
)


def instance_info(instance: AppInstance) -> dict[str, Any]:
    """``InstanceInfo`` of the orchestrator; what the edge saw stands last."""
    applcm = instance.host.applcm
    return {
        "appInstanceId": str(instance.pk),
        "appPackageId": instance.package.package_id,
        "appName": instance.app_name,
        "appId": instance.package.app_id.hex,
        "appDescriptor": instance.description or None,
        "mecHost": instance.host.ip,
        "applcmHost": applcm.ip if applcm else None,
        "operationalStatus": instance.state,
        "operationInfo": str(instance.info) or ("success" if instance.state in WELL else None),
        "tenantId": str(instance.tenant_id),
        "health": instance.health,
        "healthReason": str(instance.health_words) or None,
        "asOf": instance.known_at,
        "warnings": [str(one) for one in instance.cautions],
        "simulated": instance.host.simulated,
        "version": instance.version,
    }


def operation_json(operation: LcmOperation) -> dict[str, Any]:
    """One operation with its steps."""
    return {
        "operationId": str(operation.pk),
        "kind": operation.kind,
        "state": operation.state,
        "steps": operation.steps,
        "reason": str(operation.why) or None,
        "createdAt": operation.created_at,
        "finishedAt": operation.finished_at,
    }


def workload_json(instance: AppInstance, load: Usage | None = None) -> dict[str, Any]:
    """The workload in the shape of the original's query, from what was observed last.

    ``load`` is what was measured; what nobody measures is null, never zero.
    """
    seen = instance.seen
    if seen is None:
        return {"pods": None, "services": None, "asOf": instance.known_at}
    measured = {(one.pod, one.container): one for one in load.containers} if load else {}
    return {
        "pods": [_pod(pod, measured) for pod in seen.pods],
        "services": [_service(service) for service in seen.services],
        "servers": [_server(server) for server in seen.servers],
        "phase": str(seen.phase),
        "ready": seen.ready,
        "total": seen.total,
        "scope": seen.scope,
        "simulated": seen.simulated,
        "asOf": instance.known_at,
        "metricsSource": load.source or None if load else None,
    }


Measured = Mapping[tuple[str, str], ContainerUsage]
MILLI, MIB, GIB = 1000, 2**20, 2**30


def _pod(pod: Pod, measured: Measured) -> dict[str, Any]:
    containers = [
        {
            "containername": one.name,
            "image": one.image,
            "state": one.state,
            "restarts": one.restarts,
            "reason": one.reason or None,
            "metricsusage": _metrics(measured.get((pod.name, one.name))),
        }
        for one in pod.containers
    ]
    return {
        "podname": pod.name,
        "podstatus": pod.phase,
        "kind": pod.kind,
        "node": pod.node or None,
        "containers": containers,
    }


def _metrics(load: ContainerUsage | None) -> dict[str, str | None]:
    """Processors in milli-vCPU, memory and disk in bytes, as the original writes them."""
    return {
        "cpuusage": _share(load.cpu, MILLI) if load else None,
        "memusage": _share(load.memory, MIB) if load else None,
        "diskusage": _share(load.storage, GIB) if load else None,
    }


def _share(meter: Meter, unit: int) -> str | None:
    """``used/total`` in whole units; None unless both are known."""
    if meter.used is None or meter.total is None:
        return None
    return f"{round(meter.used * unit)}/{round(meter.total * unit)}"


def _service(service: ServiceInfo) -> dict[str, Any]:
    ports = [
        {
            "port": str(port.port),
            "targetPort": port.target_port,
            "nodePort": str(port.node_port or 0),
            "protocol": port.protocol,
        }
        for port in service.ports
    ]
    return {"serviceName": service.name, "type": service.type, "ports": ports}


def _server(server: Server) -> dict[str, Any]:
    return {
        "vmId": server.id,
        "name": server.name,
        "status": server.status,
        "vncUrl": server.console_url or None,
        "networks": [{"name": one.network, "ip": one.ip} for one in server.addresses],
    }


def edge_record(instance: AppInstance) -> dict[str, Any]:
    """What an edge tells its center about an instance; the feed carries the same."""
    return {
        "id": str(instance.pk),
        "package_id": str(instance.package_id),
        "state": instance.state,
        "operation_info": instance.operation_info or None,
        "health": instance.health,
        "health_reason": instance.health_reason or None,
        "workload": instance.workload or None,
        "observed_at": instance.observed_at.isoformat() if instance.observed_at else None,
        "version": instance.version,
    }


def edge_row(instance: AppInstance) -> dict[str, Any]:
    """One row of the edge's list of instances."""
    return {
        "appInstanceId": str(instance.pk),
        "createTime": instance.created_at.isoformat(),
        "mecHost": instance.host.ip,
        "deployType": instance.package.app_class,
        "tenantId": str(instance.tenant_id),
        "appPackageId": instance.package.package_id,
        "appName": instance.app_name,
        "origin": instance.origin,
        "syncStatus": None,
        "operationalStatus": instance.state,
        "health": instance.health,
    }
