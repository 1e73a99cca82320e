"""What a site watches goes on, whatever befalls it."""

from __future__ import annotations

import asyncio

from mecm_portal import startup

tries = []


async def stumbling():
    """Fails twice, then ends."""
    tries.append(1)
    if len(tries) < 3:
        raise RuntimeError("stumbled")


def test_watch_that_fails_is_begun_again(monkeypatch, caplog):
    monkeypatch.setattr(startup, "AGAIN_SECONDS", 0)
    asyncio.run(startup._kept(f"{__name__}.stumbling"))
    assert len(tries) == 3
    assert caplog.text.count("failed and begins again") == 2
