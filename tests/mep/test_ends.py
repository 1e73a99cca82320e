"""What ends, and what stays: announced ends, registrations, tenants, services gone elsewhere."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection

from apps.common import clock
from apps.common.errors import Conflict
from apps.journal.models import Entry
from apps.mep import applications, calls, tasks, termination
from apps.mep.liveness import transitions
from apps.mep.liveness.book import book
from apps.mep.models import (
    Application,
    CallCount,
    Credential,
    MecService,
    Rule,
    Subscription,
)
from apps.mep.notify import queue
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.conftest import App
from tests.mep.mm5 import Management, appd
from tests.mep.suite import refused, settled

REGISTRATIONS = "/mep/mec_app_support/v1/registrations"
APP_INFO = {"appName": "camera", "endpoint": {"uris": ["http://app.example/"]}}


@pytest.fixture
def time(mep):
    """A clock that only the test moves."""
    with clock.frozen() as frozen:
        book.clear()
        yield frozen


# --- an end that was announced -------------------------------------------------------------------
@pytest.fixture
def ending(time, app):
    """An application that was told of its end."""
    answer = app.send("POST", f"{app.support}/subscriptions", {
        "subscriptionType": "AppTerminationNotificationSubscription",
        "callbackReference": "http://127.0.0.1:9/end", "appInstanceId": app.id})
    assert answer.status_code == 201
    assert termination.begin(actor=SYSTEM, application=app.row)
    return app


def ready(app):
    return app.send("POST", f"{app.support}/confirm_ready", {"indication": "READY"}).status_code


def confirm(app):
    body = {"operationAction": "TERMINATING"}
    return app.send("POST", f"{app.support}/confirm_termination", body).status_code


def test_end_that_never_came_lapses_and_the_application_may_be_ready_again(ending, time):
    ending.row.refresh_from_db()
    until = ending.row.pending_until
    time.advance(seconds=(until - clock.now() + termination.LAPSES_AFTER).total_seconds() - 1)
    again = App("app", application_id=ending.row.pk)
    assert (tasks.lapse(), ready(again)) == ({"lapsed": 0}, 409)
    time.advance(seconds=1)
    # At once, and not only when somebody tidies up.
    assert (confirm(again), ready(again)) == (409, 204)
    assert tasks.lapse() == {"lapsed": 1}
    assert tasks.lapse() == {"lapsed": 0}
    row = Application.objects.get()
    assert (row.pending_action, row.pending_until, row.confirmed_at) == ("", None, None)
    assert Entry.objects.filter(verb="mep.application.termination_lapsed").count() == 1


def test_end_is_announced_anew_where_the_first_one_lapsed(ending, time):
    assert Subscription.objects.get().waiting == 1
    assert termination.begin(actor=SYSTEM, application=ending.row)
    assert Subscription.objects.get().waiting == 1
    time.advance(seconds=3600)
    assert termination.begin(actor=SYSTEM, application=ending.row)
    assert Subscription.objects.get().waiting == 2


def test_end_of_an_application_that_is_gone_is_waited_for_by_nobody(ending):
    applications.remove(actor=SYSTEM, application_id=ending.row.pk)
    assert termination.begin(actor=SYSTEM, application=ending.row) is False
    assert tasks.lapse() == {"lapsed": 0}


@pytest.mark.parametrize(("word", "status"), [(str(uuid.UUID(int=7)), 200), ("word", 404)])
def test_end_of_an_application_that_nobody_knows_is_no_failure(mep, word, status):
    manager = Management(word)
    for _ in range(2):
        assert manager.send("DELETE", manager.end).status_code == status


# --- a registration ------------------------------------------------------------------------------
def test_registration_leaves_with_what_it_made_and_nothing_that_management_gave(app):
    manager = Management(app.id)
    manager.store_keys()
    manager.send("POST", manager.appd, appd())
    app = App(application_id=app.row.pk, name="")
    assert app.send("POST", REGISTRATIONS, APP_INFO).status_code == 201
    app.register(livenessInterval=10)
    app.subscribe()
    own = f"{REGISTRATIONS}/{app.id}"
    assert app.send("DELETE", own).status_code == 204
    refused(app.send("GET", own), 404)
    refused(app.send("DELETE", own), 404)
    assert not (MecService.objects.exists() or Subscription.objects.exists() or len(book))
    assert Rule.objects.exists()
    assert Credential.objects.get().application_id == app.row.pk
    assert Application.objects.get().appd["appName"] == appd()["appName"]
    # Its token holds: it may register again.
    assert app.send("POST", REGISTRATIONS, APP_INFO).status_code == 201


@pytest.mark.parametrize("managed", [False, True])
def test_registration_that_made_the_application_takes_it_along_until_management_has_it(
    mep, managed
):
    boss = App.boss()
    with settled():
        made = boss.send("POST", REGISTRATIONS, APP_INFO)
    key = made.json()["appInstanceId"]
    if managed:
        Management(key).store_keys()
    assert boss.send("DELETE", f"{REGISTRATIONS}/{key}").status_code == 204
    assert Application.objects.filter(pk=key).exists() is managed


def test_registration_is_read_as_it_is_also_where_another_process_changed_it(app):
    assert app.send("POST", REGISTRATIONS, APP_INFO).status_code == 201
    own = f"{REGISTRATIONS}/{app.id}"
    assert app.send("GET", own).json()["appName"] == "camera"
    rows = Application.objects.filter(pk=app.row.pk)
    rows.update(info=APP_INFO | {"appName": "other"})
    assert app.send("GET", own).json()["appName"] == "other"
    rows.update(registered=False)
    refused(app.send("GET", own), 404)
    refused(app.send("PUT", own, APP_INFO), 404)


def test_registration_that_could_not_be_saved_is_not_remembered(app, monkeypatch):
    assert app.send("POST", REGISTRATIONS, APP_INFO).status_code == 201
    own = f"{REGISTRATIONS}/{app.id}"

    def fail(*args, **kwargs):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(applications.journal, "record", fail)
        app.api.raise_request_exception = False
        assert app.send("PUT", own, APP_INFO | {"appName": "other"}).status_code == 500
    assert app.send("GET", own).json()["appName"] == "camera"
    assert app.send("PUT", own, APP_INFO | {"appName": "third"}).status_code == 204
    assert app.send("GET", own).json()["appName"] == "third"


# --- whose an application is ---------------------------------------------------------------------
def ensured(key, of=None, name=""):
    return applications.ensure(
        actor=SYSTEM, application_id=key, name=name, tenant_id=of and of.pk
    )


def test_application_gets_its_tenant_when_that_is_known_and_keeps_it(app):
    app.register(livenessInterval=10)
    version = MecService.objects.get().version
    red = make.tenant("red")
    for asked in (red, None, red):
        with settled():
            assert ensured(app.row.pk, asked).tenant_id == red.pk
    service = MecService.objects.get()
    assert service.version > version  # a center that has a copy hears whose it is
    assert book.find(service.pk).version == service.version
    assert app.api.send("GET", app.services).status_code == 200


def test_known_id_is_taken_over_by_no_other_tenant_and_no_other_site(mep):
    red, blue = make.tenant("red"), make.tenant("blue")
    key = uuid.uuid4()
    ensured(key, red, "mine")
    with pytest.raises(Conflict):
        ensured(key, blue, "theirs")
    row = Application.objects.get(pk=key)
    assert (row.tenant_id, row.name) == (red.pk, "mine")
    copy = make.mec_application(red, site_id=uuid.uuid4(), name="copy")
    with pytest.raises(Conflict):
        ensured(copy.pk, red, "other")
    assert Application.objects.get(pk=copy.pk).name == "copy"


# --- services that another process removed or changed --------------------------------------------
def swept(time, seconds=60):
    time.advance(seconds=seconds)
    expired = book.sweep()
    with settled():
        transitions.suspend(expired)
    return len(expired)


def test_service_that_is_gone_is_looked_at_once(time, app):
    app.register(livenessInterval=10)
    MecService.objects.all().delete()
    assert swept(time) == 1
    assert len(book) == 0
    assert [swept(time, 5) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(("change", "known", "again"), [
    ({"state": "INACTIVE"}, "INACTIVE", 0),
    ({"liveness_interval": None}, None, 0),
    ({"liveness_interval": 20}, "ACTIVE", 1),
])
def test_service_that_another_process_changed_is_followed(time, app, change, known, again):
    key = app.register(livenessInterval=10)["serInstanceId"]
    rows = MecService.objects.filter(pk=key)
    rows.update(version=rows.get().version + 1000, **change)
    assert swept(time) == 1
    entry = book.find(uuid.UUID(key))
    assert (entry and entry.state) == known
    assert sum(swept(time, 30) for _ in range(3)) == again
    assert rows.get().state == ("SUSPENDED" if again else rows.get().state)


# --- counts --------------------------------------------------------------------------------------
def test_count_that_cannot_be_saved_is_kept_for_the_next_time(mep, monkeypatch):
    calls.count("a")

    def fail(taken):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(calls, "_add", fail)
        with pytest.raises(OSError, match="full"):
            calls.save()
    calls.count("a", 2)
    assert calls.last_days(["a"], days=2) == {"a": [3, 0]}


def test_counts_have_a_retention_and_a_day_that_lies_ahead_is_no_other_day(time):
    for days in (0, 1, calls.KEPT_DAYS, calls.KEPT_DAYS + 1):
        CallCount.objects.create(
            day=clock.now().date() - timedelta(days=days), subject="a", calls=1
        )
    CallCount.objects.create(day=clock.now().date() + timedelta(days=1), subject="a", calls=9)
    assert calls.last_days(["a"], days=3) == {"a": [1, 1, 0]}
    assert tasks.purge()["counts"] == 1


def test_many_subjects_are_not_held_in_memory(mep, monkeypatch):
    monkeypatch.setattr(calls, "MOST_SUBJECTS", 3)
    for number in range(7):
        calls.count(f"subject-{number}")
    assert CallCount.objects.count() == 6
    assert len(calls._counts) == 1


def test_call_of_a_service_with_a_long_name_is_counted(app):
    name = "n" * 128
    app.register(serName=name)
    manager = Management(app.id)
    manager.send("POST", "/mep/service_govern/v1/kong_log", {"service": {"name": name}})
    found = manager.send("GET", "/mep/service_govern/v1/kong_log").json()["appServices"]
    assert found == [{"name": name, "desc": "", "callTimes": [1, 0, 0, 0, 0, 0, 0]}]


# --- what is due ---------------------------------------------------------------------------------
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is that of SQLite")
def test_what_is_due_is_found_by_an_index_of_what_waits_alone(mep):
    plan = queue.due_rows(10).explain()
    assert "mep_due" in plan
    assert "TEMP B-TREE" not in plan  # and its order comes from there, too
