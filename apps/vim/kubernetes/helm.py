"""Helm, as the driver uses it: charts become text, releases come and go.

The engine runs in processes of its own (:mod:`apps.vim.kubernetes.helm_process`), each busy with
one request at a time.  They are started when they are needed, and ended when they are idle.
"""

from __future__ import annotations

import atexit
import base64
import io
import json
import os
import selectors
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused

ROOT = Path(__file__).resolve().parents[3]
MOST_PROCESSES = 2
IDLE_SECONDS = 120.0
RENDER_SECONDS = 30.0
HISTORY = 10
MODULE = "apps.vim.kubernetes.helm_process"


class HelmRefused(VimRefused):
    """Helm said no; ``said`` is its own sentence, file and line and all, ``kind`` its class."""

    default_code = "helm_refused"

    def __init__(self, said: str, *, kind: str = "", retryable: bool = False) -> None:
        super().__init__(N_("Helm refuses: %(said)s"), retryable=retryable, said=said)
        self.said, self.kind = said, kind


class HelmMissing(VimRefused):
    """This site has no Helm, or its process ended."""

    default_code = "helm_missing"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a chart makes: text by template, text of its CRDs by file, and its Chart.yaml."""

    templates: Mapping[str, str]
    crds: Mapping[str, str]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a release; ``status`` is Helm's word, ``labels`` what it was given."""

    number: int
    status: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """A release in a cluster, and with which access it is reached."""

    kubeconfig: str
    namespace: str
    name: str

    def as_json(self) -> dict[str, Any]:
        """The members of a request."""
        return {"kubeconfig": self.kubeconfig, "namespace": self.namespace, "name": self.name}


class _Process:
    """One engine at work.  Not for two threads at once."""

    def __init__(self) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="helm-")
        # Nothing of the site's environment: it names other clusters, and holds secrets.
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "TZ") if key in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            cwd=ROOT,
            env=kept | {"HOME": self.home.name, "HELM_DRIVER": "secret"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.used_at = time.monotonic()

    def ask(self, request: Mapping[str, Any], seconds: float) -> Any:
        """The answer to one request; ends the process when it takes longer than ``seconds``."""
        assert self.process.stdin and self.process.stdout  # noqa: S101 - made with pipes
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            line = self._line(seconds)
        except (BrokenPipeError, ValueError):
            line = b""
        if not line:
            self.end()
            raise HelmMissing(N_("Helm's process ended."), retryable=True)
        self.used_at = time.monotonic()
        return json.loads(line)

    def _line(self, seconds: float) -> bytes:
        stream = self.process.stdout
        assert stream is not None  # noqa: S101 - made with pipes
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            if not selector.select(seconds):
                self.end()
                raise HelmRefused(f"no answer within {seconds:.0f} s", kind="timeout")
        return stream.readline()

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self.process.poll() is None

    def end(self) -> None:
        """Stop it and forget its files."""
        self.process.kill()
        self.process.wait()
        self.home.cleanup()


class Helm:
    """The engine of this process.  May be used from several threads."""

    def __init__(self) -> None:
        self._idle: list[_Process] = []
        self._places = threading.BoundedSemaphore(MOST_PROCESSES)
        self._lock = threading.Lock()

    def render(
        self,
        chart: bytes,
        values: Mapping[str, Any],
        *,
        name: str = "check",
        namespace: str = "default",
        upgrade: bool = False,
    ) -> Rendered:
        """What a chart (.tgz) makes of ``values``, without a cluster; HelmRefused with its words.

        The template function ``lookup`` finds nothing: a chart must not read what other tenants
        have in a cluster.
        """
        request = {
            "operation": "render", "chart": _text(chart), "values": dict(values), "name": name,
            "namespace": namespace, "upgrade": upgrade,
        }
        found = self._ask(request, RENDER_SECONDS)
        return Rendered(found["templates"], found["crds"], found["metadata"])

    def values(self, chart: bytes) -> dict[str, Any]:
        """The values of a chart (.tgz) when nothing is given."""
        request = {"operation": "values", "chart": _text(chart)}
        found: dict[str, Any] = self._ask(request, RENDER_SECONDS) or {}
        return found

    def documents(self, texts: Iterable[str]) -> list[Any]:
        """YAML documents as data, read by the parser that Helm itself reads with.

        One that is no mapping comes back as ``{"Error": message}``; an empty one as ``{}``.
        """
        files = {f"documents/{at:05}.yaml": text for at, text in enumerate(texts)}
        template = (
            '[{{ range $path, $_ := .Files.Glob "documents/*" }}'
            "{{ $.Files.Get $path | fromYaml | toJson }},{{ end }}null]"
        )
        if not files:
            return []
        chart = archive("documents", files | {"templates/all.json": template})
        rendered = self.render(chart, {}).templates["documents/templates/all.json"]
        return list(json.loads(rendered)[:-1])

    def install(
        self, target: Target, chart: bytes, *, labels: Mapping[str, str], timeout: int
    ) -> None:
        """A new release; hooks are waited for, workloads are not."""
        self._change("install", target, timeout, chart=_text(chart), labels=dict(labels))

    def upgrade(
        self, target: Target, chart: bytes, *, labels: Mapping[str, str], timeout: int
    ) -> None:
        """Another revision of a release."""
        more = {"chart": _text(chart), "labels": dict(labels), "max_history": HISTORY}
        self._change("upgrade", target, timeout, **more)

    def rollback(self, target: Target, revision: int, *, timeout: int) -> None:
        """An earlier revision again, as a new one."""
        self._change("rollback", target, timeout, revision=revision)

    def uninstall(self, target: Target, *, timeout: int) -> None:
        """No release any more; one that is not there is none."""
        self._change("uninstall", target, timeout)

    def history(self, target: Target) -> list[Revision]:
        """The revisions of a release, oldest first; empty where there is no release."""
        request = {"operation": "history"} | target.as_json()
        try:
            rows = self._ask(request, RENDER_SECONDS)
        except HelmRefused as refusal:
            if refusal.kind == "HelmNotFoundError":
                return []
            raise
        return [Revision(int(row["revision"]), str(row["status"]), row["labels"]) for row in rows]

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def _change(self, operation: str, target: Target, timeout: int, **more: Any) -> None:
        request = {"operation": operation, "timeout": timeout} | target.as_json() | more
        self._ask(request, timeout + RENDER_SECONDS)

    def _ask(self, request: Mapping[str, Any], seconds: float) -> Any:
        with self._places:
            process = self._take()
            try:
                answer = process.ask(request, seconds)
            finally:
                self._give(process)
        if "error" in answer:
            raise HelmRefused(str(answer["error"]), kind=str(answer["kind"]))
        return answer["result"]

    def _take(self) -> _Process:
        if find_spec("helm_python") is None:
            raise HelmMissing(N_("This site has no Helm; install “helm-python-sdk”."))
        with self._lock:
            oldest = time.monotonic() - IDLE_SECONDS
            usable = [one for one in self._idle if one.alive and one.used_at > oldest]
            for one in self._idle:
                if one not in usable:
                    one.end()
            self._idle = usable
            if usable:
                return self._idle.pop()
        return _Process()

    def _give(self, process: _Process) -> None:
        if process.alive:
            with self._lock:
                self._idle.append(process)


def archive(name: str, files: Mapping[str, str], **about: Any) -> bytes:
    """A chart of these files as Helm takes it (.tgz); ``about`` adds to its Chart.yaml."""
    said = {"apiVersion": "v2", "name": name, "version": "0.0.0"} | about
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        for path, text in {"Chart.yaml": yaml.safe_dump(said), **files}.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            data = text.encode()
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_engine = Helm()
atexit.register(_engine.close)


def engine() -> Helm:
    """The Helm of this process."""
    return _engine
