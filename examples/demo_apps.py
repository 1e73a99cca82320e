"""Several example applications in one process, since each of its own would cost its own memory.

    python -m examples.demo_apps

Reads one line of JSON from standard input and runs until SIGTERM or until that input ends:

    {"mep": "http://127.0.0.1:8100", "apps": [
        {"app_instance_id": "…", "name": "…", "ak": "…", "sk": "…", "kind": "producer"}]}

Kinds: producer, restless (a producer whose first service falls silent at times), consumer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import cycle
from typing import Any

from apps.agent import Agent, Settings, SettingsError
from apps.agent.checks import Shape, list_of, one_of, text
from apps.agent.program import run_until_told
from apps.agent.voice import plain
from examples.consumer import consume
from examples.producer import CATALOG, produce

AGAIN_SECONDS = 5.0
Life = Callable[[], Awaitable[None]]
_log = logging.getLogger("mep.demo")
_text = text("text")


def _unseen(value: Any, where: str) -> Any:
    """A key: checked later, by who never tells what it is."""
    return value


_order = Shape(
    {
        "mep": _text,
        "apps": list_of(
            Shape(
                {
                    "app_instance_id": _text,
                    "name": _text,
                    "ak": _text,
                    "sk": _unseen,
                    "kind": one_of("producer", "restless", "consumer"),
                },
                {},
            )
        ),
    },
    {},
)


def lives(line: str) -> list[Life]:
    """What each application of the order does; raises SettingsError."""
    try:
        order = _order(json.loads(line), "order")
    except (ValueError, RecursionError):
        raise SettingsError("standard input must begin with one line of JSON") from None
    found: list[Life] = []
    catalog = cycle(CATALOG)
    for app in order["apps"]:
        make_agent = _maker(order["mep"], app)
        if app["kind"] == "consumer":
            found.append(partial(consume, make_agent))
        else:
            restless = app["kind"] == "restless"
            found.append(partial(produce, make_agent, next(catalog), restless=restless))
    return found


def _maker(mep: str, app: dict[str, Any]) -> Callable[..., Agent]:
    settings = partial(
        Settings,
        base_url=mep,
        app_instance_id=app["app_instance_id"],
        ak=app["ak"],
        sk=app["sk"],
        name=plain(app["name"], 64),
    )
    settings()  # refuses now what would be refused later

    def make(**wishes: Any) -> Agent:
        return Agent(settings(**wishes))

    return make


async def run(line: str) -> None:
    """Do what the line asks for, until standard input ends."""
    all_lives = lives(line)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_watch_input, args=(loop, over), daemon=True).start()
    tasks = [asyncio.create_task(_live(life)) for life in all_lives]
    try:
        await over.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _live(life: Life) -> None:
    """One application; what befalls it is no matter of the others."""
    while True:
        try:
            await life()
        except Exception as error:
            _log.info("an application begins anew after %s", plain(repr(error)))
            await asyncio.sleep(AGAIN_SECONDS)


def _watch_input(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    """Whoever started this process holds its input open for as long as it is wanted."""
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(over.set)


if __name__ == "__main__":
    # Read before anything runs: until the order is there, a signal simply ends the process.
    sys.exit(run_until_told("demo_apps", partial(run, sys.stdin.readline())))
