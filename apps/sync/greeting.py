"""Tells the center that this edge is there: when it starts, and while nothing is heard of it."""

from __future__ import annotations

import asyncio
import logging
import random

from channels.db import database_sync_to_async

from apps.sync import joining

FIRST_PAUSE, LONGEST_PAUSE, LOOK_SECONDS = 2.0, 60.0, 5.0
_log = logging.getLogger("mecm.sync")


async def watch_center() -> None:
    """Greet at the start, with a few quick retries, and afterwards at most every minute."""
    starting, pause = True, FIRST_PAUSE
    while True:
        try:
            heard = await database_sync_to_async(greet)(always=starting)
        except Exception:
            _log.exception("the center could not be greeted")
            heard = False
        if heard is None:
            await asyncio.sleep(LOOK_SECONDS)
        elif heard:
            starting, pause = False, FIRST_PAUSE
            await asyncio.sleep(LONGEST_PAUSE)
        else:
            await asyncio.sleep(pause * random.uniform(0.7, 1.0))  # noqa: S311 - jitter
            pause = min(LONGEST_PAUSE, pause * 2)


def greet(*, always: bool = False) -> bool | None:
    """Greet the center if that is due; whether it heard, and None when there was nothing to do."""
    center = joining.current() if always else joining.needs_greeting()
    return joining.greet(center) if center is not None and center.url else None
