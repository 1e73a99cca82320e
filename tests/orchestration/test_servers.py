"""Servers of instances and resources of hosts over HTTP: at an edge, and at a center through it."""

from __future__ import annotations

import uuid

import pytest

from apps.common import clock
from apps.hosts.drivers import driver_of
from apps.instances.models import AppInstance
from apps.journal.models import Entry, RememberedAnswer
from apps.orchestration import servers
from apps.sync import puller
from apps.tenants import tokens
from apps.tenants.roles import Role
from apps.vim.errors import VimUnreachable
from apps.vim.resources import ResourceKind
from apps.vim.simulated_vim import SimulatedVim
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.orchestration.test_remote import Pair, run

EITHER_WAY = True

LINK = "https://cloud.example/vnc_lite.html?token=7d1c-of-the-screen"


def settle(stage, base):
    """Let an instance run; its server, its owner and the address of the server."""
    stage.instance = AppInstance.objects.get()
    stage.user = make.user(stage.tenant)
    (server,) = stage.instance.seen.servers
    stage.server_id, stage.name = server.id, server.name
    stage.url = (
        f"{base}/tenants/{stage.tenant.pk}/app_instances/{stage.instance.pk}/servers/{server.id}"
    )
    return stage


@pytest.fixture
def site(edge_house):
    """An edge with an instance of one virtual machine that runs."""
    with clock.frozen() as now:
        stage = Stage(now, app_class="vm")
        stage.instantiate(stage.create())
        stage.work(until="Instantiated")
        yield settle(stage, "/lcmcontroller/v1")


@pytest.fixture
def far(now, two_sites):
    """A center with the same at its edge."""
    pair = Pair(now, two_sites, app_class="vm")
    run(pair)
    pair.work(until="Instantiated")
    pair.work(1)
    return settle(pair, "/appo/v1")


@pytest.fixture
def screens(monkeypatch):
    """The simulated VIM gives links to screens."""
    monkeypatch.setattr(SimulatedVim, "screen", lambda *_: LINK)


def send(stage, method, url="", body=None, *, who=None, **headers):
    """Ask as the owner unless it is somebody else."""
    token = tokens.access_token(who or stage.user)
    return make.Api(token=token).send(method, url or stage.url, body, headers=headers)


def order(stage, action, *, who=None, key="", **more):
    """Order an action."""
    headers = {"idempotency-key": key} if key else {}
    return send(stage, "POST", body={"action": action} | more, who=who, **headers)


def entries():
    """What was recorded of servers here: who, and what."""
    found = Entry.objects.filter(verb__startswith="instances.server.").order_by("at")
    return [(one.actor_name, one.verb.rpartition(".")[2]) for one in found]


@pytest.fixture(params=["site", "far"])
def either(request):
    """At the edge that has the server, and at its center."""
    return request.getfixturevalue(request.param)


def test_server_is_told_with_its_sizes_addresses_and_what_may_be_done(either):
    found = send(either, "GET").json()
    assert (found["id"], found["name"], found["status"]) == (
        either.server_id, either.name, "ACTIVE")
    assert found["flavor"].keys() == {"name", "vcpus", "ram", "disk"}
    (address,) = found["addresses"]
    assert address.keys() == {"network", "ip", "mac"}
    assert address["mac"].startswith("fa:16:3e:")
    assert found["instanceId"] == str(either.instance.pk)
    assert found["actions"] == [
        "createConsole", "pause", "reboot_hard", "reboot_soft", "stop", "suspend"]


@pytest.mark.parametrize(("there", "back", "state"), [
    ("stop", "start", "SHUTOFF"), ("pause", "unpause", "PAUSED"),
    ("suspend", "resume", "SUSPENDED"),
])
def test_action_and_its_opposite(either, there, back, state):
    assert order(either, there).status_code == 200
    assert send(either, "GET").json()["status"] == state
    assert order(either, back).status_code == 200
    assert send(either, "GET").json()["status"] == "ACTIVE"
    assert entries() == [(either.user.username, there), (either.user.username, back)]


def test_reboot_is_soft_unless_it_is_to_be_hard(either):
    assert order(either, "reboot").status_code == 200
    assert order(either, "reboot", reboot="HARD").status_code == 200
    order(either, "stop")
    assert order(either, "reboot", reboot="SOFT").status_code == 409
    assert order(either, "reboot", reboot="HARD").status_code == 200
    assert [verb for _, verb in entries()] == [
        "reboot_soft", "reboot_hard", "stop", "reboot_hard"]


def test_what_the_state_does_not_allow_is_refused_with_what_it_does(either):
    order(either, "stop")
    answer = order(either, "pause")
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    body = answer.json()
    assert body["type"] == "urn:mecm:problem:illegal_move"
    assert (body["state"], body["allowed"]) == ("SHUTOFF", ["reboot_hard", "start"])
    assert [verb for _, verb in entries()] == ["stop"]


def test_instance_is_seen_as_it_is_after_an_action_at_once(site):
    order(site, "stop")
    row = AppInstance.objects.get()
    assert (row.health, row.state) == ("Degraded", "Instantiated")
    assert str(row.health_words) == f"“{site.name}” is SHUTOFF."
    order(site, "start")
    assert AppInstance.objects.get().health == "Ready"


def test_center_hears_of_an_action_with_the_feed(far):
    order(far, "stop")
    puller.pull(far.host.applcm_id)
    assert AppInstance.objects.get().seen.servers[0].status == "SHUTOFF"


def test_servers_are_left_alone_while_an_order_is_carried_out(either):
    AppInstance.objects.update(state="Terminating")
    answer = order(either, "stop")
    assert answer.status_code == 409
    assert "Terminating" in answer.json()["detail"]
    assert entries() == []


def test_same_order_with_the_same_key_is_carried_out_once(either):
    first, second = (order(either, "reboot", key="k1") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second["Idempotency-Replayed"] == "true"
    assert len(entries()) == 1


@pytest.mark.parametrize("body", [
    {}, {"action": "explode"}, {"action": 7}, {"action": "reboot", "reboot": "soft"},
    {"action": "reboot_hard"}, b"{",
])
def test_wrong_body_is_told_what_would_be_right(either, body):
    answer = send(either, "POST", body=body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    if body == {"action": "explode"}:
        assert "createConsole, pause, reboot, resume, start" in answer.json()["errors"]["action"]
    assert entries() == []


def test_server_of_nobody_and_of_another_instance_are_not_there(site):
    other = site.create(name="second")
    site.instantiate(other)
    site.work()
    other.refresh_from_db()
    (theirs,) = other.seen.servers
    for server_id in (theirs.id, str(uuid.uuid4())):
        url = site.url.replace(site.server_id, server_id)
        assert send(site, "GET", url).status_code == 404
        assert send(site, "POST", url, {"action": "stop"}).status_code == 404
    assert driver_of(site.host).status(other.pk).servers[0].status == "ACTIVE"


def test_stranger_and_guest_act_on_nothing(either):
    guest = make.user(either.tenant, role=Role.GUEST)
    stranger = make.user(make.tenant("blue"))
    assert send(either, "GET", who=guest).status_code == 200
    assert send(either, "GET", who=stranger).status_code == 404
    for action in ("stop", "createConsole"):
        assert order(either, action, who=guest).status_code == 403
        assert order(either, action, who=stranger).status_code == 404
    assert send(either, "GET").json()["status"] == "ACTIVE"


def test_link_to_a_screen_is_given_to_its_asker_and_kept_nowhere(either, screens):
    answers = [order(either, "createConsole", key="k2") for _ in range(2)]
    for answer in answers:
        assert answer.json() == {"type": "novnc", "url": LINK}
        assert answer["Cache-Control"] == "no-store"
    assert "Idempotency-Replayed" not in answers[1]
    assert entries() == [(either.user.username, "createConsole")] * 2
    kept = [*Entry.objects.values_list("data"), *RememberedAnswer.objects.values_list("body"),
            *AppInstance.objects.values_list("workload")]
    assert "token" not in str(kept)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "", "ftp://x/"])
def test_what_is_no_link_to_a_screen_is_not_passed_on(site, monkeypatch, link):
    monkeypatch.setattr(SimulatedVim, "screen", lambda *_: link)
    answer = order(site, "createConsole")
    assert answer.status_code == 502
    assert answer.json()["type"] == "urn:mecm:problem:no_link"


def test_simulated_server_says_that_it_has_no_screen(site):
    assert order(site, "createConsole").status_code == 501


def test_edge_records_who_at_the_center_ordered_it(far):
    order(far, "stop")
    with far.sites.inside():
        assert entries() == [(far.user.username, "stop")]


def test_order_whose_answer_is_lost_is_recorded_with_the_reason(far):
    far.sites.wire.lose_replies = 1
    assert order(far, "stop").status_code == 504
    entry = Entry.objects.get(verb="instances.server.stop")
    assert entry.data["server"] == far.name
    assert entry.data["reason"]
    assert send(far, "GET").json()["status"] == "SHUTOFF"


def test_order_that_reaches_nobody_is_not_recorded_as_given(far):
    far.sites.wire.down = True
    assert order(far, "stop").status_code == 502
    assert send(far, "GET").status_code == 502
    assert entries() == []


def test_vim_that_does_not_answer_is_a_bad_gateway(site, monkeypatch):
    def silent(*_):
        raise VimUnreachable("The cloud did not answer in time.")

    monkeypatch.setattr(SimulatedVim, "act", silent)
    monkeypatch.setattr(SimulatedVim, "server", silent)
    assert send(site, "GET").status_code == 502
    assert order(site, "stop").status_code == 502
    assert str(Entry.objects.get(verb="instances.server.stop").data["reason"]["code"])


def test_vim_without_servers_says_so(site, monkeypatch):
    class Mute:
        """A driver that runs containers only."""

    monkeypatch.setattr(servers, "driver_of", lambda host: Mute())
    assert send(site, "GET").status_code == 501
    assert order(site, "stop").status_code == 501
    url = f"/lcmcontroller/v1/hosts/{site.host.ip}/resources"
    assert send(site, "GET", url, who=make.admin()).status_code == 501


# --- resources --------------------------------------------------------------------------------


def resources(stage, kind="", *, who=None):
    """What the host has of a kind, as an administrator is told it."""
    base = "/appo/v1" if isinstance(stage, Pair) else "/lcmcontroller/v1"
    query = f"?kind={kind}" if kind else ""
    url = f"{base}/hosts/{stage.host.ip}/resources{query}"
    return send(stage, "GET", url, who=who or make.admin())


def test_quotas_are_nine_and_what_is_not_known_is_null(either):
    found = resources(either).json()
    assert [one["name"] for one in found["quotas"]] == [
        "instances", "vcpus", "ram", "floatingIps", "securityGroups", "serverGroups", "ports",
        "networks", "subnets"]
    told = {one["name"]: (one["used"], one["limit"]) for one in found["quotas"]}
    assert told["instances"] == (1, 30)
    assert told["floatingIps"] == (None, None)
    assert found["asOf"]


@pytest.mark.parametrize("kind", list(ResourceKind))
def test_each_kind_is_told_the_same_here_and_through_the_center(either, kind):
    found = resources(either, kind).json()
    assert found.keys() == {"asOf", str(kind)}
    assert found[str(kind)]


def test_servers_are_told_with_the_instance_that_they_belong_to(either):
    (found,) = resources(either, "servers").json()["servers"]
    assert (found["id"], found["instanceId"], found["instance"]) == (
        either.server_id, str(either.instance.pk), "camera")


def test_resources_are_for_administrators(either):
    for who in (either.user, make.user(either.tenant, role=Role.GUEST)):
        assert resources(either, who=who).status_code == 403
    assert resources(either, "planets").status_code == 400
    assert "flavors" in resources(either, "planets").json()["errors"]["kind"]
