"""The state vocabulary on screen: which word, tone and shape stands for which state.

Texts are chosen when they are rendered, in the reader's language.  Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.hosts.models import Manager, MecHost
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.states import Health, InstanceState, OperationState
from apps.packages.models import Distribution
from apps.packages.states import DistributionState

Text = str | Promise

OK, BUSY, WARN, BAD, INFO, UNKNOWN = "ok", "busy", "warn", "bad", "info", "unknown"


@dataclass(frozen=True, slots=True)
class Mark:
    """A state badge: tone (colour and shape), word, and what a tooltip adds."""

    tone: str
    label: Text
    detail: Text = ""
    since: datetime | None = None
    stale: bool = False


# Parameters of a reason that are words of ours, such as a state, and not names of things.
_WORD_PARAMS = frozenset({"state", "verb", "class", "kind"})
_VERBS = (N_("instantiate"), N_("terminate"), N_("container"), N_("vm"))


def say(reason: Reason | None) -> str:
    """A stored reason in the reader's language; one that lost its parameters still reads."""
    if not reason:
        return ""
    params = {
        name: gettext(value) if name in _WORD_PARAMS and isinstance(value, str) and value else value
        for name, value in reason.params.items()
    }
    try:
        return str(Reason(reason.text, reason.code, params))
    except (KeyError, TypeError, ValueError):
        return gettext(reason.text)


_I, _D, _O, _H = InstanceState, DistributionState, OperationState, Health
_INSTANCE = {
    _I.CREATING: BUSY, _I.CREATED: INFO, _I.CREATE_FAILED: BAD, _I.INSTANTIATING: BUSY,
    _I.INSTANTIATED: OK, _I.INSTANTIATION_FAILED: BAD, _I.TERMINATING: BUSY,
    _I.TERMINATE_FAILED: BAD,
}
_HEALTH = {_H.READY: OK, _H.DEGRADED: WARN, _H.FAILED: BAD, _H.UNKNOWN: UNKNOWN}
_DISTRIBUTION = {_D.PROCESSING: BUSY, _D.DISTRIBUTED: OK, _D.ERROR: BAD}
_OPERATION = {
    _O.QUEUED: UNKNOWN, _O.RUNNING: BUSY, _O.WAITING: BUSY, _O.SUCCEEDED: OK, _O.FAILED: BAD,
    _O.CANCELLED: UNKNOWN,
}
_STEP_TONES = {"running": BUSY, "waiting": BUSY, "done": OK, "failed": BAD}
_RUNTIME_TONES = {
    "running": OK, "active": OK, "succeeded": OK, "ready": OK, "pending": BUSY, "build": BUSY,
    "waiting": BUSY, "terminating": BUSY, "deleting": BUSY, "failed": BAD, "error": BAD,
    "terminated": WARN, "degraded": WARN,
}
_RUNTIME_WORDS: dict[str, Text] = {
    "running": _("Running"), "active": _("Active"), "succeeded": _("Succeeded"),
    "pending": _("Pending"), "build": _("Building"), "waiting": _("Waiting"),
    "terminating": _("Terminating"), "deleting": _("Deleting"), "failed": _("Failed"),
    "error": _("Error"), "terminated": _("Terminated"), "unknown": _("Unknown"),
}


def instance_mark(instance: AppInstance) -> Mark:
    """The life-cycle state of an instance."""
    return state_mark(instance.state)


def state_mark(state: str) -> Mark:
    """The badge for a life-cycle state by its stored word."""
    label = dict(InstanceState.choices).get(state, _("Unknown"))
    return Mark(_INSTANCE.get(state, UNKNOWN), label)  # type: ignore[call-overload]


def health_mark(instance: AppInstance) -> Mark:
    """How the workload does: ready of total where the edge has said so."""
    seen = instance.seen
    tone = _HEALTH.get(instance.health, UNKNOWN)  # type: ignore[call-overload]
    label: Text = dict(Health.choices).get(instance.health, _("Unknown"))
    if seen is not None and seen.total and instance.health != Health.UNKNOWN:
        label = f"{label} {seen.ready}/{seen.total}"
    return Mark(tone, label, say(instance.health_words), instance.observed_at)


def distribution_mark(row: Distribution) -> Mark:
    """Where a package is on its way to a host."""
    if row.removing:
        return Mark(BUSY, _("Removing"), say(row.fault_reason))
    label = dict(DistributionState.choices).get(row.state, _("Unknown"))
    return Mark(_DISTRIBUTION.get(row.state, UNKNOWN), label, say(row.fault_reason))  # type: ignore[call-overload]


def operation_mark(operation: LcmOperation) -> Mark:
    """Where a piece of work is."""
    label = dict(OperationState.choices).get(operation.state, _("Unknown"))
    return Mark(_OPERATION.get(operation.state, UNKNOWN), label, say(operation.why))  # type: ignore[call-overload]


def step_tone(state: str) -> str:
    """The tone of one step of an operation."""
    return _STEP_TONES.get(state.lower(), UNKNOWN)


_STEP_WORDS: dict[str, Text] = {
    "running": _("Running"), "waiting": _("Waiting"), "done": _("Done"), "failed": _("Failed"),
}


def step_word(state: str) -> str:
    """How far a step is, in words."""
    return str(_STEP_WORDS.get(state.lower(), _("Unknown")))


def runtime_mark(state: str) -> Mark:
    """The word of a VIM for a pod, a container or a server, as it was told."""
    key = state.lower()
    return Mark(_RUNTIME_TONES.get(key, UNKNOWN), _RUNTIME_WORDS.get(key, state or _("Unknown")))


def manager_mark(row: Manager) -> Mark:
    """Whether a program at an edge answers."""
    return _link(row.reachable, row.since, say(row.fault_reason))


def host_mark(host: MecHost) -> Mark:
    """Whether a host answers; what an unreachable edge said last is marked as stale."""
    if host.removing:
        return Mark(BUSY, _("Removing"), say(host.delivery_reason))
    edge = host.applcm
    if edge is not None and edge.reachable is False:
        return Mark(BAD, _("Edge offline"), say(edge.fault_reason), edge.since, stale=True)
    return _link(host.reachable, host.since, say(host.fault_reason))


def credentials_mark(host: MecHost) -> Mark:
    """Whether the access file of a host is there, and where it has got to."""
    credential = getattr(host, "credential", None)
    if credential is None:
        return Mark(UNKNOWN, _("Missing"))
    if credential.fault:
        return Mark(BAD, _("Invalid"), say(Reason.from_json(credential.fault)))
    if credential.delivered_at is None:
        return Mark(BUSY, _("On its way"), _("The edge does not have them yet."))
    return Mark(OK, _("Stored"), "", credential.uploaded_at)


def _link(reachable: bool | None, since: datetime | None, why: str) -> Mark:
    if reachable is None:
        return Mark(UNKNOWN, _("Never seen"), why or _("Nobody has asked yet."))
    if reachable:
        return Mark(OK, _("Online"), "", since)
    return Mark(BAD, _("Offline"), why, since)


_LEVELS: dict[str, Mark] = {
    "error": Mark(BAD, _("Error")),
    "warning": Mark(WARN, _("Warning")),
    "info": Mark(INFO, _("Note")),
    "ok": Mark(OK, _("Passed")),
}


def level_mark(level: str) -> Mark:
    """The badge for a line of the check report."""
    return _LEVELS.get(level, Mark(UNKNOWN, _("Unknown")))
