"""What holds for any hosts and any strategy."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as draw

from apps.orchestration.placement.decide import ALGORITHM, decide
from apps.orchestration.placement.facts import Question
from apps.orchestration.placement.filters import filters_of
from apps.orchestration.placement.record import (
    decision_from,
    decision_json,
    facts_from,
    facts_json,
    packed,
    replay,
    unpacked,
)
from apps.orchestration.placement.space import fibre_ms, km_between, room_of
from tests.orchestration.placement import worlds

many = settings(max_examples=40, deadline=None, database=None)


def fails(host, ask):
    """Whether a host breaks what was asked, said once more and apart from the filters."""
    wants, configured, seen = ask.strategy, host.configured, host.seen
    if wants.max_age_s is not None and seen.as_of < worlds.AT:
        seen = type(seen)()
    looked = replace(host, seen=seen)
    treat = wants.unknown.get
    km = km_between(looked, wants)

    def too_little(needed, way):
        return any(
            need and (way == "drop" if free is None else free < need)
            for need, free in zip(needed, room_of(looked), strict=True)
        )

    def lacks(wanted, has, name, every):
        if not wanted:
            return False
        if has is None:
            return treat(name, "drop") == "drop"
        return not (set(wanted) <= set(has) if every else set(wanted) & set(has))

    far = (wants.max_distance_km, "distance", 1.0), (wants.max_latency_ms, "latency", fibre_ms(1))
    return any((
        configured.standing != "open",
        not configured.open_to_tenant,
        host.ip in wants.exclude,
        ask.app_class not in configured.runs,
        host.counted.taken,
        lacks(wants.regions, [configured.region] if configured.region else None, "region", False),
        not set(wants.tags) <= set(configured.tags),
        wants.vims and configured.vim not in wants.vims,
        lacks(wants.architectures, seen.architectures, "architecture", False),
        lacks(wants.capabilities, seen.capabilities, "capability", True),
        seen.reachable is False,
        seen.reachable is None and treat("reachable", "keep") == "drop",
        too_little(ask.demand, treat("demand", "keep")),
        too_little(wants.free, treat("free", "drop")),
        *(
            treat(name, "drop") == "drop" if km is None else km * unit > most + 1e-6
            for most, name, unit in far if most is not None
        ),
    ))


@many
@given(worlds.questions(), worlds.hosts())
def test_no_failing_host_gets_through_and_no_passing_one_is_dropped(ask, hosts):
    """Filters and an independent reading of the strategy agree about every host."""
    named = set(ask.strategy.hosts)
    considered = [one for one in hosts if not named or one.ip in named]
    decision = decide(ask, hosts)
    assert {one.id for one in decision.verdicts} == {one.id for one in considered}
    dropped = {one.id for one in decision.verdicts if one.dropped_by}
    assert dropped == {one.id for one in considered if fails(one, ask)}
    assert not dropped & set(decision.chosen)
    assert len(decision.chosen) == min(ask.strategy.count, len(considered) - len(dropped))


@many
@given(worlds.questions(), worlds.hosts(), draw.randoms(use_true_random=False))
def test_decision_does_not_depend_on_the_order_of_the_hosts(ask, hosts, chance):
    """Shuffled hosts, the same decision to the last byte."""
    shuffled = random.Random(chance.random()).sample(hosts, len(hosts))
    assert decision_json(decide(ask, shuffled)) == decision_json(decide(ask, hosts))


@many
@given(worlds.questions(), worlds.hosts())
def test_replay_of_a_kept_record_is_the_decision(ask, hosts):
    """Facts and question go through bytes and back, and decide the same again."""
    decision = decide(ask, hosts)
    kept = unpacked(packed({"ask": ask.as_json(), "facts": facts_json(hosts),
                            "decision": decision_json(decision)}))
    again = replay(Question.from_json(kept["ask"]), facts_from(kept["facts"]), ALGORITHM)
    assert again == decision
    assert decision_from(kept["decision"]) == decision
    assert replay(ask, hosts, ALGORITHM + 1) is None


@many
@given(worlds.questions(), worlds.hosts(), draw.data())
def test_changing_what_a_record_says_makes_the_host_win(ask, hosts, data):
    """Of each host that lost, the change that is named is enough."""
    decision = decide(ask, hosts)
    losers = [one for one in decision.verdicts if not one.chosen]
    if not losers:
        return
    loser = data.draw(draw.sampled_from(losers))
    by_id = {one.id: one for one in hosts}
    changed = worlds.changed(by_id[loser.id], ask, loser.to_win)
    if changed is None:
        return
    after = decide(ask, [changed if one.id == loser.id else one for one in hosts])
    assert loser.id in after.chosen, [str(one) for one in loser.to_win]


@many
@given(worlds.questions(), worlds.hosts())
def test_scores_are_the_sum_of_their_parts_and_order_those_that_passed(ask, hosts):
    """Whole points, at most a hundred times a million, best first but for spreading."""
    verdicts = decide(ask, hosts).verdicts
    assert all(one.score == sum(part.worth for part in one.parts) for one in verdicts)
    assert all(0 <= one.score <= 100_000_000 for one in verdicts)
    ranked = [one for one in verdicts if one.rank]
    assert [one.rank for one in ranked] == list(range(1, len(ranked) + 1))
    if ask.strategy.order != "spread":
        assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)


def test_every_filter_that_may_not_know_says_how_it_treats_that():
    """A filter with a treatment of its own can be told otherwise, and the others never need one."""
    every = filters_of(worlds.ask(
        exclude=("a",), regions=("a",), tags=("a",), architectures=("a",), capabilities=("a",),
        vims=("a",), free=(1.0, 0.0, 0.0), max_distance_km=1.0, max_latency_ms=1.0,
    ))
    assert {one.name: treatment for one, treatment in every} == {
        "standing": "", "tenant": "", "excluded": "", "runs": "", "name": "", "region": "drop",
        "tags": "", "vim": "drop", "architecture": "drop", "capability": "drop",
        "distance": "drop", "latency": "drop", "reachable": "keep", "demand": "keep",
        "free": "drop",
    }
