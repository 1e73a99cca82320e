"""The record: deeds, tombstones, what is announced and when, and what is kept how long."""

from __future__ import annotations

import uuid
from datetime import timedelta
from inspect import signature

import pytest
from django.db import transaction
from django.db.models import ProtectedError

from apps.common import clock
from apps.common.middleware import request_id
from apps.common.models import current_version
from apps.hosts.models import MecHost
from apps.journal import fanout, selectors, services
from apps.journal.models import Entry, RememberedAnswer, Tombstone
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.models import User
from apps.tenants.roles import Role
from mecm_portal.wiring import WIRING
from tests import factories as make

ANNA = Actor("7", "anna", Role.TENANT, uuid.UUID(int=9))


class _TakeBack(Exception):
    """Rolls back."""


class Listener:
    """Hears everything that is published; can be told to fail first."""

    def __init__(self):
        self.heard = []

    def on_event(self, event):
        self.heard.append(event)

    def fail(self, event):
        raise RuntimeError(f"I do not want to hear of {event.verb}")


LISTENER = Listener()
on_event, fail = LISTENER.on_event, LISTENER.fail


@pytest.fixture
def heard():
    """What listeners hear, in order; the list of the site is back afterwards."""
    before = fanout.wiring()
    LISTENER.heard.clear()
    fanout.install([("", f"{__name__}.on_event")])
    yield LISTENER.heard
    fanout.install(before)
    fanout._listener.cache_clear()


def test_deed_is_recorded_with_who_what_when_and_from_which_request(house):
    host = make.host(access="")
    mark = request_id.set("request-0001")
    try:
        with clock.frozen() as now:
            services.record("hosts.host.painted", host, actor=ANNA, tenant_id=ANNA.tenant_id,
                            data={"colour": "red"})
            at = now()
    finally:
        request_id.reset(mark)
    entry = selectors.history_of("mechost", host.pk).first()
    assert (entry.verb, entry.kind, entry.subject_id) == (
        "hosts.host.painted", "mechost", str(host.pk))
    assert (entry.subject_name, entry.version, entry.at) == (host.name, host.version, at)
    assert (entry.actor_id, entry.actor_name, entry.tenant_id) == ("7", "anna", ANNA.tenant_id)
    assert (entry.request_id, entry.data) == ("request-0001", {"colour": "red"})


def test_history_outlives_the_thing_and_the_user(house):
    boss = make.admin("boss")
    host = make.host(access="")
    services.record("hosts.host.painted", host, actor=boss.actor)
    services.bury("hosts.host.removed", host, actor=boss.actor)
    User.objects.filter(pk=boss.pk).delete()
    verbs = [(entry.verb, entry.actor_name) for entry in Entry.objects.order_by("-id")[:2]]
    assert verbs == [("hosts.host.removed", "boss"), ("hosts.host.painted", "boss")]


def test_entries_of_one_tenant_are_read_without_those_of_others(house):
    host = make.host(access="")
    for number in (1, 2, 2):
        services.record(f"x.{number}", host, actor=SYSTEM, tenant_id=uuid.UUID(int=number))
    assert [e.verb for e in selectors.entries(tenant_id=uuid.UUID(int=2))] == ["x.2", "x.2"]
    assert selectors.entries().count() > 3


def test_buried_thing_leaves_a_tombstone_under_a_version_of_its_own(house):
    host = make.host(access="")
    host_id, before = host.pk, current_version()
    services.bury("hosts.host.removed", host, actor=SYSTEM, tenant_id=uuid.UUID(int=3))
    stone = Tombstone.objects.get(kind="mechost")
    assert (stone.subject_id, stone.version, stone.tenant_id) == (
        host_id, before + 1, uuid.UUID(int=3))
    assert list(selectors.tombstones_after(before)) == [stone]
    assert list(selectors.tombstones_after(stone.version)) == []
    assert not MecHost.objects.filter(pk=host_id).exists()


def test_thing_buried_again_under_the_same_id_has_one_tombstone_with_the_last_version(house):
    host = make.host(access="")
    key = host.pk
    services.bury("x", host, actor=SYSTEM)
    again = make.host(access="")
    MecHost.objects.filter(pk=again.pk).update(id=key)
    services.bury("x", MecHost.objects.get(pk=key), actor=SYSTEM)
    assert Tombstone.objects.get(subject_id=key).version == current_version()


@pytest.mark.django_db(transaction=True)
def test_thing_that_must_stay_is_not_buried_and_nothing_is_announced(house, heard):
    tenant = make.tenant()
    host = make.host(access="")
    make.instance(make.package(tenant), host)
    heard.clear()
    entries, version = Entry.objects.count(), current_version()
    with pytest.raises(ProtectedError):
        services.bury("hosts.host.removed", host, actor=SYSTEM)
    assert MecHost.objects.filter(pk=host.pk).exists()
    assert (Tombstone.objects.count(), Entry.objects.count()) == (0, entries)
    assert current_version() == version
    assert heard == []


@pytest.mark.django_db(transaction=True)
def test_news_is_heard_after_the_commit_and_not_before(house, heard):
    with transaction.atomic():
        host = make.host(access="")
        assert heard == []
    (event,) = heard
    assert (event.verb, event.kind, event.subject_id) == (
        "hosts.host.registered", "mechost", str(host.pk))
    assert event.version == MecHost.objects.get().version


@pytest.mark.django_db(transaction=True)
def test_news_of_what_was_rolled_back_is_never_heard(house, heard):
    try:
        with transaction.atomic():
            make.host(access="")
            raise _TakeBack
    except _TakeBack:
        pass
    assert heard == []
    assert Entry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_listener_that_fails_silences_neither_the_others_nor_the_deed(house, heard, caplog):
    fanout.install([("", f"{__name__}.fail"), ("hosts.", f"{__name__}.on_event"),
                    ("packages.", f"{__name__}.on_event"), ("", "no.such.module")])
    host = make.host(access="")
    assert [event.subject_id for event in heard] == [str(host.pk)]
    assert MecHost.objects.count() == 1
    assert "I do not want to hear" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_quiet_news_is_heard_and_leaves_no_entry(house, heard):
    host = make.host(access="")
    entries = Entry.objects.count()
    services.record("hosts.host.observed", host, actor=SYSTEM, quiet=True)
    assert heard[-1].verb == "hosts.host.observed"
    assert Entry.objects.count() == entries


@pytest.mark.parametrize(("prefix", "path"), WIRING, ids=str)
def test_listener_that_the_site_names_is_a_function_of_one_event(prefix, path):
    assert len(signature(fanout._listener(path)).parameters) == 1


def test_record_keeps_each_kind_for_its_stated_time(house):
    host = make.host(access="")
    with clock.frozen() as now:
        start = now()
        services.record("old", host, actor=SYSTEM)
        services.bury("gone", host, actor=SYSTEM)
        RememberedAnswer.objects.create(caller="a", route="b", key="c", body_digest="")
        now.advance(hours=25)
        assert services.purge() == {"entries": 0, "answers": 1, "orders": 0}
        now.advance(days=90)
        assert services.purge() == {"entries": 0, "answers": 0, "orders": 0}
        now.at = start + timedelta(days=366)
        assert services.purge()["entries"] >= 2
    assert not Entry.objects.exists()
