"""One node: registered, alive by its lease, and ready unless its annotations say otherwise."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from tools.cluster.kubelet.behaviour import wishes
from tools.cluster.kubelet.client import MERGE, STRATEGIC, Client
from tools.cluster.kubelet.events import now_text

Object = dict[str, Any]
BEAT_SECONDS = 4.0
CAPACITY = {"cpu": "64", "memory": "256Gi", "pods": "1000", "ephemeral-storage": "1000Gi"}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_HEALTHY = {"MemoryPressure": "sufficient memory", "DiskPressure": "no disk pressure",
            "PIDPressure": "sufficient PID"}  # fmt: skip


class Node:
    """What a kubelet does for its node itself."""

    def __init__(self, client: Client, name: str, port: int, release: str) -> None:
        self._client = client
        self.name = name
        self._port = port
        self._release = release
        self._since = now_text()
        self._changed = asyncio.Event()
        self.silent = False
        self.works = asyncio.Event()
        self.works.set()

    def update(self, seen: Object) -> bool:
        """The node has changed at the API server; whether it works again after it did not.

        ``stand-in/ready: "false"`` makes it report that it is not ready, and
        ``stand-in/silent: "true"`` takes its heartbeats away; pods on it then stay as they are.
        """
        said = wishes(seen)
        silent = said.get("silent") == "true"
        ready = said.get("ready") != "false"
        works = ready and not silent
        before = self.works.is_set()
        if ready != self._ready or silent != self.silent:
            self._ready, self.silent, self._since = ready, silent, now_text()
            self._changed.set()
        if works:
            self.works.set()
        else:
            self.works.clear()
        return works and not before

    _ready = True

    async def run(self) -> None:
        """Register, then stay alive for ever."""
        labels = {
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }
        node = {"metadata": {"name": self.name, "labels": labels}}
        await self._client.call("POST", "/api/v1/nodes", node)
        await self._report()
        while True:
            if not self.silent:
                await self._beat()
            try:
                await asyncio.wait_for(self._changed.wait(), BEAT_SECONDS)
            except TimeoutError:
                continue
            self._changed.clear()
            if not self.silent:
                await self._report()

    async def _report(self) -> None:
        body = {"status": self._status()}
        await self._client.call("PATCH", f"/api/v1/nodes/{self.name}/status", body, STRATEGIC)

    async def _beat(self) -> None:
        renewed = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": renewed}
        path = f"{LEASES}/{self.name}"
        status, _ = await self._client.call("PATCH", path, {"spec": spec}, MERGE)
        if status == 404:
            lease = {"metadata": {"name": self.name}, "spec": spec}
            await self._client.call("POST", LEASES, lease)

    def _status(self) -> Object:
        if self._ready:
            ready = {"status": "True", "reason": "KubeletReady", "message": "posting ready status"}
        else:
            words = "container runtime is down"
            ready = {"status": "False", "reason": "KubeletNotReady", "message": words}
        conditions = [{"type": "Ready", **ready}] + [
            {"type": name, "status": "False", "reason": "KubeletHas", "message": words}
            for name, words in _HEALTHY.items()
        ]
        times = {"lastHeartbeatTime": now_text(), "lastTransitionTime": self._since}
        return {
            "capacity": CAPACITY,
            "allocatable": CAPACITY,
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": self.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._port}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "stand-in://1",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "kubeletVersion": f"v{self._release}",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "stand-in",
                "systemUUID": "",
            },
            "conditions": [condition | times for condition in conditions],
        }
