"""What the application next door gets from the agent."""

from __future__ import annotations

import httpx
import pytest

from apps.agent.rest import rest_app
from tests.agent.world import play, positioning

URIS = {"uris": ["http://127.0.0.1:9/"]}


def asking(world):
    transport = httpx.ASGITransport(app=rest_app(world.agent))
    return httpx.AsyncClient(transport=transport, base_url="http://agent/mep-agent/v1")


async def ask(world, path, method="GET"):
    async with asking(world) as http:
        return await http.request(method, path)


def test_the_token_and_how_long_it_lasts():
    async def story(world):
        await world.run(600)
        answer = await ask(world, "/token")
        assert answer.status_code == 200
        assert answer.json() == {
            "access_token": "token-1-canary",
            "token_type": "Bearer",
            "expires_in": 3000,
        }
        assert answer.headers["cache-control"] == "no-store"

    play(story)


def test_no_token_is_412_without_a_body():
    async def story(world):
        world.wire.cut = True
        await world.run(1)
        answer = await ask(world, "/token")
        assert (answer.status_code, answer.content) == (412, b"")

    play(story)


def test_a_token_that_could_not_be_renewed_is_none():
    async def story(world):
        await world.run(1)
        world.wire.cut = True
        await world.run(3600)
        assert (await ask(world, "/token")).status_code == 412

    play(story)


def test_the_endpoint_of_the_first_active_service():
    async def story(world):
        await world.agent.registered()
        assert (await ask(world, "/endpoint/positioning")).json() == URIS
        (service,) = world.mep.services.values()
        service["state"] = "INACTIVE"
        await world.run(4)
        assert (await ask(world, "/endpoint/positioning")).status_code == 404
        active = {**service, "state": "ACTIVE", "transportInfo": {"endpoint": {"uris": ["b"]}}}
        world.mep.services["other"] = active
        await world.run(4)
        assert (await ask(world, "/endpoint/positioning")).json() == {"uris": ["b"]}

    play(story, services=[positioning()])


def test_an_unknown_service_is_a_problem():
    async def story(world):
        await world.run(1)
        answer = await ask(world, "/endpoint/no%0Asuch")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 404
        assert answer.json()["detail"] == "There is no active service no such."

    play(story)


def test_without_the_mep_an_old_answer_is_better_than_none():
    async def story(world):
        await world.agent.registered()
        fresh = await ask(world, "/endpoint/positioning")
        assert "warning" not in fresh.headers
        world.wire.cut = True
        await world.run(2)
        assert (
            "warning" not in (await ask(world, "/endpoint/positioning")).headers
        )  # asked just now
        await world.run(50)
        stale = await ask(world, "/endpoint/positioning")
        assert (stale.status_code, stale.json()) == (200, URIS)
        assert stale.headers["warning"].startswith("110 ")
        await world.run(10)
        gone = await ask(world, "/endpoint/positioning")
        assert gone.status_code == 503
        assert gone.headers["content-type"] == "application/problem+json"

    play(story, services=[positioning()])


def test_without_a_token_the_endpoint_is_503(monkeypatch):
    monkeypatch.setattr("apps.agent.endpoints.PATIENCE_SECONDS", 0.01)

    async def story(world):
        world.wire.cut = True
        await world.run(1)
        assert (await ask(world, "/endpoint/positioning")).status_code == 503

    play(story)


def test_health_tells_how_things_are():
    async def story(world):
        await world.agent.registered()
        (service,) = world.mep.services
        assert (await ask(world, "/health")).json() == {
            "status": "up",
            "mep": "reachable",
            "token": True,
            "ends": None,
        "ready": True,
            "services": [
                {
                    "serName": "positioning",
                    "version": "1.0.0",
                    "state": "registered",
                    "serInstanceId": service,
                    "interval": 5,
                }
            ],
            "subscriptions": [],
        }
        world.wire.cut = True
        await world.run(6)
        answer = await ask(world, "/health")
        assert (answer.status_code, answer.json()["mep"]) == (200, "unreachable")
        assert answer.json()["status"] == "degraded"

    play(story, services=[positioning()])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/token", 405),
        ("DELETE", "/health", 405),
        ("PUT", "/endpoint/a", 405),
        ("GET", "/endpoint", 404),
        ("GET", "/endpoint/", 404),
        ("GET", "/endpoint/a/b", 404),
        ("GET", "/", 404),
        ("POST", "/anything", 404),
        ("GET", "http://agent/token", 404),
    ],
)
def test_everything_else(method, path, status):
    async def story(world):
        answer = await ask(world, path, method)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("allow" in answer.headers) == (status == 405)

    play(story)
