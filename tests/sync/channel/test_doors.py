"""Who may open a line to a center, and what the center's database says of it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from apps.common import clock
from apps.common.errors import Denied, Unauthenticated, Upstream
from apps.common.words import Reason
from apps.edgelink import frames
from apps.edgelink.client import LCM, RULES, EdgeClient
from apps.hosts import managers
from apps.hosts.models import AppLcm
from apps.journal.models import Entry
from apps.sync.channel import PATH, answering, dialing, doors
from apps.sync.channel.board import Board
from apps.sync.channel.endpoint import ChannelApplication, internal_url
from apps.sync.channel.through import ThroughApplication
from apps.sync.models import Center
from apps.tenants import keys, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import SigningKey
from tests import factories as make
from tests.security.world import ForeignSite

HERE = "http://10.0.0.5:8000"


class Dialling(ForeignSite):
    """An edge with a key of its own, which the center believes for its link."""

    def __init__(self):
        super().__init__()
        keys.trust(kid=self.kid, site_id=self.site_id, site_name="edge-7", public_key=self.public,
                   purpose=SigningKey.Purpose.LINK)
        self.row = make.edge("10.9.0.7", name="edge-7")
        managers.let_edge_dial(actor=SYSTEM, ip="10.9.0.7", site_id=self.site_id)

    def shows(self, **claims):
        """The headers with which it dials."""
        said = {"use": "link", "authorities": None, "user_name": None, "tenant_name": None}
        return {"Authorization": f"Bearer {self.token(**{**said, **claims})}"}

    def now(self):
        """Its row."""
        return AppLcm.objects.get(pk=self.row.pk)


@pytest.fixture
def edge(house):
    """An edge that is to dial in."""
    return Dialling()


@pytest.fixture(autouse=True)
def pulls(monkeypatch):
    """The edges that are to be pulled; nobody works here."""
    asked = []
    monkeypatch.setattr(doors.pull_edge, "delay", asked.append)
    return asked


# --- who may ------------------------------------------------------------------------------------
def test_edge_with_its_link_token_is_let_in(edge):
    assert doors.admit(edge.shows()) == edge.row.pk


@pytest.mark.parametrize(
    "claims",
    [
        {"use": "site"},
        {"use": "access"},
        {"aud": str(uuid.UUID(int=7))},
        {"iss": str(uuid.UUID(int=7))},
        {"exp": clock.now() - timedelta(seconds=1)},
        {"key": ForeignSite().private},
        {"kid": "unknown"},
    ],
)
def test_other_tokens_are_refused(edge, claims):
    with pytest.raises(Unauthenticated):
        doors.admit(edge.shows(**claims))


def test_nobody_is_refused(edge):
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic abc"}):
        with pytest.raises(Unauthenticated):
            doors.admit(headers)


def test_token_of_a_person_opens_no_link(edge):
    for token in (tokens.access_token(make.admin()), ForeignSite().believed().token(use="link")):
        with pytest.raises(Unauthenticated):
            doors.admit({"Authorization": f"Bearer {token}"})


def test_edge_that_was_shut_out_is_refused(edge):
    AppLcm.objects.update(revoked_at=clock.now())
    with pytest.raises(Unauthenticated):
        doors.admit(edge.shows())


def test_edge_that_the_center_dials_itself_is_told_so(edge):
    AppLcm.objects.update(opened_by=AppLcm.Opener.CENTER)
    with pytest.raises(Denied):
        doors.admit(edge.shows())


def test_key_for_a_link_speaks_for_nobody(edge):
    for use in ("site", "access", "link"):
        headers = {"authorization": f"Bearer {edge.token(use=use)}"}
        assert Client().get("/inventory/v1/applcms", headers=headers).status_code == 401


def test_link_token_of_this_site_is_one_that_another_reads(house):
    site, key = keys.this_site(), keys.own_key()
    token = tokens.link_token(audience=site.site_id)
    with pytest.raises(Unauthenticated):
        tokens.read_link(token)  # its own key is for people
    SigningKey.objects.filter(pk=key.pk).update(purpose=SigningKey.Purpose.LINK)
    assert tokens.read_link(token) == site.site_id


# --- what is written down -----------------------------------------------------------------------
def test_line_that_opens_makes_the_edge_reachable_and_asks_it_at_once(edge, pulls):
    pulls.clear()
    doors.opened(edge.row.pk, HERE)
    assert (edge.now().channel_url, edge.now().reachable) == (HERE, True)
    assert pulls == [str(edge.row.pk)]


def test_line_that_closes_makes_it_unreachable_with_the_reason(edge):
    doors.opened(edge.row.pk, HERE)
    doors.closed(edge.row.pk, HERE, "silence")
    assert (edge.now().channel_url, edge.now().reachable) == ("", False)
    assert "silence" in str(edge.now().fault_reason)
    verbs = Entry.objects.filter(verb__endswith="reachable").order_by("id")
    assert [entry.verb.rpartition(".")[2] for entry in verbs] == ["reachable", "unreachable"]


def test_line_that_closes_after_the_edge_dialled_elsewhere_changes_nothing(edge):
    doors.opened(edge.row.pk, HERE)
    doors.opened(edge.row.pk, "http://10.0.0.6:8000")
    doors.closed(edge.row.pk, HERE, "silence")
    assert (edge.now().channel_url, edge.now().reachable) == ("http://10.0.0.6:8000", True)


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": clock.now()},
        {"opened_by": "center"},
        {"channel_url": "http://10.0.0.6:8000"},
        {"channel_url": ""},
    ],
)
def test_line_that_should_not_stand_any_more_is_found(edge, change):
    doors.opened(edge.row.pk, HERE)
    told = {edge.row.pk: HERE}
    assert doors.outdated(told) == set()
    AppLcm.objects.update(**change)
    assert doors.outdated(told) == {edge.row.pk}


def test_line_of_an_edge_that_was_removed_should_not_stand(house):
    gone = uuid.UUID(int=7)
    assert doors.outdated({gone: HERE}) == {gone}


def test_start_of_a_site_forgets_lines_that_stood_before(edge):
    doors.opened(edge.row.pk, HERE)
    doors.forget_channels()
    assert edge.now().channel_url == ""


# --- what an order meets ------------------------------------------------------------------------
def test_edge_that_never_dialled_in_is_unreachable_at_once(edge):
    with EdgeClient(edge.now()) as link, pytest.raises(Upstream) as caught:
        link.kpi("10.9.1.1")
    assert (caught.value.code, caught.value.retryable) == ("unreachable", True)
    assert str(caught.value) == "edge-7 has not dialled in yet."


def test_edge_that_has_gone_is_unreachable_since_then(edge):
    with clock.frozen() as now:
        doors.opened(edge.row.pk, HERE)
        now.advance(hours=1)
        doors.closed(edge.row.pk, HERE, "silence")
        since = f"{now.at:%Y-%m-%d %H:%M} UTC"
        now.advance(hours=1)
        with EdgeClient(edge.now()) as link, pytest.raises(Upstream) as caught:
            link.kpi("10.9.1.1")
    assert str(caught.value) == f"edge-7 has not dialled in since {since}."


def test_token_for_the_way_through_is_for_one_edge_and_half_a_minute(edge):
    with clock.frozen() as now:
        token = tokens.through_token(edge.row.pk)
        assert tokens.opens_through(token, edge.row.pk)
        assert not tokens.opens_through(token, uuid.UUID(int=7))
        assert not tokens.opens_through(f"{token}x", edge.row.pk)
        now.advance(seconds=30)
        assert not tokens.opens_through(token, edge.row.pk)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sync/v1/through/", 404),
        ("/sync/v1/through/x/lcmcontroller/v1/hosts", 404),
        (f"/sync/v1/through/{uuid.UUID(int=7)}", 404),
        (f"/sync/v1/through/{uuid.UUID(int=7)}/lcmcontroller/v1/hosts", 401),
    ],
)
def test_way_through_that_leads_nowhere_is_a_problem_document(house, path, status):
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
             "query_string": b"", "headers": []}
    start, body = asyncio.run(exchanged(ThroughApplication(Board()), scope))
    assert start["status"] == status
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert b"urn:mecm:problem" in body["body"]


async def exchanged(application, scope):
    """The two messages of an answer."""
    line = ApplicationCommunicator(application, scope)
    await line.send_input({"type": "http.request"})
    return await line.receive_output(timeout=5), await line.receive_output(timeout=5)


@pytest.mark.parametrize(
    ("server", "set_to", "url"),
    [
        (("10.0.0.5", 8000), "", "http://10.0.0.5:8000"),
        (("fd00::5", 8000), "", "http://[fd00::5]:8000"),
        (("/run/mecm.sock", None), "", "https://mecm.example"),
        (("10.0.0.5", 8000), "http://web-2:8000/", "http://web-2:8000"),
    ],
)
def test_address_within_the_center_is_that_of_the_socket_unless_set(
    settings, server, set_to, url
):
    settings.SITE_URL, settings.INTERNAL_URL = "https://mecm.example", set_to
    assert internal_url({"server": server}) == url


def test_refusal_under_a_server_that_cannot_answer_closes_the_socket():
    class Gate:
        def admit(self, headers):
            raise Unauthenticated("no")

    async def story():
        scope = {"type": "websocket", "headers": [], "subprotocols": [frames.SUBPROTOCOL],
                 "path": PATH}
        line = ApplicationCommunicator(ChannelApplication(Board(), gate=Gate()), scope)
        await line.send_input({"type": "websocket.connect"})
        said = await line.receive_output(timeout=5)
        for _ in range(2):
            await line.send_input({"type": "websocket.disconnect", "code": 4401})
        return said

    assert asyncio.run(story()) == {"type": "websocket.close", "code": 4401}


# --- the edge's side ----------------------------------------------------------------------------
def center_row(**fields):
    """The center that an edge joined."""
    return Center.objects.create(
        **{"site_id": uuid.UUID(int=7), "name": "center", "url": "https://center.example/",
           "opened_by": AppLcm.Opener.EDGE} | fields
    )


def test_edge_dials_the_center_that_it_joined(edge_house):
    row = center_row()
    target = dialing.target_now()
    assert (target.id, target.site_id, target.url) == (row.pk, row.site_id, row.url)
    assert dialing._websocket_url(target.url) == "wss://center.example/sync/v1/channel"


@pytest.mark.parametrize(
    "fields", [{"opened_by": "center"}, {"url": ""}, {"left_at": clock.now()}]
)
def test_edge_dials_nobody_where_it_is_not_to(edge_house, fields):
    center_row(**fields)
    assert dialing.target_now() is None


def test_edge_writes_down_since_when_its_link_stands_or_not(edge_house):
    row = center_row()
    target = dialing.target_now()
    with clock.frozen() as now:
        began = now.at
        fault = Reason("%(where)s refused the link (%(status)s).", "refused",
                               {"where": "center", "status": 401})
        assert dialing.note_line(target, fault=fault)
        now.advance(minutes=1)
        assert not dialing.note_line(target, fault=fault)
        row.refresh_from_db()
        assert (row.connected, row.since) == (False, began)
        assert str(row.why) == "center refused the link (401)."
        assert dialing.note_line(target)
        row.refresh_from_db()
        assert (row.connected, row.since, row.fault) == (True, now.at, {})


def test_certificate_of_the_center_is_checked(settings):
    settings.CENTER_CA_FILE = ""
    context = dialing._options("https://center.example", "x")["ssl"]
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert "ssl" not in dialing._options("http://10.0.0.1", "x")


def test_every_address_that_a_center_calls_is_one_that_the_edge_lets_through():
    """Were a new one forgotten, an edge that dials would be the only one to refuse it."""
    assert {f"{LCM}/", f"{RULES}/", "/sync/v1/"} == set(answering.PATHS)
