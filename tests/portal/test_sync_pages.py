"""The pages of synchronization at a center: links, runs, what is held back, what is contested."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest

from apps.common import clock
from apps.common.merging import UNKNOWN
from apps.hosts.models import AppLcm, MecHost
from apps.journal.models import Entry
from apps.rules.agreement import content_of
from apps.rules.models import AppdConfiguration
from apps.sync import conflicts, runs
from apps.sync import tasks as sync_tasks
from apps.sync.models import HeldRow, Peer, SyncRun
from apps.sync.taking import Taken
from tests import factories as make
from tests.portal.conftest import WHY
from tests.portal.test_pages import FRAGMENT, Page
from tests.sync.contests import contest_host, contest_rules, rule

EDGES, RUNS = "/synchronization/", "/synchronization/runs/"
CONFLICTS = "/synchronization/conflicts/"


@pytest.fixture
def now():
    with clock.frozen() as frozen:
        yield frozen


@pytest.fixture
def followed(now, estate):
    """Both edges as pulls left them: one well, one cut off; rows held back, and two runs."""
    Peer.objects.create(
        edge=estate.edge, verdict="alive", verdict_since=clock.now() - timedelta(hours=3),
        last_ok=clock.now(), heard_at=clock.now(), pending=0, skew_seconds=3.21, skew_within=0.1)
    Peer.objects.create(
        edge=estate.dead, verdict="cut_off", verdict_since=clock.now() - timedelta(minutes=42),
        fault=WHY.as_json(), failures=3, last_ok=clock.now() - timedelta(hours=1))
    HeldRow.objects.create(
        edge=estate.edge, kind="mechost", subject_id=uuid.uuid4(), version=3,
        data={"name": "taken-host"}, code="waits", reason=WHY.as_json())
    taken = Taken()
    taken.note("Changes came up to version %(upto)s: %(rows)s.", rows=3, upto=17)
    for what in ("new", "new", "changed"):
        taken.add({"kind": "mechost", "id": str(uuid.uuid4()), "version": 1}, what)
    now.advance(seconds=2.5)
    runs.done(estate.edge, taken)
    runs.failed(estate.dead, taken, WHY)
    return estate


@pytest.fixture
def contested(estate):
    """A host and the rules of an instance that both sites changed."""
    host = contest_host(
        estate.online, ours={"city": "Leiden", "tags": ["indoor"]},
        theirs={"city": "Gouda", "tags": ["fast"], "region": "west"})
    row = make.configuration(estate.running)
    row = contest_rules(row, ours={"d1": rule("10.0.0.2")}, theirs={"d1": rule("10.0.0.3")})
    estate.contested_host, estate.contested_rules = host, row
    return estate


def text_of(client, url):
    return client.get(url).content.decode()


def row_of(text, key):
    return text.split(f'id="{key}"')[1].split("</tr>")[0]


def settle_url(found, **sides):
    given = "&".join(f"side:{name.replace('__', '/')}={side}" for name, side in sides.items())
    return f"{CONFLICTS}{found.kind}/{found.id}/settle/?{given}&stamp={found.stamp}"


def test_each_edge_is_told_with_its_verdict_and_since_when(followed, open_as):
    text = text_of(open_as("admin"), EDGES)
    well, ill = row_of(text, f"edge-{followed.edge.pk}"), row_of(text, f"edge-{followed.dead.pk}")
    assert "<span>Alive</span>" in well
    assert "for 3 h" in well
    assert ">none<" in well
    assert "<span>Cut off</span>" in ill
    assert "for 42 min" in ill
    assert str(WHY) in ill
    assert "not known" in ill, "what waits at an edge that does not answer nobody knows"


def test_clock_skew_is_shown_with_its_doubt(followed, open_as):
    text = text_of(open_as("admin"), f"{EDGES}edges/{followed.edge.pk}/")
    assert "+3.2 s ± 0.1 s" in text
    assert "never used to decide" in text
    Peer.objects.update(skew_seconds=-0.0042, skew_within=0.0011)
    text = text_of(open_as("admin"), f"{EDGES}edges/{followed.edge.pk}/")
    assert "−0.004 s ± 0.001 s" in text


@pytest.mark.parametrize(("verdict", "word"), [
    ("unknown", "Online"), ("dead", "Silent for too long"), ("cut_off", "Cut off"),
])
def test_verdict_stands_wherever_the_link_is_shown(followed, open_as, verdict, word):
    Peer.objects.filter(edge=followed.edge).update(verdict=verdict)
    client = open_as("admin")
    assert word in row_of(text_of(client, "/systems/"), f"applcm-{followed.edge.pk}")
    nodes = {one["id"]: one for one in client.get("/api/v1/topology").json()["nodes"]}
    assert nodes[f"edge:{followed.edge.pk}"]["state_text"] == word
    assert "<span>Edge cut off</span>" in text_of(client, f"/hosts/{followed.stale.pk}/")


def test_edge_that_is_shut_out_says_so_and_cannot_be_asked(followed, open_as):
    AppLcm.objects.filter(pk=followed.edge.pk).update(revoked_at=clock.now())
    client = open_as("admin")
    text = text_of(client, f"{EDGES}edges/{followed.edge.pk}/")
    assert "<span>Shut out</span>" in text
    assert f"“{followed.edge.name}” is shut out: nothing is asked there." in text
    assert 'aria-disabled="true"' in text
    assert "Edge shut out" in text_of(client, f"/hosts/{followed.online.pk}/")
    before = SyncRun.objects.count()
    answer = client.post(f"{EDGES}edges/{followed.edge.pk}/pull/", follow=True)
    assert "is shut out" in answer.content.decode()
    assert SyncRun.objects.count() == before


def test_rows_that_are_held_back_are_told_with_their_reason(followed, open_as):
    text = text_of(open_as("admin"), f"{EDGES}edges/{followed.edge.pk}/?part=held")
    assert "taken-host" in text
    assert str(WHY) in text
    text = text_of(open_as("tenant"), f"{EDGES}edges/{followed.edge.pk}/")
    assert "taken-host" not in text, "it may be another tenant's"


def test_a_piece_of_the_page_of_an_edge_comes_alone_for_those_who_see_it(estate, open_as):
    url = f"{EDGES}edges/{estate.edge.pk}/"
    whole = {"state", "link", "held", "runs"}
    for who, parts in (("admin", whole), ("tenant", {"state", "runs"})):
        client = open_as(who)
        page = text_of(client, url)
        assert set(re.findall(r'data-src="[^"]*\?part=(\w+)"', page)) == parts, who
        for part in whole:
            piece = client.get(f"{url}?part={part}", headers=FRAGMENT)
            assert piece.status_code == (200 if part in parts else 404), (who, part)
            assert (f'id="{part}"' in piece.content.decode()) is (part in parts)
    assert open_as("guest").get(f"{url}?part=state", headers=FRAGMENT).status_code == 403


def test_somebody_asks_for_a_synchronization_and_sees_it_wait(
    followed, open_as, monkeypatch, django_capture_on_commit_callbacks
):
    asked = []
    monkeypatch.setattr(sync_tasks.pull_edge, "delay", asked.append)
    client = open_as("tenant")
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"{EDGES}edges/{followed.edge.pk}/pull/", follow=True)
    assert asked == [str(followed.edge.pk)]
    run = SyncRun.objects.get(state="queued")
    assert (run.tenant_id, run.actor_name) == (followed.one.pk, "ann")
    text = answer.content.decode()
    assert "is asked for its changes" in text
    assert "<span>Waiting</span>" in row_of(text, f"run-{run.pk}")
    assert Entry.objects.filter(verb="sync.run.asked", actor_name="ann").exists()
    assert f"/synchronization/runs/{run.pk}/" in text_of(client, "/activity/")


def test_run_tells_what_it_brought_how_long_it_took_and_its_steps(followed, open_as):
    run = SyncRun.objects.get(edge=followed.edge)
    text = text_of(open_as("admin"), f"{RUNS}{run.pk}/")
    assert re.search(r">Host</th><td class=\"num\">2</td><td class=\"num\">1</td>", text)
    assert "took 2.5 s" in text
    assert "Changes came up to version 17: 3." in text
    failed = SyncRun.objects.get(edge=followed.dead)
    assert str(WHY) in text_of(open_as("admin"), f"{RUNS}{failed.pk}/")


def test_runs_are_searched_and_sorted_and_a_tenant_sees_its_own(followed, open_as):
    mine = runs.start(actor=followed.people["tenant"].actor, edge=followed.edge,
                      tenant_id=followed.one.pk)
    client = open_as("admin")
    text = text_of(client, f"{RUNS}?q={followed.dead.name}&sort=when")
    assert str(SyncRun.objects.get(edge=followed.dead).pk) in text
    assert str(mine.pk) not in text
    assert "No entry matches" in text_of(client, f"{RUNS}?q=nothing-like-it")
    text = text_of(open_as("tenant"), RUNS)
    assert set(re.findall(r'id="run-([0-9a-f-]+)"', text)) == {str(mine.pk)}
    assert open_as("other").get(f"{RUNS}{mine.pk}/").status_code == 404
    foreign = SyncRun.objects.get(edge=followed.dead)
    assert open_as("tenant").get(f"{RUNS}{foreign.pk}/").status_code == 404


def test_steps_of_the_whole_site_are_not_told_to_a_tenant(followed, open_as):
    run = SyncRun.objects.get(edge=followed.edge)
    SyncRun.objects.filter(pk=run.pk).update(tenant_id=followed.one.pk)
    assert "up to version 17" not in text_of(open_as("tenant"), f"{RUNS}{run.pk}/")


def test_conflicts_are_listed_to_those_whose_they_are(contested, open_as):
    text = text_of(open_as("admin"), CONFLICTS)
    host = row_of(text, f"conflict-{contested.online.pk}")
    assert "City, Tags" in host
    assert contested.edge.name in host
    assert "just now" in host
    assert "DNS rule “d1”" in row_of(text, f"conflict-{contested.running.pk}")
    for who, number in (("admin", 2), ("tenant", 1), ("other", 0)):
        edge = row_of(text_of(open_as(who), EDGES), f"edge-{contested.edge.pk}")
        assert (f"</span> {number}</a>" in edge) is (number > 0), who
    text = text_of(open_as("tenant"), CONFLICTS)
    assert f"conflict-{contested.running.pk}" in text
    assert f"conflict-{contested.online.pk}" not in text
    assert "No conflicts" in text_of(open_as("other"), CONFLICTS)
    for who, kind, key in (("other", "appdconfiguration", contested.running.pk),
                           ("tenant", "mechost", contested.online.pk),
                           ("admin", "mechost", contested.unseen.pk),
                           ("admin", "evil", contested.online.pk)):
        assert open_as(who).get(f"{CONFLICTS}{kind}/{key}/").status_code == 404, (who, kind)


def test_both_versions_stand_beside_their_ancestor_with_what_differs_marked(contested, open_as):
    text = text_of(open_as("admin"), f"{CONFLICTS}mechost/{contested.online.pk}/")
    assert '<span class="contest-value">Delft</span></li>' in text
    assert '<mark><span class="contest-value">Leiden</span></mark>' in text
    assert '<mark><span class="contest-value">Gouda</span></mark>' in text
    assert "west" not in text, "what only the edge changed was merged"
    text = text_of(open_as("tenant"), f"{CONFLICTS}appdconfiguration/{contested.running.pk}/")
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        assert f'<span class="contest-value">{address}</span>' in text
    assert '<mark><span class="muted">Domain name' not in text, "it is the same everywhere"
    assert "&quot;" not in text.split("<main", 1)[1], "no raw JSON"


def test_ancestor_that_nobody_knows_is_told_as_unknown(contested, open_as):
    row = AppdConfiguration.objects.get(instance=contested.running)
    for one in row.contested.values():
        one["base"] = UNKNOWN
    AppdConfiguration.objects.filter(pk=row.pk).update(contested=row.contested)
    text = text_of(open_as("tenant"), f"{CONFLICTS}appdconfiguration/{contested.running.pk}/")
    assert "It is not known" in text
    assert "It did not exist" not in text


def test_choice_is_asked_about_applied_and_written_into_the_record(contested, open_as):
    client = open_as("admin")
    found = conflicts.access(contested.people["admin"].actor, "mechost", contested.online.pk)
    url = settle_url(found, city="theirs", tags="ours")
    question = text_of(client, url)
    assert "City: what the edge has is kept, and the center takes it." in question
    assert "Tags: what the center has is kept, and the edge gets it." in question
    assert MecHost.objects.get(pk=contested.online.pk).city == "Leiden"
    answer = client.post(url)
    assert answer["Location"] == CONFLICTS
    host = MecHost.objects.get(pk=contested.online.pk)
    assert (host.city, host.tags, host.contested) == ("Gouda", ["indoor"], {})
    assert not host.is_delivered, "the edge is owed our tags"
    text = text_of(client, "/activity/")
    assert "settled what both sites had changed of the host" in text
    assert "City: At the edge; Tags: Here, at the center" in text


def test_what_is_left_is_still_there_to_choose(contested, open_as):
    client = open_as("admin")
    found = conflicts.access(contested.people["admin"].actor, "mechost", contested.online.pk)
    url = settle_url(found, city="ours")
    assert "Still to be chosen afterwards: Tags." in text_of(client, url)
    answer = client.post(url)
    assert answer["Location"] == f"{CONFLICTS}mechost/{contested.online.pk}/"
    assert list(MecHost.objects.get(pk=contested.online.pk).contested) == ["tags"]


def test_tenant_settles_the_rules_of_its_own_instance(contested, open_as):
    client = open_as("tenant")
    actor = contested.people["tenant"].actor
    found = conflicts.access(actor, "appdconfiguration", contested.running.pk)
    assert client.post(settle_url(found, dns__d1="theirs")).status_code == 302
    row = AppdConfiguration.objects.get(pk=contested.running.pk)
    assert row.contested == {}
    assert content_of(row)["dns/d1"]["ipAddress"] == "10.0.0.3"


def test_choice_from_other_values_than_there_are_now_is_refused(contested, open_as):
    client = open_as("admin")
    found = conflicts.access(contested.people["admin"].actor, "mechost", contested.online.pk)
    host = MecHost.objects.get(pk=contested.online.pk)
    host.city = "Utrecht"
    host.save()
    answer = client.post(settle_url(found, city="ours"), follow=True)
    assert "other than what you saw" in answer.content.decode()
    assert MecHost.objects.get(pk=host.pk).contested


def test_nothing_chosen_is_told_at_the_form(contested, open_as):
    found = conflicts.access(contested.people["admin"].actor, "mechost", contested.online.pk)
    answer = open_as("admin").get(settle_url(found, city="both"))
    assert answer.status_code == 422
    assert "Choose a side for at least one field." in answer.content.decode()


def test_conflict_is_seen_where_the_thing_is_and_where_attention_is_needed(contested, open_as):
    url = f"{CONFLICTS}mechost/{contested.online.pk}/"
    for page in (f"/hosts/{contested.online.pk}/", "/"):
        assert url in text_of(open_as("admin"), page)
        assert url not in text_of(open_as("tenant"), page)
    url = f"{CONFLICTS}appdconfiguration/{contested.running.pk}/"
    for page in (f"/instances/{contested.running.pk}/", "/"):
        assert url in text_of(open_as("tenant"), page)
        assert url not in text_of(open_as("guest"), page)


def test_guests_are_told_why_not(contested, open_as):
    for url in (EDGES, RUNS, CONFLICTS, f"{CONFLICTS}mechost/{contested.online.pk}/"):
        assert open_as("guest").get(url).status_code == 403
    assert 'href="/synchronization/"' not in text_of(open_as("guest"), "/")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_are_whole_in_both_languages(followed, contested, open_as, language):
    run = SyncRun.objects.get(edge=followed.edge)
    client = open_as("admin", language)
    for url in (EDGES, RUNS, CONFLICTS, f"{RUNS}{run.pk}/", f"{EDGES}edges/{followed.edge.pk}/",
                f"{EDGES}edges/{followed.dead.pk}/",
                f"{CONFLICTS}mechost/{contested.online.pk}/",
                f"{CONFLICTS}appdconfiguration/{contested.running.pk}/"):
        text = text_of(client, url)
        found = Page(text)
        assert "⁉" not in text, url
        assert not found.inline, url
        assert len(found.ids) == len(set(found.ids)), url
        assert found.headings == 1, url
        piece = client.get(url, headers=FRAGMENT)
        assert piece.status_code == 200, url


def test_lists_cost_the_same_for_one_and_for_many(followed, open_as, django_assert_max_num_queries):
    for number in range(20):
        edge = make.edge(f"10.77.0.{number + 1}")
        Peer.objects.create(edge=edge, verdict="cut_off")
        runs.start(actor=followed.people["admin"].actor, edge=edge)
        contest_host(make.host(f"10.78.0.{number + 1}", edge=edge), ours={"city": "A"},
                     theirs={"city": "B"})
    client = open_as("admin")
    for url in (EDGES, RUNS, CONFLICTS):
        with django_assert_max_num_queries(9):
            assert client.get(url).status_code == 200
