"""Services get registered, found again, refused, lost and taken away."""

from __future__ import annotations

import asyncio

from tests.agent.world import World, lines, listen, play, positioning, video

BOTH = (positioning(), video())
SUBSCRIPTION = {
    "subscriptionType": "SerAvailabilityNotificationSubscription",
    "callbackReference": "http://127.0.0.1:99/news",
    "filteringCriteria": {"serNames": ["positioning"]},
}


def test_everything_is_registered_and_then_the_application_is_ready():
    async def story(world):
        await world.agent.registered()
        assert sorted(one["serName"] for one in world.mep.services.values()) == [
            "positioning",
            "video-analytics",
        ]
        assert list(world.mep.subscriptions.values()) == [SUBSCRIPTION]
        assert world.mep.ready == ["READY"]
        assert world.agent.ready
        assert {one.state for one in world.agent.services} == {"registered"}

    play(story, services=BOTH, subscriptions=(SUBSCRIPTION,))


def test_nothing_is_left_when_the_agent_ends():
    async def story(world):
        await world.agent.registered()

    mep = play(story, services=BOTH, subscriptions=(SUBSCRIPTION,)).mep
    assert (mep.services, mep.subscriptions) == ({}, {})


def test_an_application_is_not_ready_before_its_last_service_is_registered():
    async def story(world):
        world.mep.problem = (503, "busy")
        await world.run(30)
        assert world.mep.ready == []
        world.mep.problem = None
        await world.run(60)
        assert world.mep.ready == ["READY"]

    play(story, services=BOTH)


def test_a_mep_that_is_not_there_yet_is_waited_for(caplog):
    listen(caplog)

    async def story(world):
        world.wire.cut = True
        await world.run(3600)
        assert world.mep.services == {}
        world.wire.cut = False
        await world.run(61)
        assert len(world.mep.services) == 2

    play(story, services=BOTH)
    said = [line for line in lines(caplog) if "reached" in line or "answers" in line]
    assert len(said) == 2  # lost once and found once, not once for each try


def test_a_lost_answer_does_not_register_twice():
    async def story(world):
        await world.agent.registered()
        world.mep.restart()
        world.wire.lose = ["/token", "/services", "/services", "/subscriptions"]
        await world.run(120)
        assert world.wire.lose == []
        assert (len(world.mep.services), len(world.mep.subscriptions)) == (2, 1)
        assert world.mep.posts == 4

    play(story, services=BOTH, subscriptions=(SUBSCRIPTION,))


def test_a_restarted_agent_finds_its_services_and_subscriptions_again():
    async def story():
        world = World(services=BOTH, subscriptions=(SUBSCRIPTION,))
        async with world.agent:
            await world.agent.registered()
            before = set(world.mep.services), set(world.mep.subscriptions)
            again = world.another_agent()
            async with again:
                await again.registered()
                assert (set(world.mep.services), set(world.mep.subscriptions)) == before
                await world.crash(again)

    asyncio.run(story())


def test_a_found_service_gets_the_present_description():
    async def story():
        world = World(services=[positioning()])
        await world.agent.__aenter__()
        await world.agent.registered()
        await world.crash(world.agent)
        assert len(world.mep.services) == 1
        moved = positioning(transportInfo={"endpoint": {"uris": ["http://127.0.0.1:77/"]}})
        object.__setattr__(world.settings, "services", [moved])
        again = world.another_agent()
        async with again:
            await again.registered()
            (service,) = world.mep.services.values()
            assert service["transportInfo"]["endpoint"]["uris"] == ["http://127.0.0.1:77/"]

    asyncio.run(story())


def test_a_mep_that_lost_everything_gets_everything_again(caplog):
    listen(caplog)

    async def story(world):
        await world.agent.registered()
        world.mep.restart()
        await world.run(5)  # the first beat finds out, and everything else looks at once
        assert len(world.mep.services) == 2
        assert list(world.mep.subscriptions.values()) == [SUBSCRIPTION]
        assert set(world.mep.ready) == {"READY"}
        assert {one.state for one in world.agent.services} == {"registered"}

    play(story, services=BOTH, subscriptions=(SUBSCRIPTION,))
    lost = [line for line in lines(caplog) if "not known to the MEP any more" in line]
    assert len(lost) == 3


def test_a_subscription_alone_is_looked_after_too():
    async def story(world):
        await world.agent.registered()
        world.mep.restart()
        await world.run(31)
        assert list(world.mep.subscriptions.values()) == [SUBSCRIPTION]
        assert world.mep.ready == ["READY"]

    play(story, subscriptions=(SUBSCRIPTION,))


def test_what_the_mep_refuses_is_said_once_and_tried_rarely(caplog):
    listen(caplog)

    async def story(world):
        world.mep.problem = (400, "serName is too funny")
        await world.run(601)
        assert 10 <= world.mep.posts <= 11
        assert world.agent.services[0].state == "refused"
        world.mep.problem = None
        await world.run(60)
        assert len(world.mep.services) == 1

    play(story, services=[positioning()])
    refusals = [line for line in lines(caplog) if "is refused" in line]
    assert len(refusals) == 1
    assert "400 Refused: serName is too funny" in refusals[0]


def test_a_mep_that_cannot_say_what_it_has_gets_no_second_registration():
    async def story(world):
        honest = world.mep.on_services

        def forgetful(method, app, below, body):
            return (500, None, {}) if method == "GET" else honest(method, app, below, body)

        await world.agent.registered()
        await world.crash(world.agent)
        world.mep.on_services = forgetful
        async with world.another_agent() as again:
            await world.run(600)
            assert world.mep.posts == 1
            world.mep.on_services = honest
            await world.run(61)
            assert again.ready
            assert len(world.mep.services) == 1

    async def run():
        world = World(services=[positioning()])
        await world.agent.__aenter__()
        await story(world)

    asyncio.run(run())


def test_an_unknown_instance_is_tried_on_until_it_is_known():
    async def story(world):
        world.mep.problem = (404, "no such instance")
        await world.run(600)
        world.mep.problem = None
        await world.run(60)
        assert len(world.mep.services) == 1

    play(story, services=[positioning()])


def test_a_registration_whose_answer_was_lost_is_taken_back_at_the_end():
    async def story(world):
        await world.agent.registered()
        world.mep.restart()
        world.wire.lose = ["/services"]
        while not world.mep.services:
            await world.run(0.5)
        assert world.agent.services[0].state == "lost"

    assert play(story, services=[positioning()]).mep.services == {}
