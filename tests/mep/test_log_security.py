"""Nothing that a client of the platform sends is a secret in a log line, or a line of its own."""

from __future__ import annotations

import io
import json
import logging
import uuid
from urllib.parse import quote

import pytest

from apps.common.errors import Upstream
from apps.common.logs import OneLineFormatter
from apps.journal.models import Entry
from apps.mep import register
from apps.mep.liveness import records
from tests.mep.conftest import App, service_info
from tests.mep.mm5 import Management, appd, confs, dns, traffic
from tests.mep.suite import DNS_BODY, THING, TRAFFIC_BODY, hold_rules, settled

CANARY = "c4n4ry"
SECRET = (CANARY * 11)[:64]
KEY = "A" * 20
FORGED = "12:00:00 CRITICAL forged"
BREAKS = ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1b[2K\x1b[1A", "\0",
          "\x9b2J", "\u202e"]
ALLOWED_CALLBACK = f"http://127.0.0.1:9/cb?token={CANARY}&x=1"
CALLBACK = f"http://user:{CANARY}pass@127.0.0.1:9/cb?token={CANARY}&x=1#access_token={CANARY}"


@pytest.fixture
def lines(mep):
    """All that is logged from here on, each call being the lines as the site writes them."""
    root = logging.getLogger()
    real = next(h for h in root.handlers if isinstance(h.formatter, OneLineFormatter))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(real.formatter)
    for one in real.filters:
        handler.addFilter(one)
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield lambda: stream.getvalue().split("\n")[:-1]
    root.removeHandler(handler)
    root.setLevel(level)


def clean(lines):
    """No canary in any line, and no line that a client has begun."""
    for line in lines:
        assert CANARY not in line.lower(), line
        assert not line.startswith(("12:00:00", "CRITICAL", "forged")), line
        assert line.isprintable() or "\t" in line, line
    assert all(len(line.splitlines()) <= 1 for line in lines)


def every_request(app, manager, word, service):
    """One request to every address, with ``word`` in every free place of its body."""
    info = service_info(serName=word, version=word, serCategory=dict.fromkeys(
        ("href", "id", "name", "version"), word))
    info["transportInfo"] |= {"name": word, "description": word, "implSpecificInfo": {word: word}}
    news = {"subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": f"http://127.0.0.1:9/{word}",
            "filteringCriteria": {"serNames": [word]}}
    end = {"subscriptionType": "AppTerminationNotificationSubscription",
           "callbackReference": f"http://127.0.0.1:9/{word}", "appInstanceId": word}
    one = f"{app.services}/{service}"
    return [
        (app, "POST", app.services, info), (app, "PUT", one, info),
        (app, "PATCH", f"{one}/liveness", {"state": word}),
        (app, "POST", app.subscriptions, news), (app, "POST", f"{app.support}/subscriptions", end),
        (app, "PUT", f"{app.support}/dns_rules/{THING}", DNS_BODY | {"domainName": word}),
        (app, "PUT", f"{app.support}/traffic_rules/{THING}", TRAFFIC_BODY | {
            "trafficFilter": [{"token": [word]}]}),
        (app, "POST", f"{app.support}/confirm_ready", {"indication": word}),
        (app, "POST", f"{app.support}/confirm_termination", {"operationAction": word}),
        (app, "POST", "/mep/mec_app_support/v1/registrations", {
            "appName": word, "appProvider": word, "endpoint": {"uris": [word]}}),
        (app, "POST", "/mep/token", {word: word}),
        (manager, "PUT", manager.confs, confs(word, word, appInfo={"appName": word})),
        (manager, "POST", manager.appd, appd(word, appDNSRule=[dns(word)],
                                             appTrafficRule=[traffic(word)])),
        (manager, "POST", "/mep/service_govern/v1/kong_log", {"service": {"name": word}}),
    ]


@pytest.fixture
def parties(app):
    """The application, its management, and a service of it."""
    hold_rules(app)
    return app, Management(app.id), app.register(livenessInterval=10)["serInstanceId"]


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("mark", BREAKS, ids=ascii)
def test_text_in_a_body_begins_no_line_of_its_own(parties, lines, mark, place):
    app, manager, service = parties
    word = f"{mark}{FORGED}" if place == "before" else f"x{mark}{FORGED}{mark}"
    sent = 0
    for who, method, url, body in every_request(app, manager, word, service):
        assert who.send(method, url, body).status_code < 500
        sent += 1
    assert sent == 14
    clean(lines())


@pytest.mark.parametrize("mark", BREAKS, ids=ascii)
def test_text_in_path_query_and_headers_begins_no_line_of_its_own(parties, lines, mark):
    app, *_ = parties
    word = f"x{mark}{FORGED}"
    for url in (
        f"/mep/{quote(word)}", f"{app.services}/{quote(word)}", f"{app.services}?{quote(word)}=1",
        f"{app.services}?ser_name={quote(word)}",
        f"/mep/mec_service_mgmt/v1/applications/{quote(word)}/services",
    ):
        assert app.send("GET", url, headers={"Accept": "*/*"}).status_code < 500
    raw = word.encode().decode("latin-1")
    for name in ("X-Request-ID", "If-Match", "X-AppinstanceID", "User-Agent", "Accept-Language",
                 "Content-Type", "access-token", "X-Sdk-Date", "Host", "Accept", "Cookie"):
        for method, url, body in (
            ("GET", app.services, None), ("POST", app.services, service_info()),
            ("POST", "/mep/token", None),
        ):
            assert app.send(method, url, body, headers={name: raw}).status_code < 500
        assert app.api.generic("GET", app.services, headers={
            "authorization": f"Bearer {raw}", name: raw}).status_code < 500
    clean(lines())


def test_secrets_of_every_kind_are_in_no_line_and_no_entry_of_the_journal(parties, lines):
    app, manager, service = parties
    app.subscribe(callback=ALLOWED_CALLBACK)
    end = {"subscriptionType": "AppTerminationNotificationSubscription",
           "callbackReference": ALLOWED_CALLBACK, "appInstanceId": "x"}
    assert app.send("POST", f"{app.support}/subscriptions", end).status_code == 201
    assert manager.store_keys(KEY, SECRET).status_code == 200
    assert manager.store_keys("short", SECRET).status_code == 400
    broken = json.dumps(confs(KEY, SECRET))[:-1]
    assert manager.send("PUT", manager.confs, broken).status_code == 400
    signed = (f"SDK-HMAC-SHA256 Access={KEY}, SignedHeaders=content-type;host;x-sdk-date, "
              f"Signature={SECRET}")
    for authorization in (signed, f"Bearer {CANARY}.{CANARY}.{CANARY}", f"Basic {CANARY}{CANARY}",
                          f"Digest {CANARY}", CANARY, f"bearer {app.token}{CANARY}"):
        for method, url in (("POST", "/mep/token"), ("GET", app.services),
                            ("PUT", f"{app.services}/{service}/liveness"), ("GET", manager.confs)):
            headers = {"authorization": authorization}
            assert app.api.send(method, url, headers=headers).status_code < 500
    app.api.send("GET", app.services, headers={"access-token": CANARY, "Cookie": f"s={CANARY}"})
    app = App("with another token", application_id=app.row.pk)
    subscribed = app.send("GET", app.subscriptions).json()["_links"]["subscriptions"]
    for link in subscribed:
        app.send("DELETE", link["href"])
    found = lines()
    assert any("subscription" in line for line in found)
    clean(found)
    assert app.token not in "\n".join(found)
    entries = [f"{one.verb} {one.subject_name} {one.data}" for one in Entry.objects.all()]
    assert any("mep.subscription.created" in one for one in entries)
    assert not [one for one in entries if CANARY in one]


@pytest.mark.parametrize("error", [RuntimeError, Upstream, ValueError, KeyError])
def test_bug_in_the_middle_of_a_request_tells_no_secret_and_forges_no_line(
    parties, lines, monkeypatch, error
):
    app, *_ = parties
    text = f"no\n{FORGED} Bearer {CANARY} {CALLBACK} secretKey='{SECRET}'\u2028{FORGED}"

    def fail(**_):
        raise error(text)

    monkeypatch.setattr(register, "register", fail)
    answer = app.send("POST", app.services, service_info())
    assert answer.status_code in (500, 502)
    if answer.status_code == 500:
        assert CANARY not in answer.content.decode()
    found = lines()
    clean(found)
    assert sum(f"POST {app.services} failed" in line for line in found) == 1


def test_row_that_cannot_be_read_is_named_by_its_id_and_nothing_of_it(parties, lines):
    app, _, service = parties
    app.register(serName=f"fine-{CANARY}"[:5])
    entry = type("Row", (), {"pk": uuid.UUID(service), "liveness_interval": f"{CANARY}\n{FORGED}",
                             "state": f"{CANARY}\n{FORGED}"})
    with pytest.raises(ValueError, match="liveness_interval"):
        records.facts_of(entry)
    clean(lines())


def test_name_of_an_application_stands_in_its_line_as_one_word_of_it(app, lines):
    with settled():
        App("name\x1b[31m\u2028forged")
        App("定位\u2028forged")
    found = [line for line in lines() if "forged" in line]
    assert found
    assert any("定位\\x2028forged" in line for line in found)
    clean(found)
