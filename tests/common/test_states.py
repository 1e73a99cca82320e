"""State machines: the tables themselves, word for word, and what a wrong move is answered."""

from __future__ import annotations

import pytest

from apps.common.errors import IllegalMove
from apps.common.states import Machine
from apps.instances.states import (
    INSTANCE,
    OPERATION,
    ROLLOUT,
    ROLLOUT_ITEM,
    InstanceState,
    OperationState,
    RolloutItemState,
    RolloutState,
)
from apps.packages.states import DISTRIBUTION, DistributionState

DOOR = Machine("door", {"": {"build": "shut"}, "shut": {"open": "ajar"}, "ajar": {"shut": "shut"}})
TABLES = {
    "instance": (
        INSTANCE,
        InstanceState,
        {
            ("", "create", "Creating"),
            ("Creating", "created", "Created"),
            ("Creating", "create_failed", "Create failed"),
            ("Creating", "terminate", "Terminating"),
            ("Created", "instantiate", "Instantiating"),
            ("Created", "terminate", "Terminating"),
            ("Create failed", "terminate", "Terminating"),
            ("Instantiating", "instantiated", "Instantiated"),
            ("Instantiating", "instantiation_failed", "Instantiation failed"),
            ("Instantiating", "terminate", "Terminating"),
            ("Instantiated", "upgrade", "Instantiating"),
            ("Instantiated", "terminate", "Terminating"),
            ("Instantiation failed", "instantiate", "Instantiating"),
            ("Instantiation failed", "upgrade", "Instantiating"),
            ("Instantiation failed", "instantiated", "Instantiated"),
            ("Instantiation failed", "terminate", "Terminating"),
            ("Terminating", "terminated", ""),
            ("Terminating", "terminate_failed", "Terminate failed"),
            ("Terminate failed", "terminate", "Terminating"),
        },
    ),
    "operation": (
        OPERATION,
        OperationState,
        {
            ("", "queue", "Queued"),
            ("Queued", "run", "Running"),
            ("Queued", "cancel", "Cancelled"),
            ("Running", "run", "Running"),
            ("Running", "wait", "Waiting"),
            ("Running", "succeed", "Succeeded"),
            ("Running", "fail", "Failed"),
            ("Running", "cancel", "Cancelled"),
            ("Waiting", "run", "Running"),
            ("Waiting", "cancel", "Cancelled"),
        },
    ),
    "rollout": (
        ROLLOUT,
        RolloutState,
        {
            ("", "start", "Running"),
            ("Running", "finish", "Finished"),
            ("Running", "stop", "Stopped"),
        },
    ),
    "rollout item": (
        ROLLOUT_ITEM,
        RolloutItemState,
        {
            ("", "plan", "Waiting"),
            ("Waiting", "run", "Running"),
            ("Waiting", "fail", "Failed"),
            ("Waiting", "skip", "Skipped"),
            ("Running", "succeed", "Upgraded"),
            ("Running", "fail", "Failed"),
        },
    ),
    "distribution": (
        DISTRIBUTION,
        DistributionState,
        {
            ("", "distribute", "Processing"),
            ("Processing", "arrive", "Distributed"),
            ("Processing", "fail", "Error"),
            ("Processing", "withdraw", ""),
            ("Distributed", "fail", "Error"),
            ("Distributed", "arrive", "Distributed"),
            ("Distributed", "withdraw", ""),
            ("Error", "retry", "Processing"),
            ("Error", "arrive", "Distributed"),
            ("Error", "withdraw", ""),
        },
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_machine_makes_exactly_the_moves_of_the_table(name):
    machine, states, moves = TABLES[name]
    verbs = {verb for _, verb, _ in moves}
    made = set()
    for state in ("", *states.values):
        for verb in verbs:
            if machine.allows(state, verb):
                made.add((state, verb, str(machine.move(state, verb))))
            else:
                with pytest.raises(IllegalMove):
                    machine.move(state, verb)
    assert made == moves
    assert {(row["state"], row["verb"], row["next"]) for row in machine.as_table()} == moves


def test_wrong_move_names_the_state_and_the_verbs_that_it_allows():
    with pytest.raises(IllegalMove) as caught:
        INSTANCE.move("Instantiation failed", "create")
    assert caught.value.extra == {
        "state": "Instantiation failed",
        "allowed": ["instantiate", "instantiated", "terminate", "upgrade"],
    }
    assert "create" in str(caught.value)
    assert "Instantiation failed" in str(caught.value)


def test_state_that_no_table_knows_allows_nothing():
    assert DOOR.verbs("burnt") == []
    with pytest.raises(IllegalMove):
        DOOR.move("burnt", "open")


def test_diagram_draws_every_move_and_the_beginning():
    lines = DOOR.mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert sum("-->" in line for line in lines) == 3
    assert any("[*] -->" in line for line in lines)
    assert any('"ajar"' in line for line in lines)
