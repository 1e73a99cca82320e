"""A thousand edges in one process: asyncio and just enough HTTP to speak ``/sync/v1``.

``python -m tools.sync_edges FILE PORT SECONDS``: FILE has one JSON line for each edge (see
``tools.sync_rows.fill_center``).  Each listens at its own address.  After a line on the standard
input they come back within SECONDS; each then tells what it changed.  Writes a JSON line when all
listen and one when everything was acknowledged.  With SECONDS 0 all are there from the start and
have nothing to tell.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

HELD = 25.0


@dataclass(slots=True)
class Edge:
    """One of them: what it is, what it changed, and how much of that was acknowledged."""

    address: str
    site_id: str
    mark: str
    newest: int
    rows: list[dict[str, Any]]
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    requests: int = 0

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Any:
        """The JSON of an answer; None for what it does not know."""
        self.requests += 1
        if path == "/sync/v1/site":
            return {"site_id": self.site_id, "name": self.address}
        if path == "/sync/v1/changes":
            return self._page(int(query.get("after", 0)), int(query.get("limit", 0)))
        if path == "/sync/v1/ack" and method == "POST":
            upto = json.loads(body)["upto"]
            if upto >= self.newest:
                self.acked.set()
            return {"acked": upto}
        return None

    def _page(self, after: int, limit: int) -> dict[str, Any]:
        rows = [row for row in self.rows if row["version"] > after][:limit]
        upto = rows[-1]["version"] if rows else max(after, self.newest if limit else after)
        return {
            "site_id": self.site_id,
            "as_of": datetime.now(UTC).isoformat(),
            "newest": self.newest,
            "after": after,
            "upto": upto,
            "mark": self.mark,
            "more": upto < self.newest and limit > 0,
            "rows": rows,
            "looks": {},
        }

    async def serve(self, port: int) -> None:
        """Listen."""
        await asyncio.start_server(self._connection, self.address, port)

    async def _connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                method, target, _ = first.split(" ")
                headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                split = urlsplit(target)
                query = dict(parse_qsl(split.query))
                if "wait" in query and int(query["after"]) >= self.newest:
                    await asyncio.sleep(float(query["wait"]))
                writer.write(_response(self.answer(method, split.path, query, body)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            pass  # the program ends: asyncio's own look at a cancelled connection raises
        finally:
            writer.close()


def _response(said: Any) -> bytes:
    problem = {"type": "urn:mecm:problem:not_found", "title": "Not Found", "status": 404}
    body = json.dumps(problem if said is None else said).encode()
    status = "404 Not Found" if said is None else "200 OK"
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


async def run(path: Path, port: int, seconds: float) -> None:
    """Come back when told to, and wait until all was acknowledged."""
    edges = [Edge(**json.loads(line)) for line in path.read_text().splitlines()]
    if not seconds:
        for edge in edges:
            edge.rows = []
            await edge.serve(port)
        _say({"listening": len(edges)})
        await asyncio.to_thread(sys.stdin.readline)
        return
    for edge in edges:
        edge.newest += len(edge.rows)
    _say({"ready": len(edges)})
    await asyncio.to_thread(sys.stdin.readline)
    began = time.monotonic()

    async def come_back(edge: Edge, after: float) -> None:
        await asyncio.sleep(after)
        await edge.serve(port)

    delays = [random.uniform(0, seconds) for _ in edges]  # noqa: S311 - no secret
    await asyncio.gather(*map(come_back, edges, delays))
    _say({"listening": len(edges), "seconds": time.monotonic() - began})
    waiting = [asyncio.create_task(edge.acked.wait()) for edge in edges]
    await asyncio.gather(*waiting)
    _say({"drained": time.monotonic() - began, "requests": sum(one.requests for one in edges)})
    await asyncio.to_thread(sys.stdin.readline)


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
