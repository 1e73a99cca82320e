"""Every route of the original is served and tested, and every fault of it is shown to be absent.

``python -m pytest tests/contract/test_contract_table.py -s`` prints both tables.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

from tests.contract.markers import marked
from tests.contract.routes import PLACES, ROUTES
from tests.sites import CENTER, urls_of

FAULTS = [f"Q{number}" for number in range(1, 92)]
# Of the original's edge: those of what it tells its center.
EDGE_FAULTS = ["Q-13", "Q-75", "Q-77"]


def not_applicable():
    """Why a fault cannot be here: ``NOT_APPLICABLE`` of every ``faults_*.py`` beside this file."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("faults_*.py")):
        for fault, why in import_module(f"tests.contract.{path.stem}").NOT_APPLICABLE.items():
            assert fault not in found, f"{fault} is explained twice"
            found[fault] = why
    return found


def served(method, path, places):
    """Whether a center answers ``method`` at ``path`` with something other than 404 and 405."""
    try:
        view = resolve(path.format(**places), urlconf=urls_of(CENTER)).func
    except Resolver404:
        return False
    kind = getattr(view, "cls", None)
    return method == "GET" if kind is None else hasattr(kind, method.lower())


@pytest.mark.parametrize("number", ROUTES)
def test_route_is_served_and_has_its_test(number):
    method, path = ROUTES[number]
    assert served(method, path, PLACES), f"{number} {method} {path} is not served"
    assert marked().get(number), f"no test says that it is about {number} {method} {path}"


@pytest.mark.parametrize(
    "number",
    [one for one, (_, path) in ROUTES.items() if "{tenant_id}" in path],
)
def test_route_of_a_tenant_is_served_without_the_tenant_too(number):
    method, path = ROUTES[number]
    assert served(method, path.replace("/tenants/{tenant_id}", ""), PLACES)


@pytest.mark.parametrize("fault", FAULTS + EDGE_FAULTS)
def test_fault_is_shown_to_be_absent_or_cannot_be(fault):
    assert marked().get(fault) or not_applicable().get(fault), f"nothing is said about {fault}"


def test_every_reason_is_a_sentence_about_a_fault_that_there_is():
    for fault, why in not_applicable().items():
        assert fault in FAULTS
        assert re.search(r"\w+ \w+ \w+", why), fault


def test_tables_can_be_read(capsys):
    lines = ["", "| # | route | tests |", "|---|---|---|"]
    for number, (method, path) in ROUTES.items():
        said = ", ".join(marked()[number][:3])
        lines.append(f"| {number} | {method} {path} | {said} |")
    lines += ["", "| fault | tests, or why it cannot be |", "|---|---|"]
    for fault in FAULTS + EDGE_FAULTS:
        said = ", ".join(marked().get(fault, [])[:3]) or not_applicable().get(fault, "")
        lines.append(f"| {fault} | {said} |")
    print("\n".join(lines))  # noqa: T201 - the tables are what is asked for
    told = capsys.readouterr().out
    assert told.count("\n| I") == 45
    assert told.count("\n| O") == 18
    assert told.count("\n| P") == 13
    assert told.count("\n| Q") == len(FAULTS + EDGE_FAULTS) == 94
