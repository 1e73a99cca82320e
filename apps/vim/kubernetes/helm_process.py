"""Helm's own engine as a program: a request a line on stdin, an answer a line on stdout.

A process of its own because the engine is a Go library, whose runtime must neither be forked nor
share a process that other threads fork.  It holds nothing between two requests, and ends at once
when whoever started it is gone, also in the middle of an installation: the next one finds the
release half-way and mends it.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from helm_python import Chart, Config, HelmError

Request = dict[str, Any]
# Helm's own words of how to wait: hooks are waited for, workloads are not.
HOOKS_ONLY = "hookOnly"


def chart_of(request: Request) -> Chart:
    """The chart that a request carries."""
    return Chart.load_archive(base64.b64decode(request["chart"]))


def render(request: Request) -> Any:
    """The text of each template, with no cluster to look things up in; and the chart's CRDs."""
    chart = chart_of(request)
    rendered = chart.render(
        request["values"],
        name=request["name"],
        namespace=request["namespace"],
        is_install=not request.get("upgrade"),
        is_upgrade=bool(request.get("upgrade")),
    )
    crds = {f"{chart.name}/{one['filename']}": one["data"] for one in chart.crds}
    return {"templates": rendered, "crds": crds, "metadata": chart.metadata}


def values(request: Request) -> Any:
    """What the chart has as values when nothing is given."""
    return chart_of(request).values


def install(request: Request) -> Any:
    """A new release."""
    with _config(request) as config:
        return config.install(chart_of(request), request["name"], {}, **_options(request))


def upgrade(request: Request) -> Any:
    """Another revision of a release."""
    with _config(request) as config:
        return config.upgrade(
            chart_of(request),
            request["name"],
            {},
            max_history=request["max_history"],
            cleanup_on_fail=True,
            **_options(request),
        )


def rollback(request: Request) -> Any:
    """An earlier revision again."""
    with _config(request) as config:
        config.rollback(
            request["name"],
            version=request["revision"],
            timeout=request["timeout"],
            wait=HOOKS_ONLY,
        )
    return {}


def uninstall(request: Request) -> Any:
    """No release any more; one that is not there is none."""
    with _config(request) as config:
        return config.uninstall(
            request["name"], ignore_not_found=True, timeout=request["timeout"], wait=HOOKS_ONLY
        )


def history(request: Request) -> Any:
    """The revisions of a release, oldest first."""
    with _config(request) as config:
        return config.history(request["name"])


OPERATIONS: dict[str, Callable[[Request], Any]] = {
    one.__name__: one for one in (render, values, install, upgrade, rollback, uninstall, history)
}


def _config(request: Request) -> Config:
    return Config(
        kubeconfig_content=request["kubeconfig"], namespace=request["namespace"], qps=200.0,
        burst_limit=400,
    )


def _options(request: Request) -> dict[str, Any]:
    return {
        "namespace": request["namespace"],
        "timeout": request["timeout"],
        "wait": HOOKS_ONLY,
        "labels": request["labels"],
    }


def answer(line: bytes) -> dict[str, Any]:
    """What a request comes to: ``result``, or ``error`` with Helm's message and its class."""
    request = json.loads(line)
    try:
        return {"result": OPERATIONS[request["operation"]](request)}
    except HelmError as error:
        return {"error": str(error), "kind": type(error).__name__}


def main() -> None:
    """Answer until stdin ends; then end, whatever is being done."""
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            requests.put(line)
        os._exit(0)

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the engine's own prints must not stand between answers
    threading.Thread(target=read, daemon=True).start()
    while True:
        out.write(json.dumps(answer(requests.get())).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
