"""One service, one subscription, one application: what they say, and what may be done with them."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

import pytest

from apps.common import clock
from apps.journal.models import Entry
from apps.mep import adoption, applications, calls
from apps.mep.history import ABSENT, UNKNOWN, spans_of
from apps.mep.liveness.book import book
from apps.mep.liveness.records import follow
from apps.mep.models import Application, Credential, MecService, ServiceEvent, Subscription
from apps.mep.selectors import services_at
from apps.monitoring import live
from apps.monitoring.mep_topology import MANY, service_graph
from apps.monitoring.pulse import tell
from apps.tenants.actors import SYSTEM
from tests import factories
from tests.mep.conftest import App
from tests.portal.conftest import browser
from tests.portal.test_mep_pages import filled
from tests.portal.test_pages import FRAGMENT

SECRET = "S" * 64


def text_of(client, url, world, **more):
    """A page as text."""
    answer = client.get(filled(url, world), **more)
    assert answer.status_code == 200
    return answer.content.decode()


# --- heartbeats ----------------------------------------------------------------------------------
def test_a_row_follows_its_heartbeat_and_counts_from_memory(platform, visit):
    entry = book.find(platform.alive.pk)
    entry.beat_at = (clock.now() - timedelta(seconds=7)).timestamp()
    text = text_of(visit("admin"), "/platform/services/", platform)
    row = text.split(f'id="service-{platform.alive.pk}"')[1].split("</tr>")[0]
    assert f'data-live="beat:{platform.alive.pk}"' in row
    assert ">7 s ago</time>" in row
    assert "data-beat-fill" in row


def test_what_this_process_does_not_remember_is_told_as_of(platform, visit):
    moment = clock.now() - timedelta(minutes=5)
    MecService.objects.filter(pk=platform.alive.pk).update(beat_at=moment)
    book.clear()
    text = text_of(visit("admin"), "/platform/services/", platform)
    row = text.split(f'id="service-{platform.alive.pk}"')[1].split("</tr>")[0]
    assert "as of" in row
    assert "5 min ago" in row
    assert "data-live" not in row


def test_a_heartbeat_that_never_came_is_not_invented(platform, visit):
    made = platform.free.register(serName="fresh", livenessInterval=30)
    follow(MecService.objects.get(pk=made["serInstanceId"]))
    text = text_of(visit("admin"), "/platform/services/?q=fresh", platform)
    assert "none yet" in text
    assert "data-beat-age hidden>" in text


def test_the_page_says_when_a_service_will_be_suspended(platform, visit):
    client = visit("tenant")
    assert "unless a heartbeat comes" in text_of(client, "/platform/services/{alive}/", platform)
    suspended = text_of(client, "/platform/services/{silent}/", platform)
    assert "It missed its heartbeat" in suspended
    assert "unless a heartbeat comes" not in suspended
    assert "switched it off" in text_of(client, "/platform/services/{off}/", platform)


def test_the_pulse_reaches_the_script_that_draws_it(platform, monkeypatch):
    told = []
    topic = f"beat:{platform.alive.pk}"
    monkeypatch.setattr("apps.monitoring.pulse.hub.followed", lambda prefix: [topic])
    monkeypatch.setattr("apps.monitoring.pulse.hub.publish",
                        lambda topics, message, *rest: told.append((topics, message)))
    tell({})
    [(topics, message)] = told
    assert topics == [topic]
    assert (message["kind"], message["id"]) == ("beat", str(platform.alive.pk))


# --- history -------------------------------------------------------------------------------------
def test_a_strip_has_no_gaps_and_begins_before_the_registration(platform):
    spans = spans_of(platform.silent, timedelta(hours=1))
    assert [span.state for span in spans] == [ABSENT, "ACTIVE", "SUSPENDED"]
    assert all(one.end == two.start for one, two in pairwise(spans))
    assert round(sum(span.seconds for span in spans)) == 3600
    assert [span.cause for span in spans] == ["", "registered", "missed"]


def test_what_was_before_the_oldest_kept_event_is_unknown(platform):
    ServiceEvent.objects.filter(service_id=platform.silent.pk, cause="registered").delete()
    assert [span.state for span in spans_of(platform.silent, timedelta(hours=1))] == [
        UNKNOWN, "SUSPENDED"]


def test_a_state_that_lasts_longer_than_its_events_are_kept(platform):
    ServiceEvent.objects.all().delete()
    long_ago = clock.now() - timedelta(days=40)
    MecService.objects.filter(pk=platform.alive.pk).update(state_since=long_ago)
    platform.alive.refresh_from_db()
    assert [span.state for span in spans_of(platform.alive, timedelta(days=1))] == ["ACTIVE"]


def test_the_strip_has_a_table_that_says_the_same(platform, visit):
    piece = text_of(visit("admin"), "/platform/services/{silent}/?part=strips", platform,
                    headers=FRAGMENT)
    table = piece.split("<table")[1]
    assert re.findall(r'<th scope="row">([^<]+)<', table) == [
        "SUSPENDED", "ACTIVE", "Not registered"]
    assert "missed its heartbeat" in table


def test_days_that_were_not_counted_are_not_drawn_as_none(platform, visit):
    calls.clear()
    calls.CallCount.objects.all().delete()
    client = visit("admin")
    assert "No call has been counted yet." in text_of(client, "/platform/?part=calls", platform,
                                                      headers=FRAGMENT)
    calls.count(calls.DISCOVER, 3)
    piece = text_of(client, "/platform/?part=calls", platform, headers=FRAGMENT)
    assert piece.count("not counted") == 12  # six days of two series
    assert ": 3</title>" in piece


# --- record and consumers ------------------------------------------------------------------------
def test_the_record_names_every_attribute(platform, visit):
    piece = text_of(visit("tenant"), "/platform/services/{alive}/?part=record", platform,
                    headers=FRAGMENT)
    for said in ("Location · loc-1 · 1.0", "/categories/loc", "JSON", "REST · REST_HTTP",
                 "HTTP 2.0", "http://positioning.example/v1", "OAUTH2_CLIENT_CREDENTIALS",
                 "https://mep.example/mep/token", "MEC_HOST",
                 f"/services/{platform.alive.pk}/liveness"):
        assert said in piece, said


def test_consumers_of_another_tenant_are_not_named(platform, visit):
    curious = App("curious", platform.two.pk)
    curious.subscribe(serNames=["video"])
    platform.mine.subscribe(serInstanceIds=[str(platform.alive.pk)])
    url = "/platform/services/{alive}/?part=consumers"
    seen = {who: text_of(visit(who), url, platform, headers=FRAGMENT)
            for who in ("admin", "tenant")}
    assert ">curious</a>" in seen["admin"]
    assert ">mine</a>" in seen["admin"]
    assert "curious" not in seen["tenant"]
    assert ">mine</a>" in seen["tenant"]


# --- subscriptions -------------------------------------------------------------------------------
def test_a_subscription_is_told_in_words(platform, visit):
    client = visit("admin")
    text = text_of(client, "/platform/subscriptions/", platform)
    assert "services named “radio”; only when they are ACTIVE, SUSPENDED" in text
    assert "all services" in text
    assert "the application&#x27;s own end" in text
    chinese = text_of(visit("admin", "zh-hans"), "/platform/subscriptions/", platform)
    assert "名称为 “radio” 的服务" in chinese


def test_a_service_is_named_where_a_subscription_has_its_id(platform, visit):
    platform.mine.subscribe(serInstanceIds=[str(platform.alive.pk), "no-such-id"])
    text = text_of(visit("admin"), "/platform/subscriptions/", platform)
    assert "the services “video”, “no-such-id”" in text


def test_a_delivery_says_what_it_tells_how_often_and_why_not(platform, visit):
    text = text_of(visit("tenant"), "/platform/subscriptions/{by_name}/", platform)
    assert "The subscriber answered 503." in text
    assert "Deliveries fail" in text
    assert "missed its heartbeat" in text
    assert "1 attempt" in text


def test_services_of_other_tenants_are_not_linked(platform, visit):
    url = "/platform/subscriptions/{to_all}/"
    link = f'/platform/services/{platform.alive.pk}/"'
    assert link in text_of(visit("admin"), url, platform)
    assert link not in text_of(visit("other"), url, platform)


def test_only_an_administrator_removes_a_subscription_and_is_asked(platform, visit):
    url = filled("/platform/subscriptions/{by_name}/delete/", platform)
    for who in ("tenant", "guest", "other"):
        assert visit(who).post(url).status_code == 403
    refused = text_of(visit("tenant"), "/platform/subscriptions/{by_name}/", platform)
    assert "Only an administrator may manage the MEC platform." in refused
    client = visit("admin")
    question = client.get(url, headers=FRAGMENT).content.decode()
    assert "Remove the subscription of “mine”?" in question
    assert "data-cancel" in question
    assert client.post(url)["Location"] == "/platform/subscriptions/"
    assert not Subscription.objects.filter(pk=platform.by_name.pk).exists()
    assert client.post(url).status_code == 404
    text = client.get("/activity/?about=platform").content.decode()
    assert "removed the subscription of the callback" in text


# --- keys ----------------------------------------------------------------------------------------
def test_keys_are_never_shown(platform, visit):
    for url in ("/platform/applications/", "/platform/applications/{mine}/",
                "/platform/applications/{mine}/credentials/"):
        text = text_of(visit("admin"), url, platform)
        assert SECRET not in text
        assert "A" * 20 not in text


def test_a_pair_is_made_and_shown_once(platform, visit):
    client = visit("admin")
    url = filled("/platform/applications/{free}/credentials/", platform)
    page = client.get(url).content.decode()
    mark = re.search(r'name="generate" value="(\w+)"', page)[1]
    answer = client.post(url, {"generate": mark})
    row = Credential.objects.get(application_id=platform.free.id)
    secret = row.secret_key.reveal()
    assert (len(row.access_key), len(secret)) == (20, 64)
    text = answer.content.decode()
    assert secret.replace("+", "&#x2B;") in text or secret in text
    assert answer["Cache-Control"] == "no-store"
    again = client.post(url, {"generate": mark})  # the page is reloaded
    assert again["Location"] == filled("/platform/applications/{free}/", platform)
    row.refresh_from_db()
    assert row.secret_key.reveal() == secret


def test_a_pair_that_is_brought_along_is_checked_at_its_fields(platform, visit):
    client = visit("admin", "zh-hans")
    url = filled("/platform/applications/{free}/credentials/", platform)
    answer = client.post(url, {"access_key": "short", "secret_key": "Q" * 64})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="id_access_key_error"' in text
    assert 'value="short"' in text
    assert "Q" * 64 not in text
    taken = client.post(url, {"access_key": "A" * 20, "secret_key": "Q" * 64})
    assert "属于另一个应用实例" in taken.content.decode()
    assert not Credential.objects.filter(application_id=platform.free.id).exists()
    good = client.post(url, {"access_key": "B" * 20, "secret_key": "Q" * 64})
    assert good.status_code == 302
    assert Credential.objects.get(application_id=platform.free.id).access_key == "B" * 20


def test_only_an_administrator_handles_keys(platform, visit):
    for who in ("tenant", "guest", "other"):
        for end in ("", "delete/"):
            url = filled("/platform/applications/{mine}/credentials/", platform) + end
            assert visit(who).post(url, {"generate": "1"}).status_code == 403
    client = visit("admin")
    url = filled("/platform/applications/{mine}/credentials/delete/", platform)
    assert "Remove the AK/SK of “mine”?" in client.get(url).content.decode()
    assert client.post(url).status_code == 302
    assert not Credential.objects.filter(application_id=platform.mine.id).exists()


# --- topology ------------------------------------------------------------------------------------
def test_the_graph_draws_who_subscribed_to_what(platform):
    actor = platform.people["admin"].actor
    graph = service_graph(actor)
    lines = {(one["kind"], one["source"], one["target"]) for one in graph["edges"]}
    assert ("offers", f"app:{platform.mine.id}", f"service:{platform.alive.pk}") in lines
    assert ("subscribes", f"app:{platform.mine.id}", f"service:{platform.silent.pk}") in lines
    everything = [one for one in lines if one[:2] == ("subscribes", f"app:{platform.theirs.id}")]
    assert len(everything) == 5
    assert graph["notice"] == ""
    tones = {node["label"]: node["tone"] for node in graph["nodes"]}
    assert (tones["video"], tones["radio"], tones["maps"]) == ("ok", "warn", "info")


def test_who_subscribed_to_all_of_many_is_one_line(platform):
    for number in range(MANY):
        platform.free.register(serName=f"many-{number}")
    graph = service_graph(platform.people["admin"].actor)
    assert {"subscribes"} == {one["kind"] for one in graph["edges"] if one["target"] == "platform"}
    assert graph["subscribed"][f"app:{platform.theirs.id}"] == "all services"


def test_five_hundred_services_fit_and_what_is_left_out_is_said(platform, visit):
    rows = [
        MecService(application=platform.free.row, ser_name=f"bulk-{number:03}", ser_version="1",
                   state="ACTIVE", serializer="JSON", scope_of_locality="MEC_HOST", version=number)
        for number in range(500)
    ]
    MecService.objects.bulk_create(rows)
    graph = service_graph(platform.people["admin"].actor)
    assert len(graph["nodes"]) == 1 + 3 + 400
    assert "105 services are left out" in graph["notice"]
    assert "radio" in {node["label"] for node in graph["nodes"]}  # what fails stays
    assert graph["total"] == 1 + 3 + 505
    text = text_of(visit("admin"), "/platform/topology/", platform)
    assert "105 services are left out" in text


def test_the_graph_has_an_address_for_scripts(platform, visit):
    answer = visit("tenant").get("/api/v1/services/topology/")
    assert answer.status_code == 200
    labels = {node["label"] for node in answer.json()["nodes"]}
    assert "video" in labels
    assert "plain" not in labels


# --- copies at a center --------------------------------------------------------------------------
@pytest.fixture
def copies(estate):
    """A center that has heard of a service of each tenant at its edge."""
    made = {}
    for name, tenant in (("ours", estate.one), ("others", estate.two)):
        row = MecService(
            application=Application(name=f"app-of-{name}", tenant=tenant), ser_name=name,
            ser_version="1.0", state="SUSPENDED", serializer="JSON", scope_of_locality="MEC_HOST",
            liveness_interval=10, beat_at=clock.now() - timedelta(minutes=3), transport={},
        )
        told = {row.pk: adoption.export(row)}
        assert adoption.take_over(site_id=estate.edge.pk, told=told) == [True]
        made[name] = MecService.objects.get(pk=row.pk)
    return made


def test_a_host_shows_the_services_of_its_edge(estate, open_as, copies):
    url = f"/hosts/{estate.online.pk}/?part=services"
    text = open_as("admin").get(url, headers=FRAGMENT).content.decode()
    for name in copies:
        assert name in text
    assert "as of" in text
    assert "3 min ago" in text
    assert "beat:" not in text
    assert f'data-live="host:{estate.online.pk} services"' in text
    elsewhere = open_as("admin").get(f"/hosts/{estate.unseen.pk}/?part=services", headers=FRAGMENT)
    assert "ours" not in elsewhere.content.decode()
    theirs = open_as("other").get(url, headers=FRAGMENT).content.decode()
    assert "others" in theirs
    assert "ours" not in theirs


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_copy_has_a_page_that_says_whose_word_it_is(estate, open_as, copies, language):
    url = f"/platform/services/{copies['ours'].pk}/"
    text = open_as("tenant", language).get(url).content.decode()
    assert "⁉" not in text
    assert estate.edge.name in text
    assert 'id="strips"' not in text
    assert 'id="consumers"' not in text
    piece = open_as("tenant").get(f"{url}?part=strips", headers=FRAGMENT)
    assert piece.status_code == 404
    assert open_as("other").get(url).status_code == 404


def test_news_of_a_copy_reaches_the_list_of_services(estate, copies, monkeypatch):
    told = []
    monkeypatch.setattr(live.hub, "publish", lambda topics, *rest: told.extend(topics))
    event = live.Event("mep.service.observed", "mecservice", str(copies["ours"].pk), 7,
                       estate.one.pk, {"site_id": str(estate.edge.pk)})
    live.on_event(event)
    assert {"services", f"service:{copies['ours'].pk}"} <= set(told)


def test_services_of_one_platform(estate, copies):
    actor = estate.people["tenant"].actor
    assert [row.ser_name for row in services_at(actor, estate.edge.pk)] == ["ours"]
    assert list(services_at(actor, None)) == []


# --- words ---------------------------------------------------------------------------------------
def test_the_record_of_deeds_has_words_for_the_platform(platform, visit):
    client = visit("admin")
    applications.remove(actor=SYSTEM, application_id=platform.free.row.pk)
    for language in ("en", "zh-hans"):
        text = visit("admin", language).get("/activity/?about=platform").content.decode()
        assert not re.findall(r">mep\.\w+\.\w+<", text)
    assert Entry.objects.filter(verb="mep.application.removed").exists()
    text = client.get("/activity/?about=platform").content.decode()
    assert f"the application {platform.mine.id[:8]}" in text


def test_the_navigation_marks_one_section(platform, visit):
    text = visit("guest").get("/platform/services/").content.decode()
    rail = text.split('class="rail-nav"')[1].split("</nav>")[0]
    assert rail.count('aria-current="page"') == 1
    assert 'href="/platform/services/" aria-current="page"' in rail


def test_a_center_has_no_section_of_the_platform(house):
    text = browser(factories.admin()).get("/").content.decode()
    assert "/platform/topology/" not in text
