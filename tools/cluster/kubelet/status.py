"""The status of a pod in a kubelet's words, from what its containers do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tools.cluster.kubelet.container import WAITING, Container, Stage
from tools.cluster.kubelet.events import time_text
from tools.cluster.kubelet.logs import Run

Object = dict[str, Any]
CONDITIONS = ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")


@dataclass(slots=True)
class Pod:
    """A pod on its node: its object as last seen, its containers, and its conditions so far."""

    object: Object
    containers: list[Container]
    inits: list[Container]
    ip: str
    started: float
    stopping: bool = False
    conditions: dict[str, Object] = field(default_factory=dict)

    @property
    def policy(self) -> str:
        """Its restart policy."""
        return str(self.object["spec"].get("restartPolicy", "Always"))

    @property
    def initialized(self) -> bool:
        """Whether its containers may start."""
        return all(one.running if one.sidecar else one.ended(well=True) for one in self.inits)

    def phase(self) -> str:
        """Pending, Running, Succeeded or Failed, as a kubelet judges it."""
        if self.policy == "Never" and any(one.ended(well=False) for one in self.inits):
            return "Failed"
        if any(one.run is None for one in self.containers):
            return "Pending"
        if any(one.running or one.stage in WAITING for one in self.containers):
            return "Running"
        if self.stopping or self.policy != "Always":
            bad = [one for one in self.containers if one.ended(well=False)]
            if not bad:
                return "Succeeded"
            return "Failed" if self.stopping or self.policy == "Never" else "Running"
        return "Running"

    def status(self, now: float) -> Object:
        """The whole status that the API server should have."""
        phase = self.phase()
        self._judge(phase, now)
        first = "PodInitializing" if self.inits else "ContainerCreating"
        status: Object = {
            "phase": phase,
            "hostIP": "127.0.0.1",
            "startTime": time_text(self.started),
            "conditions": [self.conditions[name] for name in CONDITIONS],
            "containerStatuses": [_container(one, first) for one in self.containers],
        }
        if self.inits:
            status["initContainerStatuses"] = [_container(one, first) for one in self.inits]
        if any(one.run for one in [*self.inits, *self.containers]):
            status |= {"podIP": self.ip, "podIPs": [{"ip": self.ip}]}
        return status

    def _judge(self, phase: str, now: float) -> None:
        unready = [one.name for one in self.containers if not one.ready]
        waiting = [one.name for one in self.inits if not (one.running or one.ended(well=True))]
        begun = any(one.run for one in [*self.inits, *self.containers])
        self._set("PodReadyToStartContainers", begun and not self.stopping, "", "", now)
        words = f"containers with incomplete status: [{' '.join(waiting)}]" if waiting else ""
        self._set("Initialized", not waiting, "ContainersNotInitialized", words, now)
        done = phase in ("Succeeded", "Failed")
        reason = ("PodCompleted" if phase == "Succeeded" else "PodFailed") if done else ""
        words = f"containers with unready status: [{' '.join(unready)}]"
        for name in ("ContainersReady", "Ready"):
            self._set(
                name,
                not unready and not done,
                reason or "ContainersNotReady",
                "" if done else words,
                now,
            )

    def _set(self, name: str, good: bool, reason: str, message: str, now: float) -> None:
        value = "True" if good else "False"
        known = self.conditions.get(name)
        changed = known is None or known["status"] != value
        self.conditions[name] = {
            "type": name,
            "status": value,
            # null takes an older one away
            "reason": None if good else reason or None,
            "message": None if good else message or None,
            "lastTransitionTime": time_text(now)
            if changed or not known
            else known["lastTransitionTime"],
        }


def _container(one: Container, first: str) -> Object:
    state, last = _states(one, first)
    return {
        "name": one.name,
        "image": one.image,
        "imageID": f"stand-in://{one.image}" if one.image_there else "",
        "containerID": one.run.id if one.run else "",
        "ready": one.ready or (one.init and not one.sidecar and one.ended(well=True)),
        "started": one.running,
        "restartCount": one.restarts,
        "state": state,
        "lastState": last,
    }


def _states(one: Container, first: str) -> tuple[Object, Object]:
    """Now, and the run before."""
    before = {"terminated": _terminated(one.previous)} if one.previous else {}
    if one.run is None or one.stage in WAITING:
        waiting = {"reason": one.reason or first}
        if one.message:
            waiting["message"] = one.message
        return {"waiting": waiting}, {"terminated": _terminated(one.run)} if one.run else {}
    if one.stage is Stage.RUNNING:
        return {"running": {"startedAt": time_text(one.run.started)}}, before
    return {"terminated": _terminated(one.run)}, before


def _terminated(run: Run) -> Object:
    return {
        "exitCode": run.exit_code,
        "reason": run.reason,
        "startedAt": time_text(run.started),
        "finishedAt": time_text(run.ended or run.started),
        "containerID": run.id,
    }
