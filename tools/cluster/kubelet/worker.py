"""Runs one pod: looks things up, lets its containers move, and tells the API server."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tools.cluster.kubelet.behaviour import Behaviour
from tools.cluster.kubelet.client import STRATEGIC, Client
from tools.cluster.kubelet.container import LOOK_AGAIN, Container, Problem
from tools.cluster.kubelet.events import Recorder
from tools.cluster.kubelet.references import References
from tools.cluster.kubelet.status import Pod

Object = dict[str, Any]
OVER = ("Succeeded", "Failed")


class Worker:
    """One pod on one of our nodes, from when it is bound until it is gone."""

    def __init__(self, client: Client, recorder: Recorder, seen: Object, ip: str) -> None:
        self._client = client
        self._recorder = recorder
        self._changed = asyncio.Event()
        self._told: Object = {}
        self._mount_problem = ""
        self._mounted = False
        meta = seen["metadata"]
        self.uid: str = meta["uid"]
        self.path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        title = f"{meta['name']}_{meta['namespace']}({self.uid})"
        spec = seen["spec"]
        self.pod = Pod(
            object=seen,
            containers=[self._container(one, title, False) for one in spec["containers"]],
            inits=[self._container(one, title, True) for one in spec.get("initContainers") or ()],
            ip=ip,
            started=time.time(),
        )

    def _container(self, spec: Object, title: str, init: bool) -> Container:
        field = f"spec.{'initContainers' if init else 'containers'}{{{spec['name']}}}"

        def say(kind: str, reason: str, message: str) -> None:
            self._recorder.say(self.pod.object, field, kind, reason, message)

        return Container(spec, title, say, init=init)

    @property
    def node(self) -> str:
        """The node that it is bound to."""
        return str(self.pod.object["spec"]["nodeName"])

    def update(self, seen: Object) -> None:
        """The pod has changed at the API server."""
        self.pod.object = seen
        if self._told and _ready(seen) != _ready({"status": self._told}):
            self._told = {}  # somebody else has judged it, such as the node's controller
        self._changed.set()

    def tell_again(self) -> None:
        """Send the status again whatever was sent before."""
        self._told = {}
        self._changed.set()

    def find(self, name: str) -> Container | None:
        """The container of that name."""
        every = [*self.pod.inits, *self.pod.containers]
        return next((one for one in every if one.name == name), None)

    async def run(self, node_works: asyncio.Event) -> None:
        """Until the pod is gone.  While its node does not work, nothing is done and told."""
        while True:
            await node_works.wait()
            self._changed.clear()
            if self.pod.object["metadata"].get("deletionTimestamp"):
                await self._end()
                return
            await self._look_up()
            now = time.time()
            self._step(now)
            await self._tell(now)
            await self._wait()

    def kill(self) -> None:
        """The pod is gone at the API server: its containers end with it."""
        for one in [*self.pod.inits, *self.pod.containers]:
            one.stop(time.time())

    async def _wait(self) -> None:
        wakes = [one.wake for one in [*self.pod.inits, *self.pod.containers] if one.wake]
        if self._mount_problem:
            wakes.append(time.time() + LOOK_AGAIN)
        seconds = max(0.0, min(wakes) - time.time()) if wakes else None
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            pass

    async def _look_up(self) -> None:
        """What is in the way of containers that do not run."""
        look = References(self._client, self.pod.object["metadata"]["namespace"])
        if not self._mounted:
            problem = await look.mount_problem(self.pod.object)
            if problem and problem != self._mount_problem:
                self._recorder.say(self.pod.object, "", "Warning", "FailedMount", problem)
            self._mount_problem, self._mounted = problem, not problem
        for one in [*self.pod.inits, *self.pod.containers]:
            if one.running or not self._mounted:
                continue
            private = self._behaviour(one).private
            one.problem = Problem(
                config=await look.config_problem(one.spec),
                no_credentials=private and await look.lacks_credentials(self.pod.object, one.image),
            )

    def _behaviour(self, one: Container) -> Behaviour:
        return Behaviour.of(self.pod.object, one.spec, init=one.init)

    def _step(self, now: float) -> None:
        if not self._mounted or self.pod.phase() in OVER:
            return
        for one in self.pod.inits:
            one.step(now, self._behaviour(one), self.pod.policy)
            if not (one.running if one.sidecar else one.ended(well=True)):
                return
        for one in self.pod.containers:
            one.step(now, self._behaviour(one), self.pod.policy)

    async def _tell(self, now: float) -> None:
        status = self.pod.status(now)
        if status != self._told:
            body = {"metadata": {"uid": self.uid}, "status": status}
            await self._client.call("PATCH", f"{self.path}/status", body, STRATEGIC)
            self._told = status

    async def _end(self) -> None:
        """As asked: the containers stop, the status says so, and the pod is taken away."""
        every = [*self.pod.inits, *self.pod.containers]
        running = [one for one in every if one.running]
        for one in running:
            one.say("Normal", "Killing", f"Stopping container {one.name}")
        if running:
            grace = self.pod.object["metadata"].get("deletionGracePeriodSeconds") or 0
            await asyncio.sleep(
                min(grace, max(self._behaviour(one).stop_seconds for one in running))
            )
        now = time.time()
        self.pod.stopping = True
        for one in running:
            one.stop(now)
        for one in every:
            one.ready = False
        await self._tell(now)
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
        await self._client.call("DELETE", self.path, body)


def _ready(pod: Object) -> str:
    conditions = pod["status"].get("conditions") or ()
    return next((one["status"] for one in conditions if one["type"] == "Ready"), "")
