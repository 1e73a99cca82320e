"""What the workers of a site find to do when they look: each job by itself, or all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

from apps.hosts.models import MecHost
from apps.hosts.selectors import local_hosts, undelivered
from apps.images import work as image_work
from apps.images.models import HostImage
from apps.instances import operations
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.states import UNFINISHED, InstanceState
from apps.orchestration import delivery, engine
from apps.orchestration import services as orchestration
from apps.packages import distribution_work
from apps.packages import services as packages
from apps.packages.models import Distribution, Package
from apps.rules import work as rule_work
from apps.rules.models import RuleTask
from apps.rules.policies import CARRIED_OUT_IN
from apps.rules.states import UNFINISHED as UNFINISHED_TASKS
from apps.tenants.actors import SYSTEM

Job = tuple[str, Callable[[], object]]
WATCHED = (
    InstanceState.INSTANTIATED, InstanceState.INSTANTIATION_FAILED, InstanceState.INSTANTIATING,
    InstanceState.TERMINATING,
)


def jobs() -> Iterator[Job]:
    """What is due at the present site, each with its name."""
    for host in undelivered():
        yield _job("deliver", delivery.deliver, host.pk)
    for row_id in distribution_work.due():
        yield _job("distribution", distribution_work.work_on, row_id)
    for image_id in image_work.due():
        yield _job("image", image_work.work_on, image_id)
    for operation_id in operations.due():
        yield _job("operation", engine.run, operation_id)
    for task_id in rule_work.due():
        yield _job("rules", rule_work.work_on, task_id)
    for package_id in Package.objects.filter(removing=True).values_list("pk", flat=True):
        yield _job("forget", _forget, package_id)


def looks() -> Iterator[Job]:
    """What a site looks at although nobody ordered it: its hosts and what runs there."""
    for host in local_hosts().order_by("pk"):
        yield _job("probe", _probe, host.pk)
    rows = AppInstance.objects.filter(host__applcm__isnull=True, state__in=WATCHED)
    for instance_id in rows.order_by("pk").values_list("pk", flat=True):
        yield _job("watch", _watch, instance_id)


def left() -> list[str]:
    """What is still to be done at the present site, now or later."""
    operations_left = LcmOperation.objects.filter(state__in=UNFINISHED)
    rows = Distribution.objects.filter(next_at__isnull=False)
    tasks = RuleTask.objects.filter(state__in=UNFINISHED_TASKS, instance__state__in=CARRIED_OUT_IN)
    images = HostImage.objects.filter(next_at__isnull=False)
    hosts_owed = [host for host in undelivered() if not host.delivery_fault]
    return [
        *(f"{one.kind} {one.app_name} {one.steps[-1:]} {one.why}" for one in operations_left),
        *(f"distribution {one} {one.state} {one.fault}" for one in rows),
        *(f"image {one} {one.state} {one.fault}" for one in images),
        *(f"rules {one} {one.why}" for one in tasks),
        *(f"host {one.ip} is owed" for one in hosts_owed),
        *(f"package {one} is removed" for one in Package.objects.filter(removing=True)),
    ]


def do_all() -> int:
    """Everything that is due, once; returns how much that was."""
    count = 0
    for _, job in jobs():
        job()
        count += 1
    return count


def _job(name: str, what: Callable[[uuid.UUID], object], key: uuid.UUID) -> Job:
    return f"{name} {key}", lambda: what(key)


def _forget(package_id: uuid.UUID) -> bool:
    return packages.forget_when_gone(actor=SYSTEM, package_id=package_id)


def _probe(host_id: uuid.UUID) -> bool:
    host = MecHost.objects.filter(pk=host_id).first()
    return host is not None and delivery.probe(host)


def _watch(instance_id: uuid.UUID) -> None:
    rows = AppInstance.objects.select_related("package", "host", "host__applcm", "tenant")
    instance = rows.filter(pk=instance_id).first()
    if instance is not None:
        orchestration.watch_instance(instance)
