"""Hosts that are made up, from a seed: to see what a decision looks like, and to measure it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from apps.orchestration.gathering import stamp
from apps.orchestration.placement import facts
from apps.orchestration.placement.decide import decide
from apps.orchestration.placement.facts import (
    Configured,
    Counted,
    HostFacts,
    Question,
    Seen,
    Strategy,
)
from apps.orchestration.printout import heading_of, printout

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_TOWNS = (
    ("delft", "west", 52.01, 4.36), ("leiden", "west", 52.16, 4.49),
    ("utrecht", "middle", 52.09, 5.12), ("zwolle", "east", 52.51, 6.09),
    ("groningen", "north", 53.22, 6.57), ("maastricht", "south", 50.85, 5.69),
)


def hosts(number: int, seed: int) -> list[HostFacts]:
    """So many hosts in six towns; the same seed makes the same hosts."""
    chance = Random(seed)  # noqa: S311 - made-up hosts are no secret
    return [_host(chance, at + 1) for at in range(number)]


def question() -> Question:
    """Three hosts for a camera that wants a GPU within 120 km of Delft."""
    strategy = Strategy(
        count=3,
        regions=("west", "middle", "east"),
        tags=("street",),
        architectures=("x86_64",),
        capabilities=("GPU",),
        latitude=52.01,
        longitude=4.36,
        max_distance_km=120.0,
        order=facts.NEAREST,
    )
    return Question(stamp(AT), strategy, "container", "camera", (4.0, 8192.0, 20.0))


def sample(number: int, seed: int) -> str:
    """A decision over made-up hosts, printed."""
    asked, known = question(), hosts(number, seed)
    when = f"{AT:%Y-%m-%d %H:%M:%S} UTC"
    heading = heading_of(asked.app_name, f"gauge 1.0, {number} made-up hosts", when, dry_run=True)
    return printout(asked, decide(asked, known).verdicts, known, heading=heading)


def _host(chance: Random, number: int) -> HostFacts:
    town, region, latitude, longitude = chance.choice(_TOWNS)
    seen = chance.random() > 0.05
    total = chance.choice([(16.0, 65536.0, 500.0), (32.0, 131072.0, 1000.0)])
    share = chance.random()
    return HostFacts(
        id=f"00000000-0000-4000-8000-{number:012}",
        name=f"{town}-{number:03}",
        ip=f"10.20.{number // 250}.{number % 250 + 1}",
        configured=Configured(
            as_of=stamp(AT - timedelta(days=chance.randrange(1, 90))),
            standing=chance.choice([facts.OPEN] * 18 + [facts.CORDONED, facts.DRAINING]),
            region=region if chance.random() > 0.05 else "",
            tags=("street",) if chance.random() > 0.15 else ("roof",),
            vim="Kubernetes",
            runs=("container",),
            latitude=round(latitude + chance.uniform(-0.05, 0.05), 4),
            longitude=round(longitude + chance.uniform(-0.08, 0.08), 4),
        ),
        seen=Seen(
            as_of=stamp(AT - timedelta(seconds=chance.randrange(1, 40))) if seen else "",
            reachable=chance.random() > 0.05 if seen else None,
            architectures=(chance.choice(["x86_64"] * 9 + ["arm64"]),),
            capabilities=("GPU",) if chance.random() > 0.2 else (),
            total=total if seen else facts.NOTHING_KNOWN,
            used=(
                (round(total[0] * share, 1), round(total[1] * share), 80.0)
                if seen else facts.NOTHING_KNOWN
            ),
        ),
        counted=Counted(
            stamp(AT), instances=chance.randrange(6), has_package=chance.random() > 0.6
        ),
    )
