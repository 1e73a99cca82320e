"""A small application store that speaks the part of EdgeGallery's API from which centers fetch.

    echo '{"host": "127.0.0.1", "port": 8200}' | python -m examples.appstore

Reads one line of JSON from standard input and serves two packages until that input ends.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from examples.packages import build

BASE = "/mec/appstore/v1/apps"
PIECE = 64 * 1024
# Name, version, class, what it is for.
CATALOG = (
    ("Berth Planner", "1.2", "container", "Plans which ship lies at which quay"),
    ("Gate Reader", "3.0", "vm", "Reads number plates at the gate"),
)
_ROUTE = re.compile(
    rf"{BASE}(?:/(?P<app>[0-9a-f]{{32}})/packages(?:/(?P<package>[0-9a-f]{{32}})"
    r"(?P<download>/action/download)?)?)?\Z"
)


@dataclass
class Offer:
    """One package of the store with its file; the ids are the same at every start."""

    name: str
    version: str
    app_class: str
    text: str
    content: bytes
    app_id: str = ""
    package_id: str = ""
    size: int | None = None

    def __post_init__(self) -> None:
        self.app_id = self.app_id or uuid.uuid5(uuid.NAMESPACE_URL, self.name).hex
        whole = f"{self.name} {self.version}"
        self.package_id = self.package_id or uuid.uuid5(uuid.NAMESPACE_URL, whole).hex

    def as_json(self) -> dict[str, Any]:
        """The package as the store describes it."""
        return {
            "packageId": self.package_id,
            "appId": self.app_id,
            "name": self.name,
            "version": self.version,
            "size": str(len(self.content) if self.size is None else self.size),
            "format": "csar",
            "createTime": "2024-05-06 10:30:00",
            "type": "Smart Port",
            "details": self.text,
            "shortDesc": self.text,
            "affinity": "X86",
            "industry": "Logistics",
            "contact": "store@example.org",
            "userId": "5a4c1b7e-0000-4000-8000-000000000001",
            "userName": "store",
            "status": "Published",
            "testTaskId": None,
            "provider": "Example Labs",
        }


@dataclass
class Store:
    """What the store offers, and how it behaves: for tests that need it to misbehave."""

    offers: list[Offer] = field(default_factory=list)
    # Apps that are listed and then not found, as one that is deleted meanwhile.
    vanished: set[str] = field(default_factory=set)
    # Downloads end after so many bytes although more were announced.
    cut_after: int | None = None
    # Downloads wait here after their first piece.
    gate: threading.Event | None = None
    # The digest that is announced, where it is not the right one; empty for none.
    digest: str | None = None
    status: int = 200
    downloads: int = 0

    def find(self, app: str, package: str) -> Offer | None:
        """The package of these ids."""
        for one in self.offers:
            if (one.app_id, one.package_id) == (app, package) and app not in self.vanished:
                return one
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def do_GET(self) -> None:
        """Answer one of the four addresses."""
        found = _ROUTE.match(self.path)
        if found is None or self.store.status != 200:
            return self._say({"message": "not here"}, 404 if found is None else self.store.status)
        app, package = found["app"], found["package"]
        if app is None:
            apps = {one.app_id: one for one in self.store.offers}
            return self._say(
                [{"appId": key, "name": one.name, "provider": "Example Labs"}
                 for key, one in apps.items()]
            )
        if package is None:
            rows = [one.as_json() for one in self.store.offers if one.app_id == app]
            known = rows and app not in self.store.vanished
            return self._say(rows if known else {"message": "not here"}, 200 if known else 404)
        offer = self.store.find(app, package)
        if offer is None:
            return self._say({"message": "not here"}, 404)
        return self._send(offer) if found["download"] else self._say(offer.as_json())

    def _say(self, body: Any, status: int = 200) -> None:
        content = json.dumps(body).encode()
        self._head(status, "application/json", len(content))
        self.wfile.write(content)

    def _send(self, offer: Offer) -> None:
        store = self.store
        store.downloads += 1
        right = base64.b64encode(hashlib.sha256(offer.content).digest()).decode()
        digest = right if store.digest is None else store.digest
        extra = {"Repr-Digest": f"sha-256=:{digest}:"} if digest else {}
        self._head(200, "application/octet-stream", len(offer.content), **extra)
        content = offer.content[: store.cut_after]
        for start in range(0, len(content), PIECE):
            self.wfile.write(content[start : start + PIECE])
            self.wfile.flush()
            if store.gate is not None:
                store.gate.wait(10)
        self.close_connection = len(content) < len(offer.content)

    def _head(self, status: int, kind: str, length: int, **extra: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing about each request."""


class AppStoreServer:
    """A store that serves while the block lasts."""

    def __init__(self, store: Store, host: str = "127.0.0.1", port: int = 0) -> None:
        self.store = store
        handler = type("Handler", (_Handler,), {"store": store})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def offers() -> list[Offer]:
    """The two packages of the store, built anew and the same at every start."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, version, app_class, text in CATALOG:
            path = build(Path(folder) / "a.csar", name=name, version=version, app_class=app_class)
            found.append(Offer(name, version, app_class, text, path.read_bytes()))
    return found


def main() -> int:
    """Serve until standard input ends."""
    order = json.loads(sys.stdin.readline() or "{}")
    host, port = str(order.get("host", "127.0.0.1")), int(order.get("port", 8200))
    with AppStoreServer(Store(offers()), host, port):
        while sys.stdin.buffer.read(4096):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
