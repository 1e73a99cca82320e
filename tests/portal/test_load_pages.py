"""Load as charts: what is drawn, what is a gap, what nobody measures, and who may look."""

from __future__ import annotations

import re

import pytest

from apps.common import clock
from apps.common.errors import Upstream
from apps.common.words import Reason
from apps.monitoring import load
from apps.monitoring.load import Look, keep, series_of
from apps.monitoring.models import LoadRing, Subject
from apps.monitoring.rings import NEAR
from apps.portal.load_view import view_of
from apps.portal.views import load as pages
from apps.vim.contract import Meter, Usage
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.portal.conftest import browser
from tests.portal.test_pages import FRAGMENT, Page

NO_SOURCE = Reason("There is no metrics source on this site.", "no_metrics")


class Viewer:
    """An instance on a host of this site, and people who look at their pages."""

    def __init__(self, stage):
        self.now, self.host, self.stage = stage.now, stage.host, stage
        self.instance = stage.create()
        stage.instantiate(self.instance)
        stage.work(until="Instantiated")
        self.user = make.user(stage.tenant)
        self.host_page = f"/hosts/{self.host.pk}/"
        self.page = f"/instances/{self.instance.pk}/load/"

    def sample(self, times, step=30):
        """So many looks at the host, one each ``step`` seconds."""
        for _ in range(times):
            load.sample_local(self.host.pk)
            self.now.advance(seconds=step)

    def read(self, url, *, who=None, language="en", **options):
        """The text of a page."""
        answer = browser(who or self.user, language).get(url, **options)
        assert answer.status_code == 200, answer.content
        return answer.content.decode()


@pytest.fixture(params=["house", "edge_house"])
def look(request, db):
    """At a center and at an edge."""
    request.getfixturevalue(request.param)
    with clock.frozen() as now:
        yield Viewer(Stage(now))


def chart(view, name):
    return next(one for one in view.charts if one.name == name)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("span", ["hour", "day", "nonsense"])
def test_pages_hold_to_the_policy_in_both_languages(look, language, span):
    look.sample(45)
    for url in (look.host_page, look.page):
        text = look.read(f"{url}?span={span}", language=language)
        found = Page(text)
        assert not found.inline
        assert len(found.ids) == len(set(found.ids))
        assert found.headings == 1
        assert "⁉" not in text
        assert "<svg class=\"load-plot\"" in text
        piece = look.read(f"{url}?part=load&span={span}", language=language, headers=FRAGMENT)
        assert "<html" not in piece
        assert 'id="load"' in piece


def test_chart_has_a_title_a_description_and_a_table(look):
    look.sample(3)
    text = look.read(look.host_page)
    for name in ("cpu", "memory", "storage"):
        assert f'<title id="load-{name}-title">' in text
        assert re.search(rf'<desc id="load-{name}-text">[^<]+ used of [^<]+</desc>', text)
    table = text.partition('<caption class="visually-hidden">Load over time')[2]
    assert table.partition("</table>")[0].count('<th scope="row">') == 3
    assert "measured by" in text
    storage = look.read(look.page)
    assert "load-storage-title" not in storage, "nobody measures it of an instance"


def test_what_was_not_measured_is_a_gap_and_not_a_zero(look):
    look.sample(5)
    look.now.advance(seconds=600)
    look.sample(5)
    view = view_of(series_of(look.host.pk), "hour")
    lines = chart(view, "cpu").lines
    assert lines.count("M") == 2
    assert len(view.rows) == 10
    assert "120.0" not in lines


def test_one_missed_look_does_not_break_the_line(look):
    look.sample(4)
    look.now.advance(seconds=30)
    look.sample(4)
    assert chart(view_of(series_of(look.host.pk), "hour"), "cpu").lines.count("M") == 1


def test_a_lone_look_is_a_dot(look):
    look.sample(1)
    assert chart(view_of(series_of(look.host.pk), "hour"), "cpu").lines.endswith("h0.1")


def test_no_metrics_source_is_said_in_words_without_a_chart(look):
    keep([Look(Subject.HOST, look.host.pk, Usage(clock.now(), reason=NO_SOURCE))], NEAR)
    for url in (look.host_page, look.page):
        text = look.read(url)
        assert "There is no metrics source on this site." in text
        assert "load-plot" not in text
        chinese = look.read(url, language="zh-hans")
        assert "There is no metrics source" not in chinese


def test_before_the_first_look_nothing_is_claimed(look):
    LoadRing.objects.all().delete()
    assert "Nothing has been measured yet." in look.read(look.host_page)
    assert "Nothing has been measured yet." in look.read(look.page)


def test_meter_that_nobody_measures_is_named(look):
    one = Usage(clock.now(), Meter(1, 4), Meter(512, 2048), source="metrics.k8s.io")
    keep([Look(Subject.HOST, look.host.pk, one)], NEAR)
    text = look.read(look.host_page)
    assert "Storage: not measured" in text
    assert "0.5 GiB" not in text and "512" in text and "2 GiB" in text


def test_edge_that_does_not_answer_is_said_on_the_page(look, monkeypatch):
    def silent(*args, **options):
        raise Upstream("%(where)s cannot be reached (%(why)s).", where="edge", why="down")

    monkeypatch.setattr(pages, "instance_series", silent)
    text = look.read(look.page)
    assert "edge cannot be reached (down)." in text
    assert "load-plot" not in text


def test_another_tenant_does_not_see_it(look):
    stranger = browser(make.user(make.tenant("blue")))
    assert stranger.get(look.page).status_code == 404
    assert browser(look.user).get(look.page.replace("load", "nothing")).status_code == 404


def test_source_is_text_to_the_page(look):
    one = Usage(clock.now(), Meter(1, 4), source="<script>alert(1)</script>")
    keep([Look(Subject.HOST, look.host.pk, one)], NEAR)
    assert "<script>alert" not in look.read(look.host_page)
