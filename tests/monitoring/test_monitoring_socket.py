"""The walls of the live socket: who gets in, what they may follow, what reaches them."""

from __future__ import annotations

import uuid

import pytest
from channels.db import database_sync_to_async
from django.test import Client

from apps.hosts.sharing import share_host
from apps.journal.fanout import Event
from apps.monitoring import consumers, live
from apps.monitoring import hub as hub_module
from apps.monitoring.consumers import same_origin
from apps.monitoring.hub import hub
from apps.tenants import grants

pytestmark = pytest.mark.django_db

LISTS = ["activity", "hosts", "instances", "packages", "systems", "topology", "users"]
# Written by hand, from the roles' table and the tenants' wall: who may follow what.
FOLLOWS = {
    "admin": set(LISTS) | {"open host", "closed host", "edge", "red app", "blue app", "red package",
                           "blue package"},
    "rita": {"activity", "hosts", "instances", "packages", "topology", "open host", "closed host",
             "red app", "red package"},
    "bert": {"activity", "hosts", "instances", "packages", "topology", "open host", "blue app",
             "blue package"},
    "guest": {"hosts", "instances", "packages", "topology", "open host", "closed host", "red app",
              "red package"},
}


def object_topics(estate):
    return {
        "open host": f"host:{estate.shared.pk}",
        "closed host": f"host:{estate.closed.pk}",
        "edge": f"system:{estate.edge.pk}",
        "red app": f"instance:{estate.red_instance.pk}",
        "blue app": f"instance:{estate.blue_instance.pk}",
        "red package": f"package:{estate.red_package.pk}",
        "blue package": f"package:{estate.blue_package.pk}",
    }


def host_event(host, verb="hosts.host.observed", version=50):
    return Event(verb, "mechost", str(host.pk), version, None)


def instance_event(instance, verb="instances.instance.instantiated", version=50):
    return Event(verb, "appinstance", str(instance.pk), version, instance.tenant_id,
                 {"host_id": str(instance.host_id)})


# --- getting in ----------------------------------------------------------------------------------
def test_a_stranger_is_sent_away_without_a_word(on_loop, tab, estate):
    async def story():
        page = await tab().open()
        return page.accepted, await page.hear()

    assert on_loop(story) == (True, consumers.SIGNED_OUT)


def test_a_made_up_session_is_a_stranger(on_loop, tab, estate, session_cookie):
    async def story(client):
        page = await tab(client=client).open()
        return await page.hear()

    client = Client()
    client.cookies[session_cookie] = "a" * 32
    assert on_loop(story, client) == consumers.SIGNED_OUT


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://testserver.evil.example",
                                    "http://testserver:81"])
def test_only_our_own_pages_open_a_socket(on_loop, tab, estate, origin):
    async def story(page):
        await page.open()
        return page.accepted

    assert on_loop(story, tab(estate.rita, origin=origin)) is False


def test_origin_is_compared_with_the_address_that_was_asked():
    ours = [(b"host", b"Portal.example:8000"), (b"origin", b"http://portal.example:8000")]
    assert same_origin(ours)
    assert not same_origin([(b"origin", b"http://portal.example")])
    assert not same_origin([])


def test_hello_names_the_life_of_the_site(on_loop, tab, estate):
    async def story(page):
        return await (await page.open()).hear(), hub.epoch

    hello, epoch = on_loop(story, tab(estate.guest))
    assert hello == {"kind": "hello", "seq": 0, "epoch": epoch}


# --- what may be followed ------------------------------------------------------------------------
@pytest.mark.parametrize("who", FOLLOWS)
def test_topics_have_the_doors_of_their_pages(on_loop, tab, estate, who):
    named = object_topics(estate)
    asked = {name: name for name in LISTS} | named

    async def story(page):
        await page.open()
        return await page.follow(*asked.values())

    granted, others = on_loop(story, tab(getattr(estate, who)))
    assert set(granted) == {asked[name] for name in FOLLOWS[who]}
    refused = {message["topic"] for message in others if message["kind"] == "refused"}
    assert refused == set(asked.values()) - set(granted)


def test_foreign_unknown_and_nonsense_are_refused_alike(on_loop, tab, estate, some_id):
    asked = [f"instance:{estate.blue_instance.pk}", f"instance:{some_id}", "instance:nonsense",
             "instance:", "nothing", "feed", f"user:{estate.admin.pk}", f"tenant:{estate.red.pk}",
             f"instance:{estate.red_instance.pk.hex}",
             f"instance:{str(estate.red_instance.pk).upper()}", "x" * 500, ""]

    async def story(page):
        await page.open()
        return await page.follow(*asked)

    granted, others = on_loop(story, tab(estate.rita))
    assert granted == []
    refused = [message for message in others if message["kind"] == "refused"]
    assert {frozenset(message) for message in refused} == {frozenset({"seq", "kind", "topic"})}
    assert len(refused) == len(asked)


# --- what arrives --------------------------------------------------------------------------------
def heard_by(on_loop, tab, user, topics, *events):
    async def story(page):
        await page.open()
        await page.follow(*topics)
        for event in events:
            live.on_event(event)
        return [(m["topic"], m["kind"], m["id"]) for m in await page.hear_all()]

    return on_loop(story, tab(user))


def test_an_instance_is_news_for_its_tenant_its_guest_and_the_administrator(on_loop, tab, estate):
    event = instance_event(estate.red_instance)
    topics = ["instances", "topology", "activity", f"host:{estate.closed.pk}"]
    key = str(estate.red_instance.pk)
    full = {(topic, "changed", key) for topic in topics}
    assert set(heard_by(on_loop, tab, estate.rita, topics, event)) == full
    assert set(heard_by(on_loop, tab, estate.admin, topics, event)) == full
    without_activity = {one for one in full if one[0] != "activity"}
    assert set(heard_by(on_loop, tab, estate.guest, topics, event)) == without_activity


def test_the_other_tenant_hears_nothing_at_all(on_loop, tab, estate):
    topics = [*LISTS, *object_topics(estate).values()]
    events = [
        instance_event(estate.red_instance),
        instance_event(estate.red_instance, "instances.instance.terminated", 51),
        Event("packages.package.onboarded", "package", str(estate.red_package.pk), 52,
              estate.red.pk),
        Event("packages.distribution.arrived", "distribution", str(uuid.uuid4()), 53, estate.red.pk,
              {"package_id": str(estate.red_package.pk), "host_id": str(estate.shared.pk)}),
        Event("instances.operation.progressed", "lcmoperation", str(uuid.uuid4()), 0, estate.red.pk,
              {"instance_id": str(estate.red_instance.pk)}),
        Event("tenants.user.created", "user", str(uuid.uuid4()), 0, estate.red.pk),
        Event("tenants.user.created", "user", str(uuid.uuid4()), 0, None),
        host_event(estate.closed),
    ]
    assert heard_by(on_loop, tab, estate.bert, topics, *events) == []


def test_a_host_is_news_for_those_who_may_see_it(on_loop, tab, estate):
    topics = ["hosts", f"host:{estate.closed.pk}"]
    key = str(estate.closed.pk)
    event = host_event(estate.closed)
    full = {("hosts", "changed", key), (f"host:{key}", "changed", key)}
    assert set(heard_by(on_loop, tab, estate.rita, topics, event)) == full
    assert heard_by(on_loop, tab, estate.bert, topics, event) == []


def test_an_edge_is_news_on_the_map_of_those_who_see_a_host_of_it(on_loop, tab, estate, make):
    event = Event("hosts.applcm.unreachable", "applcm", str(estate.edge.pk), 50, None)
    expected = [("topology", "changed", str(estate.edge.pk))]
    assert heard_by(on_loop, tab, estate.bert, ["topology", "systems"], event) == expected
    estate.shared.shared = False
    estate.shared.save()
    assert heard_by(on_loop, tab, estate.bert, ["topology", "systems"], event) == []


def test_a_removed_host_is_gone_only_where_it_was_seen(on_loop, tab, estate):
    async def story(rita, bert):
        for page in (rita, bert):
            await page.open()
            await page.follow("hosts")
        key, event = str(estate.closed.pk), host_event(estate.closed, "hosts.host.removed")
        await database_sync_to_async(delete)(estate)
        live.on_event(event)
        return key, await rita.hear_all(), await bert.hear_all()

    key, rita, bert = on_loop(story, tab(estate.rita), tab(estate.bert))
    assert [(m["kind"], m["id"]) for m in rita] == [("gone", key)]
    assert bert == []


def delete(estate):
    type(estate.red_instance).objects.filter(pk=estate.red_instance.pk).delete()
    type(estate.closed).objects.filter(pk=estate.closed.pk).delete()


def test_a_host_that_is_taken_back_is_gone_for_the_tenant(on_loop, tab, estate):
    async def story(page):
        await page.open()
        await page.follow("hosts")
        await database_sync_to_async(grants.take)(estate.red, "deploy_to_mechost", estate.closed)
        live.on_event(host_event(estate.closed, version=60))
        first = await page.hear_all()
        live.on_event(host_event(estate.closed, version=61))
        return first, await page.hear_all()

    first, second = on_loop(story, tab(estate.rita))
    assert [m["kind"] for m in first] == ["gone"]
    assert second == []


def test_choosing_tenants_is_news_at_once_for_those_who_gain_or_lose_the_host(
    on_loop, tab, estate, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(hub_module, "WINDOW_SECONDS", 0)

    def choose(*tenants):
        with django_capture_on_commit_callbacks(execute=True):
            share_host(actor=estate.admin.actor, host_id=estate.closed.pk,
                       tenant_ids=[tenant.pk for tenant in tenants])

    async def story(rita, bert):
        heard = []
        for page in (rita, bert):
            await page.open()
            await page.follow("hosts")
        for tenants in ((estate.blue,), (estate.red,)):
            await database_sync_to_async(choose)(*tenants)
            heard.append([[m["kind"] for m in await page.hear_all()] for page in (rita, bert)])
        return heard

    assert on_loop(story, tab(estate.rita), tab(estate.bert)) == [
        [["gone"], ["changed"]], [["changed"], ["gone"]],
    ]


def test_messages_carry_no_content(on_loop, tab, estate):
    async def story(page):
        await page.open()
        await page.follow("instances")
        live.on_event(instance_event(estate.red_instance))
        return await page.hear_all()

    [message] = on_loop(story, tab(estate.rita))
    assert set(message) == {"seq", "topic", "kind", "id", "version", "object"}


def test_the_last_subscription_counts(on_loop, tab, estate):
    async def story(page):
        await page.open()
        await page.follow("instances", "hosts")
        await page.follow("hosts")
        live.on_event(instance_event(estate.red_instance))
        return await page.hear_all()

    assert on_loop(story, tab(estate.rita)) == []
