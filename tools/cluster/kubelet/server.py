"""What the API server asks of a kubelet: logs; and of a metrics server: the use of pods and nodes.

Only clients with a certificate of the cluster's CA are let in, which is the API server.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from aiohttp import web

from tools.cluster.kubelet import measures
from tools.cluster.kubelet.container import Container, Stage
from tools.cluster.kubelet.logs import Query, Run
from tools.cluster.kubelet.worker import Worker

SHORTEST_NAP, LONGEST_NAP = 0.02, 0.25
CHUNK_LINES = 1000


class Pods(Protocol):
    """What the server answers from."""

    def find(self, namespace: str, name: str) -> Worker | None:
        """The pod of that name."""

    def workers(self) -> Iterable[Worker]:
        """All pods."""

    def node_names(self) -> Iterable[str]:
        """All nodes."""


class Server:
    """The HTTPS server of all nodes."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods

    async def start(self, port: int, pki: Path) -> web.AppRunner:
        """Listen on loopback; the runner is what stops it."""
        app = web.Application()
        base = f"/apis/{measures.GROUP}"
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get(base, self._resources)
        app.router.add_get(f"{base}/nodes", self._nodes)
        app.router.add_get(f"{base}/nodes/{{name}}", self._nodes)
        app.router.add_get(f"{base}/pods", self._pod_list)
        app.router.add_get(f"{base}/namespaces/{{namespace}}/pods", self._pod_list)
        app.router.add_get(f"{base}/namespaces/{{namespace}}/pods/{{name}}", self._one_pod)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "kubelet.crt", pki / "kubelet.key")
        context.load_verify_locations(pki / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        return runner

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        where = request.match_info
        worker = self._pods.find(where["namespace"], where["pod"])
        if worker is None:
            text = f'pod "{where["pod"]}_{where["namespace"]}" not found'
            return web.Response(status=404, text=text)
        container = worker.find(where["container"])
        if container is None:
            return web.Response(status=404, text=f'container "{where["container"]}" not found')
        now = time.time()
        try:
            query = Query.read(request.query, now)
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        run = container.previous_run() if query.previous else container.run
        if run is None:
            return web.Response(status=400, text=_no_log(container, where["pod"], query))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await _write(response, run, query, now)
        return response

    async def _resources(self, request: web.Request) -> web.Response:
        return web.json_response(measures.resources())

    async def _nodes(self, request: web.Request) -> web.Response:
        names = list(self._pods.node_names())
        wanted = request.match_info.get("name")
        found = [
            measures.of_node(name, [one.pod for one in self._pods.workers() if one.node == name])
            for name in names
            if wanted in (None, name)
        ]
        if wanted is None:
            return web.json_response(measures.a_list("NodeMetrics", found))
        return web.json_response(found[0]) if found else _not_found("nodes", wanted)

    async def _pod_list(self, request: web.Request) -> web.Response:
        namespace = request.match_info.get("namespace")
        selector = request.query.get("labelSelector", "")
        found = []
        try:
            for worker in self._pods.workers():
                meta = worker.pod.object["metadata"]
                if namespace not in (None, meta["namespace"]):
                    continue
                if measures.selected(meta.get("labels") or {}, selector):
                    found.append(measures.of_pod(worker.pod))
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        items = [one for one in found if one is not None]
        return web.json_response(measures.a_list("PodMetrics", items))

    async def _one_pod(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        worker = self._pods.find(request.match_info["namespace"], name)
        measured = measures.of_pod(worker.pod) if worker else None
        return web.json_response(measured) if measured else _not_found("pods", name)


async def _write(response: web.StreamResponse, run: Run, query: Query, now: float) -> None:
    """The wanted lines, then with ``follow`` those that come, until the run is over."""
    left = query.limit_bytes
    index = query.first(run, now)
    while True:
        over = run.ended is not None
        total = run.lines(time.time())
        while index < total:
            upto = min(total, index + CHUNK_LINES)
            lines = [run.line(i, timestamps=query.timestamps) for i in range(index, upto)]
            data = "".join(lines).encode()
            data, index = data if left is None else data[:left], upto
            await response.write(data)
            if left is not None:
                left -= len(data)
                if left <= 0:
                    return
        if over or not query.follow:
            return
        nap = run.time_of(index) - time.time()
        await asyncio.sleep(min(max(nap, SHORTEST_NAP), LONGEST_NAP))


def _no_log(container: Container, pod: str, query: Query) -> str:
    """Why there is no log, in a kubelet's words."""
    title = f'container "{container.name}" in pod "{pod}"'
    if query.previous:
        return f"previous terminated {title} not found"
    if container.stage is Stage.PULL_FAILED:
        return f"{title} is waiting to start: image can't be pulled"
    if container.stage is Stage.PULL_LATER:
        return f"{title} is waiting to start: trying and failing to pull image"
    return f"{title} is waiting to start: {container.reason or 'ContainerCreating'}"


def _not_found(what: str, name: str) -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f'{what}.metrics.k8s.io "{name}" not found',
        "reason": "NotFound",
        "code": 404,
    }
    return web.json_response(status, status=404)
