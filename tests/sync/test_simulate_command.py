"""``manage.py simulate_sync``: what it prints, and how it ends."""

from __future__ import annotations

import re
import sqlite3
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from mecm_portal.simulation import runner
from tests.sync import planted

pytestmark = pytest.mark.django_db


@pytest.fixture
def simulate(edge_database, django_db_blocker, monkeypatch):
    """Runs the command; its empty database need not be made once more."""
    monkeypatch.setattr(runner, "empty_database", lambda: sqlite3.connect(edge_database))
    # The tests' own database lives in memory, and would be gone with its connection.
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)

    def run(**options):
        out = StringIO()
        call_command("simulate_sync", stdout=out, **options)
        return out.getvalue()

    return run


def test_runs_without_a_violation_are_told_in_one_line(simulate):
    told = simulate(seed=1, seeds=2, steps=30)
    assert re.match(r"2 seeds, 6\d steps, ", told)
    assert ", 0 violations, " in told


def test_violation_is_told_with_its_trace_and_ends_in_an_error(simulate, monkeypatch):
    planted.no_tombstone(monkeypatch)
    out = StringIO()
    with pytest.raises(CommandError, match=r"play the first again with --seed \d+ --seeds 1"):
        call_command("simulate_sync", stdout=out, seed=1, seeds=4, steps=60)
    assert "violations" in out.getvalue()
    assert "seed " in out.getvalue()
    assert "pull: " in out.getvalue(), "with what led there"


@pytest.mark.parametrize("name", ["seeds", "steps", "jobs"])
def test_nothing_is_no_number_of_runs(simulate, name):
    with pytest.raises(CommandError, match="at least 1"):
        simulate(**{name: 0})
