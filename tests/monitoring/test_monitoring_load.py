"""Load over time: rings that never grow, looks that fail, walls, and the way through the edge."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.common import clock
from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.monitoring import load, rings, tasks
from apps.monitoring.load import Look, keep, series_of
from apps.monitoring.models import LoadRing, Subject
from apps.monitoring.rings import DAY, FAR, NEAR, Resolution, Sample
from apps.monitoring.series import Series
from apps.orchestration import services
from apps.tenants.actors import SYSTEM
from apps.vim.contract import InstanceUsage, Meter, Usage
from tests import factories as make
from tests.orchestration.test_remote import Pair
from tests.sites import work_once

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
SMALL = Resolution(10, 6)


@pytest.fixture
def now(house):
    with clock.frozen() as frozen:
        yield frozen


def usage(cpu=1.0, total=4.0, *, at=None, **more):
    return Usage(at or clock.now(), Meter(cpu, total), Meter(100, 200), source="test", **more)


# --- rings ---------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 1000)), max_size=40))
def test_ring_is_a_map_of_slots_that_forgets_what_is_too_old(steps):
    """Against a dictionary: the last of each slot, as far back as the ring reaches."""
    ring, model, at = rings.empty(SMALL), {}, START
    for seconds, value in steps:
        at += timedelta(seconds=seconds)
        ring = rings.put(ring, SMALL, Sample(at, Meter(value, 1)))
        model[int(at.timestamp()) // 10] = float(f"{value:.4g}")
        assert len(ring) == SMALL.size
    last = int(at.timestamp()) // 10
    expected = {slot: value for slot, value in model.items() if slot > last - SMALL.length}
    found = rings.read(ring, SMALL, at)
    assert [sample.at.timestamp() // 10 for sample in found] == sorted(expected)
    for sample in found:
        assert sample.cpu.used == pytest.approx(expected[sample.at.timestamp() // 10], rel=1e-3)
        assert (sample.memory, sample.storage) == (Meter(), Meter())


def test_unknown_stays_unknown_and_zero_stays_zero():
    ring = rings.put(b"", SMALL, Sample(START, Meter(0, None), Meter(None, 8)))
    (sample,) = rings.read(ring, SMALL, START)
    assert (sample.cpu, sample.memory, sample.storage) == (Meter(0, None), Meter(None, 8), Meter())


def test_ring_of_another_size_is_read_as_empty():
    assert rings.read(b"\x00" * 7, SMALL, START) == []


def test_means_are_made_of_slots_that_have_ended_and_only_of_what_is_known():
    samples = [Sample(START + timedelta(seconds=s), Meter(v, 4))
               for s, v in ((0, 1.0), (20, None), (40, 3.0), (70, 9.0))]
    found = rings.closed(samples, Resolution(60, 10), START + timedelta(seconds=80))
    assert found == [Sample(START, Meter(2, 4), Meter(), Meter())]


# --- keeping -------------------------------------------------------------------------------------
def test_a_day_of_looks_takes_two_rows_of_a_fixed_size(now):
    key = uuid.uuid4()
    sizes = set()
    for step in range(0, 26 * 3600, 60):
        if step % 7200 < 3600:  # every other hour nobody measures
            keep([Look(Subject.HOST, key, usage(cpu=step / 3600))], FAR)
        else:
            keep([Look(Subject.HOST, key, Usage(clock.now(), reason=Reason("no", "no")))], FAR)
        if step % 3600 == 0:
            rows = LoadRing.objects.filter(subject_id=key)
            sizes.add(tuple(sorted(len(row.samples) for row in rows)))
        now.advance(seconds=60)
    assert LoadRing.objects.count() == 2
    assert sizes <= {(FAR.size,), tuple(sorted((FAR.size, DAY.size)))}
    found = series_of(key)
    assert len(found.near) <= FAR.length
    assert 66 <= len(found.day) <= 85, "the hours without a measurement are gaps"
    assert all(sample.cpu.used is not None for sample in found.day)
    assert found.source == "" and found.reason.code == "no"


def test_measurement_that_is_old_when_it_comes_is_no_sample(now):
    key = uuid.uuid4()
    keep([Look(Subject.HOST, key, usage(at=clock.now() - timedelta(minutes=6)))], NEAR)
    found = series_of(key)
    assert (found.near, found.source) == ((), "test")
    keep([Look(Subject.HOST, key, usage(at=clock.now() + timedelta(minutes=6)))], NEAR)
    assert len(series_of(key).near) == 1, "a clock that runs ahead counts as now"


def test_keeping_costs_as_many_queries_for_many_subjects_as_for_one(now):
    def cost(count):
        looks = [Look(Subject.INSTANCE, uuid.uuid4(), usage()) for _ in range(count)]
        with CaptureQueriesContext(connection) as queries:
            keep(looks, NEAR)
        return len(queries)

    assert cost(1) == cost(60)


def test_what_nobody_looked_at_is_not_known():
    assert Series().as_json()["asOf"] is None


@pytest.mark.django_db
def test_series_survives_the_way_between_sites(now):
    key = uuid.uuid4()
    for _ in range(50):
        keep([Look(Subject.HOST, key, usage())], FAR)
        now.advance(seconds=60)
    found = series_of(key)
    assert found.near_kind == FAR and found.day
    assert Series.from_json(found.as_json()) == found


@pytest.mark.parametrize(
    "data",
    [{}, {"series": 1}, {"series": []}, {"series": [{"step": 0, "seconds": 1, "samples": []}] * 2},
     {"series": [{"step": 1, "seconds": 1, "samples": [{"at": "2026-03-01T00:00:00"}]}] * 2},
     {"series": [{"step": 1, "seconds": 1, "samples": [{"at": "x"}]}] * 2}],
)
def test_what_is_no_series_is_invalid(data):
    with pytest.raises(Invalid):
        Series.from_json(data)


# --- looking -------------------------------------------------------------------------------------
class Place:
    """A tenant with an instance on a host of this site."""

    def __init__(self, now):
        self.now = now
        self.tenant = make.tenant("red")
        self.user = make.user(self.tenant)
        self.host = make.host(name="quay")
        package = make.package(self.tenant)
        spec = services.CreateSpec(package.pk, self.host.pk, "camera")
        self.instance = services.create_instance(
            actor=self.user.actor, tenant_id=self.tenant.pk, spec=spec
        )
        services.instantiate(actor=self.user.actor, instance_id=self.instance.pk)
        for _ in range(80):
            work_once()
            now.advance(seconds=0.25)
        self.instance.refresh_from_db()
        assert self.instance.state == "Instantiated"


@pytest.fixture
def place(now):
    return Place(now)


def test_one_look_at_a_host_tells_of_the_host_and_of_what_runs_there(place):
    assert tasks.sample_host(str(place.host.pk)) == {"subjects": 2}
    host, instance = series_of(place.host.pk), series_of(place.instance.pk)
    assert host.near[0].cpu.used == pytest.approx(instance.near[0].cpu.used)
    assert host.near[0].cpu.total > instance.near[0].cpu.total
    assert host.source and host.as_of == clock.now()


def test_host_without_metrics_source_says_so_also_for_its_instances_and_shows_no_zero(place):
    tasks.sample_host(str(place.host.pk))
    make.simulate(place.host.pk, "  metrics: false\n")
    place.now.advance(seconds=30)
    assert tasks.sample_host(str(place.host.pk)) == {"subjects": 1}
    instance = AppInstance.objects.select_related("host__applcm").get()
    for found in (series_of(place.host.pk), load.instance_series(instance, actor=SYSTEM)):
        assert (found.source, found.reason.code) == ("", "no_metrics")
        assert len(found.near) == 1


def test_host_that_does_not_answer_is_a_gap_with_its_reason(place):
    make.simulate(place.host.pk, "  faults: [{kind: unreachable}]\n")
    tasks.sample_host(str(place.host.pk))
    found = series_of(place.host.pk)
    assert (found.near, found.source) == ((), "")
    assert str(found.reason)


def test_a_driver_cannot_write_into_what_is_not_on_its_host(place):
    other = make.instance(make.package(place.tenant, name="other"), make.host("10.7.7.7"))
    told = usage(instances=tuple(
        InstanceUsage(key, Meter(1, 2), Meter(), Meter())
        for key in (str(place.instance.pk), str(other.pk), "nonsense")
    ))
    ours = {place.instance.pk}
    assert {one.subject_id for one in load._of_instances(told, ours)} == ours


def test_what_is_gone_is_forgotten(place):
    tasks.sample_host(str(place.host.pk))
    keep([Look(Subject.HOST, uuid.uuid4(), usage()),
          Look(Subject.INSTANCE, uuid.uuid4(), usage())], NEAR)
    assert tasks.purge_load() == {"deleted": 2}
    assert set(LoadRing.objects.values_list("subject_id", flat=True)) == {
        place.host.pk, place.instance.pk}


# --- through the edge ----------------------------------------------------------------------------
@pytest.fixture
def pair(now, two_sites):
    found = Pair(now, two_sites)
    found.instance = found.create()
    found.instantiate(found.instance)
    assert found.work(until="Instantiated")[-1] == "Instantiated"
    with found.sites.inside():
        load.sample_local(MecHost.objects.get().pk)
    return found


def test_center_keeps_the_load_of_hosts_as_their_edges_tell_it(pair):
    edge = pair.host.applcm
    assert load.edges_to_ask() == [edge.pk]
    assert tasks.sample_edge(str(edge.pk)) == {"hosts": 1}
    found = series_of(pair.host.pk)
    assert found.near_kind == FAR
    with pair.sites.inside():
        there = series_of(MecHost.objects.get().pk)
    assert found.near[0].memory.total == there.near[0].memory.total
    pair.sites.wire.down = True
    pair.now.advance(seconds=60)
    tasks.sample_edge(str(edge.pk))
    silent = series_of(pair.host.pk)
    assert (len(silent.near), silent.source) == (1, "")
    assert "cannot be reached" in str(silent.reason)


def test_load_of_host_and_instance_is_read_through_the_edge_by_who_may(pair):
    owner = make.Api(make.user(pair.tenant))
    stranger = make.Api(make.user(make.tenant("blue")))
    base = f"/appo/v1/tenants/{pair.tenant.pk}"
    for path in (f"hosts/{pair.host.ip}/kpi/series",
                 f"app_instances/{pair.instance.pk}/workload/usage"):
        for url in (f"{base}/{path}", f"/appo/v1/{path}"):
            told = owner.send("GET", url)
            assert told.status_code == 200, told.content
            body = told.json()
            assert body["units"] == {"cpu": "vCPU", "memory": "MiB", "storage": "GiB"}
            near = body["series"][0]
            assert (near["step"], near["seconds"]) == (30, 3600)
            assert near["samples"][0]["cpu"]["used"] > 0
    theirs = f"/appo/v1/app_instances/{pair.instance.pk}/workload/usage"
    assert stranger.send("GET", theirs).status_code == 404
    pair.sites.wire.down = True
    assert owner.send("GET", theirs).status_code == 502


def test_edge_that_does_not_know_the_instance_is_no_error(pair):
    with pair.sites.inside():
        AppInstance.objects.all().delete()
    row = AppInstance.objects.select_related("host__applcm", "tenant").get()
    found = load.instance_series(row, actor=pair.actor)
    assert (found.near, found.reason.code) == ((), "absent")
