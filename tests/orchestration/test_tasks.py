"""Periodic jobs: each that a role names is there, and finds nothing to do at an empty site."""

from __future__ import annotations

import pytest

from mecm_portal.celery import app
from mecm_portal.roles import CENTER, EDGE

JOBS = sorted({(role.name, task) for role in (CENTER, EDGE) for task in role.beat})


@pytest.mark.parametrize(("role", "task"), JOBS)
def test_job_of_a_role_finds_nothing_to_do_at_an_empty_site(request, db, role, task):
    request.getfixturevalue("house" if role == "center" else "edge_house")
    app.loader.import_default_modules()
    told = app.tasks[task]()
    assert told
    assert set(told.values()) <= {0, "off"}  # a mirror without a service center is off


@pytest.mark.parametrize("role", [CENTER, EDGE], ids=lambda role: role.name)
def test_periods_of_jobs_are_sane(role):
    assert all(0.5 <= seconds <= 86400 for seconds in role.beat.values())
