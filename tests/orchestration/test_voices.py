"""Events and logs of instances over HTTP: at an edge, and at a center whose link breaks."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from apps.common import clock, http
from apps.common.errors import NotFound, Upstream
from apps.hosts import drivers
from apps.hosts.models import AppLcm
from apps.instances.models import AppInstance
from apps.orchestration import voices
from apps.tenants import tokens
from apps.vim.voices import LogQuery
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.orchestration.test_remote import FAULT, Pair, run

EITHER_WAY = True

PULL = "kind: die, cause: ImagePullBackOff, survivors: 0"


@pytest.fixture
def site(edge_house, monkeypatch):
    """An edge with an instance that runs; holding a request moves its clock."""
    with clock.frozen() as now:
        stage = Stage(now)
        monkeypatch.setattr(voices, "_rest", lambda seconds: now.advance(seconds=seconds))
        stage.instance = stage.create()
        stage.instantiate(stage.instance)
        stage.work(until="Instantiated")
        stage.instance.refresh_from_db()
        stage.user = make.user(stage.tenant)
        stage.owner = make.Api(stage.user)
        base = f"/lcmcontroller/v1/tenants/{stage.tenant.pk}/app_instances/{stage.instance.pk}"
        stage.events, stage.logs = f"{base}/workload/events", f"{base}/workload/logs"
        (pod, *_) = stage.instance.seen.pods
        stage.pod, stage.box = pod.name, pod.containers[0].name
        yield stage


def asked(site, **query):
    """One page of the log of the only pod."""
    query = {"pod": site.pod, "container": site.box, **query}
    return site.owner.get(site.logs, query, headers=bearer(site))


def bearer(site):
    """A token that holds now."""
    return {"authorization": f"Bearer {tokens.access_token(site.user)}"}


def test_events_have_the_originals_shape_and_beside_it_all_that_is_known(site):
    """Row 22 of the reference."""
    found = site.owner.send("GET", site.events).json()
    (pod,) = (one for one in found["pods"] if one["podName"] == site.pod)
    mine = [one for one in found["events"] if one["name"] == site.pod]
    assert pod["podEventsInfo"] == [one["message"] for one in mine]
    assert mine[0].keys() == {
        "kind", "name", "type", "reason", "message", "count", "firstAt", "lastAt"}
    assert [one["reason"] for one in mine][-1] == "Started"


def test_pod_that_runs_without_events_is_said_to_run_well_and_one_that_does_not_is_not(
    site, monkeypatch
):
    monkeypatch.setattr(voices, "events_of", lambda *_, **__: ())
    found = site.owner.send("GET", site.events).json()
    assert found["pods"][0]["podEventsInfo"] == ["Pod is running successfully"]
    assert found["events"] == []
    workload = site.instance.workload
    for pod in workload["pods"]:
        pod["phase"] = "Pending"
    AppInstance.objects.update(workload=workload)
    assert site.owner.send("GET", site.events).json()["pods"][0]["podEventsInfo"] == []


def test_log_is_read_on_from_its_cursor(site):
    site.now.advance(seconds=5)
    first = asked(site, tail=2).json()
    assert (len(first["lines"]), first["ended"], first["more"]) == (2, False, False)
    site.now.advance(seconds=3)
    second = asked(site, after=first["cursor"]).json()
    assert len(second["lines"]) == 3
    assert asked(site, tail=5).json()["lines"] == first["lines"] + second["lines"]
    late = (clock.now() - timedelta(seconds=1.5)).isoformat()
    assert len(asked(site, since=late).json()["lines"]) in (1, 2)


def test_request_is_held_until_there_is_a_line_and_not_longer_than_it_may(site):
    cursor = asked(site).json()["cursor"]
    held = asked(site, after=cursor, follow=10)
    assert len(held.json()["lines"]) == 1
    begun = clock.now()
    assert asked(site, after=(begun + timedelta(hours=1)).isoformat(), follow=3).json() == {
        "lines": [], "cursor": (begun + timedelta(hours=1)).isoformat(), "more": False,
        "ended": False}
    assert timedelta(seconds=3) <= clock.now() - begun <= timedelta(seconds=4)
    assert asked(site, follow=21).status_code == 400


def test_no_more_requests_are_held_than_there_are_seats(site):
    cursor = asked(site).json()["cursor"]
    before = clock.now()
    with voices._seats, voices._seats:
        assert asked(site, after=cursor, follow=10).json()["lines"] == []
    assert clock.now() == before


@pytest.mark.parametrize("how", ["download", "accept"])
def test_log_is_sent_as_a_text_file(site, how):
    site.now.advance(hours=2)
    headers = bearer(site)
    query = {"pod": site.pod, "container": site.box, "tail": 5000}
    if how == "download":
        answer = site.owner.get(site.logs, query | {"download": "1"}, headers=headers)
    else:
        answer = site.owner.get(site.logs, query, headers=headers | {"accept": "text/plain"})
    lines = make.content_of(answer).decode().splitlines()
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"].endswith('.log"')
    assert len(lines) == len(set(lines)) == 5000


def test_what_cannot_be_told_is_told_apart(site):
    assert asked(site, pod="nobody").status_code == 404
    assert asked(site, container="nobody").status_code == 404
    assert asked(site, previous="true").status_code == 404
    for wrong in ({"tail": 0}, {"since": "x"}, {"after": "x"}, {"previous": "x"}, {"pod": ""}):
        assert asked(site, **wrong).status_code == 400, wrong
    headers = bearer(site) | {"accept": "text/plain"}
    refused = site.owner.get(site.logs, {"pod": "nobody"}, headers=headers)
    assert (refused.status_code, refused["Content-Type"]) == (404, "application/problem+json")
    assert refused.json()["status"] == 404


def test_container_that_has_not_started_is_a_conflict_of_the_moment(site):
    other = site.create(name="lidar")
    site.instantiate(other)
    driver = drivers.driver_of(site.host)
    while not driver.status(other.pk).pods:
        site.work(0)
    pods = driver.status(other.pk).pods
    url = site.logs.replace(str(site.instance.pk), str(other.pk))
    answer = site.owner.send("GET", f"{url}?pod={pods[0].name}&container={site.box}")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:mecm:problem:not_started")


def test_vim_without_a_voice_says_so(site, monkeypatch):
    class Mute:
        """A driver that tells nothing."""

    monkeypatch.setattr(voices, "driver_of", lambda host: Mute())
    for url in (site.events, f"{site.logs}?pod=p"):
        answer = site.owner.send("GET", url)
        assert answer.status_code == 501
        assert answer.json()["type"].endswith("no_voices")
        assert site.host.name in answer.json()["detail"]


# --- at a center, over the link ---------------------------------------------------------------


@pytest.fixture
def pair(now, two_sites, monkeypatch):
    """A center and its edge with an instance that runs there."""
    pair = Pair(now, two_sites)
    monkeypatch.setattr(voices, "_rest", lambda seconds: now.advance(seconds=seconds))
    return pair


@pytest.fixture
def far(pair):
    """The same, with an instance that runs there and the addresses at the center."""
    pair.instance = run(pair)
    pair.work(until="Instantiated")
    pair.instance.refresh_from_db()
    pair.user = make.user(pair.tenant)
    pair.owner = make.Api(pair.user)
    base = f"/appo/v1/tenants/{pair.tenant.pk}/app_instances/{pair.instance.pk}"
    pair.events, pair.logs = f"{base}/workload/events", f"{base}/workload/logs"
    (pod, *_) = pair.instance.seen.pods
    pair.pod, pair.box = pod.name, pod.containers[0].name
    return pair


def test_center_tells_what_the_edge_tells(far):
    found = far.owner.send("GET", far.events).json()
    with far.sites.inside():
        there = voices.events_of(AppInstance.objects.get(), actor=far.actor)
    assert [one["message"] for one in found["events"]] == [one.message for one in there]
    assert there
    own = far.events.replace(f"/tenants/{far.tenant.pk}", "")
    assert far.owner.send("GET", own).json() == found
    page = asked(far).json()
    with far.sites.inside():
        query = LogQuery(far.pod, far.box)
        assert voices.log_of(AppInstance.objects.get(), query, actor=far.actor).as_json() == page


def test_image_that_cannot_be_pulled_is_a_warning_at_the_center(pair):
    pair.simulate(FAULT.format(PULL))
    instance = run(pair)
    pair.work(60, until="Instantiation failed")
    warnings = [one for one in voices.events_of(instance, actor=pair.actor)
                if one.type == "Warning"]
    assert warnings
    assert "cannot be pulled" in warnings[0].message


def test_instance_that_the_edge_has_not_heard_of_has_no_events_and_no_log(pair):
    instance = pair.create()
    assert voices.events_of(instance, actor=pair.actor) == ()
    with pytest.raises(NotFound):
        voices.log_of(instance, LogQuery("p"), actor=pair.actor)


def test_follower_of_a_link_that_breaks_between_pages_loses_and_doubles_nothing(far):
    lines, query, fates = [], LogQuery(far.pod, far.box), 0
    wire = far.sites.wire
    for turn in range(30):
        wire.down = turn % 5 == 1
        wire.lose_requests = int(turn % 5 == 2)
        wire.lose_replies = int(turn % 5 == 3)
        try:
            page = voices.log_of(far.instance, query, actor=far.actor, follow=turn % 3)
        except Upstream as error:
            assert error.retryable
            fates += 1
        else:
            lines += page.lines
            query = LogQuery(far.pod, far.box, after=page.cursor)
        far.now.advance(seconds=1.3)
    wire.down, wire.lose_requests, wire.lose_replies = False, 0, 0
    last = voices.log_of(far.instance, query, actor=far.actor)
    whole = voices.log_of(far.instance, LogQuery(far.pod, far.box), actor=far.actor)
    assert fates == 18
    assert (*lines, *last.lines) == whole.lines


class _Cut(httpx.SyncByteStream):
    """The first half of a body; then the link is gone."""

    def __init__(self, content):
        self.half = content[: len(content) // 2]

    def __iter__(self):
        yield self.half
        raise httpx.ReadError("connection reset")


@pytest.fixture
def cuts(far, monkeypatch):
    """How many of the next answers about logs break off in the middle of a page."""
    left = {"count": 0, "cut": 0}

    class Breaking(httpx.BaseTransport):
        def handle_request(self, request):
            answer = far.sites.transport.handle_request(request)
            if not left["count"] or "/logs" not in request.url.path:
                return answer
            left["count"] -= 1
            left["cut"] += 1
            return httpx.Response(200, headers={"content-type": "application/json"},
                                  stream=_Cut(answer.content))

    monkeypatch.setattr(http, "client", lambda url, **_: httpx.Client(
        base_url=url, transport=Breaking(), trust_env=False))
    return left


def test_download_goes_on_after_a_link_that_breaks_within_a_page(far, cuts):
    far.now.advance(hours=2)
    query = LogQuery(far.pod, far.box, tail=7000)
    texts = voices.whole_log(far.instance, query, actor=far.actor)
    lines = next(texts).splitlines()
    cuts["count"] = 3
    lines += "".join(texts).splitlines()
    assert cuts["cut"] == 3
    assert len(lines) == len(set(lines)) >= 7000
    stamps = [line.split(" ")[0] for line in lines]
    assert stamps == sorted(stamps)


def test_download_over_a_link_that_stays_broken_says_that_it_breaks_off(far, cuts):
    far.now.advance(hours=2)
    query = LogQuery(far.pod, far.box, tail=7000)
    texts = voices.whole_log(far.instance, query, actor=far.actor)
    assert len(next(texts).splitlines()) == 2000
    cuts["count"] = 1000
    (last,) = list(texts)
    assert last.startswith("-- ")
    assert AppLcm.objects.get().name in last


def test_edge_that_is_gone_is_a_bad_gateway_before_anything_is_sent(far):
    far.sites.wire.down = True
    for url in (far.events, f"{far.logs}?pod={far.pod}", f"{far.logs}?pod={far.pod}&download=1"):
        assert far.owner.send("GET", url).status_code == 502


def test_tenant_hears_nothing_of_another(far):
    stranger = make.Api(make.user(make.tenant("blue")))
    for url in (far.events, f"{far.logs}?pod={far.pod}&container={far.box}"):
        for spelling in (url, url.replace(f"/tenants/{far.tenant.pk}", "")):
            assert stranger.send("GET", spelling).status_code == 404
