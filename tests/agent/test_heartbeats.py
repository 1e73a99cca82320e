"""Heartbeats: each service in its own rhythm, whatever happens to the others."""

from __future__ import annotations

import pytest

from tests.agent.fake_mep import SERVICES
from tests.agent.world import lines, listen, play, positioning, video


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_two_services_beat_in_their_own_rhythm(chance):
    async def story(world):
        await world.run(600)
        for name, interval in (("positioning", 5), ("video-analytics", 12)):
            gaps = world.mep.gaps(name)
            assert len(gaps) >= 600 / interval - 2
            assert all(0.8 * interval <= gap <= interval + 1e-6 for gap in gaps)

    play(story, services=[positioning(), video()], chance=chance)


def test_a_changed_interval_is_followed(caplog):
    listen(caplog)

    async def story(world):
        await world.run(20)
        world.mep.interval = 30
        await world.run(200)
        assert all(24 <= gap <= 30 for gap in world.mep.gaps("positioning")[-3:])

    play(story, services=[positioning()])
    assert [line for line in lines(caplog) if "beats every 30 s from now on" in line]


def test_the_interval_is_the_one_that_the_mep_decides():
    async def story(world):
        await world.run(600)
        assert all(48 <= gap <= 60 for gap in world.mep.gaps("positioning"))

    play(story, services=[positioning()], mep={"interval": 60})


def test_a_mep_that_wants_put_gets_put():
    async def story(world):
        await world.run(30)
        assert world.mep.verbs == {"PUT"}
        assert len(world.mep.gaps("positioning")) >= 4

    play(story, services=[positioning()], mep={"links": "edgegallery", "patch": False})


def test_a_link_to_another_host_is_not_followed_there():
    async def story(world):
        await world.run(30)
        assert len(world.mep.gaps("positioning")) >= 4
        assert world.wire.hosts == {"mep.example:8000"}

    play(story, services=[positioning()], mep={"links": "elsewhere"})


def test_a_service_without_heartbeat_is_still_looked_after():
    async def story(world):
        await world.run(60)
        assert not world.mep.beats
        world.mep.restart()
        await world.run(31)
        assert len(world.mep.services) == 1

    post = positioning()
    del post["livenessInterval"]
    play(story, services=[post])


def test_a_short_cut_costs_a_beat_and_no_registration():
    async def story(world):
        await world.run(20)
        world.wire.cut = True
        await world.run(60)
        world.wire.cut = False
        posts = world.mep.posts
        await world.run(5)
        assert world.mep.posts == posts
        (service,) = world.mep.services
        assert world.clock.now - world.mep.beats[service][-1] <= 5

    play(story, services=[positioning()])


def test_a_connection_that_was_just_closed_does_not_make_a_beat_late():
    async def story(world):
        await world.run(20)
        world.wire.drop = ["PATCH"]
        await world.run(20)
        assert world.wire.drop == []
        assert max(world.mep.gaps("positioning")) <= 5

    play(story, services=[positioning()])


def test_an_answer_without_end_is_not_taken_in():
    async def story(world):
        await world.run(20)
        world.mep.beat = lambda *_: (200, {"detail": "x" * 3_000_000}, {})
        await world.run(5)
        assert world.agent.fault == "the answer is too large"

    play(story, services=[positioning()])


def test_a_renewed_token_keeps_the_beat():
    async def story(world):
        await world.run(20)
        world.mep.forget_tokens()
        await world.run(20)
        assert max(world.mep.gaps("positioning")) <= 5
        assert world.mep.token_posts == 2

    play(story, services=[positioning()])


def test_a_paused_service_is_silent_until_it_is_resumed():
    async def story(world):
        await world.run(20)
        (service,) = world.agent.services
        service.pause()
        await world.run(30)
        silent = world.clock.now - world.mep.beats[service.ser_instance_id][-1]
        service.resume()
        await world.run(0)
        assert silent >= 30
        assert world.mep.beats[service.ser_instance_id][-1] == world.clock.now

    play(story, services=[positioning()])


def test_a_mep_that_answers_nonsense_does_not_end_the_agent():
    async def story(world):
        nonsense = [[], {"_links": []}, "text", {"serInstanceId": 5}, {"serInstanceId": "../x"}]
        honest = world.mep.on_services
        for one in nonsense:
            world.mep.restart()
            world.mep.on_services = lambda *_, one=one: (200, one, {})
            await world.run(100)
        world.mep.on_services = honest
        world.mep.restart()
        await world.run(100)
        assert len(world.mep.services) == 1
        assert all(SERVICES in path for path in world.mep.strangers)

    play(story, services=[positioning()])
