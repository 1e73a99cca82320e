"""One container of a pod: what it does next, as far as time has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tools.cluster.kubelet.behaviour import Behaviour, Fail, image_registry
from tools.cluster.kubelet.logs import Run

Object = dict[str, Any]
Say = Callable[[str, str, str], None]  # type, reason, message

FIRST_BACKOFF = 2.0  # a kubelet begins with 10 s and ends with 300 s
LONGEST_BACKOFF = 20.0
LOOK_AGAIN = 1.0
UNHEALTHY_EVERY = 10.0
MOST_MOVES = 8  # in one step; a container that moves for ever would be a mistake here


class Stage(Enum):
    """Where a container is; in WAITING the value is the reason that a kubelet gives."""

    IDLE = "idle"
    PULLING = "pulling"
    PULL_FAILED = "ErrImagePull"
    PULL_LATER = "ImagePullBackOff"
    UNCONFIGURED = "CreateContainerConfigError"
    CRASHED = "CrashLoopBackOff"
    RUNNING = "running"
    ENDED = "terminated"


WAITING = (Stage.PULL_FAILED, Stage.PULL_LATER, Stage.UNCONFIGURED, Stage.CRASHED)


@dataclass(slots=True)
class Problem:
    """What is in the way of starting, as it was looked up."""

    config: str = ""
    no_credentials: bool = False


@dataclass(slots=True)
class Container:
    """A container from when it is asked for until it is gone.

    ``wake`` is when it moves next; None when nothing will happen by itself.
    """

    spec: Object
    pod_title: str
    say: Say
    init: bool = False
    stage: Stage = Stage.IDLE
    reason: str = ""
    message: str = ""
    due: float = 0.0
    wake: float | None = None
    run: Run | None = None
    previous: Run | None = None
    restarts: int = 0
    ready: bool = False
    image_there: bool = False
    crash_backoff: float = 0.0
    pull_backoff: float = FIRST_BACKOFF
    unhealthy_at: float = 0.0
    problem: Problem = field(default_factory=Problem)

    @property
    def name(self) -> str:
        """Its name in the pod."""
        return str(self.spec["name"])

    @property
    def image(self) -> str:
        """Its image as the pod spells it."""
        return str(self.spec["image"])

    @property
    def sidecar(self) -> bool:
        """Whether it is an init container that stays."""
        return self.init and self.spec.get("restartPolicy") == "Always"

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.stage is Stage.RUNNING

    def ended(self, *, well: bool) -> bool:
        """Whether its last run ended well, or badly, and it rests."""
        return (
            self.stage is Stage.ENDED and self.run is not None and (not self.run.exit_code) == well
        )

    def previous_run(self) -> Run | None:
        """The run before that, as ``kubectl logs --previous`` means it."""
        return self.run if self.stage in WAITING and self.run else self.previous

    def step(self, now: float, behaviour: Behaviour, policy: str) -> None:
        """Do all that is due by now."""
        for _ in range(MOST_MOVES):
            before = self.stage
            self._move(now, behaviour, policy)
            if self.stage is before:
                return

    def stop(self, now: float) -> None:
        """It is told to end, and does."""
        if self.run is not None and self.running:
            self.run.end(now, 0, "Completed", "stopping")
        self.stage, self.ready, self.wake = Stage.ENDED, False, None

    def _move(self, now: float, behaviour: Behaviour, policy: str) -> None:
        self.wake = None
        match self.stage:
            case Stage.IDLE:
                self._begin(now, behaviour)
            case Stage.RUNNING:
                self._go_on(now, behaviour)
            case Stage.ENDED:
                if self._runs_again(policy):
                    self._restart(now)
            case _ if now < self.due:
                self.wake = self.due
            case Stage.PULLING:
                self._pulled(now, behaviour)
            case Stage.PULL_FAILED:
                self._pull_later(now)
            case Stage.UNCONFIGURED:
                self._create(now, behaviour)
            case _:  # a wait is over
                self.stage = Stage.IDLE

    def _hold(self, stage: Stage, until: float, message: str) -> None:
        self.stage, self.due, self.wake = stage, until, until
        self.reason, self.message = stage.value, message

    def _begin(self, now: float, behaviour: Behaviour) -> None:
        policy = self.spec.get("imagePullPolicy", "IfNotPresent")
        if self.image_there and policy != "Always":
            words = f'Container image "{self.image}" already present on machine'
            self.say("Normal", "Pulled", words)
            self._create(now, behaviour)
            return
        self.say("Normal", "Pulling", f'Pulling image "{self.image}"')
        self.stage, self.due = Stage.PULLING, now + behaviour.pull_seconds
        self.wake = self.due

    def _pulled(self, now: float, behaviour: Behaviour) -> None:
        trouble = self._pull_trouble(behaviour)
        if trouble:
            words = f'Failed to pull image "{self.image}": {trouble}'
            self.say("Warning", "Failed", words)
            self.say("Warning", "Failed", "Error: ErrImagePull")
            self._hold(Stage.PULL_FAILED, now + LOOK_AGAIN, trouble)
            return
        self.image_there = True
        took = f"{behaviour.pull_seconds * 1000:.0f}ms"
        words = f'Successfully pulled image "{self.image}" in {took} ({took} including waiting)'
        self.say("Normal", "Pulled", words)
        self._create(now, behaviour)

    def _pull_trouble(self, behaviour: Behaviour) -> str:
        full = f'failed to pull and unpack image "{self.image}": failed to resolve reference'
        if behaviour.fail is Fail.IMAGE:
            return f"rpc error: code = NotFound desc = {full}: {self.image}: not found"
        if behaviour.private and self.problem.no_credentials:
            host = image_registry(self.image)
            return f"rpc error: code = Unknown desc = {full}: {host}: 401 Unauthorized"
        return ""

    def _pull_later(self, now: float) -> None:
        words = f'Back-off pulling image "{self.image}"'
        self.say("Normal", "BackOff", words)
        self.say("Warning", "Failed", "Error: ImagePullBackOff")
        self._hold(
            Stage.PULL_LATER, now + self.pull_backoff, f"{words}: ErrImagePull: {self.message}"
        )
        self.pull_backoff = min(self.pull_backoff * 2, LONGEST_BACKOFF)

    def _create(self, now: float, behaviour: Behaviour) -> None:
        if self.problem.config:
            if self.stage is not Stage.UNCONFIGURED:
                self.say("Warning", "Failed", f"Error: {self.problem.config}")
            self._hold(Stage.UNCONFIGURED, now + LOOK_AGAIN, self.problem.config)
            return
        if self.run is not None:
            self.previous, self.restarts = self.run, self.restarts + 1
        self.say("Normal", "Created", f"Created container: {self.name}")
        self.say("Normal", "Started", f"Started container {self.name}")
        self.run = Run(now, self.restarts, behaviour.log_rate, behaviour.log_text)
        self.stage, self.reason, self.message = Stage.RUNNING, "", ""

    def _go_on(self, now: float, behaviour: Behaviour) -> None:
        run, seconds = self.run, behaviour.run_seconds
        if run is None:
            return
        if seconds is not None and now >= run.started + seconds:
            run.end(now, *_ending(behaviour))
            self.stage, self.ready = Stage.ENDED, False
            return
        self.wake = None if seconds is None else run.started + seconds
        self.ready = behaviour.fail is not Fail.UNREADY
        if not self.ready:
            if now >= self.unhealthy_at:
                words = "Readiness probe failed: HTTP probe failed with statuscode: 503"
                self.say("Warning", "Unhealthy", words)
                self.unhealthy_at = now + UNHEALTHY_EVERY
            self.wake = min(self.unhealthy_at, self.wake or self.unhealthy_at)

    def _runs_again(self, policy: str) -> bool:
        if self.sidecar:
            return True
        if self.init:
            return self.ended(well=False) and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and self.ended(well=False))

    def _restart(self, now: float) -> None:
        """At once the first time, then later and later."""
        if not self.crash_backoff:
            self.crash_backoff, self.stage = FIRST_BACKOFF, Stage.IDLE
            return
        what = f"restarting failed container={self.name} pod={self.pod_title}"
        words = f"Back-off restarting failed container {self.name} in pod {self.pod_title}"
        self.say("Warning", "BackOff", words)
        after = f"back-off {self.crash_backoff:.0f}s {what}"
        self._hold(Stage.CRASHED, now + self.crash_backoff, after)
        self.crash_backoff = min(self.crash_backoff * 2, LONGEST_BACKOFF)


def _ending(behaviour: Behaviour) -> tuple[int, str, str]:
    """Exit code, reason and last line of a run that ends by itself."""
    if behaviour.fail is Fail.OOM:
        return 137, "OOMKilled", ""
    if behaviour.exit_code:
        return behaviour.exit_code, "Error", f"fatal: giving up with code {behaviour.exit_code}"
    return 0, "Completed", "done"
