"""The state vocabulary: which word, tone and shape stands for which state, on pages and graphs.

Texts are chosen when they are shown, in the reader's language.  Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.errors import Invalid
from apps.common.words import Reason, Text, say
from apps.hosts.models import AppLcm, HostCredential, Manager, MecHost
from apps.instances.models import AppInstance, LcmOperation, Rollout, RolloutItem
from apps.instances.states import (
    Health,
    InstanceState,
    OperationState,
    RolloutItemState,
    RolloutState,
)
from apps.mep.models import Delivery, MecService, ServiceEvent, Subscription
from apps.mep.states import Change, DeliveryState, ServiceState
from apps.packages.models import Distribution, StorePackage
from apps.packages.states import DistributionState, SyncState
from apps.rules.models import RuleTask
from apps.rules.states import TaskState
from apps.vim.results import Pod, Server, WorkloadStatus

TONES = OK, BUSY, WARN, BAD, INFO, UNKNOWN = "ok", "busy", "warn", "bad", "info", "unknown"
FAILING = frozenset({WARN, BAD})
# Time enough to get new credentials and to give them to the host.
EXPIRES_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state is shown: its code, the word for it, its tone (colour and shape), and why.

    ``since`` is when it began; ``stale`` says that it is only what was heard last.
    """

    state: str
    label: Text
    tone: str
    detail: Text = ""
    since: datetime | None = None
    stale: bool = False


_I, _D, _O, _H = InstanceState, DistributionState, OperationState, Health
_UNKNOWN = _("Unknown")
_WORDS: dict[str, Text] = {
    str(state): state.label
    for kind in (_I, _D, _O, _H, ServiceState, DeliveryState)
    for state in kind
}
_INSTANCE: dict[str, str] = {
    _I.CREATING: BUSY, _I.CREATED: INFO, _I.CREATE_FAILED: BAD, _I.INSTANTIATING: BUSY,
    _I.INSTANTIATED: OK, _I.INSTANTIATION_FAILED: BAD, _I.TERMINATING: BUSY,
    _I.TERMINATE_FAILED: BAD,
}
_HEALTH: dict[str, str] = {_H.READY: OK, _H.DEGRADED: WARN, _H.FAILED: BAD, _H.UNKNOWN: UNKNOWN}
_DISTRIBUTION: dict[str, str] = {_D.PROCESSING: BUSY, _D.DISTRIBUTED: OK, _D.ERROR: BAD}
_STORE: dict[str, str] = {
    SyncState.NOT_IN_SYNC: UNKNOWN, SyncState.IN_PROGRESS: BUSY, SyncState.IN_SYNC: OK,
    SyncState.FAILED: BAD,
}
_OPERATION: dict[str, str] = {
    _O.QUEUED: UNKNOWN, _O.RUNNING: BUSY, _O.WAITING: BUSY, _O.SUCCEEDED: OK, _O.FAILED: BAD,
    _O.CANCELLED: UNKNOWN,
}
_RULE_TASK: dict[str, str] = {
    TaskState.CREATED: BUSY, TaskState.PROCESSING: BUSY, TaskState.PENDING: WARN,
    TaskState.SUCCESS: OK, TaskState.FAILURE: BAD,
}
# A service that is suspended missed its heartbeat; one that is inactive was switched off.
_SERVICE: dict[str, str] = {
    ServiceState.ACTIVE: OK, ServiceState.INACTIVE: INFO, ServiceState.SUSPENDED: WARN,
}
_DELIVERY: dict[str, str] = {
    DeliveryState.PENDING: BUSY, DeliveryState.DELIVERED: OK, DeliveryState.DEAD: BAD,
}
_STEP: dict[str, tuple[str, Text]] = {
    "running": (BUSY, _("Running")), "waiting": (BUSY, _("Waiting")), "done": (OK, _("Done")),
    "failed": (BAD, _("Failed")),
}
# The words of Kubernetes, Nova and Glance for pods, containers, servers and images, however they
# spell them.
_RUNTIME: dict[str, tuple[str, Text]] = {
    "running": (OK, _("Running")), "active": (OK, _("Active")), "ready": (OK, _("Ready")),
    "succeeded": (INFO, _("Succeeded")), "pending": (BUSY, _("Pending")),
    "build": (BUSY, _("Building")), "waiting": (BUSY, _("Waiting")),
    "terminating": (BUSY, _("Terminating")), "deleting": (BUSY, _("Deleting")),
    "failed": (BAD, _("Failed")), "error": (BAD, _("Error")),
    "shutoff": (WARN, _("Shut off")), "paused": (WARN, _("Paused")),
    "suspended": (WARN, _("Suspended")), "reboot": (BUSY, _("Rebooting")),
    "hard_reboot": (BUSY, _("Rebooting")),
    "queued": (BUSY, _("Waiting")), "saving": (BUSY, _("Being made")),
    "uploading": (BUSY, _("Being copied")), "importing": (BUSY, _("Being copied")),
    "killed": (BAD, _("Failed")), "deactivated": (WARN, _("Deactivated")),
    "pending_delete": (BUSY, _("Deleting")), "deleted": (BUSY, _("Deleting")),
    "terminated": (WARN, _("Terminated")), "degraded": (WARN, _("Degraded")),
    "unknown": (UNKNOWN, _UNKNOWN),
}
# The verdicts on the link to an edge: how it is for the edge, and what is said at its hosts.
SHUT_OUT = "revoked"
_OUT = _("It was shut out: nothing is asked there, and what is shown is what it said last.")
_EDGE_SHUT_OUT = _("Edge shut out")
_OFFLINE: tuple[str, Text, Text] = (BAD, _("Offline"), _("Edge offline"))
_VERDICTS: dict[str, tuple[str, Text, Text]] = {
    "unknown": (BAD, _("Never heard of"), _("Edge offline")),
    "alive": (OK, _("Alive"), _("Edge offline")),
    "cut_off": (BAD, _("Cut off"), _("Edge cut off")),
    "dead": (BAD, _("Silent for too long"), _("Edge silent for too long")),
}
_LEVELS: dict[str, tuple[str, Text]] = {
    "error": (BAD, _("Error")), "warning": (WARN, _("Warning")), "info": (INFO, _("Note")),
    "ok": (OK, _("Passed")),
}


def _stored(state: str, tones: dict[str, str]) -> Mark:
    """A state by its stored word; one that is not in the table is shown as it is stored."""
    return Mark(state, _WORDS.get(state, state or _UNKNOWN), tones.get(state, UNKNOWN))


# --- instances -----------------------------------------------------------------------------------
def state_mark(state: str) -> Mark:
    """A life-cycle state of instances by its stored word."""
    return _stored(state, _INSTANCE)


def instance_mark(instance: AppInstance) -> Mark:
    """The life-cycle state of an instance, and why it came to that."""
    return replace(state_mark(instance.state), detail=say(instance.info))


def seen_of(instance: AppInstance) -> WorkloadStatus | None:
    """What the edge saw; a report that does not read is no report, and never breaks a page."""
    try:
        return instance.seen
    except Invalid:
        return None


_ROLLOUT: dict[str, str] = {
    RolloutState.FINISHED: OK,
    RolloutState.STOPPED: WARN,
    RolloutItemState.RUNNING: BUSY,
    RolloutItemState.UPGRADED: OK,
    RolloutItemState.FAILED: BAD,
}


def health_mark(instance: AppInstance) -> Mark:
    """How the workload does: ready of total where the edge has said so."""
    return health_as_seen(instance, seen_of(instance))


def health_as_seen(instance: AppInstance, seen: WorkloadStatus | None) -> Mark:
    """The same for whoever has read the report already."""
    mark = _stored(instance.health, _HEALTH)
    label = mark.label
    if seen is not None and seen.total and instance.health != Health.UNKNOWN:
        label = f"{label} {seen.ready}/{seen.total}"
    why = say(instance.health_words)
    return replace(mark, label=label, detail=why, since=instance.observed_at)


def life_mark(instance: AppInstance, seen: WorkloadStatus | None) -> Mark:
    """Life cycle and health in one: once it runs, its health decides the tone."""
    mark = instance_mark(instance)
    if instance.state != InstanceState.INSTANTIATED:
        return mark
    health = health_as_seen(instance, seen)
    told = f"{health.label}: {health.detail}" if health.detail else str(health.label)
    return replace(mark, tone=health.tone, detail=told)


def operation_mark(operation: LcmOperation) -> Mark:
    """Where a piece of work is."""
    return replace(_stored(operation.state, _OPERATION), detail=say(operation.why))


def rule_task_mark(task: RuleTask) -> Mark:
    """How far the handing over of rules is."""
    label = TaskState(task.state).label
    return Mark(task.state, label, _RULE_TASK[task.state], detail=say(task.why))


def rollout_mark(row: Rollout | RolloutItem) -> Mark:
    """Where an upgrade, or one instance of it, is."""
    mark = Mark(row.state, row.get_state_display(), _ROLLOUT.get(row.state, UNKNOWN))
    return replace(mark, detail=say(row.why))


def step_mark(state: str) -> Mark:
    """How far a step of an operation is."""
    tone, label = _STEP.get(state.lower(), (UNKNOWN, _UNKNOWN))
    return Mark(state, label, tone)


# --- what runs -----------------------------------------------------------------------------------
def runtime_mark(state: str) -> Mark:
    """The word of a VIM for a pod, a container or a server, as it was told."""
    tone, label = _RUNTIME.get(state.lower(), (UNKNOWN, state or _UNKNOWN))
    return Mark(state, label, tone)


def pod_mark(pod: Pod) -> Mark:
    """A pod by its phase; one whose containers do not all run is not well."""
    mark = runtime_mark(pod.phase)
    wrong = mark.tone == OK and any(box.state.lower() != "running" for box in pod.containers)
    told = [box.reason for box in pod.containers if box.reason]
    restarts = sum(box.restarts for box in pod.containers)
    parts = [pod.kind, *dict.fromkeys(told)]
    if restarts:
        parts.append(gettext("restarts: %(number)s") % {"number": restarts})
    return replace(mark, tone=WARN if wrong else mark.tone, detail=" · ".join(filter(None, parts)))


def server_mark(server: Server) -> Mark:
    """A virtual machine by Nova's word."""
    addresses = ", ".join(one.ip for one in server.addresses)
    return replace(runtime_mark(server.status), detail=addresses)


# --- packages ------------------------------------------------------------------------------------
def distribution_mark(row: Distribution) -> Mark:
    """Where a package is on its way to a host."""
    why = say(row.fault_reason)
    if row.removing:
        return Mark("Removing", _("Removing"), BUSY, why)
    return replace(_stored(row.state, _DISTRIBUTION), detail=why)


def store_mark(row: StorePackage) -> Mark:
    """How far a package of an application store is here."""
    tone = _STORE[row.state]
    label: Text = SyncState(row.state).label
    if row.state == SyncState.IN_PROGRESS and row.percent is not None:
        label = f"{label} {row.percent} %"
    return Mark(row.state, label, tone, say(row.fault_reason))


def level_mark(level: str) -> Mark:
    """The badge for a line of the check report."""
    tone, label = _LEVELS.get(level, (UNKNOWN, _UNKNOWN))
    return Mark(level, label, tone)


# --- infrastructure ------------------------------------------------------------------------------
def manager_mark(row: Manager) -> Mark:
    """Whether a program at an edge answers, or is shut out."""
    if isinstance(row, AppLcm) and row.revoked_at is not None:
        return _shut_out(row)
    return _link(row.reachable, row.since, say(row.fault_reason))


def edge_mark(edge: AppLcm) -> Mark:
    """The verdict on the link to an edge, since when, and why it does not answer."""
    if edge.revoked_at is not None:
        return _shut_out(edge)
    peer = getattr(edge, "peer", None)
    # Before the first verdict the link is told as that of any other program.
    if peer is None or (peer.verdict == "unknown" and edge.reachable is not False):
        return manager_mark(edge)
    tone, label, _of_host = _VERDICTS[peer.verdict]
    return Mark(peer.verdict, label, tone, say(edge.fault_reason), peer.verdict_since or edge.since)


def host_mark(host: MecHost) -> Mark:
    """Whether a host answers; what an unreachable edge said last is marked as stale."""
    if host.removing:
        return Mark("Removing", _("Removing"), BUSY, say(host.delivery_reason))
    edge = host.applcm
    if edge is not None and (edge.reachable is False or edge.revoked_at is not None):
        link = edge_mark(edge)
        label = _EDGE_SHUT_OUT if link.state == SHUT_OUT else _VERDICTS.get(link.state, _OFFLINE)[2]
        return Mark("Edge offline", label, BAD, link.detail, link.since, stale=True)
    link = _link(host.reachable, host.since, say(host.fault_reason))
    if link.tone == OK and not host.is_delivered:
        return Mark("Pending", _("Waiting for the edge"), BUSY, late_reason(host), link.since)
    return link


def _shut_out(edge: AppLcm) -> Mark:
    return Mark(SHUT_OUT, _("Shut out"), WARN, _OUT, edge.revoked_at, stale=True)


def late_reason(host: MecHost) -> Text:
    """Why the edge of a host does not have its present configuration."""
    late = _("The edge does not have the latest settings yet.")
    return say(host.delivery_reason) or late


def credentials_mark(host: MecHost) -> Mark:
    """Whether the access file of a host is there, and where it has got to."""
    credential = getattr(host, "credential", None)
    if credential is None:
        return Mark("Missing", _("Missing"), UNKNOWN)
    if credential.removing:
        late = _("The edge has not been told yet to forget them.")
        return Mark("Removing", _("Removing"), BUSY, late)
    if credential.fault:
        return Mark("Invalid", _("Invalid"), BAD, say(credential.fault_reason))
    if credential.delivered_at is None:
        late = _("They are stored here; the edge does not have them yet.")
        why = say(host.delivery_reason) or late
        return Mark("Pending", _("Waiting for delivery"), BUSY, why)
    return _expiring(credential) or Mark("Stored", _("Stored"), OK, "", credential.uploaded_at)


def _expiring(credential: HostCredential) -> Mark | None:
    """Credentials that have come to their end, or come to it soon."""
    end = credential.expires
    if end is None or end > clock.now() + EXPIRES_SOON:
        return None
    day = {"day": f"{timezone.localtime(end):%Y-%m-%d}"}
    if end <= clock.now():
        why = gettext("They were valid until %(day)s; store new ones.") % day
        return Mark("Expired", _("Expired"), BAD, why, end)
    why = gettext("They are valid until %(day)s only; store new ones before that.") % day
    return Mark("Expires soon", _("Expires soon"), WARN, why)


def _link(reachable: bool | None, since: datetime | None, why: str) -> Mark:
    if reachable is None:
        return Mark("Never seen", _("Never seen"), UNKNOWN, why or _("Nobody has asked yet."))
    if not reachable:
        return Mark("Offline", _("Offline"), BAD, why, since)
    if why:
        return Mark("Degraded", _("Degraded"), WARN, why, since)
    return Mark("Online", _("Online"), OK, "", since)


def conflict_mark() -> Mark:
    """Something that center and edge changed both, and of which a person has to choose."""
    return Mark("Conflict", _("Conflict"), WARN)


def held_back_mark() -> Mark:
    """An edge of whose news some has to wait."""
    return Mark("Held back", _("Held back"), WARN)


# --- the MEC platform ----------------------------------------------------------------------------
def service_mark(service: MecService) -> Mark:
    """Whether a service can be used, since when."""
    return replace(_stored(service.state, _SERVICE), since=service.state_since)


def service_state_mark(state: str) -> Mark:
    """A state of services by its stored word."""
    return _stored(state, _SERVICE)


def event_mark(event: ServiceEvent) -> Mark:
    """How a service was after something had happened to it."""
    if event.change == Change.REMOVED:
        return Mark(event.change, _("Removed"), UNKNOWN)
    return _stored(event.state, _SERVICE)


def delivery_mark(row: Delivery) -> Mark:
    """Where a notification is on its way; one that failed before is tried again."""
    mark = replace(_stored(row.state, _DELIVERY), detail=say(Reason.from_json(row.fault)))
    if row.state == DeliveryState.PENDING and row.attempts:
        return replace(mark, label=_("Tried again"), tone=WARN)
    return mark


def subscription_mark(row: Subscription) -> Mark:
    """Whether a subscriber takes what it is sent."""
    why = say(Reason.from_json(row.fault))
    if row.failures:
        return Mark("Failing", _("Deliveries fail"), BAD, why)
    if row.waiting:
        return Mark("Waiting", _("Notifications wait"), BUSY, why)
    if row.last_ok is None:
        return Mark("Untried", _("Nothing sent yet"), UNKNOWN)
    return Mark("Delivered", _("All delivered"), OK, "", row.last_ok)
