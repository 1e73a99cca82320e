"""From what a package says to what a driver is asked to run."""

from __future__ import annotations

import re
from typing import cast

from apps.images.selectors import images_of_package
from apps.instances.models import AppInstance
from apps.packages.csar import PackageInfo, read_definition
from apps.vim.contract import AppClass, AppKeys, InstallSpec, WorkloadPort, WorkloadUnit

WORKLOAD_KINDS = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Pod",
    "ReplicationController",
)


MANIFEST = re.compile(
    r"(?:.*/)?Artifacts/Deployment/(?!.*Charts/).+\.(?:ya?ml|json)", re.IGNORECASE
)
HEAT_TEMPLATE = re.compile(r"(?:.*/)?Artifacts/Deployment/Heat/[^/]+\.ya?ml", re.IGNORECASE)


def install_spec(instance: AppInstance, keys: AppKeys | None = None) -> InstallSpec:
    """The order for a driver to run ``instance``, whose application has ``keys``."""
    package = instance.package
    info = package.details
    top = f"{info.layout.top}/" if info.layout.top else ""
    manifests = [one.path for one in info.files if MANIFEST.fullmatch(one.path)]
    is_vm = package.app_class == "vm"
    heat = heat_template(info) if is_vm else ""
    return InstallSpec(
        instance_id=instance.pk,
        tenant_id=instance.tenant_id,
        app_name=instance.app_name,
        package_id=package.pk,
        package_path=package.path,
        app_class=cast(AppClass, package.app_class),
        workload=units_of(info, instance.app_name),
        parameters=instance.parameters,
        charts=tuple(f"{top}{chart.path}" for chart in info.charts),
        manifests=tuple(f"{top}{path}" for path in sorted(manifests)),
        definition=read_definition(package.path) if is_vm else {},
        heat_template=f"{top}{heat}" if heat else "",
        images=images_of_package(instance.host, package.pk),
        keys=keys,
    )


def heat_template(info: PackageInfo) -> str:
    """The template of Heat's own that a package is run from; empty where it brings none."""
    return min((one.path for one in info.files if HEAT_TEMPLATE.fullmatch(one.path)), default="")


def units_of(info: PackageInfo, app_name: str) -> tuple[WorkloadUnit, ...]:
    """What will run: the VMs of the template, or the workloads that the charts declare."""
    if info.app_class == "vm":
        return _servers(info)
    found = _chart_workloads(info)
    return found or (WorkloadUnit(name=app_name, images=_images(info)),)


def _servers(info: PackageInfo) -> tuple[WorkloadUnit, ...]:
    return tuple(
        WorkloadUnit(
            name=unit.name,
            kind="VM",
            images=unit.images,
            vcpus=unit.vcpus,
            memory_mb=unit.memory_mb,
            storage_gb=unit.storage_gb,
            replicas=max(1, unit.initial_instances),
        )
        for unit in info.requirements.compute
    )


def _chart_workloads(info: PackageInfo) -> tuple[WorkloadUnit, ...]:
    """Workloads with the services in front of them; requests are the template's, shared out.

    A container package states its compute per pod for information; the chart's objects run.
    """
    compute = info.requirements.compute
    objects = [thing for chart in info.charts for thing in chart.objects]
    ports = tuple(
        WorkloadPort(port.port, _number(port.target_port), port.node_port or None, port.protocol)
        for thing in objects
        for port in thing.ports
    )
    names = [(thing.kind, thing.name) for thing in objects if thing.kind in WORKLOAD_KINDS]
    return tuple(
        WorkloadUnit(
            name=_readable(name, info, index),
            kind=kind,
            images=_images(info),
            vcpus=compute[0].vcpus / len(names) if compute else 0,
            memory_mb=compute[0].memory_mb / len(names) if compute else 0,
            storage_gb=compute[0].storage_gb / len(names) if compute else 0,
            ports=ports if index == 0 else (),
        )
        for index, (kind, name) in enumerate(names)
    )


def _number(target_port: str) -> int | None:
    """A target port that is a number; a named one is resolved by the cluster alone."""
    return int(target_port) if target_port.isdigit() else None


def _readable(name: str, info: PackageInfo, index: int) -> str:
    """A template expression is not a name; the chart's name stands for it."""
    if name and "{{" not in name:
        return name
    chart = info.charts[0].name if info.charts else info.name
    return chart if index == 0 else f"{chart}-{index}"


def _images(info: PackageInfo) -> tuple[str, ...]:
    return tuple(image.reference or image.name for image in info.images)


def service_names(info: PackageInfo) -> list[str]:
    """The MEC services that an application says it has to do with, each once."""
    wants = info.requirements
    every = (*wants.services_optional, *wants.services_produced, *wants.services_required)
    return list(dict.fromkeys(one.name for one in every))
