"""Every state has a word and a tone; every deed in the record has words; reasons always render."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.utils import translation

from apps.common.words import Reason, say
from apps.instances.states import INSTANCE, Health, InstanceState
from apps.journal.models import Entry
from apps.monitoring import marks
from apps.portal import verbs
from apps.vim.servers import Action

APPS = Path(__file__).parents[2] / "apps"
# Announced, never recorded.
SILENT = ("host.observed", "distribution.observed", ".followed", ".progressed", ".waiting",
          "user.signed_out", "service.suspended", "service.resumed")


@pytest.mark.parametrize("state", list(InstanceState))
def test_each_state_has_a_tone_of_its_own_meaning(state):
    mark = marks.state_mark(state)
    assert mark.tone != marks.UNKNOWN
    assert mark.label == state.label
    failed = state in ("Create failed", "Instantiation failed", "Terminate failed")
    assert (mark.tone == marks.BAD) is failed


def test_an_unknown_state_is_neither_well_nor_failed():
    assert marks.state_mark("Levitating").tone == marks.UNKNOWN
    assert marks.runtime_mark("Levitating").tone == marks.UNKNOWN
    assert marks.step_mark("levitating").tone == marks.UNKNOWN


def test_state_words_are_translated():
    with translation.override("zh-hans"):
        for state in [*InstanceState, *Health]:
            assert str(state.label) != state.value, state


def _constants(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_each_recorded_verb_has_words():
    known = set()
    for path in APPS.rglob("*.py"):
        if path.parent.name != "portal" and path.name != "console.py":
            known |= {
                text for text in _constants(path)
                if text.count(".") == 2 and " " not in text and not text.endswith(SILENT)
                and text.split(".")[0] in ("tenants", "hosts", "packages", "instances", "mep")
                and text.split(".")[1] in ("tenant", "user", "host", "package", "distribution",
                                           "instance", "operation", "application", "service",
                                           "subscription")
                and text.split(".")[2]
            }
    for moves in INSTANCE.moves.values():
        known |= {f"instances.instance.{verb}" for verb in moves}
    known |= {f"instances.server.{action}" for action in Action}
    assert known
    assert known - verbs.known() == set()


def test_a_deed_without_words_is_shown_as_it_is_stored():
    assert verbs.sentence(Entry(verb="new.thing.done")) == "new.thing.done"


def test_a_reason_reads_even_when_its_parameters_are_lost():
    assert say(Reason("Nothing is registered under %(ip)s.")) != ""
    assert "%(ip)s" in say(Reason("Nothing is registered under %(ip)s.", "", {"other": 1}))
    assert say(None) == ""


def test_states_in_reasons_are_translated_too():
    reason = Reason("“%(verb)s” is not possible while the state is “%(state)s”.", "",
                    {"verb": "terminate", "state": "Creating"})
    with translation.override("zh-hans"):
        assert say(reason) == "状态为“创建中”时不能执行“终止”。"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_and_graph_say_the_same_of_a_host(estate, open_as, language):
    client = open_as("admin", language)
    nodes = {node["id"]: node for node in client.get("/api/v1/topology").json()["nodes"]}
    text = client.get("/hosts/").content.decode()
    said = set()
    for host in (estate.online, estate.offline, estate.stale, estate.unseen):
        node = nodes[f"host:{host.pk}"]
        row = text.split(f'id="host-{host.pk}"')[1].split("</tr>")[0]
        assert f'class="state state-{node["tone"]}' in row
        assert f"<span>{node['state_text']}</span></span>" in row
        said.add(node["state"])
    assert said == {"Pending", "Offline", "Edge offline", "Never seen"}


def test_a_report_that_does_not_read_breaks_no_page(estate, open_as):
    estate.running.workload = {"phase": "?"}
    estate.running.save()
    for url in ("/instances/", f"/instances/{estate.running.pk}/", "/topology/"):
        assert open_as("tenant").get(url).status_code == 200, url
