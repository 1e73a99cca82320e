"""Starts a site's processes: its server, and the short ones that prepare it and tell its story."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path
from typing import Any

from mecm_portal.runtime import lifeline
from mecm_portal.runtime.console import LINE_LIMIT, Console
from mecm_portal.runtime.plan import ROOT, Site
from mecm_portal.runtime.trouble import Trouble


class Children:
    """Every process started here ends when the supervisor does, however that ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._reading, self._writing = os.pipe()
        self._following: set[asyncio.Task[None]] = set()

    async def serve(self, site: Site) -> Process:
        """Start the site's server; what it writes is shown under its name."""
        process = await self._start(site, site.serve_command, stdout=PIPE, stderr=STDOUT)
        self._follow(site, process.stdout)
        return process

    async def companion(self, site: Site, module: str, order: Path) -> Process:
        """Start a demo program beside the site; it ends when its standard input does."""
        command = [sys.executable, "-m", module]
        process = await self._start(site, command, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
        self._follow(site, process.stdout)
        if process.stdin is not None:
            process.stdin.write(order.read_bytes() + b"\n")
        return process

    async def prepare(self, site: Site) -> Preparation:
        """Bring the database up to date and make the site's own keys and users."""
        return Preparation(site, await self._world(site, "prepare"))

    async def story(self, site: Site, world: dict[str, Any]) -> int:
        """Play the demo story from ``site``; its exit code."""
        process = await self._world(site, "story")
        await process.communicate(_line(world))
        return await process.wait()

    async def _world(self, site: Site, verb: str) -> Process:
        command = [sys.executable, "-m", "mecm_portal.runtime.world", verb]
        process = await self._start(site, command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        self._follow(site, process.stderr)
        process.stderr = None  # followed line by line, so that communicate() leaves it alone
        return process

    async def _start(self, site: Site, command: list[str], **streams: Any) -> Process:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=site.environment | {lifeline.VARIABLE: str(self._reading)},
            pass_fds=(self._reading,),
            start_new_session=True,  # Ctrl-C reaches the supervisor alone
            limit=LINE_LIMIT,
            **streams,
        )

    def _follow(self, site: Site, stream: asyncio.StreamReader | None) -> None:
        if stream is not None:
            task = asyncio.create_task(self._console.follow(site.name, stream))
            self._following.add(task)
            task.add_done_callback(self._following.discard)


class Preparation:
    """A site being prepared: it first says who it is, then hears who the others are."""

    def __init__(self, site: Site, process: Process) -> None:
        self._site = site
        self._process = process

    async def introduction(self) -> dict[str, Any]:
        """What the site says of itself: users, public keys and the like."""
        stream = self._process.stdout
        line = await stream.readline() if stream else b""
        if not line:
            raise await self._failure()
        said = json.loads(line)
        return said if isinstance(said, dict) else {}

    async def meet(self, world: dict[str, Any]) -> None:
        """Tell the site who the others are and wait until it is ready."""
        await self._process.communicate(_line(world))
        if self._process.returncode:
            raise await self._failure()

    async def _failure(self) -> Trouble:
        await self._process.wait()
        return Trouble(f"{self._site.name} could not be prepared; its lines above say why.")


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
