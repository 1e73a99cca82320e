"""Load for a site that is measured: wrk for as fast as possible, asyncio for a steady pace."""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

BODY = '{"state":"ACTIVE"}'
REGISTER = (
    '{"serName":"bench","version":"1.0","state":"ACTIVE","serializer":"JSON",'
    '"livenessInterval":3600,"transportInfo":{"id":"a","name":"b","type":"REST_HTTP",'
    '"protocol":"HTTP","version":"1","endpoint":{"uris":["http://10.0.0.1/"]},"security":{}}}'
)
# Every request is another line of the file, far from the one before.
_LUA = """
local requests = {}
function init(args)
  for line in io.lines("%(file)s") do
    local path, token = line:match("^(%%S+) (%%S+)$")
    %(change)s
    requests[#requests + 1] = "%(method)s " .. path .. " HTTP/1.1\\r\\n"
      .. "Host: 127.0.0.1:%(port)s\\r\\n"
      .. "Authorization: Bearer " .. token .. "\\r\\nContent-Type: application/json\\r\\n"
      .. "Content-Length: %(length)s\\r\\n\\r\\n" .. '%(body)s'
  end
end
local i = 0
function request()
  i = i + %(step)s
  return requests[i %% #requests + 1]
end
"""
TO_COLLECTION = 'path = path:match("^(.*/services)/")'
Latencies = list[float]


class Wrk:
    """wrk with one kind of request for every line of a world's file."""

    def __init__(self, folder: Path, file: Path, port: int, *, register: bool = False) -> None:
        body = REGISTER if register else BODY
        self._port = port
        self._script = folder / f"{file.stem}-{port}-{register}.lua"
        self._script.write_text(
            _LUA
            % {
                "file": file,
                "port": port,
                "method": "POST" if register else "PATCH",
                "change": TO_COLLECTION if register else "",
                "length": len(body),
                "body": body,
                "step": 10 if register else 7919,
            }
        )

    def command(self, seconds: int, connections: int) -> list[str]:
        """The command line."""
        return [
            "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
            "-s", str(self._script), f"http://127.0.0.1:{self._port}/",
        ]

    def run(self, seconds: int = 5, connections: int = 32) -> float:
        """Requests per second; an error when any of them was not answered well."""
        finished = subprocess.run(
            self.command(seconds, connections), capture_output=True, text=True, check=True
        )
        return rate_in(finished.stdout)


def rate_in(said: str, *, strict: bool = True) -> float:
    """What wrk measured."""
    if strict and "Non-2xx" in said:
        raise RuntimeError(said)
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None:
        raise RuntimeError(said)
    return float(found[1])


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values are."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


async def paced(requests: Sequence[bytes], port: int, *, rate: float, seconds: float,
                connections: int) -> Latencies:
    """Send ``rate`` requests a second, however long the answers take; seconds each took."""
    found: Latencies = []
    queue: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (job := await queue.get()) is not None:
            due, request = job
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if length and int(length[1]):
                await reader.readexactly(int(length[1]))
            if not head.startswith(b"HTTP/1.1 2"):
                raise RuntimeError(head[:80].decode())
            found.append(time.perf_counter() - due)
        writer.close()

    workers = [asyncio.create_task(worker()) for _ in range(connections)]
    start = time.perf_counter()
    for number in range(round(rate * seconds)):
        due = start + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        queue.put_nowait((due, requests[number * 7919 % len(requests)]))
    for _ in workers:
        queue.put_nowait(None)
    await asyncio.gather(*workers)
    return found


def beat_request(line: str, port: int) -> bytes:
    """The heartbeat of a line of a world's file."""
    path, token = line.split()
    return (
        f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
    ).encode()


def get_request(path: str, port: int, headers: dict[str, str]) -> bytes:
    """A GET with headers."""
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode()
