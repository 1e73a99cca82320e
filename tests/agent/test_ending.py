"""The MEP announces the end of the application, and asks to be left alone for a while."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import httpx
import pytest

from apps.agent import End, SettingsError
from apps.agent.ending import BACK_AFTER, relay_to
from apps.agent.rest import rest_app
from apps.agent.serving import answer, listening, serving
from tests.agent.fake_mep import APP
from tests.agent.world import World, lines, listen, play, positioning, video

WHERE = "http://agent.example:8080"
BOTH = (positioning(), video())


def notification(action="TERMINATING", seconds=5, **more):
    link = f"http://mep.example:8000/mep/mec_app_support/v1/applications/{APP}/confirm_termination"
    return {"notificationType": "AppTerminationNotification", "operationAction": action,
            "maxGracefulTimeout": seconds,
            "_links": {"subscription": {"href": "/x"}, "confirmTermination": {"href": link}}} | more


async def tell(world, body, url=""):
    """Send what a MEP sends, to where it was asked to; gives the status."""
    (made,) = world.mep.ends.values()
    transport = httpx.ASGITransport(app=rest_app(world.agent))
    async with httpx.AsyncClient(transport=transport) as http:
        return (await http.post(url or made["callbackReference"], json=body)).status_code


@pytest.mark.parametrize("action", ["STOPPING", "TERMINATING"])
def test_the_application_is_asked_then_its_services_go_and_then_the_end_is_confirmed(action):
    seen = []

    async def hook(end):
        seen.append((end.action, end.seconds))

    async def story(world):
        seen.append(len(world.mep.services))
        await world.agent.registered()
        assert await tell(world, notification(action)) == 204
        assert await tell(world, notification(action)) == 204  # a repetition changes nothing
        await world.run(1)
        assert seen == [0, (action, 5.0)]
        assert world.mep.confirmed == [(action, 0)]
        assert world.agent.ends == action
        await world.run(600)
        assert (world.mep.services, world.mep.subscriptions) == ({}, {})
        assert len(world.mep.confirmed) == 1

    world = play(story, services=BOTH, callback=WHERE, hook=hook)
    assert world.mep.ends == {}


def test_an_application_that_takes_too_long_is_not_waited_for(caplog):
    listen(caplog)

    async def story(world):
        await world.agent.registered()
        await tell(world, notification(seconds=30))
        await world.run(28)
        assert world.mep.confirmed == []
        assert len(world.mep.services) == 2  # it may still serve
        await world.run(1.5)
        assert world.mep.confirmed == [("TERMINATING", 0)]

    play(story, services=BOTH, callback=WHERE, hook=lambda end: asyncio.Event().wait())
    assert any("not ready for its end in time" in line for line in lines(caplog))


def test_an_application_that_fails_when_it_is_asked_ends_all_the_same(caplog):
    listen(caplog)

    async def hook(end):
        raise OSError("nobody there")

    async def story(world):
        await world.agent.registered()
        await tell(world, notification())
        await world.run(1)
        assert world.mep.confirmed == [("TERMINATING", 0)]

    play(story, services=BOTH, callback=WHERE, hook=hook)
    assert any("nobody there" in line for line in lines(caplog))


def test_a_confirmation_is_tried_again_while_there_is_time(caplog):
    listen(caplog)

    async def story(world):
        await world.agent.registered()
        world.mep.busy = True
        await tell(world, notification(seconds=60))
        await world.run(5)
        assert world.mep.confirmed == []
        world.mep.busy = False
        await world.run(30)
        assert world.mep.confirmed == [("TERMINATING", 0)]

    play(story, services=BOTH, callback=WHERE)
    assert [line for line in lines(caplog) if "confirm" in line][-1].endswith("confirmed its end")


def test_an_application_that_lives_on_is_registered_again():
    async def story(world):
        await world.agent.registered()
        await tell(world, notification())
        await world.run(BACK_AFTER - 10)
        assert world.mep.services == {}
        await world.run(80)
        assert len(world.mep.services) == 2
        assert world.mep.ready == ["READY", "READY"]
        assert world.agent.ends == ""
        await tell(world, notification("STOPPING"))
        await world.run(5)
        assert world.mep.confirmed == [("TERMINATING", 0), ("STOPPING", 0)]

    play(story, services=BOTH, callback=WHERE)


@pytest.mark.parametrize("body", [
    {}, [], None, notification(operationAction="DANCING"), notification(notificationType="x"),
])
def test_what_is_no_announcement_ends_nothing(body):
    async def story(world):
        await world.agent.registered()
        assert await tell(world, body) == 400
        await world.run(60)
        assert len(world.mep.services) == 2

    play(story, services=BOTH, callback=WHERE)


def test_nobody_else_can_end_the_application(caplog):
    listen(caplog)

    async def story(world):
        await world.agent.registered()
        (made,) = world.mep.ends.values()
        right = made["callbackReference"]
        assert made["appInstanceId"] == APP
        for wrong in (right[:-1], right[:-1] + "é", f"{WHERE}/mep-agent/v1/termination/"):
            assert await tell(world, notification(), wrong) == 404
        assert right.rpartition("/")[2] not in "".join(lines(caplog))
        assert world.agent.ends == ""

    play(story, services=BOTH, callback=WHERE)


def test_a_restarted_agent_finds_its_subscription_again_and_without_an_address_makes_none():
    async def run():
        world = World(services=BOTH, callback=WHERE)
        async with world.agent:
            await world.agent.registered()
            before = list(world.mep.ends)
            again = world.another_agent()
            async with again:
                await again.registered()
                assert list(world.mep.ends) == before
        silent = World(services=BOTH)
        async with silent.agent:
            await silent.agent.registered()
            assert silent.mep.ends == {}

    asyncio.run(run())


@pytest.mark.parametrize("wrong", [
    {"callback": "agent:8080"}, {"callback": "http://a/path"}, {"relay": "ftp://x/"},
    {"relay": "http://"},
])
def test_an_address_that_cannot_work_is_refused_at_once(wrong):
    with pytest.raises(SettingsError, match="AGENT_"):
        World(**wrong)


def test_the_application_next_door_is_told_at_its_address():
    told = []

    async def application(scope, receive, send):
        told.append((scope["path"], json.loads((await receive())["body"])))
        await answer(send, 204 if len(told) == 1 else 500)

    async def story():
        async with serving(application, listening("127.0.0.1", 0)) as port:
            hook = relay_to(f"http://127.0.0.1:{port}/end")
            await hook(End("STOPPING", 2.0))
            with pytest.raises(httpx.HTTPStatusError):
                await hook(End("STOPPING", 2.0))

    asyncio.run(story())
    assert told == [("/end", {"operationAction": "STOPPING", "maxGracefulTimeout": 2.0})] * 2


# --- Retry-After ---------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [429, 503])
def test_a_mep_that_asks_for_time_gets_it(status):
    async def story(world):
        world.mep.problem, world.mep.wait = (status, "busy"), "40"
        await world.run(200)
        posts = world.mep.posts
        assert 4 <= posts <= 6
        world.mep.problem = None
        await world.run(50)
        assert len(world.mep.services) == 1

    play(story, services=[positioning()])


@pytest.mark.parametrize(("wait", "most"), [("1", 18), ("soon", 18), ("999999999", 3)])
def test_what_it_asks_for_shortens_nothing_and_has_a_bound(wait, most):
    async def story(world):
        world.mep.problem, world.mep.wait = (503, "busy"), wait
        await world.run(600)
        assert 2 <= world.mep.posts <= most

    play(story, services=[positioning()])


def test_a_token_that_is_not_given_is_asked_for_when_the_mep_said():
    async def story(world):
        world.mep.keys, world.mep.wait = {}, "100"
        await world.run(450)
        assert 4 <= world.mep.token_posts <= 5
        assert all(after - before >= 100 for before, after in pairwise(world.mep.asked))

    play(story)
