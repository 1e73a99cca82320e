"""A piece of network that can stand still without any connection ending."""

from __future__ import annotations

import asyncio


class Relay:
    """Carries bytes between two sockets until it is ``stuck``: nothing ends, nothing moves."""

    def __init__(self, port):
        self.port, self.stuck, self.server, self.tasks = port, False, None, []

    async def listen(self):
        """Begin; returns the port."""
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    def close(self):
        """Carry nothing any more."""
        self.server.close()
        for task in self.tasks:
            task.cancel()

    async def _carry(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        stuck_for_good = []
        for source, target in ((reader, far_writer), (far_reader, writer)):
            self.tasks.append(asyncio.create_task(self._pump(source, target, stuck_for_good)))

    async def _pump(self, source, target, stuck_for_good):
        while data := await source.read(65536):
            if self.stuck or stuck_for_good:
                stuck_for_good.append(True)
                continue
            target.write(data)
            await target.drain()
        if not stuck_for_good:
            target.close()
