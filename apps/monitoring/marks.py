"""Which word and tone the topology gives to a state.  Tones are those of the portal's badges."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.hosts.models import Manager, MecHost
from apps.instances.models import AppInstance
from apps.instances.states import Health, InstanceState
from apps.vim.results import Pod, Server, WorkloadStatus

OK, BUSY, WARN, BAD, INFO, UNKNOWN = "ok", "busy", "warn", "bad", "info", "unknown"
FAILING = frozenset({WARN, BAD})


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown: its stored code, the word for it, its tone, and why."""

    state: str
    text: str
    tone: str
    detail: str = ""


_I, _H = InstanceState, Health
_STATE_TONES: dict[str, str] = {
    _I.CREATING: BUSY, _I.CREATED: INFO, _I.CREATE_FAILED: BAD, _I.INSTANTIATING: BUSY,
    _I.INSTANTIATED: OK, _I.INSTANTIATION_FAILED: BAD, _I.TERMINATING: BUSY,
    _I.TERMINATE_FAILED: BAD,
}
_HEALTH_TONES: dict[str, str] = {
    _H.READY: OK, _H.DEGRADED: WARN, _H.FAILED: BAD, _H.UNKNOWN: UNKNOWN,
}
# The words of Kubernetes and Nova for pods and servers.
_RUNTIME: dict[str, tuple[str, str]] = {
    "Running": (OK, N_("Running")),
    "Pending": (BUSY, N_("Pending")),
    "Succeeded": (INFO, N_("Succeeded")),
    "Failed": (BAD, N_("Failed")),
    "Terminating": (BUSY, N_("Terminating")),
    "ACTIVE": (OK, N_("Active")),
    "BUILD": (BUSY, N_("Building")),
    "ERROR": (BAD, N_("Error")),
    "DELETING": (BUSY, N_("Deleting")),
}


def say(reason: Reason) -> str:
    """A stored reason in the reader's language; one that lost its parameters still reads."""
    try:
        return str(reason)
    except (KeyError, TypeError, ValueError):
        return gettext(reason.text)


def edge_look(edge: Manager) -> Look:
    """Whether the manager of an edge answers."""
    return _link(edge.reachable, edge.fault_reason)


def host_look(host: MecHost) -> Look:
    """How a host does, as its edge told it last."""
    if host.removing:
        return Look("Removing", gettext("Removing"), BUSY, say(host.delivery_reason))
    look = _link(host.reachable, host.fault_reason)
    if look.tone == OK and not host.is_delivered:
        why = say(host.delivery_reason)
        late = gettext("The edge does not have the latest settings yet.")
        return Look("Pending", gettext("Waiting for the edge"), BUSY, why or late)
    return look


def _link(reachable: bool | None, fault: Reason) -> Look:
    if reachable is None:
        return Look("Never seen", gettext("Never seen"), UNKNOWN, say(fault))
    if not reachable:
        return Look("Offline", gettext("Offline"), BAD, say(fault))
    if fault:
        return Look("Degraded", gettext("Degraded"), WARN, say(fault))
    return Look("Online", gettext("Online"), OK)


def instance_look(instance: AppInstance, seen: WorkloadStatus | None) -> Look:
    """The life-cycle state; once it runs, its health decides the tone."""
    text = str(dict(_I.choices).get(instance.state, instance.state))
    tone = _STATE_TONES.get(instance.state, UNKNOWN)
    if instance.state != _I.INSTANTIATED:
        return Look(instance.state, text, tone, say(instance.info))
    health = str(dict(_H.choices).get(instance.health, instance.health))
    counted = f" {seen.ready}/{seen.total}" if seen and seen.total else ""
    detail = f"{health}{counted}"
    why = say(instance.health_words)
    tone = _HEALTH_TONES.get(instance.health, UNKNOWN)
    return Look(instance.state, text, tone, f"{detail}: {why}" if why else detail)


def pod_look(pod: Pod) -> Look:
    """A pod by its phase; one whose containers do not all run is not well."""
    tone, text = _RUNTIME.get(pod.phase, (UNKNOWN, pod.phase))
    wrong = [c for c in pod.containers if c.state != "running"] if tone == OK else []
    told = [c.reason for c in pod.containers if c.reason]
    restarts = sum(c.restarts for c in pod.containers)
    parts = [pod.kind, *dict.fromkeys(told)]
    if restarts:
        parts.append(gettext("restarts: %(number)s") % {"number": restarts})
    return Look(pod.phase, gettext(text), WARN if wrong else tone, " · ".join(parts))


def server_look(server: Server) -> Look:
    """A virtual machine by Nova's word."""
    tone, text = _RUNTIME.get(server.status, (UNKNOWN, server.status))
    return Look(server.status, gettext(text), tone, ", ".join(a.ip for a in server.addresses))
