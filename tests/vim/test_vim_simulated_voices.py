"""Events and logs of the simulated driver: the promise of ``apps.vim.voices``, at every moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from apps.common import clock
from apps.common.errors import Invalid, NotFound
from apps.vim.contract import Credentials, InstallSpec, VimRefused, VimUnreachable, WorkloadUnit
from apps.vim.simulated_vim import SimulatedVim
from apps.vim.voices import MOST_LINES, LogPage, LogQuery, Voices, WorkloadEvent

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
SITE = "simulated: {{ready_after: 8, remove_after: 4, faults: [{faults}]}}"
PULL = "{kind: die, cause: ImagePullBackOff, survivors: 0}"
CRASH = "{kind: die, cause: CrashLoopBackOff, survivors: 0, after: 20}"


@pytest.fixture
def now():
    """Time that stands still."""
    with clock.frozen(START) as frozen:
        yield frozen


@pytest.fixture
def site(tmp_path):
    """A driver of a site with faults."""

    def made(faults=""):
        held = Credentials("simulated", SITE.format(faults=faults).encode())
        return SimulatedVim(host_id=UUID(int=4), credentials=held, state_dir=tmp_path)

    return made


def order(kind="Deployment", images=("web:1",), app_class="container"):
    """One order of one replica."""
    unit = WorkloadUnit(name="web", kind=kind, images=images)
    ids, path = (uuid4(), UUID(int=1), "demo", UUID(int=7)), Path("p.csar")
    return InstallSpec(*ids, path, app_class, (unit,))


def installed(driver, **more):
    """The id of an instance that was ordered now, and the question for its only pod."""
    spec = order(**more)
    driver.install(spec)
    status = driver.status(spec.instance_id)
    return spec.instance_id, LogQuery((status.pods or status.servers)[0].name)


def followed(driver, key, query, now, *, seconds=60, step=1.7):
    """Everything that a reader gets who asks again and again with the cursor."""
    lines, passed = [], 0.0
    while passed < seconds:
        try:
            page = driver.logs(key, query)
        except VimRefused as refused:
            assert refused.retryable
        else:
            lines += page.lines
            query = replace(query, after=page.cursor)
            if page.ended:
                break
        now.advance(seconds=step)
        passed += step
    return lines


def words(driver, key):
    """The events as (type, reason)."""
    return [(one.type, one.reason) for one in driver.events(key)]


def test_driver_has_a_voice_that_says_it_is_simulated(now, site):
    driver = site()
    assert isinstance(driver, Voices)
    key, query = installed(driver)
    now.advance(seconds=10)
    assert all("imulated" in one.message for one in driver.events(key))
    assert all("simulated" in line.text for line in driver.logs(key, query).lines)


def test_events_of_a_start_come_one_after_the_other_and_stay_the_same(now, site):
    driver = site()
    key, _ = installed(driver)
    assert words(driver, key) == []
    seen = []
    for _ in range(16):
        now.advance(seconds=0.6)
        found = driver.events(key)
        assert found[: len(seen)] == tuple(seen)
        seen = list(found)
    assert words(driver, key) == [
        ("Normal", "Scheduled"), ("Normal", "Pulled"), ("Normal", "Started"),
    ]
    assert [WorkloadEvent.from_json(one.as_json()) for one in seen] == seen
    assert {(one.kind, one.name[:4]) for one in seen} == {("Pod", "web-")}


def test_image_that_cannot_be_pulled_is_a_warning_in_words_and_the_log_has_not_begun(now, site):
    driver = site(PULL)
    key, query = installed(driver)
    now.advance(seconds=30)
    assert words(driver, key) == [("Normal", "Scheduled"), ("Warning", "Failed")]
    assert "The image web:1 of web-" in driver.events(key)[-1].message
    assert "cannot be pulled" in driver.events(key)[-1].message
    with pytest.raises(VimRefused) as refused:
        driver.logs(key, query)
    assert (refused.value.code, refused.value.retryable) == ("not_started", True)


def test_crash_loop_counts_and_has_a_previous_run(now, site):
    driver = site(CRASH)
    key, query = installed(driver)
    now.advance(seconds=15)
    with pytest.raises(NotFound):
        driver.logs(key, replace(query, previous=True))
    counts = []
    for _ in range(4):
        now.advance(seconds=20)
        last = driver.events(key)[-1]
        assert (last.type, last.reason) == ("Warning", "BackOff")
        (box,) = driver.status(key).pods[0].containers
        assert last.count == box.restarts
        counts.append(last.count)
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    here, before = driver.logs(key, query), driver.logs(key, replace(query, previous=True))
    assert before.ended
    assert not here.ended
    assert before.lines[-1].text.endswith("stops")
    assert before.lines[-1].at < here.lines[0].at


@pytest.mark.parametrize("step", [0.3, 1.0, 7.9])
def test_reader_with_the_cursor_gets_every_line_once_until_the_end(now, site, step):
    driver = site()
    key, query = installed(driver)
    read = followed(driver, key, query, now, seconds=20, step=step)
    driver.uninstall(key)
    page = driver.logs(key, replace(query, after=read[-1].at))
    assert page.ended
    whole = driver.logs(key, query)
    assert (*read, *page.lines) == whole.lines
    assert len({line.at for line in whole.lines}) == len(whole.lines)
    now.advance(seconds=5)
    with pytest.raises(NotFound):
        driver.logs(key, query)


def test_long_log_comes_in_pages_without_loss_or_doubles(now, site):
    driver = site()
    key, query = installed(driver)
    now.advance(hours=3)
    query = replace(query, tail=5000)
    lines, page = [], None
    while page is None or page.more:
        page = driver.logs(key, query)
        assert len(page.lines) <= MOST_LINES
        assert LogPage.from_json(page.as_json()) == page
        lines += page.lines
        query = replace(query, after=page.cursor)
    assert len(lines) == 5000
    assert [line.at for line in lines] == sorted({line.at for line in lines})
    assert len(driver.logs(key, replace(query, after="", tail=7)).lines) == 7
    since = replace(query, after="", since=clock.now().replace(minute=59))
    assert all(line.at >= since.since.isoformat() for line in driver.logs(key, since).lines)


def test_job_writes_to_its_end_and_says_so(now, site):
    driver = site()
    key, query = installed(driver, kind="Job")
    read = followed(driver, key, query, now, step=0.5)
    assert read[-1].text.endswith("stops")
    assert driver.logs(key, replace(query, after=read[-1].at)).ended


def test_what_is_not_there_is_not_found(now, site):
    driver = site()
    key, query = installed(driver, images=("web:1", "side:2"))
    machine, server = installed(driver, app_class="vm")
    now.advance(seconds=10)
    assert driver.events(uuid4()) == ()
    assert {one.kind for one in driver.events(machine)} == {"Server"}
    for asked, wanted in (
        (uuid4(), replace(query, container="web")),
        (key, LogQuery("other", "web")),
        (key, query),
        (key, replace(query, container="nobody")),
        (machine, LogQuery("other")),
    ):
        with pytest.raises(NotFound):
            driver.logs(asked, wanted)
    assert driver.logs(key, replace(query, container="web-2")).lines
    assert driver.logs(machine, server).lines


@pytest.mark.parametrize("cursor", ["x", "2026-01-01", "2026-01-01T00:00:00", "%00"])
def test_cursor_that_is_none_is_refused(now, site, cursor):
    driver = site()
    key, query = installed(driver)
    now.advance(seconds=10)
    with pytest.raises(Invalid):
        driver.logs(key, replace(query, after=cursor))


def test_site_that_does_not_answer_says_nothing(now, site):
    driver = site("{kind: unreachable}")
    for call in (lambda: driver.events(uuid4()), lambda: driver.logs(uuid4(), LogQuery("p"))):
        with pytest.raises(VimUnreachable):
            call()
