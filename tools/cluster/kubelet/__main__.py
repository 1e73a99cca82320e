"""``python -m tools.cluster.kubelet KUBECONFIG``: the kubelets of several nodes in one process."""

from __future__ import annotations

import argparse
import asyncio
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.cluster.api import Access
from tools.cluster.kubelet.client import Client
from tools.cluster.kubelet.events import Recorder
from tools.cluster.kubelet.node import Node
from tools.cluster.kubelet.server import Server
from tools.cluster.kubelet.worker import Worker

Object = dict[str, Any]
BOUND = "spec.nodeName!="


class Kubelets:
    """All nodes and the pods on them."""

    def __init__(self, client: Client, nodes: list[Node]) -> None:
        self._client = client
        self._nodes = {node.name: node for node in nodes}
        self._recorder = Recorder(client)
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._addresses = 0

    def find(self, namespace: str, name: str) -> Worker | None:
        """The pod of that name."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        return next((one for one in self._workers.values() if one.path == path), None)

    def workers(self) -> Iterable[Worker]:
        """All pods."""
        return self._workers.values()

    def node_names(self) -> Iterable[str]:
        """All nodes."""
        return self._nodes

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._recorder.run())
            for node in self._nodes.values():
                group.create_task(node.run())
            group.create_task(self._watch_nodes())
            group.create_task(self._watch_pods())

    async def _watch_nodes(self) -> None:
        async for kind, seen in self._client.watch("/api/v1/nodes"):
            for one in seen["items"] if kind == "LISTED" else [seen]:
                node = self._nodes.get(one["metadata"]["name"])
                if (
                    node is not None
                    and kind in ("LISTED", "ADDED", "MODIFIED")
                    and node.update(one)
                ):
                    for worker in self._workers.values():
                        if worker.node == node.name:
                            worker.tell_again()

    async def _watch_pods(self) -> None:
        async for kind, seen in self._client.watch("/api/v1/pods", BOUND):
            if kind == "LISTED":
                for one in seen["items"]:
                    self._seen(one)
                there = {one["metadata"]["uid"] for one in seen["items"]}
                for uid in self._workers.keys() - there:
                    self._gone(uid)
            elif kind in ("ADDED", "MODIFIED"):
                self._seen(seen)
            elif kind == "DELETED":
                self._gone(seen["metadata"]["uid"])

    def _seen(self, pod: Object) -> None:
        uid, node = pod["metadata"]["uid"], self._nodes.get(pod["spec"]["nodeName"])
        if uid in self._workers:
            self._workers[uid].update(pod)
        elif node is not None:
            self._addresses += 1
            address = f"10.244.{self._addresses // 250 % 250}.{self._addresses % 250 + 1}"
            worker = self._workers[uid] = Worker(self._client, self._recorder, pod, address)
            task = self._tasks[uid] = asyncio.create_task(worker.run(node.works))
            task.add_done_callback(_tell_failure)

    def _gone(self, uid: str) -> None:
        worker = self._workers.pop(uid, None)
        if worker is not None:
            worker.kill()
            self._tasks.pop(uid).cancel()


def _tell_failure(task: asyncio.Task[None]) -> None:
    """A pod that our own mistake has stopped is told of in the log; the others go on."""
    if not task.cancelled() and task.exception() is not None:
        traceback.print_exception(task.exception())


async def serve(options: argparse.Namespace) -> None:
    """Everything until the process is ended."""
    client = Client(Access.read(options.kubeconfig.read_text()))
    await client.open()
    nodes = [
        Node(client, f"node-{number}", options.port, options.release)
        for number in range(1, options.nodes + 1)
    ]
    kubelets = Kubelets(client, nodes)
    runner = await Server(kubelets).start(options.port, options.pki)
    try:
        await kubelets.run()
    finally:
        await runner.cleanup()
        await client.close()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="tools.cluster.kubelet", description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pki", type=Path, required=True, help="kubelet.crt, kubelet.key, ca.crt")
    parser.add_argument("--release", default="0.0.0", help="what the nodes say they run")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
