"""From the objects of an instance to the truth about it.  A pure function of objects and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.kubernetes import names, trouble
from apps.vim.kubernetes.cluster import Object
from apps.vim.kubernetes.kinds import Found, annotation, condition, label, name_of
from apps.vim.kubernetes.trouble import Trouble
from apps.vim.results import (
    Container,
    ObjectInfo,
    Phase,
    Pod,
    ServiceInfo,
    ServicePort,
    WorkloadStatus,
)

HOOK: Final = "helm.sh/hook"
STUCK: Final = (
    "NamespaceDeletionContentFailure",
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
)
HANGS: Final = N_("The removal waits: %(said)s")
SOME_READY: Final = N_("%(ready)s of %(total)s are ready.")
HALF_WAY: Final = N_("The installation was interrupted.")


@dataclass(frozen=True, slots=True)
class Work:
    """One workload: how many pods it wants, how many are ready, and whether it ever was complete.

    ``settled`` says that its controller has nothing left to change.
    """

    kind: str
    name: str
    total: int
    ready: int
    settled: bool
    was_up: bool
    trouble: Trouble | None = None

    @property
    def fine(self) -> bool:
        """Whether all of it is there."""
        return self.settled and self.ready >= self.total


def status_of(found: Found, now: datetime) -> WorkloadStatus:
    """The truth about the instance that ``found`` is all of."""
    space = next(iter(found.get("namespaces") or ()), None)
    if space is None and not any(found.values()):
        return WorkloadStatus(Phase.ABSENT, now)
    works = list(_works(found, now))
    phase, reason = _phase(space, _release(found), works)
    pods = tuple(_pod(one) for one in sorted(found.get("pods") or (), key=name_of))
    return WorkloadStatus(
        phase=phase,
        as_of=now,
        ready=sum(min(work.ready, work.total) for work in works),
        total=sum(work.total for work in works),
        reason=reason,
        pods=pods,
        services=tuple(_service(one) for one in sorted(found.get("services") or (), key=name_of)),
        objects=tuple(_objects(found, works)),
        scope=name_of(space) if space else "",
    )


def _release(found: Found) -> str:
    """Helm's word for the newest revision; empty where there is none."""
    rows = found.get("releases") or ()
    newest = max(rows, key=lambda one: int(label(one, "version") or 0), default=None)
    return label(newest, "status") if newest else ""


def _phase(
    space: Object | None, release: str, works: list[Work]
) -> tuple[Phase, Reason | None]:
    if space is None or release == "uninstalling" or _is_going(space):
        return Phase.REMOVING, _stuck(space) if space else None
    fault = annotation(space, names.FAULT)
    if release == "failed" or (fault and not release):
        text = Reason(fault, "install_failed") if fault else Reason(HALF_WAY, "interrupted")
        return Phase.FAILED, text
    if release != "deployed":
        return Phase.INSTALLING, None
    return _running(works)


def _is_going(space: Object) -> bool:
    return bool(space["metadata"].get("deletionTimestamp") or annotation(space, names.REMOVING))


def _stuck(space: Object) -> Reason | None:
    """What a namespace waits for that does not go away."""
    for kind in STUCK:
        row = condition(space, kind)
        if row.get("status") == "True":
            return Reason(HANGS, "removal_hangs", {"said": str(row.get("message") or kind)})
    return None


def _running(works: list[Work]) -> tuple[Phase, Reason | None]:
    ready = sum(work.ready for work in works)
    counts = {"ready": ready, "total": sum(work.total for work in works)}
    ill = [work for work in works if not work.fine]
    grave = [work for work in ill if work.trouble and work.trouble.grave]
    if grave:
        first = grave[0].trouble
        reason = first.reason if first else None
        later = all(work.was_up for work in grave) and ready
        return (Phase.DEGRADED if later else Phase.FAILED), reason
    if not ill:
        return Phase.READY, None
    troubles = [work.trouble.reason for work in ill if work.trouble]
    if all(work.was_up for work in ill):
        said = troubles[0] if troubles else Reason(SOME_READY, "some_ready", counts)
        return (Phase.DEGRADED if ready else Phase.FAILED), said
    return Phase.INSTALLING, troubles[0] if troubles else None


def _works(found: Found, now: datetime) -> Iterator[Work]:
    pods: dict[tuple[str, str], list[Object]] = {}
    for pod in found.get("pods") or ():
        pods.setdefault(_owner(pod), []).append(pod)
    for plural, kind, read in _READERS:
        for one in sorted(found.get(plural) or (), key=name_of):
            if annotation(one, HOOK):
                continue
            total, ready, settled, was_up = read(one)
            own = trouble.of_workload(one) or _first(pods.get((kind, name_of(one)), ()), now)
            yield Work(kind, name_of(one), total, ready, settled, was_up, own)
    for (kind, name), rows in sorted(pods.items()):
        if kind == "Pod" and not annotation(rows[0], HOOK):
            done = (rows[0].get("status") or {}).get("phase") == "Succeeded"
            ready = done or condition(rows[0], "Ready").get("status") == "True"
            yield Work("Pod", name, 1, int(ready), True, False, _first(rows, now))


def _first(pods: Iterable[Object], now: datetime) -> Trouble | None:
    living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    found = [one for one in (trouble.of_pod(pod, now) for pod in living) if one]
    return next((one for one in found if one.grave), found[0] if found else None)


Reading = tuple[int, int, bool, bool]


def _deployment(one: Object) -> Reading:
    status = one.get("status") or {}
    total = _wanted(one)
    fresh = int(status.get("observedGeneration") or 0) >= _generation(one)
    updated = int(status.get("updatedReplicas") or 0)
    settled = fresh and updated >= total and int(status.get("replicas") or 0) <= updated
    progress = condition(one, "Progressing")
    was_up = fresh and progress.get("reason") == "NewReplicaSetAvailable"
    return total, int(status.get("readyReplicas") or 0), settled, was_up


def _stateful_set(one: Object) -> Reading:
    status = one.get("status") or {}
    fresh = int(status.get("observedGeneration") or 0) >= _generation(one)
    settled = fresh and status.get("currentRevision") == status.get("updateRevision")
    made = int(status.get("replicas") or 0) >= _wanted(one)
    return _wanted(one), int(status.get("readyReplicas") or 0), settled, settled and made


def _daemon_set(one: Object) -> Reading:
    status = one.get("status") or {}
    fresh = int(status.get("observedGeneration") or 0) >= _generation(one)
    total = int(status.get("desiredNumberScheduled") or 0)
    settled = fresh and int(status.get("updatedNumberScheduled") or 0) >= total
    return total, int(status.get("numberReady") or 0), settled, False


def _job(one: Object) -> Reading:
    """A Job is well when it is complete, and also while its pods work at it."""
    spec, status = one.get("spec") or {}, one.get("status") or {}
    total = int(spec.get("parallelism") or 1)
    if condition(one, "Complete").get("status") == "True" or spec.get("suspend"):
        return total, total, True, True
    working = int(status.get("ready") or 0) + int(status.get("succeeded") or 0)
    return total, min(working, total), True, False


_READERS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("deployments", "Deployment", _deployment),
    ("statefulsets", "StatefulSet", _stateful_set),
    ("daemonsets", "DaemonSet", _daemon_set),
    ("jobs", "Job", _job),
)


def _wanted(one: Object) -> int:
    replicas = (one.get("spec") or {}).get("replicas")
    return 1 if replicas is None else int(replicas)


def _generation(one: Object) -> int:
    return int(one["metadata"].get("generation") or 0)


def _owner(pod: Object) -> tuple[str, str]:
    """The workload that a pod belongs to; itself where nobody made it."""
    owners = pod["metadata"].get("ownerReferences") or ()
    owner = next((one for one in owners if one.get("controller")), None)
    if owner is None:
        return "Pod", name_of(pod)
    kind, name = str(owner["kind"]), str(owner["name"])
    suffix = f"-{label(pod, 'pod-template-hash')}"
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return "Deployment", name.removesuffix(suffix)
    return kind, name


def _pod(pod: Object) -> Pod:
    status = pod.get("status") or {}
    going = pod["metadata"].get("deletionTimestamp")
    told = {
        str(one.get("name")): one
        for kind in ("initContainerStatuses", "containerStatuses")
        for one in status.get(kind) or ()
    }
    spec = pod.get("spec") or {}
    return Pod(
        name=name_of(pod),
        kind=_owner(pod)[0],
        phase="Terminating" if going else str(status.get("phase") or "Unknown"),
        node=str(spec.get("nodeName") or ""),
        containers=tuple(_container(one, told) for one in spec.get("containers") or ()),
    )


def _container(one: Object, told: dict[str, Object]) -> Container:
    status = told.get(str(one.get("name"))) or {}
    state = status.get("state") or {}
    word = next((key for key in ("running", "terminated", "waiting") if key in state), "waiting")
    return Container(
        name=str(one.get("name")),
        image=str(one.get("image") or ""),
        state=word,
        restarts=int(status.get("restartCount") or 0),
        reason=str((state.get(word) or {}).get("reason") or ""),
    )


def _service(one: Object) -> ServiceInfo:
    spec = one.get("spec") or {}
    ports = tuple(
        ServicePort(
            port=int(row["port"]),
            target_port=str(row.get("targetPort") or row["port"]),
            node_port=int(row["nodePort"]) if row.get("nodePort") else None,
            protocol=str(row.get("protocol") or "TCP"),
        )
        for row in spec.get("ports") or ()
    )
    address = str(spec.get("clusterIP") or "")
    kind = str(spec.get("type") or "ClusterIP")
    return ServiceInfo(name_of(one), kind, "" if address == "None" else address, ports)


def _objects(found: Found, works: list[Work]) -> Iterator[ObjectInfo]:
    """What stands beside pods and services, each with its state as Kubernetes tells it."""
    for work in works:
        if work.kind != "Pod":
            yield ObjectInfo(work.kind, work.name, f"{work.ready}/{work.total}")
    for one in sorted(found.get("ingresses") or (), key=name_of):
        rows = ((one.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        where = ", ".join(str(row.get("ip") or row.get("hostname") or "") for row in rows)
        rules = (one.get("spec") or {}).get("rules") or ()
        hosts = ", ".join(str(rule.get("host") or "*") for rule in rules)
        yield ObjectInfo("Ingress", name_of(one), where, hosts)
    for one in sorted(found.get("persistentvolumeclaims") or (), key=name_of):
        asked = ((one.get("spec") or {}).get("resources") or {}).get("requests") or {}
        state, size = str((one.get("status") or {}).get("phase") or ""), asked.get("storage")
        yield ObjectInfo("PersistentVolumeClaim", name_of(one), state, str(size or ""))
