"""The token: renewed in time, on refusal, one request at a time, and with growing patience."""

from __future__ import annotations

import asyncio

import pytest

from apps.agent.pace import Pace
from tests.agent.fake_mep import AK, APP, SK
from tests.agent.world import lines, listen, play, positioning, video


@pytest.mark.parametrize("lifetime", [10, 100])
def test_a_token_is_replaced_at_four_fifths_of_its_life(lifetime):
    async def story(world):
        await world.run(0.79 * lifetime)
        assert world.mep.token_posts == 1
        await world.run(0.02 * lifetime)
        assert world.mep.token_posts == 2
        await world.run(8 * lifetime)
        assert world.mep.token_posts == 12
        assert world.mep.strangers == []

    play(story, services=[positioning()], mep={"lifetime": lifetime})


def test_many_refusals_at_once_ask_for_one_token():
    async def story(world):
        await world.agent.registered()
        world.mep.forget_tokens()
        for service in world.agent.services:
            service.poke()
        await world.run(1)
        assert 1 <= len(world.mep.strangers) <= 2
        assert world.mep.token_posts == 2

    play(story, services=[positioning(), video()])


def test_wrong_keys_are_said_once_and_tried_on(caplog):
    listen(caplog)

    async def story(world):
        world.mep.keys = {}
        await world.run(600)
        assert 10 <= world.mep.token_posts <= 20
        assert world.agent.token is None
        world.mep.keys = {AK: (SK, APP)}
        await world.run(61)
        assert len(world.mep.services) == 1

    play(story, services=[positioning()])
    assert len([line for line in lines(caplog) if "gets no token (401" in line]) == 1


def test_a_mep_that_refuses_its_own_tokens_is_not_stormed():
    async def story(world):
        world.mep.lifetime = 3600
        world.mep.app_of = lambda headers: None
        await world.run(600)
        assert world.mep.token_posts <= 30

    play(story, services=[positioning(), video()])


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"access_token": "", "expires_in": 5},
        {"access_token": "a\nb", "expires_in": 5},
        {"access_token": "abc"},
        {"access_token": "abc", "expires_in": -1},
        {"access_token": "abc", "expires_in": True},
        {"access_token": "abc", "expires_in": 5, "token_type": 5},
    ],
)
def test_an_answer_that_is_no_token_is_none(body):
    async def story(world):
        world.mep.give_token = lambda *_: (200, body, {})
        await world.run(10)
        assert world.agent.token is None

    play(story)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_patience_grows_from_one_second_to_sixty(chance):
    pace = Pace(chance=lambda: chance)
    waits = [pace.after(failures) for failures in range(1, 5000)]
    assert waits == sorted(waits)
    assert 1 <= waits[0] <= 2
    assert 30 <= waits[-1] <= 60


def test_a_wait_ends_early_when_woken():
    async def story():
        wake = asyncio.Event()
        wake.set()
        await Pace().wait(3600, wake)
        assert not wake.is_set()

    asyncio.run(asyncio.wait_for(story(), 5))
