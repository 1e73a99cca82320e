"""Load as Prometheus knows it of kube-state-metrics and node-exporter: the original's ratios.

Processors and memory are what pods have asked for, out of what nodes have; storage is what file
systems hold.  Old names of kube-state-metrics are asked for where the present ones find nothing.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Self

import httpx
from django.conf import settings
from django.utils.translation import gettext_noop as N_

from apps.common import clock, outward
from apps.common.errors import Upstream, UpstreamTimeout
from apps.common.guard import Guard
from apps.common.words import Reason
from apps.vim.kubernetes.quantities import GIB, MIB
from apps.vim.usages import Meter, Usage

SOURCE: Final = "Prometheus"
ANSWER_BYTES: Final = 256 * 1024
READ_SECONDS: Final = 5.0
BUDGET_SECONDS: Final = 10.0
NOTHING: Final = N_("Prometheus knows nothing of the load of this cluster.")
NOT_PROMETHEUS: Final = N_("What answers at %(where)s is not Prometheus.")

# A pod that has ended keeps its requests in kube-state-metrics and none of its node.
_ALIVE = 'and on (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running"} == 1)'


def _requested(series: str) -> str:
    # Two copies of kube-state-metrics tell everything twice.
    return f"sum(max by (namespace, pod, container) ({series}) {_ALIVE})"


def _allocatable(series: str) -> str:
    return f"sum(max by (node) ({series}))"


def _resource(name: str, unit: str) -> tuple[str, str]:
    """The queries for what pods asked for and what nodes have."""
    now, old = f'{{resource="{name}"}}', f"_{name}_{unit}"
    asked, has = "kube_pod_container_resource_requests", "kube_node_status_allocatable"
    return (
        f"{_requested(asked + now)} or {_requested(asked + old)}",
        f"{_allocatable(has + now)} or {_allocatable(has + old)}",
    )


# One device may be mounted many times; what lives in memory or in another one is no storage.
_FILES = (
    '{fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|devtmpfs|proc|sysfs|nsfs|cgroup2?|'
    'autofs|rootfs|fuse.*|nfs.*"}'
)
_DEVICES = "sum(max by (instance, device) ({}))"
QUERIES: Final[dict[str, tuple[tuple[str, str], float]]] = {
    "cpu": (_resource("cpu", "cores"), 1.0),
    "memory": (_resource("memory", "bytes"), float(MIB)),
    "storage": (
        (
            _DEVICES.format(
                f"node_filesystem_size_bytes{_FILES} - node_filesystem_free_bytes{_FILES}"
            ),
            _DEVICES.format(f"node_filesystem_size_bytes{_FILES}"),
        ),
        float(GIB),
    ),
}


def usage_from_prometheus(query: Callable[[str], Any]) -> Usage:
    """The load of a cluster; ``query`` answers a PromQL text with the JSON of ``/api/v1/query``.

    An empty result is not known; whatever ``query`` raises goes through.
    """
    meters: dict[str, Meter] = {}
    times: list[datetime] = []
    for name, (texts, unit) in QUERIES.items():
        numbers: list[float | None] = []
        for text in texts:
            at, value = read_sample(query(text))
            numbers.append(None if value is None else value / unit)
            if at is not None:
                times.append(at)
        meters[name] = Meter(*numbers)
    if all(meter.used is None for meter in meters.values()):
        return Usage(as_of=clock.now(), reason=Reason(NOTHING, "no_metrics"))
    return Usage(
        min(times), meters["cpu"], meters["memory"], meters["storage"], source=SOURCE
    )


def read_sample(answer: Any) -> tuple[datetime | None, float | None]:
    """The only sample of an answer and its time; nothing for none, for many, and for NaN."""
    try:
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if kind == "vector":
            if len(result) != 1:
                return None, None
            result = result[0]["value"]
        elif kind != "scalar":
            return None, None
        at, value = float(result[0]), float(result[1])
        if not math.isfinite(value) or value < 0:
            return None, None
        return datetime.fromtimestamp(at, UTC), value
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, OSError):
        return None, None


class Client:
    """One Prometheus; use as a context manager, in one thread.

    Its address comes from an administrator of hosts, who need not be the one of this machine: calls
    go through the guard of outward calls.
    """

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url.rstrip('/')}/api/v1/query"
        self._loop = asyncio.Runner()
        self._client = outward.async_client(
            Guard.from_text(settings.PROMETHEUS_NETWORKS),
            read_seconds=READ_SECONDS,
            body_bytes=ANSWER_BYTES,
            connections=1,
        )
        try:
            self.where = httpx.URL(base_url).host
        except httpx.InvalidURL:
            self.where = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._loop:
            self._loop.run(self._client.aclose())

    def query(self, text: str) -> Any:
        """The answer to one query as JSON; Upstream where there is none."""
        return self._loop.run(self._ask(text))

    async def _ask(self, text: str) -> Any:
        try:
            async with asyncio.timeout(BUDGET_SECONDS):
                answer = await self._client.get(self._url, params={"query": text})
        except TimeoutError:
            said = N_("%(where)s did not answer in time.")
            raise UpstreamTimeout(said, where=self.where) from None
        except httpx.InvalidURL:
            raise Upstream(NOT_PROMETHEUS, where=self.where, retryable=False) from None
        try:
            found = json.loads(answer.content)
            status = found["status"]
        except (ValueError, TypeError, KeyError):
            raise Upstream(NOT_PROMETHEUS, where=self.where, retryable=False) from None
        if status != "success":
            said = str(found.get("error") or "")[:200]
            raise Upstream(
                N_("Prometheus refuses: %(said)s"), said=said, code="prometheus_refused"
            )
        return found
