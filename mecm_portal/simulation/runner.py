"""Many runs, in one process or several, and what they reached."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from mecm_portal.simulation.schedule import Outcome, Schedule
from mecm_portal.simulation.world import World


def run(world: World, seeds: Iterable[int], steps: int) -> list[Outcome]:
    """Play the seeds; returns those that violated something.  ``world.tally`` has the counts."""
    failed = []
    for seed in seeds:
        outcome = Schedule(world, seed).go(steps)
        if outcome.violation:
            failed.append(outcome)
    return failed


def totals(tally: Counter[str], seconds: float) -> str:
    """What was reached, in one line."""
    words = ", ".join(f"{count} {name}" for name, count in sorted(tally.items()))
    return f"{words}; {tally['steps'] / max(seconds, 1e-9):.0f} steps/s"


def clock() -> float:
    """Seconds that pass, for the speed of the simulator itself."""
    return time.perf_counter()
