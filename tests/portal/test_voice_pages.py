"""The pages of events and logs: what they show in each state, with and without a script."""

from __future__ import annotations

import re

import pytest

from apps.common import clock
from apps.orchestration import voices
from apps.tenants.roles import Role
from apps.vim.voices import LogLine, LogPage, WorkloadEvent
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.portal.conftest import browser
from tests.portal.looks import Look
from tests.portal.test_pages import Page

EVIL = "<script>alert(1)</script>"
DIES = "  faults:\n    - {{kind: die, cause: {cause}, survivors: 0, after: {after}}}\n"


class VoiceLook(Look):
    """The instance is a container, and people read its events and logs."""

    def __init__(self, stage):
        super().__init__(stage)
        pod = self.instance.seen.pods[0]
        self.of = f"{pod.name}/{pod.containers[0].name}"

    def read(self, what, *, who=None, language="en", **query):
        """The text of a page."""
        return super().read(f"{self.page}{what}", who=who, language=language, data=query)

    def lines(self, **query):
        """What the script is told."""
        answer = browser(self.user).get(f"{self.page}logs/lines/", {"of": self.of, **query})
        return answer.json()


@pytest.fixture(params=["house", "edge_house"])
def look(request, db):
    """At a center and at an edge."""
    request.getfixturevalue(request.param)
    with clock.frozen() as now:
        yield VoiceLook(Stage(now))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("what", ["events/", "logs/", ""])
def test_page_holds_to_the_policy_in_both_languages(look, what, language):
    text = look.read(what, language=language)
    found = Page(text)
    assert not found.inline
    assert len(found.ids) == len(set(found.ids))
    assert found.headings == 1
    assert f'href="{look.page}logs/"' in text
    assert f'href="{look.page}events/"' in text


def test_events_are_told_in_words_newest_first_with_the_vims_own_beside(look):
    text = look.read("events/")
    assert text.index("The container was started.") < text.index("A node was chosen.")
    assert "Simulated:" in text
    assert "All</a>" not in text
    assert "Warnings (0)" in re.sub(r"<[^>]+>", "", text)
    assert "There are no warnings." in look.read("events/", only="warnings")


def test_warning_stands_out_has_its_count_and_can_be_seen_alone(look, monkeypatch):
    at = clock.now()
    told = (
        WorkloadEvent("Pod", "p", "Normal", "Scheduled", "ok", 1, at, at),
        WorkloadEvent("Pod", "p", "Warning", "Failed", f"Failed to pull image {EVIL}", 7, at, at),
        WorkloadEvent("Pod", "p", "Warning", "Odd", "something else", 1, None, None),
    )
    monkeypatch.setattr(voices, "events_of", lambda *_, **__: told)
    text = look.read("events/", only="warnings")
    assert "The image cannot be pulled." in text
    assert '<td data-label="Count" class="num">7</td>' in text
    assert text.count('class="is-warning"') == 2
    assert "A node was chosen." not in text
    assert EVIL not in text


def test_log_shows_its_last_lines_without_a_script(look):
    look.stage.now.advance(seconds=200)
    text = look.read("logs/", tail=100)
    assert text.count('class="log-line"') == 100
    assert 'data-cursor="20' in text
    assert '<option selected>100</option>' in text
    assert f'<option value="{look.of}" selected>' in text


def test_script_reads_on_from_the_cursor(look):
    first = look.lines()
    look.stage.now.advance(seconds=3)
    second = look.lines(after=first["cursor"])
    assert (second["state"], len(second["lines"])) == ("running", 3)
    assert first["lines"] + second["lines"] == look.lines()["lines"]
    assert look.lines(after=second["cursor"])["lines"] == []


def test_break_longer_than_the_time_that_was_asked_for_loses_no_line(look):
    first = look.lines(since="5")
    look.stage.now.advance(minutes=20)
    second = look.lines(since="5", after=first["cursor"])
    assert len(second["lines"]) == 20 * 60


def test_line_that_is_a_script_stays_text(look, monkeypatch):
    page = LogPage((LogLine(clock.now().isoformat(), EVIL),), "c")
    monkeypatch.setattr(voices, "log_of", lambda *_, **__: page)
    text = look.read("logs/")
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)" in text


def test_file_has_all_of_it(look):
    look.stage.now.advance(hours=1)
    answer = browser(look.user).get(f"{look.page}logs/file/", {"of": look.of})
    assert len(make.content_of(answer).splitlines()) > 3600
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize(("query", "state"), [
    ({"of": "nobody/x"}, "gone"), ({"previous": "1"}, "gone"), ({"of": ""}, "gone"),
    ({"after": "x"}, "refused"),
])
def test_log_that_is_not_there_says_so(look, query, state):
    told = look.lines(**query)
    assert told["state"] == state
    assert told["why"]
    assert told["lines"] == []


def test_states_of_a_log_are_words_on_the_page(look):
    site = look.stage
    for fault, words in (
        (DIES.format(cause="ImagePullBackOff", after=0.1), "has not started yet"),
        ("  faults:\n    - {kind: unreachable}\n", "The link is lost"),
    ):
        other = site.create(name=f"x{len(fault)}")
        site.instantiate(other)
        if "unreachable" not in fault:
            make.simulate(site.host.pk, fault)
            site.work(20)
            other.refresh_from_db()
            pod = other.seen.pods[0]
            of = f"{pod.name}/{pod.containers[0].name}"
        else:
            other, of = look.instance, look.of
            make.simulate(site.host.pk, fault)
        page = browser(look.user).get(f"/instances/{other.pk}/logs/", {"of": of})
        said = re.search(r'id="log-state".*?>([^<>]*)</p>', page.content.decode(), re.S)[1]
        assert words in said
    assert "cannot be read now" in look.read("events/")


def test_instance_that_nobody_has_seen_has_no_log_yet(look):
    other = look.stage.create(name="fresh")
    text = browser(look.user).get(f"/instances/{other.pk}/logs/").content.decode()
    assert "No container of this instance has been seen yet" in text
    assert 'id="log"' not in text


def test_another_tenant_finds_nothing_and_a_guest_may_look(look):
    stranger = browser(make.user(make.tenant("blue")))
    for what in ("events/", "logs/", "logs/lines/?of=p/c", "logs/file/?of=p/c"):
        assert stranger.get(f"{look.page}{what}").status_code == 404, what
    guest = make.user(look.stage.tenant, role=Role.GUEST)
    assert "log-line" in look.read("logs/", who=guest)
