"""Decisions on paper, and the commands that print and replay them."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from apps.orchestration.models import PlacementDecision
from apps.orchestration.placement.decide import decide
from apps.orchestration.placement.record import facts_json, packed
from mecm_portal import placement_sample
from tests import factories as make


def printed(*words):
    """What ``manage.py placement`` prints."""
    out = StringIO()
    call_command("placement", *words, stdout=out)
    return out.getvalue()


def test_a_dry_run_over_two_hundred_hosts_tells_of_each_why_and_what_would_help():
    """Every host once; whoever lost is told a change; the groups add up."""
    with translation.override("en"):
        text = printed("sample", "--hosts", "200", "--seed", "7")
    decision = decide(placement_sample.question(), placement_sample.hosts(200, 7))
    lost = [one for one in decision.verdicts if not one.chosen]
    assert all(text.count(f" {one.name} ") == 1 for one in decision.verdicts)
    assert all(one.to_win for one in lost)
    assert " ".join(text.split()).count("To win it would have to ") == len(lost) == 197
    groups = [int(number) for number in re.findall(r"Dropped by “[^”]+”: (\d+)", text)]
    passed = int(re.search(r"Passed and not chosen: (\d+)", text)[1])
    assert len(groups) >= 6 and sum(groups) + passed + 3 == 200
    assert "Chosen: 3 of 51 that passed, of 200 considered" in text
    assert "seen 28 s before" in " ".join(text.split()) and "%(" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_printout_speaks_chinese():
    """No English sentence is left beside names."""
    with translation.override("zh-hans"):
        text = placement_sample.sample(200, 7)
    assert "若要胜出" in text
    assert not re.search(r"\b(Its?|To win|Chosen|Dropped|unknown)\b", text)


@pytest.fixture
def package(red):
    """A package, and two hosts for it."""
    make.host(name="quay")
    make.host(name="dock")
    return make.package(red, name="gauge")


def test_commands_try_explain_and_replay(package):
    tried = printed("try", "gauge", "--strategy", json.dumps({"count": 1, "exclude": ["dock"]}))
    kept = PlacementDecision.objects.get()
    assert "dry run" in tried and "The strategy excludes it." in tried
    assert printed("explain", str(kept.pk)) == tried
    assert "comes out the same: quay, of 2 considered" in printed("replay", str(kept.pk))


def test_replay_notices_a_record_that_does_not_come_out_of_its_facts(package):
    printed("try", "gauge")
    kept = PlacementDecision.objects.get()
    rows = facts_json(kept.known)
    for row in rows:
        row[3] = [row[3][0], "cordoned", *row[3][2:]]
    PlacementDecision.objects.update(facts=packed(rows))
    with pytest.raises(CommandError, match="otherwise"):
        printed("replay", str(kept.pk))
    PlacementDecision.objects.update(algorithm=99)
    with pytest.raises(CommandError, match="no algorithm 99"):
        printed("replay", str(kept.pk))


@pytest.mark.parametrize(("words", "said"), [
    (["explain", "00000000-0000-4000-8000-000000000000"], "no such placement decision"),
    (["try", "nothing"], "no package “nothing”"),
    (["try", "gauge", "--strategy", "{"], "not JSON"),
    (["try", "gauge", "--strategy", '{"order": "best"}'], "order"),
    (["try", "gauge", "--strategy", '{"order": "nearest"}'], "name the point"),
])
def test_commands_say_what_is_wrong(package, words, said):
    with pytest.raises(CommandError, match=said):
        printed(*words)
