"""A live socket over time: coming back after a gap, staying signed in, and its limits."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest
from channels.db import database_sync_to_async

from apps.journal.fanout import Event
from apps.monitoring import consumers, live
from apps.monitoring.consumers import MOST_MESSAGES, MOST_TOPICS
from apps.monitoring.hub import hub

pytestmark = pytest.mark.django_db


def instance_event(instance):
    return Event("instances.instance.instantiated", "appinstance", str(instance.pk), 50,
                 instance.tenant_id, {"host_id": str(instance.host_id)})


# --- coming back ---------------------------------------------------------------------------------
def test_what_was_missed_is_told_after_coming_back(on_loop, tab, estate):
    async def story(page, again):
        await page.open()
        hello = await page.hear()
        await page.close()
        live.on_event(instance_event(estate.red_instance))
        live.on_event(instance_event(estate.blue_instance))
        await again.open()
        return await again.follow("instances", seq=hello["seq"], epoch=hello["epoch"])

    _granted, others = on_loop(story, tab(estate.rita), tab(estate.rita))
    told = [m["id"] for m in others if m["kind"] == "changed"]
    assert told == [str(estate.red_instance.pk)]
    assert "gap" not in {m["kind"] for m in others}


@pytest.mark.parametrize("more", [
    {"seq": 3, "epoch": "another life"}, {"seq": 10**9, "epoch": "same"},
    {"seq": None, "epoch": "same"}, {"epoch": "same"},
])
def test_what_nobody_remembers_is_a_gap(on_loop, tab, estate, more):
    async def story(page):
        await page.open()
        asked = {**more, "epoch": hub.epoch if more["epoch"] == "same" else more["epoch"]}
        return await page.follow("instances", **asked)

    _granted, others = on_loop(story, tab(estate.rita))
    assert [m["kind"] for m in others if m["kind"] == "gap"] == ["gap"]


def test_news_between_the_page_and_its_socket_is_told(on_loop, tab, estate):
    async def story(page):
        live.on_event(instance_event(estate.red_instance))
        await page.open()
        return await page.follow("instances", age=5)

    _granted, others = on_loop(story, tab(estate.rita))
    assert [m["id"] for m in others if m["kind"] == "changed"] == [str(estate.red_instance.pk)]


# --- staying in ----------------------------------------------------------------------------------
def change_and_tell(on_loop, tab, user, change):
    """What the tab of ``user`` hears after ``change`` and the news about the person."""

    async def story(page):
        await page.open()
        await page.follow("instances")
        await database_sync_to_async(change)(page.client)
        live.on_event(Event("tenants.user.changed", "user", str(user.pk), 0, user.tenant_id))
        return await page.hear()

    return on_loop(story, tab(user))


def switch_off(estate):
    def change(_client):
        estate.rita.is_active = False
        estate.rita.save()
    return change


def other_password(estate):
    def change(_client):
        estate.rita.password = "another"
        estate.rita.save()
    return change


def sign_out(_estate):
    def change(client):
        client.logout()
    return change


@pytest.mark.parametrize("how", [switch_off, other_password, sign_out])
def test_who_is_not_signed_in_any_more_loses_the_socket(on_loop, tab, estate, how):
    assert change_and_tell(on_loop, tab, estate.rita, how(estate)) == consumers.SIGNED_OUT


def test_signing_out_in_one_tab_ends_the_others_at_once(
    on_loop, tab, estate, django_capture_on_commit_callbacks
):
    def leave(client):
        with django_capture_on_commit_callbacks(execute=True):
            assert client.post("/logout/").status_code == 302

    async def story(page, other):
        for one in (page, other):
            await one.open()
            await one.follow("instances")
        await database_sync_to_async(leave)(page.client)
        return await page.hear(), await other.hear_all()

    first = tab(estate.rita)
    # Another browser of the same person stays.
    assert on_loop(story, first, tab(estate.rita)) == (consumers.SIGNED_OUT, [])


def test_who_becomes_somebody_else_has_to_come_again(on_loop, tab, estate):
    def change(_client):
        estate.rita.role = "guest"
        estate.rita.save()

    assert change_and_tell(on_loop, tab, estate.rita, change) == consumers.CHANGED_PERSON


def test_a_guest_where_guests_are_not_let_in(on_loop, tab, estate, settings):
    async def story(page):
        return await (await page.open()).hear()

    page = tab(estate.guest)
    settings.GUEST_ACCESS = False
    assert on_loop(story, page) == consumers.SIGNED_OUT


def test_who_is_still_the_same_stays_and_is_asked_again(on_loop, tab, estate, monkeypatch):
    asked = []
    real = consumers.standing
    monkeypatch.setattr(consumers, "standing", lambda key: asked.append(key) or real(key))
    monkeypatch.setattr(consumers.LiveConsumer, "recheck_seconds", 0.01)

    async def story(page):
        await page.open()
        await page.follow("instances")
        while len(asked) < 3:
            await asyncio.sleep(0)
        return await page.hear_all()

    assert on_loop(story, tab(estate.rita)) == []


def test_silence_is_broken_by_a_ping(on_loop, tab, estate, monkeypatch):
    monkeypatch.setattr(consumers.LiveConsumer, "ping_seconds", 0.01)

    async def story(page):
        await page.open()
        return [await page.hear() for _ in range(2)][1]

    assert on_loop(story, tab(estate.rita)) == {"kind": "ping", "seq": 0}


# --- limits --------------------------------------------------------------------------------------
@pytest.mark.parametrize("frame", [
    {"text": "not json"}, {"text": "[]"}, {"text": "{}"}, {"text": '{"subscribe": "hosts"}'},
    {"text": '{"subscribe": [1]}'}, {"bytes": b"\x00"},
])
def test_nonsense_ends_the_socket(on_loop, tab, estate, frame):
    async def story(page):
        await page.open()
        await page.hear()
        await page.say_raw(**frame)
        return await page.hear()

    assert on_loop(story, tab(estate.rita)) == consumers.NONSENSE


def test_a_huge_message_ends_the_socket(on_loop, tab, estate):
    async def story(page):
        await page.open()
        await page.hear()
        await page.say_raw(text=json.dumps({"subscribe": ["x" * consumers.MOST_BYTES]}))
        return await page.hear()

    assert on_loop(story, tab(estate.rita)) == consumers.TOO_BIG


def test_more_topics_than_a_page_needs_are_refused(on_loop, tab, estate):
    asked = ["hosts", *(f"instance:{uuid.uuid4()}" for _ in range(MOST_TOPICS - 1)), "instances"]

    async def story(page):
        await page.open()
        return await page.follow(*asked)

    granted, others = on_loop(story, tab(estate.rita))
    assert granted == ["hosts"]
    assert {m["topic"] for m in others if m["kind"] == "refused"} == set(asked) - {"hosts"}


def test_too_many_messages_end_the_socket(on_loop, tab, estate):
    async def story(page):
        await page.open()
        await page.hear()
        for _ in range(MOST_MESSAGES):
            await page.say(subscribe=["hosts"])
        while isinstance(message := await page.hear(), dict):
            pass
        return message

    assert on_loop(story, tab(estate.rita)) == consumers.NONSENSE


def test_a_closed_tab_is_forgotten(on_loop, tab, estate):
    async def story(page):
        await page.open()
        await page.follow("hosts")
        held = len(hub._held)
        await page.close()
        return held, len(hub._held)

    assert on_loop(story, tab(estate.rita)) == (1, 0)


