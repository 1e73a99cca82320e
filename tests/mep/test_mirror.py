"""The services of this platform in a service center: there, as they are, and nothing else."""

from __future__ import annotations

import pytest
from django.db import connection

from apps.common import clock
from apps.mep import applications, mirror, servicecomb, tasks
from apps.mep.liveness.book import book
from apps.mep.models import MecService, Mirror, MirroredService
from apps.mep.selectors import MirrorState, mirror_state
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.center import URL, Center, Killed, ids, pause, put, remove, run_site, settle
from tests.mep.conftest import service_info
from tests.mep.life import Living

ENDPOINTS = ["rest://positioning.example:80"]
UP = ("UP", "ACTIVE", ENDPOINTS)
OUT = ("OUTOFSERVICE", "INACTIVE", ENDPOINTS)


@pytest.fixture
def now(mep):
    """Time that stands still."""
    with clock.frozen() as frozen:
        book.clear()
        yield frozen


@pytest.fixture
def center(mep, now, monkeypatch):
    """A service center, and this platform mirrors to it."""
    mep["servicecomb_url"] = URL
    return Center().used(monkeypatch)


# --- every change gets there ---------------------------------------------------------------------
def test_nothing_is_asked_where_no_service_center_is_set(app, mep, now, monkeypatch):
    center = Center().used(monkeypatch)
    app.register()
    assert tasks.mirror() == {"mirror": "off"}
    assert (center.asked, Mirror.objects.count()) == (0, 0)
    assert mirror_state() == MirrorState(configured=False)


def test_services_are_found_there_with_their_states(app, center):
    active, inactive = app.register(), app.register(serName="other", state="INACTIVE")
    assert tasks.mirror() == {"mirror": "ran", "changes": 2}
    assert center.held == dict(zip(ids(active, inactive), [UP, OUT], strict=True))
    assert center.names == ["other", "positioning"]
    assert mirror.run() == {"mirror": "has nothing to do"}


def test_services_of_one_name_and_version_share_it(app, other_app, center):
    made = [app.register(), other_app.register(), other_app.register(version="2.0")]
    mirror.run()
    assert sorted(center.held) == sorted(ids(*made))
    assert center.names == ["positioning", "positioning"]


def test_changes_follow(app, center):
    made = app.register()
    (key,) = ids(made)
    mirror.run()
    put(app, made, state="INACTIVE")
    mirror.run()
    assert center.held == {key: OUT}
    transport = service_info()["transportInfo"] | {"endpoint": {"uris": ["https://moved.example"]}}
    put(app, made, transportInfo=transport)
    mirror.run()
    assert center.held == {key: ("UP", "ACTIVE", ["rest://moved.example:443?sslEnabled=true"])}
    put(app, made)
    mirror.run()
    assert center.held == {key: UP}


def test_renamed_service_leaves_its_old_name(app, center):
    made = app.register()
    mirror.run()
    put(app, made, serName="renamed")
    mirror.run()
    assert list(center.held) == ids(made)
    assert center.names == ["renamed"]


def test_service_that_is_gone_is_gone_there_too(app, other_app, center):
    gone, kept, last = app.register(), app.register(), app.register(serName="last")
    other_app.register()
    mirror.run()
    remove(app, gone)  # with it the name was made
    remove(app, last)
    applications.remove(actor=SYSTEM, application_id=other_app.row.pk)
    mirror.run()
    assert list(center.held) == ids(kept)
    assert center.names == ["positioning"]
    remove(app, kept)
    mirror.run()
    assert (center.held, center.names, MirroredService.objects.count()) == ({}, [], 0)


def test_name_that_others_registered_is_left_to_them(app, center):
    link = servicecomb.ServiceCenter(URL, session=center.client(URL))
    name = servicecomb.microservice_of({"serName": "positioning", "version": "1.0"})
    theirs = link.register_microservice(name)
    made = app.register()
    mirror.run()
    remove(app, made)
    mirror.run()
    assert list(center.fake.services) == [theirs]


def test_silent_service_is_down_and_comes_up_with_its_heartbeat(app, center, now):
    service = Living(app, now)
    key = service.document["serInstanceId"]
    mirror.run()
    service.silence()
    mirror.run()
    assert center.held == {key: ("DOWN", "SUSPENDED", ENDPOINTS)}
    settle(now)
    assert center.statuses == {key: "DOWN"}, "a silent service is still known there"
    service.beat()
    mirror.run()
    assert center.held == {key: UP}


def test_copies_of_other_sites_are_not_mirrored(app, center):
    make.mec_service(make.mec_application(site_id=app.row.pk))
    mirror.run()
    assert center.held == {}


# --- leases --------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"names_forgotten": False}, {"strict": True}])
def test_leases_are_renewed_for_as_long_as_the_site_runs(app, mep, now, monkeypatch, options):
    mep["servicecomb_url"] = URL
    center = Center(**options).used(monkeypatch)
    made = [app.register() for _ in range(3)]
    settle(now, minutes=10)
    assert sorted(center.held) == sorted(ids(*made))
    now.advance(seconds=servicecomb.LEASE_SECONDS * (servicecomb.LEASE_TIMES + 1) + 1)
    assert center.held == {}, "nobody vouches for them any more"
    run_site(now, 10)
    assert sorted(center.held) == sorted(ids(*made))


def test_renewing_costs_a_call_for_many_and_none_between(app, center, now):
    for number in range(30):
        app.register(serName=f"s{number % 3}")
    mirror.run()
    before = center.asked
    run_site(now, 60)
    assert center.asked - before <= 2


def test_what_service_center_forgot_is_registered_again(app, center, now):
    made = [app.register(serName=f"s{number}") for number in range(3)]
    run_site(now, 4)
    del center.fake.leases[next(iter(center.fake.leases))]
    run_site(now, 40)
    assert sorted(center.held) == sorted(ids(*made))


@pytest.mark.parametrize("names_forgotten", [True, False])
def test_empty_service_center_is_filled(app, center, now, names_forgotten):
    center.fake.names_forgotten = names_forgotten
    made = [app.register(serName=f"s{number}") for number in range(3)]
    run_site(now, 4)
    center.fake.services.clear()
    center.fake.leases.clear()
    run_site(now, 40)
    assert sorted(center.held) == sorted(ids(*made))
    put(app, made[0], state="INACTIVE")
    run_site(now, 4)
    assert center.statuses[ids(made[0])[0]] == "OUTOFSERVICE"


def test_another_service_center_gets_everything(app, center, mep, now, monkeypatch):
    made = app.register()
    run_site(now, 4)
    other = Center().used(monkeypatch)
    mep["servicecomb_url"] = "http://other:30100"
    run_site(now, 4)
    assert list(other.held) == ids(made)
    mep["servicecomb_url"] = ""
    run_site(now, 300)
    assert other.held == {}
    mep["servicecomb_url"] = "http://other:30100"
    run_site(now, 10)
    assert list(other.held) == ids(made)


# --- service center is away ----------------------------------------------------------------------
@pytest.mark.parametrize("how", ["down", "silent", "trouble"])
def test_nothing_is_lost_while_service_center_is_away(app, center, now, how):
    kept, changed, gone = app.register(), app.register(), app.register()
    run_site(now, 4)
    setattr(center.fake, how, 500011 if how == "trouble" else True)
    put(app, changed, state="INACTIVE")
    remove(app, gone)
    new = app.register(serName="new")
    run_site(now, 400)
    state = mirror_state()
    assert (state.configured, state.reachable_since, state.waiting) == (True, None, 3)
    assert state.last_ok is not None
    assert "http://sc:30100" in str(state.fault)
    setattr(center.fake, how, 0)
    back = clock.now()
    run_site(now, 80)
    assert center.held == dict(zip(ids(kept, changed, new), [UP, OUT, UP], strict=True))
    state = mirror_state()
    assert (state.waiting, state.refused, bool(state.fault)) == (0, 0, False)
    assert state.reachable_since >= back
    assert state.last_ok >= state.reachable_since


def test_pauses_grow_to_a_minute(app, center, now):
    center.fake.down = True
    app.register()
    pauses = []
    for _ in range(9):
        assert mirror.run()["mirror"] == "failed"
        asked = center.asked
        assert mirror.run() == {"mirror": "pauses"}
        assert center.asked == asked
        pauses.append(pause())
        now.advance(seconds=pauses[-1])
    for number, seconds in enumerate(pauses):
        assert min(60, 2**number) / 2 <= seconds <= min(60, 2**number)


def test_applications_never_wait_for_it(app, center):
    center.fake.silent = True
    mirror.run()
    before = center.asked
    made = app.register()
    put(app, made, state="INACTIVE")
    remove(app, made)
    assert center.asked == before


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_it_is_asked(app, center, now):
    seen = []
    center.on_request = lambda request: seen.append(connection.in_atomic_block)
    made = app.register()
    run_site(now, 4)
    put(app, made, serName="renamed")
    run_site(now, 40)
    remove(app, made)
    run_site(now, 4)
    assert seen
    assert not any(seen)


def test_what_answers_may_be_something_else(app, center, now, mep):
    mep["servicecomb_url"] = "no address at all"
    app.register()
    run_site(now, 10)
    assert mirror_state().fault
    mep["servicecomb_url"] = URL
    run_site(now, 10)
    assert len(center.held) == 1


# --- one service is wrong ------------------------------------------------------------------------
def test_service_that_is_refused_stops_no_other_until_it_is_mended(app, center, now):
    bad = app.register(serName="bad")
    blank = {"endpoint": {"uris": ["mqtt://a b"]}}
    row = MecService.objects.get(pk=bad["serInstanceId"])
    row.transport = row.transport | blank
    row.save()
    good = app.register()
    run_site(now, 20)
    assert list(center.held) == ids(good)
    state = mirror_state()
    assert (state.waiting, state.refused) == (1, 1)
    assert "Endpoints" in str(state.fault)
    assert state.reachable_since is not None
    asked = center.asked
    run_site(now, 8)
    assert center.asked == asked, "it is not tried again all the time"
    put(app, bad)
    mirror.run()
    assert sorted(center.held) == sorted(ids(good, bad))
    assert (mirror_state().refused, mirror_state().waiting) == (0, 0)


def test_quota_keeps_out_what_is_too_much_and_nothing_else(app, center, now):
    center.fake.quota = 1
    first, second = app.register(serName="first"), app.register(serName="second")
    run_site(now, 10)
    assert list(center.held) == ids(first)
    center.fake.quota = 2
    run_site(now, 80)
    assert sorted(center.held) == sorted(ids(first, second))


def test_service_at_which_service_center_fails_stops_no_other(app, center, now):
    app.register(serName="poison")
    good = app.register()
    trouble = center.fake

    def fail(request):
        trouble.trouble = 500011 if b"poison" in request.content else 0

    center.on_request = fail
    run_site(now, 60)
    assert list(center.held) == ids(good)


@pytest.mark.parametrize("broken", ["transport = '[1]'", "category = '7'", "state_since = 7.5"])
def test_malformed_service_stops_no_other(app, center, now, broken):
    if connection.vendor != "sqlite":
        pytest.skip("this database takes no such value")
    bad, good = app.register(), app.register()
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE mep_mecservice SET {broken} WHERE id = %s",  # noqa: S608
            [MecService.objects.get(pk=bad["serInstanceId"]).pk.hex],
        )
    run_site(now, 10)
    assert set(ids(good)) <= set(center.held)
    assert mirror_state().reachable_since is not None


# --- the process ends anywhere -------------------------------------------------------------------
def story(app, center, now, how, number):
    """Everything that can happen, with an accident at request ``number``; how many there were."""
    kept, changed, gone = app.register(), app.register(), app.register(serName="gone")
    setattr(center, how, number)
    run_site(now, 6)
    put(app, changed, state="INACTIVE")
    put(app, kept, serName="renamed")
    remove(app, gone)
    run_site(now, 6)
    settle(now)
    assert center.held == dict(zip(ids(kept, changed), [UP, OUT], strict=True))
    assert center.names == ["positioning", "renamed"]
    state = mirror_state()
    assert (state.waiting, state.refused) == (0, 0)
    return center.asked


@pytest.mark.parametrize("how", ["die_before", "die_after", "lose"])
@pytest.mark.parametrize("number", range(1, 29))
def test_accident_at_any_request_leaves_each_service_once(app, center, now, how, number):
    assert story(app, center, now, how, number) >= number


def test_killed_site_that_nobody_told_of_it_goes_on_after_the_lease(app, center, now):
    made = app.register()
    center.die_after = 2
    with pytest.raises(Killed):
        mirror.run()
    Mirror.objects.update(lease_until=now() + mirror.LEASE)  # nothing could be tidied up
    assert mirror.run() == {"mirror": "runs already"}
    now.advance(seconds=mirror.LEASE.total_seconds())
    mirror.run()
    assert list(center.held) == ids(made)


def test_two_runs_never_overlap(app, center, now):
    app.register()
    said = []
    center.on_request = lambda request: said.append(mirror.run()["mirror"])
    mirror.run()
    assert said
    assert set(said) == {"runs already"}


def test_run_that_slept_leaves_the_rest_to_the_one_that_took_over(app, center, now):
    made = [app.register() for _ in range(3)]
    said = []

    def sleep(request):
        center.on_request = None
        now.advance(seconds=mirror.LEASE.total_seconds() + 1)
        said.append(mirror.run()["mirror"])

    center.on_request = sleep
    said.append(mirror.run()["mirror"])
    assert said == ["ran", "was overtaken"]
    assert sorted(center.held) == sorted(ids(*made))
    assert mirror_state().fault.text == ""


def test_long_work_is_done_in_portions_between_renewals(app, center, now):
    made = [app.register() for _ in range(6)]
    center.on_request = lambda request: now.advance(seconds=1)
    run_site(now, 30)
    assert sorted(center.held) == sorted(ids(*made))
