"""The simulator of both sites under trouble: it reaches what it should, and finds what is wrong."""

from __future__ import annotations

import sqlite3

import pytest

from mecm_portal.simulation.schedule import Schedule
from mecm_portal.simulation.world import simulated
from tests.sync import planted

pytestmark = pytest.mark.django_db
# The budget: about fifteen seconds of one processor, until everything was reached once.
SEEDS, STEPS = range(1, 15), 60
REACHED = (
    "drops", "delays", "duplicates", "reorderings", "cut links", "half-open links",
    "crashes of the center", "crashes of the edge", "restores of the center",
    "restores of the edge", "forks noticed", "full copies", "conflicts", "choices", "merges",
    "clocks set wrong", "files read", "old files", "receipts read",
)
# The fault, what is said of it, and the seed of the budget that is played first.
FAULTS = (
    (planted.ack_by_flag, "acknowledged up to", 1),
    (planted.no_tombstone, "removed, and nothing says why", 1),
    (planted.one_write_keeps_the_version, "at the center and", 1),
    (planted.older_version_is_taken, "never compared by anybody", 13),
    (planted.order_before_its_dependency, "does not have what", 12),
)


@pytest.fixture(scope="module")
def world(edge_database, django_db_blocker):
    """Two sites that are set back to their beginning for each run."""
    empty = sqlite3.connect(edge_database)
    with django_db_blocker.unblock(), simulated(empty) as made:
        yield made
    empty.close()


def test_no_run_of_the_budget_breaks_a_promise_and_together_they_reach_everything(world):
    world.tally.clear()
    outcomes = [Schedule(world, seed).go(STEPS) for seed in SEEDS]
    assert {one.seed: one.violation for one in outcomes if one.violation} == {}
    assert world.tally["steps"] >= len(SEEDS) * STEPS
    assert [what for what in REACHED if not world.tally[what]] == []


def test_seed_is_played_again_step_by_step(world):
    first, other, again = (Schedule(world, seed).go(STEPS) for seed in (5, 6, 5))
    assert again.trace == first.trace
    assert again.digest == first.digest != other.digest


@pytest.mark.parametrize(
    ("plant", "said", "first"), FAULTS, ids=[plant.__name__ for plant, _, _ in FAULTS]
)
def test_planted_fault_is_found_by_the_budget(world, monkeypatch, plant, said, first):
    plant(monkeypatch)
    seeds = [first, *(seed for seed in SEEDS if seed != first)]
    runs = (Schedule(world, seed).go(STEPS) for seed in seeds)
    found = next((one for one in runs if one.violation), None)
    assert found, f"{plant.__name__} was not found"
    assert said in found.violation
    assert any(line.endswith("200") and "/sync/v1/" in line for line in found.trace), (
        "the trace tells what led there")
    monkeypatch.undo()
    assert Schedule(world, found.seed).go(STEPS).violation == "", "without the fault all is well"
