"""The program: reads its settings, serves the application next door, and ends when told to."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from apps.agent.agent import Agent
from apps.agent.checks import SettingsError
from apps.agent.rest import rest_app
from apps.agent.serving import listening, serving
from apps.agent.settings import CONFIG, LISTEN, from_environment, listen_address


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(arguments)

    async def life() -> None:
        address = options.listen or os.environ.get("AGENT_LISTEN") or LISTEN
        settings = from_environment(config=options.config)
        await _run(Agent(settings), listening(*listen_address(address)))

    return run_until_told("mep-agent", life)


def run_until_told(program: str, life: Callable[[], Awaitable[None]]) -> int:
    """Run ``life`` until it ends or SIGTERM or SIGINT cancels it; returns the exit code.

    A SettingsError becomes one sentence on standard error and 1.
    """

    async def cancellable() -> None:
        work = asyncio.ensure_future(life())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work

    log_to_stdout()
    try:
        asyncio.run(cancellable())
    except SettingsError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 1
    return 0


def log_to_stdout() -> None:
    """One line per change of state, with the time in UTC."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter("{asctime}Z {message}", "%Y-%m-%dT%H:%M:%S", style="{")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log = logging.getLogger("mep")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


async def _run(agent: Agent, bound: socket.socket) -> None:
    host, port = bound.getsockname()[:2]
    async with serving(rest_app(agent), bound):
        agent.voice.say(f"speaks to {agent.settings.base_url}; listens on {host}:{port}")
        await agent.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mep-agent", description=__doc__)
    parser.add_argument("--config", help=f"services and subscriptions (AGENT_CONFIG; {CONFIG})")
    parser.add_argument("--listen", help=f"HOST:PORT for the application (AGENT_LISTEN; {LISTEN})")
    return parser
