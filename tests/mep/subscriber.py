"""A subscriber with a real socket, and the platform's delivering to it."""

from __future__ import annotations

import asyncio
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections

from apps.common import outward
from apps.mep.notify.deliver import Deliverer, new_client


@dataclass
class Got:
    """One request that arrived."""

    path: str
    seq: int
    subscription: str
    body: Any
    media_type: str
    at: float


class Subscriber:
    """Answers each path as ``answers`` says: a status, seconds to wait before 200, or None: never.

    A list is used up one by one, and then it is 200; so it is for paths without an entry.
    """

    def __init__(self):
        self.answers = {}
        self.got = []
        self.open = self.most_open = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def url(self, path="/x", host="127.0.0.1"):
        """A callback to this subscriber."""
        return f"http://{host}:{self.port}{path}"

    def seqs(self, path="/x"):
        """The sequence numbers that came, in order."""
        return [one.seq for one in self.got if one.path == path]

    def of(self, prefix):
        """What came to paths that begin so."""
        return [one for one in self.got if one.path.startswith(prefix)]

    def close(self):
        """Refuse connections from now on."""
        self._socket.close()

    @asynccontextmanager
    async def serving(self):
        """Answer inside the block."""
        tasks = set()

        async def accept(reader, writer):
            tasks.add(asyncio.current_task())
            try:
                while await self._one(reader, writer):
                    pass
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(accept, sock=self._socket.dup(), backlog=512)
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].split()[1]
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        loop = asyncio.get_running_loop()
        self.got.append(Got(path, int(headers["x-mec-sequence"]), headers["x-mec-subscription"],
                            json.loads(body), headers["content-type"], loop.time()))
        answer = self.answers.get(path, 200)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else 200
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            if answer is None:
                await asyncio.sleep(3600)
            if isinstance(answer, float):
                await asyncio.sleep(answer)
                answer = 200
        finally:
            self.open -= 1
        writer.write(f"HTTP/1.1 {answer} x\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        return True


@asynccontextmanager
async def delivering(subscriber, ask=outward.ask_system):
    """A deliverer and its subscriber; the tests' database takes one thread at a time."""
    executor = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(executor)
    try:
        async with subscriber.serving(), new_client(ask) as http:
            yield Deliverer(http)
    finally:
        await asyncio.to_thread(connections.close_all)


def drain(subscriber, ask=outward.ask_system):
    """Deliver what is due now."""

    async def drained():
        async with delivering(subscriber, ask) as deliverer:
            await asyncio.wait_for(deliverer.drain(), 20)

    asyncio.run(drained())


def run_until(subscriber, holds, seconds=5.0):
    """Run the delivering of a site until something holds; how many seconds that took."""

    async def ran():
        loop = asyncio.get_running_loop()
        async with delivering(subscriber) as deliverer:
            began = loop.time()
            running = asyncio.create_task(deliverer.run())
            try:
                while not holds() and loop.time() - began < seconds:
                    await asyncio.sleep(0.01)
                return loop.time() - began
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    return asyncio.run(ran())
