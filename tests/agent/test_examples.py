"""The example applications, and several of them in one process."""

from __future__ import annotations

import asyncio
import json
import signal
import uuid

import httpx
import pytest

from examples import producer
from examples.consumer import News, told
from tests.agent.conftest import until
from tests.agent.fake_mep import AK, SK
from tests.agent.world import World, positioning

MOST_MEGABYTES = 45
KINDS = ("producer", "restless", "producer", "consumer")


@pytest.fixture
def order(mep):
    """The line of an order for four applications whose keys ``mep`` knows."""
    apps = []
    for number, kind in enumerate(KINDS):
        app, ak = str(uuid.UUID(int=number + 1)), f"{AK[:-1]}{number}"
        mep.keys[ak] = (SK, app)
        apps.append(
            {"app_instance_id": app, "name": f"{kind} {number}", "ak": ak, "sk": SK, "kind": kind}
        )
    return {"mep": f"http://127.0.0.1:{mep.port}", "apps": apps}


def test_demo_applications_offer_use_and_leave(start, mep, order):
    demo = start("examples.demo_apps", line=json.dumps(order))
    until(lambda: len(mep.services) == 7 and mep.subscriptions)
    (service,) = mep.named("positioning")
    (uri,) = service["transportInfo"]["endpoint"]["uris"]
    assert httpx.get(uri, timeout=5).json()["service"] == "positioning"
    assert {one["livenessInterval"] for one in mep.services.values()} == {5}
    (subscription,) = mep.subscriptions.values()
    assert httpx.post(subscription["callbackReference"], json={}, timeout=5).status_code == 204
    demo.read_until(f"positioning: {uri} answers 200")
    assert demo.megabytes() < MOST_MEGABYTES
    code, _, output = demo.end(signal.SIGTERM)
    assert (code, mep.services, mep.subscriptions) == (0, {}, {})
    assert "Traceback" not in output


def test_demo_applications_end_with_their_input(start, mep, order):
    demo = start("examples.demo_apps", line=json.dumps(order))
    until(lambda: mep.services)
    code, _, _ = demo.end()
    assert (code, mep.services) == (0, {})


def test_demo_applications_come_to_terms_with_a_mep_that_is_not_there(start, order):
    order["mep"] = "http://127.0.0.1:9"
    demo = start("examples.demo_apps", line=json.dumps(order))
    lines = [demo.process.stdout.readline() for _ in KINDS]
    assert all("cannot be reached" in line for line in lines)
    assert demo.process.poll() is None
    code, seconds, _ = demo.end(signal.SIGTERM)
    assert code == 0
    assert seconds < 5


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "standard input must begin with one line of JSON"),
        ("{}", "order.mep is missing"),
        ('{"mep": "http://a", "apps": [5]}', "order.apps[0] must be a mapping; it is 5"),
    ],
)
def test_a_wrong_order_is_one_sentence(start, line, sentence):
    demo = start("examples.demo_apps", line=line)
    code, _, output = demo.end()
    assert (code, output) == (1, f"demo_apps: {sentence}\n")


def test_a_wrong_key_of_an_order_is_not_told(start, order):
    order["apps"][0]["sk"] = "canary"
    code, _, output = start("examples.demo_apps", line=json.dumps(order)).end()
    assert code == 1
    assert "SK must have 64 characters" in output
    assert "canary" not in output


def test_a_restless_service_is_silent_now_and_then():
    async def story():
        world = World(services=[positioning()])
        async with world.agent:
            (service,) = world.agent.services
            restless = asyncio.create_task(producer.fall_silent_at_times(service, world.pace))
            await world.run(1000)
            restless.cancel()
            return world.mep.gaps("positioning")

    silences = [gap for gap in asyncio.run(story()) if gap > 5]
    assert 8 <= len(silences) <= 10
    assert all(25 <= gap <= 40 for gap in silences)


def notify(news, *, sequence=None, subscription="s1", body=None, method="POST"):
    references = [{"serName": "a\nb", "state": "SUSPENDED", "changeType": "STATE_CHANGED"}]
    headers = {"X-Mec-Subscription": subscription} if subscription else {}
    headers |= {"X-Mec-Sequence": str(sequence)} if sequence is not None else {}

    async def send():
        transport = httpx.ASGITransport(app=news.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://consumer") as http:
            content = json.dumps({"serviceReferences": references}) if body is None else body
            return await http.request(method, "/availability", headers=headers, content=content)

    return asyncio.run(send())


def heard(caplog):
    return [one.getMessage() for one in caplog.records if one.name == "mep.consumer"]


def test_a_repeated_notification_is_heard_once(caplog):
    caplog.set_level("INFO", logger="mep.consumer")
    news = News()
    for sequence in (1, 1, 2, 1, 2):
        assert notify(news, sequence=sequence).status_code == 204
    notify(news, sequence=1, subscription="s2")
    assert heard(caplog) == ["heard: a b is SUSPENDED (STATE_CHANGED)"] * 3


def test_notifications_without_numbers_are_all_heard(caplog):
    caplog.set_level("INFO", logger="mep.consumer")
    news = News()
    for _ in range(2):
        notify(news, subscription="")
    assert len(heard(caplog)) == 2


def test_what_is_remembered_does_not_grow():
    news = News(most=4)
    for number in range(100):
        news.is_new(f"s{number}", "1")
        news.is_new("busy", str(number))
    assert len(news._seen) == 4
    assert not news.is_new("busy", "99")
    assert news.is_new("busy", "1")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"serviceReferences": [5]}', b"[" * 100_000])
def test_a_notification_that_is_none_is_said_to_be(body):
    assert told(body) == ["a notification that is none"]


def test_only_notifications_of_a_fair_size_are_taken():
    assert notify(News(), body="x" * 70_000).status_code == 400
    assert notify(News(), method="GET").status_code == 400
