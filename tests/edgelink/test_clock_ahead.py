"""An edge whose clock is ahead of the center's is talked to all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common import clock
from apps.common.errors import DomainError
from apps.edgelink import ahead as clocks
from apps.edgelink.client import EdgeClient
from tests import factories as make


def ask(sites, now, ahead):
    """Let the edge's clock be ``ahead`` while it answers."""
    answer = sites.answer

    def answered(request):
        now.at += ahead
        try:
            return answer(request)
        finally:
            now.at -= ahead

    sites.answer = answered
    with EdgeClient(make.edge()) as edge:
        return edge.changes(after=0, limit=5)


@pytest.mark.parametrize("minutes", [-60, 1, 3, 600])
def test_token_is_made_for_the_clock_that_judges_it(two_sites, now, minutes):
    page = ask(two_sites, now, timedelta(minutes=minutes))
    assert page["as_of"] == (clock.now() + timedelta(minutes=minutes)).isoformat()


def test_clock_that_is_off_by_more_than_a_day_is_not_believed(two_sites, now):
    with pytest.raises(DomainError, match="expired"):
        ask(two_sites, now, clocks.MOST + timedelta(minutes=5))
