"""The YAML that describes a simulated site: what is read, and what is refused and why."""

from __future__ import annotations

import pytest

from apps.vim.contract import CredentialsInvalid
from apps.vim.simulated_vim import SimulatedVim


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("nodes: 0", "simulated.nodes"),
        ("nodes: many", "simulated.nodes"),
        ("nodes: true", "simulated.nodes"),
        ("cpus: .nan", "simulated.cpus"),
        ("architecture: Z80", "simulated.architecture"),
        ("capabilities: GPU", "simulated.capabilities"),
        ("metrics: 1", "simulated.metrics"),
        ("colour: blue", "simulated.colour"),
        ("faults: yes", "simulated.faults"),
        ("faults: [slow]", "simulated.faults.0"),
        ("faults: [{app: x}]", "simulated.faults.0.kind"),
        ("faults: [{kind: tired}]", "simulated.faults.0.kind"),
        ("faults: [{kind: lie, says: Perhaps}]", "simulated.faults.0.says"),
        ("faults: [{kind: slow, lasts: 3}]", "simulated.faults.0.since"),
        ("faults: [{kind: slow, since: soon}]", "simulated.faults.0.since"),
    ],
)
def test_credentials_name_the_wrong_field(body: str, field: str) -> None:
    with pytest.raises(CredentialsInvalid) as invalid:
        SimulatedVim.describe_credentials(f"simulated: {{{body}}}".encode())
    assert list(invalid.value.fields) == [field]
    assert f"“{field}”" in str(invalid.value)


def test_alias_bombs_are_refused() -> None:
    bomb = b"a: &a [x, x]\nsimulated: {capabilities: *a}"
    with pytest.raises(CredentialsInvalid, match="aliases"):
        SimulatedVim.describe_credentials(bomb)


def test_the_preview_can_be_read_again() -> None:
    content = b"simulated: {faults: [{kind: die, since: 2026-01-01T00:00:00Z, lasts: 5}]}"
    shown = SimulatedVim.describe_credentials(content)
    assert shown["simulated"] is True
    assert shown["faults"][0]["since"] == "2026-01-01T00:00:00+00:00"
