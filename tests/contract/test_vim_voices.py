"""What every driver with a voice must do: events, and logs that are read on from a cursor.

It joins with its harness of :mod:`tests.contract.test_vim_driver`; a driver without a voice is
skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from apps.common.errors import NotFound
from apps.vim.contract import InstallSpec, Phase, VimRefused, VimUnreachable
from apps.vim.voices import MOST_LINES, LogLine, LogPage, LogQuery, Voices, WorkloadEvent
from tests.contract.test_vim_driver import Harness, spec, until, vim

__all__ = ["spec", "vim"]
TURNS = 400


def voice(vim: Harness) -> Voices:
    """The driver of the harness, as one that can be heard."""
    driver = vim.driver()
    if not isinstance(driver, Voices):
        pytest.skip(f"{vim.kind} tells neither events nor logs")
    return driver


@pytest.fixture
def query(vim: Harness, spec: InstallSpec) -> LogQuery:
    """The only container of the first pod of an instance that runs."""
    voice(vim)
    vim.driver().install(spec)
    pod = until(vim, spec.instance_id, Phase.READY).pods[0]
    return LogQuery(pod.name, pod.containers[0].name)


def pages(vim: Harness, spec: InstallSpec, query: LogQuery) -> Iterator[LogPage]:
    """Page after page, each with the cursor of the one before; time passes in between."""
    for _ in range(TURNS):
        page = voice(vim).logs(spec.instance_id, query)
        yield page
        query = replace(query, after=page.cursor)
        if not page.more:
            vim.pause()


def grown(vim: Harness, spec: InstallSpec, query: LogQuery, *, least: int) -> list[LogLine]:
    """What a follower has read once there are so many lines."""
    lines: list[LogLine] = []
    for page in pages(vim, spec, query):
        lines += page.lines
        if len(lines) >= least:
            return lines
    pytest.fail(f"the container wrote {len(lines)} lines and not {least}")


def test_unknown_instance_has_no_events_and_no_log(vim: Harness) -> None:
    assert voice(vim).events(uuid4()) == ()
    with pytest.raises(NotFound):
        voice(vim).logs(uuid4(), LogQuery("nobody"))


def test_events_of_an_instance_are_about_its_objects_oldest_first(
    vim: Harness, spec: InstallSpec, query: LogQuery
) -> None:
    found = voice(vim).events(spec.instance_id)
    assert found
    assert query.pod in {one.name for one in found}
    assert {one.type for one in found} <= {"Normal", "Warning"}
    times = [one.last_at for one in found if one.last_at]
    assert times == sorted(times)
    assert all(one.count >= 1 and one.reason and one.message for one in found)
    for one in found:
        assert WorkloadEvent.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_instance_that_cannot_come_up_has_a_warning(vim: Harness, spec: InstallSpec) -> None:
    voice(vim)
    broken = vim.broken(vim.app_classes[0])
    try:
        vim.driver().install(broken)
    except VimRefused:
        pytest.skip("refused at once: there is nothing that events could be about")
    until(vim, broken.instance_id, Phase.FAILED)
    assert "Warning" in {one.type for one in voice(vim).events(broken.instance_id)}


def test_follower_reads_each_line_once_and_a_late_reader_reads_the_same(
    vim: Harness, spec: InstallSpec, query: LogQuery
) -> None:
    read = grown(vim, spec, query, least=5)
    assert len({(line.at, line.text) for line in read}) == len(read)
    whole = voice(vim).logs(spec.instance_id, query).lines
    assert list(whole)[: len(read)] == read
    page = voice(vim).logs(spec.instance_id, query)
    assert len(page.lines) <= MOST_LINES
    assert LogPage.from_json(json.loads(json.dumps(page.as_json()))) == page


def test_page_that_is_asked_for_twice_is_the_same(
    vim: Harness, spec: InstallSpec, query: LogQuery
) -> None:
    first = next(page for page in pages(vim, spec, query) if page.lines)
    for _ in range(3):
        vim.pause()
    asked = replace(query, after=first.cursor)
    one = voice(vim).logs(spec.instance_id, asked)
    other = voice(vim).logs(spec.instance_id, asked)
    assert other.lines[: len(one.lines)] == one.lines
    assert not set(first.lines) & set(one.lines)


def test_tail_limits_what_comes_first(vim: Harness, spec: InstallSpec, query: LogQuery) -> None:
    grown(vim, spec, query, least=4)
    few = voice(vim).logs(spec.instance_id, replace(query, tail=2)).lines
    assert len(few) == 2
    assert few[0].at <= few[1].at


def test_pod_or_container_that_is_not_there_is_not_found(
    vim: Harness, spec: InstallSpec, query: LogQuery
) -> None:
    for wrong in (replace(query, pod="nobody"), replace(query, container="nobody")):
        with pytest.raises(NotFound):
            voice(vim).logs(spec.instance_id, wrong)
    other = vim.spec(vim.app_classes[0])
    with pytest.raises(NotFound):
        voice(vim).logs(other.instance_id, query)


def test_instance_that_is_gone_has_neither(
    vim: Harness, spec: InstallSpec, query: LogQuery
) -> None:
    vim.driver().uninstall(spec.instance_id)
    until(vim, spec.instance_id, Phase.ABSENT)
    with pytest.raises(NotFound):
        voice(vim).logs(spec.instance_id, query)


def test_vim_that_does_not_answer_is_told_by_both(vim: Harness) -> None:
    voice(vim)
    driver = vim.unreachable()
    assert isinstance(driver, Voices)
    with pytest.raises(VimUnreachable):
        driver.events(uuid4())
    with pytest.raises(VimUnreachable):
        driver.logs(uuid4(), LogQuery("p"))
