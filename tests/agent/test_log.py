"""The log: a line per change, no line of somebody else's making, no secrets."""

from __future__ import annotations

import pytest

from apps.agent.voice import Voice, plain
from tests.agent.fake_mep import SK
from tests.agent.world import lines, listen, play, positioning


def test_keys_tokens_and_signatures_are_never_said(caplog):
    listen(caplog)
    seen = []

    async def story(world):
        give = world.mep.give_token

        def echoing(method, headers):
            seen.append(headers["authorization"].rpartition("=")[2])
            detail = f"{headers['authorization']} {SK}"
            return (401, {"detail": detail}, {}) if len(seen) < 3 else give(method, headers)

        world.mep.give_token = echoing
        await world.run(10)
        world.mep.restart()
        world.mep.problem = (400, f"what are token-1-canary, token-3-canary and {SK}")
        await world.run(100)

    play(story, services=[positioning()])
    everything = "\n".join(lines(caplog))
    assert "gets no token (401" in everything
    assert "is refused (400" in everything
    assert "(hidden)" in everything
    assert not [one for one in (SK, "canary", *seen) if one in everything]


@pytest.mark.parametrize("break_", ["\n", "\r", "\x1b[2K", "\u2028", "\x85", "\x00", "\u202e"])
def test_a_server_cannot_forge_a_line(caplog, break_):
    listen(caplog)

    async def story(world):
        world.mep.problem = (400, f"bad{break_}12:00:00 service positioning is registered")
        await world.run(1)

    play(story, services=[positioning()])
    assert [line for line in lines(caplog) if "bad 12:00" in line or "bad [2K12:00" in line]
    assert not [line for line in lines(caplog) if break_ in line]


def test_a_quiet_hour_says_nothing(caplog):
    listen(caplog)

    async def story(world):
        await world.run(60)
        before = len(lines(caplog))
        await world.run(2700)
        assert len(lines(caplog)) == before

    play(story, services=[positioning()])


def test_trouble_is_said_once_and_its_end_too(caplog):
    listen(caplog)

    async def story(world):
        await world.run(10)
        honest = world.mep.beat
        world.mep.beat = lambda *_: (500, {"title": "Oh"}, {})
        await world.run(60)
        world.mep.beat = honest
        await world.run(60)

    play(story, services=[positioning()])
    told = [line.partition("positioning 1.0.0 ")[2] for line in lines(caplog)]
    assert told.count("has trouble (500 Oh); trying on") == 1
    assert told.count("is well again") == 1


def test_long_texts_end_in_dots():
    assert plain("x" * 1000, 10) == "xxxxxxxxx…"
    assert plain("x" * 10, 10) == "x" * 10


def test_many_passing_secrets_are_forgotten_but_never_the_key():
    voice = Voice("a", "the-key")
    for number in range(1000):
        voice.hide(f"token-{number}")
    assert voice.clean("the-key token-999") == "(hidden) (hidden)"
