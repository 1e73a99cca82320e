"""Instances: their life, their health, and what is kept of each look at them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from apps.common import clock
from apps.common.errors import Conflict, IllegalMove
from apps.common.words import Reason
from apps.instances import services
from apps.instances.models import AppInstance
from apps.instances.services import FRESHNESS, Observation, health_of
from apps.instances.specs import CreateSpec
from apps.journal.models import Entry, Tombstone
from apps.tenants.actors import SYSTEM
from apps.vim.contract import Phase, Pod, WorkloadStatus
from tests import factories as make

AWAY = Reason("the host does not tell", "away")
BROKEN = Reason("the image is missing", "image")


@pytest.fixture
def instance(now):
    """An instantiated instance that nobody has looked at yet."""
    host = make.host(access="")
    return make.instance(make.package(make.tenant()), host, name="camera", state="Instantiated")


def stored(instance):
    """The row as it is in the database."""
    return AppInstance.objects.select_related("host", "host__applcm").get(pk=instance.pk)


def status(now, phase=Phase.READY, *, reason=None, pods=("a",)):
    """What a driver says."""
    return WorkloadStatus(
        phase, now(), reason=reason,
        pods=tuple(Pod(name=name, kind="Deployment", phase="Running") for name in pods),
    )


def look(now, phase=Phase.READY, **more):
    """An observation of a driver's word."""
    return Observation(at=now(), status=status(now, phase, **more))


# Life cycle x what was seen = health; by hand.
HEALTH = [
    ("Instantiated", Phase.READY, "Ready"),
    ("Instantiated", Phase.DEGRADED, "Degraded"),
    ("Instantiated", Phase.FAILED, "Failed"),
    ("Instantiated", Phase.ABSENT, "Failed"),
    ("Instantiated", Phase.INSTALLING, "Unknown"),
    ("Instantiated", Phase.REMOVING, "Unknown"),
    ("Instantiated", None, "Unknown"),
    ("Instantiation failed", Phase.READY, "Ready"),
    ("Instantiation failed", Phase.FAILED, "Failed"),
    ("Instantiation failed", Phase.ABSENT, "Failed"),
    ("Instantiation failed", None, "Unknown"),
    *((state, phase, "Unknown") for state in (
        "Creating", "Created", "Create failed", "Instantiating", "Terminating", "Terminate failed",
    ) for phase in (*Phase, None)),
]


@pytest.mark.parametrize(("state", "phase", "health"), HEALTH)
def test_health_follows_from_the_life_cycle_and_what_was_seen(state, phase, health):
    at = clock.now()
    seen = Observation(at, WorkloadStatus(phase, at) if phase else None, AWAY)
    assert health_of(state, seen)[0] == health


def test_health_that_an_edge_tells_stands_before_what_we_make_of_the_workload():
    at = clock.now()
    told = Observation(at, WorkloadStatus(Phase.READY, at), BROKEN, health="Degraded")
    assert health_of("Instantiated", told) == ("Degraded", BROKEN)


def test_first_look_is_news_and_is_kept_with_its_time(instance, now):
    assert services.note_observed(instance_id=instance.pk, seen=look(now))
    row = stored(instance)
    assert (row.health, row.observed_at) == ("Ready", now())
    assert row.seen.pods[0].name == "a"
    assert not Entry.objects.filter(verb="instances.instance.observed").exists(), "as expected"


def test_same_look_again_is_no_news_and_its_time_is_kept_now_and_then(instance, now):
    services.note_observed(instance_id=instance.pk, seen=look(now))
    first = stored(instance)
    now.advance(seconds=1)
    assert not services.note_observed(instance_id=instance.pk, seen=look(now))
    assert stored(instance).observed_at == first.observed_at
    now.advance(seconds=FRESHNESS.total_seconds())
    assert not services.note_observed(instance_id=instance.pk, seen=look(now))
    row = stored(instance)
    assert (row.version, row.observed_at) == (first.version, now())


def test_change_of_the_workload_is_news_and_only_a_change_of_health_is_recorded(instance, now):
    services.note_observed(instance_id=instance.pk, seen=look(now))
    entries, version = Entry.objects.count(), stored(instance).version
    assert services.note_observed(instance_id=instance.pk, seen=look(now, pods=("a", "b")))
    assert stored(instance).version > version
    assert Entry.objects.count() == entries
    failed = look(now, Phase.FAILED, reason=BROKEN)
    assert services.note_observed(instance_id=instance.pk, seen=failed)
    row = stored(instance)
    assert (row.health, str(row.health_words)) == ("Failed", "the image is missing")
    assert Entry.objects.count() == entries + 1


def test_host_that_does_not_tell_makes_health_unknown_and_keeps_the_last_look(instance, now):
    services.note_observed(instance_id=instance.pk, seen=look(now))
    seen_at = now()
    now.advance(minutes=1)
    assert services.note_observed(instance_id=instance.pk, seen=Observation(now(), reason=AWAY))
    row = stored(instance)
    assert (row.health, str(row.health_words)) == ("Unknown", "the host does not tell")
    assert (row.observed_at, row.seen.phase) == (seen_at, Phase.READY)


def test_older_word_of_an_edge_does_not_undo_a_newer_one(instance, now):
    def told(version, health):
        return Observation(now(), status(now), health=health, edge_state="Instantiated",
                           version=version)

    assert services.note_observed(instance_id=instance.pk, seen=told(5, "Ready"))
    assert not services.note_observed(instance_id=instance.pk, seen=told(4, "Failed"))
    assert not services.note_observed(instance_id=instance.pk, seen=told(5, "Failed"))
    assert stored(instance).health == "Ready"
    assert services.note_observed(instance_id=instance.pk, seen=told(6, "Failed"))
    assert stored(instance).health == "Failed"


def test_look_at_what_is_gone_changes_nothing(instance, now):
    key = instance.pk
    services.forget(actor=SYSTEM, instance_id=key)
    assert not services.note_observed(instance_id=key, seen=look(now))
    assert not AppInstance.objects.exists()
    assert Tombstone.objects.get(kind="appinstance").subject_id == key
    services.forget(actor=SYSTEM, instance_id=key)
    assert services.move(actor=SYSTEM, instance_id=key, verb="terminate") is None


def test_move_changes_state_reason_and_health_together(instance, now):
    services.note_observed(instance_id=instance.pk, seen=look(now))
    services.move(actor=SYSTEM, instance_id=instance.pk, verb="terminate", wanted="Terminated")
    row = stored(instance)
    assert (row.state, row.wanted, row.health) == ("Terminating", "Terminated", "Unknown")
    services.move(actor=SYSTEM, instance_id=instance.pk, verb="terminate_failed", info=BROKEN)
    row = stored(instance)
    assert (row.state, str(row.info), row.wanted) == (
        "Terminate failed", "the image is missing", "Terminated")
    services.move(actor=SYSTEM, instance_id=instance.pk, verb="terminate")
    assert not stored(instance).info


def test_move_that_the_table_does_not_have_changes_nothing(instance, now):
    before, entries = AppInstance.objects.values().get(), Entry.objects.count()
    with pytest.raises(IllegalMove):
        services.move(actor=SYSTEM, instance_id=instance.pk, verb="instantiate")
    assert AppInstance.objects.values().get() == before
    assert Entry.objects.count() == entries


def test_limit_of_instances_counts_per_tenant(now, settings):
    settings.LIMITS = settings.LIMITS | {"instances_per_tenant": 1}
    host = make.host(access="")
    package = make.package(make.tenant())
    make.instance(package, host)
    with pytest.raises(Conflict) as caught:
        make.instance(package, host)
    assert caught.value.extra["limit"] == 1
    make.instance(make.package(make.tenant()), host)
    spec = CreateSpec(package.pk, host.pk, "counted-at-the-center")
    far = replace(SYSTEM, site_id=uuid.uuid4())
    assert services.create(actor=far, tenant_id=package.tenant_id, spec=spec).version


def test_age_of_what_an_edge_told_is_that_of_its_last_word(now):
    edge = make.edge()
    remote = make.host(edge=edge, access="")
    instance = make.instance(make.package(make.tenant()), remote, observed_at=now())
    assert instance.known_at == now()
    instance.host.applcm.last_seen = now() + timedelta(seconds=9)
    assert instance.known_at == now() + timedelta(seconds=9), "nothing newer came since"
    instance.observed_at = None
    assert instance.known_at is None
