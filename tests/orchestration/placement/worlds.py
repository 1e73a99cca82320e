"""Hosts to place on: by hand for the tables, drawn for the properties."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as draw

from apps.orchestration.placement import facts
from apps.orchestration.placement.facts import (
    Configured,
    Counted,
    HostFacts,
    Question,
    Seen,
    Strategy,
)

AT = "2026-03-01T12:00:00.000000+00:00"
EARLIER = "2026-03-01T11:50:00.000000+00:00"
DELFT, LEIDEN, GRONINGEN = (52.01, 4.36), (52.16, 4.49), (53.22, 6.57)


def host(name, **fields):
    """A host that takes everything; ``fields`` go to the group that has them."""
    groups = {
        "configured": Configured(AT, region="west", tags=("lab",), vim="Kubernetes",
                                 runs=("container",), latitude=DELFT[0], longitude=DELFT[1]),
        "seen": Seen(AT, True, ("x86_64",), ("GPU",), (16.0, 65536.0, 500.0), (4.0, 16384.0, 50.0)),
        "counted": Counted(AT),
    }
    for key, value in fields.items():
        group = next(one for one, made in groups.items() if hasattr(made, key))
        groups[group] = replace(groups[group], **{key: value})
    return HostFacts(f"id-{name}", name, f"10.0.0.{sum(map(ord, name)) % 250}", **groups)


def ask(*, app_name="camera", demand=(2.0, 2048.0, 10.0), **strategy):
    """A question about one container application."""
    return Question(AT, Strategy(**strategy), "container", app_name, demand)


_amount = draw.none() | draw.integers(0, 64).map(float)
_amounts = draw.tuples(_amount, _amount, _amount)
_some = {
    "region": draw.sampled_from(["west", "north", ""]),
    "tag": draw.sampled_from(["lab", "street", "roof"]),
    "architecture": draw.sampled_from(["x86_64", "arm64"]),
    "capability": draw.sampled_from(["GPU", "NPU"]),
    "vim": draw.sampled_from(["Kubernetes", "OpenStack", "Simulated"]),
}


def _tuple(of, most=2):
    return draw.lists(of, max_size=most, unique=True).map(tuple)


@draw.composite
def hosts(pick, most=12):
    """Any hosts, with names that may be the same."""
    configured = draw.builds(
        Configured,
        as_of=draw.just(AT),
        standing=draw.sampled_from(["open"] * 6 + ["cordoned", "draining", "removing"]),
        open_to_tenant=draw.sampled_from([True] * 5 + [False]),
        region=_some["region"],
        tags=_tuple(_some["tag"], 3),
        vim=_some["vim"],
        runs=draw.sampled_from([("container",), ("container", "vm"), ("vm",)]),
        latitude=draw.none() | draw.floats(-90, 90),
        longitude=draw.none() | draw.floats(-180, 180),
    )
    seen = draw.builds(
        Seen,
        as_of=draw.sampled_from(["", AT, EARLIER]),
        reachable=draw.sampled_from([True, True, None, False]),
        architectures=draw.none() | _tuple(_some["architecture"]),
        capabilities=draw.none() | _tuple(_some["capability"]),
        total=_amounts,
        used=_amounts,
    )
    counted = draw.builds(
        Counted,
        as_of=draw.just(AT),
        instances=draw.integers(0, 5),
        same=draw.integers(0, 2),
        taken=draw.sampled_from([False] * 5 + [True]),
        has_package=draw.booleans(),
        promised=draw.just(facts.NO_DEMAND) | draw.just((1.0, 2.0, 0.0)),
    )
    made = pick(draw.lists(draw.tuples(configured, seen, counted), max_size=most))
    names = pick(draw.lists(draw.sampled_from("abcdef"), min_size=len(made), max_size=len(made)))
    return [
        HostFacts(f"id-{at}", name, f"10.0.0.{at + 1}", *groups)
        for at, (name, groups) in enumerate(zip(names, made, strict=True))
    ]


@draw.composite
def questions(pick):
    """Any strategy and any demand."""
    optional = draw.sampled_from([0.0, 0.0, 1.0, 8.0])
    strategy = Strategy(
        hosts=pick(draw.sampled_from([()] * 4 + [("10.0.0.1", "10.0.0.3")])),
        count=pick(draw.integers(1, 4)),
        exclude=pick(draw.sampled_from([()] * 3 + [("10.0.0.2",)])),
        regions=pick(_tuple(draw.sampled_from(["west", "north"]))),
        tags=pick(_tuple(_some["tag"], 1)),
        architectures=pick(_tuple(_some["architecture"], 1)),
        capabilities=pick(_tuple(_some["capability"], 1)),
        vims=pick(_tuple(_some["vim"])),
        free=(pick(optional), pick(optional), pick(optional)),
        latitude=52.0,
        longitude=4.5,
        max_distance_km=pick(draw.none() | draw.floats(0, 9000)),
        max_latency_ms=pick(draw.none() | draw.floats(0, 200)),
        max_age_s=pick(draw.none() | draw.just(60.0)),
        order=pick(draw.sampled_from(facts.ORDERS)),
        unknown=pick(draw.dictionaries(
            draw.sampled_from(["region", "reachable", "free", "demand", "distance", "capability"]),
            draw.sampled_from(["keep", "drop"]), max_size=3)),
    )
    demand = (pick(optional), pick(optional), pick(optional))
    return Question(AT, strategy, pick(draw.sampled_from(["container", "vm"])), "camera", demand)


def changed(facts_of, ask, reasons):
    """The host after the changes that ``reasons`` name; None where one is no change of a fact."""
    made = facts_of
    for reason in reasons:
        made = _CHANGES[reason.code](made, reason.params, ask) if reason.code in _CHANGES else None
        if made is None:
            return None
    return made


def _set(group, **values):
    def change(made, params, ask):
        found = {key: value(params, ask) if callable(value) else value
                 for key, value in values.items()}
        return replace(made, **{group: replace(getattr(made, group), **found)})
    return change


def _split(name, mark=", "):
    return lambda params, ask: tuple(params[name].split(mark))


def _nearer(made, params, ask):
    """On the point's own meridian, at the distance that is named."""
    km = float(params.get("km", 0)) * 0.999
    return _set("configured", latitude=ask.strategy.latitude - km / 111.195,
                longitude=ask.strategy.longitude)(made, params, ask)


def _loaded(made, params, ask):
    """So much of every resource in use; not where the room itself is asked for."""
    if any(ask.demand) or any(ask.strategy.free) or ask.strategy.max_age_s is not None:
        return None
    share = float(params["percent"]) / 100
    return replace(
        made, seen=replace(made.seen, total=(1000.0,) * 3, used=(1000.0 * share,) * 3),
        counted=replace(made.counted, promised=facts.NO_DEMAND),
    )


def _freed(at):
    """So much of one resource free as is named."""
    def change(made, params, ask):
        if ask.strategy.max_age_s is not None:
            return None
        promised = made.counted.promised[at] or 0.0
        used = list(made.seen.used)
        used[at] = made.seen.total[at] - promised - float(params["wanted"])
        return replace(made, seen=replace(made.seen, used=tuple(used)))
    return change


_CHANGES = {
    "free_cpus": _freed(0),
    "free_memory_mb": _freed(1),
    "free_storage_gb": _freed(2),
    "uncordon": _set("configured", standing="open"),
    "register": _set("configured", standing="open"),
    "grant": _set("configured", open_to_tenant=True),
    "name_taken": _set("counted", taken=False),
    "runs": _set("configured", runs=("container", "vm")),
    "vim": _set("configured", vim=lambda params, ask: ask.strategy.vims[0]),
    "near": _nearer,
    "load": _loaded,
    "fill": _loaded,
}
