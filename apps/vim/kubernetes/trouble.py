"""Why a pod or a workload is not well, in words.  Pure; says nothing of what is only not yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.causes import cause
from apps.vim.kubernetes.cluster import Object
from apps.vim.kubernetes.kinds import condition, name_of

# What may mend itself is only called a failure when it has lasted.
PATIENCE: Final = timedelta(seconds=30)
# What a container waits for in vain.  True: at once; False: after PATIENCE.
WAITING: Final = {
    "ImagePullBackOff": True,
    "ErrImageNeverPull": True,
    "InvalidImageName": True,
    "CrashLoopBackOff": True,
    "CreateContainerConfigError": False,
    "CreateContainerError": False,
    "RunContainerError": False,
    # It takes turns with ImagePullBackOff; one and the same trouble must not come and go.
    "ErrImagePull": True,
}
NO_NODE: Final = N_("No node fits %(name)s: %(said)s")
NO_PODS: Final = N_("Pods of %(name)s cannot be made: %(said)s")
TOO_LONG: Final = N_("%(name)s did not become ready in its own time (progressDeadlineSeconds).")
JOB_FAILED: Final = N_("The Job %(name)s failed: %(said)s")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong; ``grave`` where it will not mend itself."""

    reason: Reason
    grave: bool


def of_pod(pod: Object, now: datetime) -> Trouble | None:
    """What is wrong with a pod, the gravest first."""
    found = list(_pod_troubles(pod, now))
    return next((one for one in found if one.grave), found[0] if found else None)


def _pod_troubles(pod: Object, now: datetime) -> Iterator[Trouble]:
    name, status = name_of(pod), pod.get("status") or {}
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        params = {"name": name, "said": str(scheduled.get("message") or "")}
        lasted = _lasted(scheduled.get("lastTransitionTime"), now)
        yield Trouble(Reason(NO_NODE, "Unschedulable", params), lasted)
    for kind in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(kind) or ():
            yield from _container(one, pod, now)
    if status.get("phase") == "Failed":
        word = str(status.get("reason") or "Error")
        grave = not (pod["metadata"].get("ownerReferences"))
        yield Trouble(cause(word, name=name), grave)


def _container(one: Object, pod: Object, now: datetime) -> Iterator[Trouble]:
    waiting = (one.get("state") or {}).get("waiting") or {}
    word = str(waiting.get("reason") or "")
    if word not in WAITING:
        return
    last = ((one.get("lastState") or {}).get("terminated") or {}).get("reason")
    shown = "OOMKilled" if word == "CrashLoopBackOff" and last == "OOMKilled" else word
    started = pod["metadata"].get("creationTimestamp")
    grave = WAITING[word] or _lasted(started, now)
    params = {"said": str(waiting.get("message") or ""), "container": str(one.get("name"))}
    yield Trouble(
        cause(shown, name=name_of(pod), image=str(one.get("image") or ""), **params), grave
    )


def of_workload(one: Object) -> Trouble | None:
    """What is wrong with a Deployment, StatefulSet, DaemonSet or Job itself."""
    name = name_of(one)
    refused = condition(one, "ReplicaFailure")
    if refused.get("status") == "True":
        return Trouble(_said(NO_PODS, "ReplicaFailure", name, refused), True)
    progress = condition(one, "Progressing")
    if progress.get("status") == "False":
        return Trouble(_said(TOO_LONG, "ProgressDeadlineExceeded", name, progress), True)
    failed = condition(one, "Failed")
    if failed.get("status") == "True":
        return Trouble(_said(JOB_FAILED, str(failed.get("reason")), name, failed), True)
    return None


def _said(text: str, code: str, name: str, row: Object) -> Reason:
    return Reason(text, code, {"name": name, "said": str(row.get("message") or "")})


def _lasted(since: Any, now: datetime) -> bool:
    began = moment(since)
    return began is not None and now - began >= PATIENCE


def moment(value: Any) -> datetime | None:
    """A time of the API server; None for none."""
    return datetime.fromisoformat(str(value).replace("Z", "+00:00")) if value else None
