"""Which topics an event is news on, and what the terminal says about it."""

from __future__ import annotations

import asyncio
import logging
import uuid

import pytest

from apps.journal import services as journal
from apps.journal.fanout import Event
from apps.monitoring import console, live
from apps.monitoring.hub import hub
from apps.tenants.actors import SYSTEM

A, B, T = str(uuid.uuid4()), str(uuid.uuid4()), uuid.uuid4()

CASES = [
    ("hosts.host.registered", "mechost", {}, {"hosts", f"host:{A}", "topology", "activity"}),
    ("hosts.applcm.unreachable", "applcm", {}, {"systems", f"system:{A}", "topology", "activity"}),
    ("hosts.apprulemanager.updated", "apprulemanager", {}, {"systems", f"system:{A}", "activity"}),
    ("packages.package.onboarded", "package", {}, {"packages", f"package:{A}", "activity"}),
    ("packages.distribution.arrived", "distribution", {"package_id": B, "host_id": A},
     {"packages", f"package:{B}", f"host:{A}", "activity"}),
    ("packages.distribution.waiting", "distribution", {"package_id": B},
     {"packages", f"package:{B}"}),
    ("instances.instance.instantiated", "appinstance", {"host_id": B},
     {"instances", f"instance:{A}", f"host:{B}", "topology", "activity"}),
    ("instances.operation.progressed", "lcmoperation", {"instance_id": B}, {f"instance:{B}"}),
    ("instances.operation.succeeded", "lcmoperation", {"instance_id": B},
     {f"instance:{B}", "activity"}),
    ("instances.operation.progressed", "lcmoperation", {"instance_id": "nonsense"}, set()),
    ("tenants.user.disabled", "user", {}, {"users", f"user:{A}", "activity"}),
    ("tenants.user.signed_out", "user", {}, {"users", f"user:{A}"}),
    ("hosts.host.shared", "mechost", {}, {"hosts", f"host:{A}", "topology", "activity"}),
    ("tenants.tenant.created", "tenant", {}, {"users", f"tenant:{A}", "activity"}),
]


@pytest.mark.parametrize(("verb", "kind", "data", "topics"), CASES)
def test_topics(verb, kind, data, topics):
    assert set(live.topics_of(Event(verb, kind, A, 3, T, data))) == topics


@pytest.mark.parametrize(("verb", "kind"), [
    ("hosts.host.removed", "gone"), ("hosts.host.removing", "changed"),
    ("instances.instance.terminated", "gone"), ("packages.distribution.withdrawn", "gone"),
    ("packages.distribution.withdrawing", "changed"), ("instances.instance.created", "changed"),
])
def test_kind_of_message(verb, kind):
    message = live.message_of(Event(verb, "mechost", A, 3, None, {"ip": "10.0.0.1"}))
    assert message == {"kind": kind, "id": A, "version": 3, "object": "host"}


@pytest.mark.parametrize(("version", "woken"), [(4, True), (0, False)])
def test_every_version_wakes_the_feed(on_loop, version, woken):
    async def story():
        ticket = hub.ticket()
        live.on_event(Event("x.y.z", "something", A, version, None))
        await asyncio.sleep(0)
        return hub.ticket() != ticket

    assert on_loop(story) is woken


def test_an_event_without_a_loop_is_dropped_and_not_told_to_the_next_one(on_loop):
    live.on_event(Event("hosts.host.registered", "mechost", A, 3, None))
    assert hub.seq == 0

    async def story():
        live.on_event(Event("hosts.host.registered", "mechost", B, 4, None))
        await asyncio.sleep(0)
        return {item.message["id"] for item in hub.since_seq(0)}

    assert on_loop(story) == {B}


# --- the terminal --------------------------------------------------------------------------------
SENTENCES = [
    ("hosts.host.registered", "mechost", {}, "alice", "host “web” was registered (by alice)"),
    ("hosts.host.unreachable", "mechost", {}, "system", "host “web” is not reachable"),
    ("instances.instance.instantiated", "appinstance", {"state": "Instantiated"}, "alice",
     "instance “web” is Instantiated (by alice)"),
    ("instances.instance.terminated", "appinstance", {"name": "web"}, "alice",
     "instance “web” was terminated (by alice)"),
    ("instances.instance.observed", "appinstance", {"state": "Instantiated", "health": "Ready"},
     "system", "instance “web” is Instantiated, Ready"),
    ("packages.distribution.failed", "distribution",
     {"reason": {"text": "%(host)s is full.", "params": {"host": "e1"}}}, "system",
     "distribution “web” has failed: e1 is full."),
    ("packages.package.something_new", "package", {}, "system", "package “web” was something new"),
    ("x.y.z", "package", {"reason": {"text": "%(a)s", "params": {"b": 1}}}, "",
     "package “web” was z: %(a)s"),
]


@pytest.mark.parametrize(("verb", "kind", "data", "actor", "said"), SENTENCES)
def test_sentence(verb, kind, data, actor, said):
    assert console.sentence(Event(verb, kind, A, 3, T, data), "web", actor) == said


@pytest.mark.django_db
def test_the_terminal_names_thing_and_person_and_leaves_quiet_news_out(
    estate, caplog, django_capture_on_commit_callbacks
):
    caplog.set_level(logging.INFO, logger="mecm.events")
    with django_capture_on_commit_callbacks(execute=True):
        journal.record("hosts.host.updated", estate.shared, actor=estate.admin.actor)
        journal.record("hosts.host.observed", estate.shared, actor=SYSTEM, quiet=True)
    lines = [record.getMessage() for record in caplog.records if record.name == "mecm.events"]
    assert lines == ["host “open host” was changed (by root)"]
