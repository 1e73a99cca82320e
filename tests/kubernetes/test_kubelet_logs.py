"""The lines that a stand-in for a kubelet gives out, without any cluster."""

from __future__ import annotations

import pytest

from tools.cluster.kubelet.logs import Query, Run


def container(*, ended=None, rate=1.0):
    """A run that began at 0 and wrote a line each second."""
    run = Run(started=0.0, number=0, rate=rate, text="")
    if ended is not None:
        run.end(ended, 0, "Completed", last_line="over")
    return run


@pytest.mark.parametrize(("since", "first"), [(0.0, 0), (4.5, 5), (5.0, 5), (10.0, 10)])
def test_lines_begin_at_the_first_that_is_as_late_as_asked(since, first):
    assert Query(since=since).first(container(), 20.0) == first
    assert Query(since=since).first(container(ended=10.0), 20.0) == first


def test_what_is_asked_of_later_than_the_end_is_nothing():
    run = container(ended=10.0)
    assert Query(since=10.5).first(run, 20.0) >= run.lines(20.0)
    assert Query(since=99.0).first(run, 20.0) >= run.lines(20.0)


def test_line_that_is_written_meanwhile_is_not_taken_for_a_later_one():
    run = container()
    assert Query(since=99.0).first(run, 20.0) >= run.lines(21.0)


def test_one_that_writes_nothing_more_has_no_later_line():
    assert Query(since=5.0).first(container(rate=0.0), 20.0) == 1
