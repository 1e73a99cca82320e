"""What an operation does, as readable lists of steps.

A step gets its context, may be run again at any time, and returns None when it is done or the
seconds after which it wants to be asked again, with words where it can tell how far it is.  What it
raises ends the operation, unless it is an Upstream error that is worth another try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Upstream
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.hosts.policies import may_deploy_to
from apps.instances import operations, services
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.services import Observation
from apps.instances.states import InstanceState, OperationKind
from apps.orchestration import images
from apps.orchestration.followed import followed_hosts
from apps.orchestration.local import LocalLcmTarget
from apps.orchestration.ports import LcmTarget
from apps.orchestration.remote import RemoteLcmTarget
from apps.packages import distribution
from apps.packages.models import Distribution
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor
from apps.tenants.policies import require_now
from apps.vim.contract import Phase

SOON = 0.15
LATER = 1.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a step works with: the instance as it is now, and for whom."""

    operation: LcmOperation
    instance: AppInstance
    actor: Actor
    target: LcmTarget

    @property
    def pause(self) -> float:
        """How long to wait before asking again; whoever tells of news wakes us earlier."""
        host = self.instance.host
        return SOON if host.is_local and host.pk not in followed_hosts() else LATER

    @property
    def is_late(self) -> bool:
        """Whether its time is over: it may still turn out well, and orders nothing any more."""
        deadline = self.operation.deadline
        return deadline is not None and clock.now() >= deadline


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step wants to be asked again after ``seconds``; ``reason`` says how far it is."""

    seconds: float
    reason: Reason


Step = Callable[[Context], float | Waiting | None]


def target_for(host: MecHost) -> LcmTarget:
    """Where a host is, is data: one that names an AppLCM is reached over HTTP."""
    return LocalLcmTarget() if host.is_local else RemoteLcmTarget()


def check_host(context: Context) -> float | None:
    """The host takes instances and has the hardware that was asked for."""
    host = context.instance.host
    require_now(may_deploy_to(host))
    offered = {str(row.get("hwType", "")) for row in host.hw_capabilities}
    missing = sorted(set(context.instance.capabilities) - offered)
    if missing:
        raise Conflict(
            N_("“%(host)s” does not have the capability: %(missing)s."),
            code="capability_missing",
            host=host.name,
            missing=", ".join(missing),
        )
    return None


def await_created(context: Context) -> float | None:
    """An order given while the instance is still being created waits for that."""
    state = context.instance.state
    if state == InstanceState.CREATING:
        return SOON
    if state == InstanceState.CREATE_FAILED:
        raise Conflict(N_("The instance could not be created."), code="create_failed")
    if state in (InstanceState.CREATED, InstanceState.INSTANTIATION_FAILED):
        services.move(actor=context.actor, instance_id=context.instance.pk, verb="instantiate")
    return None


def bring_package(context: Context) -> float | None:
    """The host has the package, or gets it now."""
    instance = context.instance
    row = Distribution.objects.filter(package=instance.package, host=instance.host).first()
    stale = row is not None and (
        row.removing
        or (row.state == DistributionState.ERROR and row.updated_at < context.operation.created_at)
    )
    if row is None or stale:
        distribution.distribute(
            actor=context.actor, package_id=instance.package_id, host_ids=[instance.host_id]
        )
        return context.pause
    if row.state == DistributionState.DISTRIBUTED:
        return None
    if row.state == DistributionState.ERROR:
        why = row.fault_reason
        raise Upstream(why.text, retryable=False, code=why.code or "distribution", **why.params)
    if row.fault_reason:
        raise Upstream(row.fault_reason.text, code=row.fault_reason.code, **row.fault_reason.params)
    return SOON


def bring_images(context: Context) -> Waiting | None:
    """The host has the images that machines or containers start from, or gets them now."""
    since = context.operation.created_at
    reason = images.bring(context.instance, actor=context.actor, since=since)
    return Waiting(LATER, reason) if reason else None


def install(context: Context) -> float | None:
    """The order is given; what runs already is left alone."""
    if context.is_late:
        return context.pause
    context.target.install(context.instance, actor=context.actor)
    return None


def make_room(context: Context) -> float | None:
    """What ran of the former version is down."""
    waiting = context.target.make_room(context.instance, actor=context.actor)
    return SOON if waiting else None


def await_ready(context: Context) -> float | None:
    """Everything is ready; a failure that will not mend itself ends the operation."""
    seen = context.target.observe(context.instance, actor=context.actor)
    services.note_observed(instance_id=context.instance.pk, seen=seen)
    if seen.phase == Phase.READY:
        _require_version(context, seen)
        return None
    if seen.phase == Phase.ABSENT and not context.is_late:
        context.target.install(context.instance, actor=context.actor)
    if seen.phase == Phase.FAILED:
        why = seen.why or (seen.status and seen.status.reason) or Reason("")
        text = why.text or N_("The workload failed and gave no reason.")
        raise Upstream(text, retryable=False, code=why.code or "workload_failed", **why.params)
    return context.pause


def _require_version(context: Context, seen: Observation) -> None:
    """An upgrade that its edge lost with a backup, or that somebody undid there, has not come true.
    """
    instance, runs = context.instance, seen.edge_package
    is_upgrade = context.operation.kind == OperationKind.UPGRADE
    if is_upgrade and runs not in (None, instance.package_id):
        raise Conflict(
            N_("The edge has another version of “%(name)s”: it was changed there meanwhile."),
            code="other_version",
            name=instance.app_name,
        )


def await_quiet(context: Context) -> float | None:
    """A worker that is still in the middle of something else has let go."""
    return SOON if operations.busy_elsewhere(context.operation) else None


def announce_end(context: Context) -> float | None:
    """The application knows that it ends, and has used its graceful time or given it back."""
    waiting = context.target.announce_end(context.instance, actor=context.actor)
    return SOON if waiting else None


def uninstall(context: Context) -> float | None:
    """The removal is ordered."""
    context.target.uninstall(context.instance, actor=context.actor)
    return None


def await_absent(context: Context) -> float | None:
    """Nothing is left at the host."""
    seen = context.target.observe(context.instance, actor=context.actor)
    if seen.phase == Phase.ABSENT:
        return None
    if not context.instance.host.is_local:
        services.note_observed(instance_id=context.instance.pk, seen=seen)
    if seen.edge_state == InstanceState.TERMINATE_FAILED:
        text = seen.why.text or N_("The edge could not remove it.")
        raise Upstream(
            text, retryable=False, code=seen.why.code or "terminate_failed", **seen.why.params
        )
    return context.pause


@dataclass(frozen=True, slots=True)
class Workflow:
    """The steps of one kind of operation, and the instance's moves when it ends."""

    steps: tuple[tuple[str, Step], ...]
    done: str
    failed: str

    def steps_for(self, instance: AppInstance) -> tuple[tuple[str, Step], ...]:
        """Those that concern the instance: edges bring their images, and clusters may pull theirs.
        """
        needs_images = images.are_brought(instance.package, instance.host)
        return tuple(one for one in self.steps if needs_images or one[1] is not bring_images)


WORKFLOWS: dict[str, Workflow] = {
    OperationKind.CREATE: Workflow((("check_host", check_host),), "created", "create_failed"),
    OperationKind.INSTANTIATE: Workflow(
        (
            ("await_created", await_created),
            ("bring_package", bring_package),
            ("bring_images", bring_images),
            ("install", install),
            ("await_ready", await_ready),
        ),
        "instantiated",
        "instantiation_failed",
    ),
    OperationKind.UPGRADE: Workflow(
        (
            ("await_quiet", await_quiet),
            ("bring_package", bring_package),
            ("bring_images", bring_images),
            ("make_room", make_room),
            ("install", install),
            ("await_ready", await_ready),
        ),
        "instantiated",
        "instantiation_failed",
    ),
    OperationKind.TERMINATE: Workflow(
        (
            ("await_quiet", await_quiet),
            ("announce_end", announce_end),
            ("uninstall", uninstall),
            ("await_absent", await_absent),
        ),
        "terminated",
        "terminate_failed",
    ),
}
STEP_LABELS = {
    "check_host": N_("Check the host"),
    "await_created": N_("Wait until it is created"),
    "bring_package": N_("Bring the package to the host"),
    "bring_images": N_("Bring the images to the host"),
    "install": N_("Order the workload"),
    "make_room": N_("Take the former version down"),
    "await_ready": N_("Wait until everything is ready"),
    "await_quiet": N_("Wait for other work to let go"),
    "announce_end": N_("Tell the application that it ends"),
    "uninstall": N_("Order the removal"),
    "await_absent": N_("Wait until nothing is left"),
}
