"""A center and an edge as two ASGI applications, with a real websocket between them."""

from __future__ import annotations

import asyncio
import socket
import uuid
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from apps.common.errors import Unauthenticated
from apps.edgelink import through
from apps.edgelink.line import Pace
from apps.sync.channel import PATH, dialing
from apps.sync.channel.answering import Answering
from apps.sync.channel.board import Board
from apps.sync.channel.dialing import Dialer, Target
from apps.sync.channel.endpoint import ChannelApplication
from apps.sync.channel.through import ThroughApplication
from apps.tenants import tokens
from mecm_portal.paths import ByPath

QUICK = Pace(ping=0.1, silence=1.0)  # to notice a half-open line; a busy machine needs longer


class Gate:
    """The database's side of the center, in memory."""

    def __init__(self):
        self.edge_id, self.token = uuid.uuid4(), "right"
        self.told = []

    def admit(self, headers):
        """The edge, if it shows its token."""
        if headers.get("Authorization") != f"Bearer {self.token}":
            raise Unauthenticated("A valid access token is needed.")
        return self.edge_id

    def opened(self, edge_id, url):
        """Its line stands."""
        self.told.append(("opened", url))

    def closed(self, edge_id, url, why):
        """Its line is over."""
        self.told.append(("closed", why))


class Sites:
    """What a test needs of both."""

    def __init__(self, application, monkeypatch):
        self.gate, self.board, self.shown, self.notes = Gate(), Board(), "right", []
        self.pace = Pace()
        self.answering = Answering(application)
        self.monkeypatch = monkeypatch
        self.relay = None
        self.port = 0

    async def told(self, *what, seconds=5.0):
        """Return when the center has been told of these things, in this order."""
        async with asyncio.timeout(seconds):
            while [word for word, _ in self.gate.told] != list(what):
                await asyncio.sleep(0.01)

    def client(self):
        """A client of the edge, as another process of the center has one."""
        url = through.url_of(f"http://127.0.0.1:{self.port}", self.gate.edge_id)
        token = tokens.through_token(self.gate.edge_id)

        async def raise_fault(response):
            through.raise_fault(response)

        return httpx.AsyncClient(
            base_url=url, headers={through.TOKEN_HEADER: token}, timeout=10, trust_env=False,
            event_hooks={"response": [raise_fault]},
        )

    def dial(self, port=0):
        """An edge that dials; a task."""
        self.monkeypatch.setattr(
            dialing, "target_now",
            lambda: Target(uuid.UUID(int=1), uuid.UUID(int=2), "center",
                           f"http://127.0.0.1:{port or self.port}"),
        )
        self.monkeypatch.setattr(tokens, "link_token", lambda *, audience: self.shown)
        self.monkeypatch.setattr(
            dialing, "note_line", lambda target, *, fault="": self.notes.append(str(fault))
        )
        return asyncio.create_task(Dialer(self.answering, pace=self.pace, shortest=0.05).run())

    @asynccontextmanager
    async def center(self):
        """The center, served."""
        application = ByPath(
            {through.PREFIX: ThroughApplication(self.board),
             PATH: ChannelApplication(self.board, gate=self.gate, pace=self.pace)},
            otherwise=None,
        )
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            application, lifespan="off", ws="websockets-sansio", log_config=None,
            access_log=False, timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield server
        finally:
            server.should_exit = True
            await serving

    @asynccontextmanager
    async def linked(self):
        """Center and edge with a line between them, and a client of the edge."""
        async with self.center():
            dialing_task = self.dial()
            try:
                await self.told("opened")
                async with self.client() as client:
                    yield client
            finally:
                dialing_task.cancel()
                await asyncio.gather(dialing_task, return_exceptions=True)


@pytest.fixture
def sites(monkeypatch):
    """Makes both around the edge's application."""
    return lambda application: Sites(application, monkeypatch)
