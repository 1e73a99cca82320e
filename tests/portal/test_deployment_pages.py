"""Pages of deployments: trying, deploying, the record, and hosts that are closed and emptied."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.orchestration import draining
from apps.orchestration.decisions import Choice, keep
from apps.orchestration.gathering import Thing
from apps.orchestration.models import PlacementDecision
from apps.orchestration.placement.decide import decide
from apps.tenants.actors import SYSTEM
from mecm_portal import placement_sample
from tests import factories as make
from tests.portal.conftest import browser
from tests.portal.test_pages import Page


class Scene:
    """A tenant, a package, two open hosts, one of another tenant, and browsers."""

    def __init__(self):
        self.red = make.tenant("red")
        self.package = make.package(self.red, name="gauge")
        self.quay, self.dock = make.host(name="quay"), make.host(name="dock")
        self.hidden = make.host(name="azure", granted_to=make.tenant("blue"))
        MecHost.objects.filter(pk=self.dock.pk).update(region="west")
        self.rita = browser(make.user(self.red, name="rita"))
        self.boss = browser(make.admin("root"))

    def send(self, who, *, trying=False, **fields):
        """Send the form, as somebody who presses one of its two buttons."""
        data = {"app_name": "camera", "count": "1", "order": "least_loaded", **fields}
        data |= {"try": "1"} if trying else {}
        return who.post(f"/deployments/new/?package={self.package.pk}", data)


@pytest.fixture
def scene(strict):
    """The scene at a center with strict templates."""
    return Scene()


def text_of(page):
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


def test_trying_shows_the_record_below_the_form_and_creates_nothing(scene):
    page = scene.send(scene.rita, trying=True, regions="west, north")
    assert page.status_code == 200
    said = text_of(page)
    assert "nothing was created" in said
    assert "1. dock" in said and "Its region is unknown." in said
    assert "To win it would have to be in the region west / north" in said
    assert "azure" not in said
    assert 'value="west, north"' in page.content.decode()
    assert AppInstance.objects.count() == 0
    assert len(set(Page(page.content.decode()).ids)) == len(Page(page.content.decode()).ids)


def test_deploying_leads_to_the_record_with_what_came_of_it(scene):
    answer = scene.send(scene.rita, regions="west")
    kept = PlacementDecision.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/deployments/{kept.pk}/")
    made = AppInstance.objects.get()
    said = scene.rita.get(answer["Location"]).content.decode()
    assert f"/instances/{made.pk}/" in said and "It was chosen." in said
    why = scene.rita.get(f"/instances/{made.pk}/").content.decode()
    assert f'href="/deployments/{kept.pk}/"' in why
    assert "camera" in scene.rita.get("/deployments/?kind=deployment").content.decode()
    assert "Nothing matches" in scene.rita.get("/deployments/?kind=dry").content.decode()


def test_what_cannot_be_met_is_said_at_the_form(scene):
    refused = scene.send(scene.rita, count="3")
    assert refused.status_code == 422
    assert "2 of 3 hosts can take “camera”" in text_of(refused)
    pointless = scene.send(scene.rita, order="nearest")
    assert pointless.status_code == 422
    assert "name the point to be near to" in text_of(pointless)
    assert AppInstance.objects.count() == 0


def test_a_record_shows_a_tenant_only_hosts_that_it_may_know(scene):
    scene.send(scene.boss, trying=True)
    kept = PlacementDecision.objects.get()
    assert "azure" in scene.boss.get(f"/deployments/{kept.pk}/").content.decode()
    assert "azure" not in scene.rita.get(f"/deployments/{kept.pk}/").content.decode()
    assert scene.rita.get(f"/deployments/{uuid.uuid4()}/").status_code == 404


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_decision_over_two_hundred_hosts_is_one_page_of_few_queries(scene, language):
    asked, hosts = placement_sample.question(), placement_sample.hosts(200, 7)
    thing = Thing(scene.red.pk, scene.package, "camera")
    kept = keep(Choice(thing, asked, hosts, decide(asked, hosts)), actor=SYSTEM, dry_run=True)
    reader = browser(make.admin("reader"), language)
    url = f"/deployments/{kept.pk}/"
    reader.get(url)
    with CaptureQueriesContext(connection) as seen:
        page = reader.get(url)
    assert len(seen) <= 8
    text = page.content.decode()
    verdicts = kept.decided.verdicts
    groups = {"chosen", "passed"} | {one.dropped_by for one in verdicts if one.dropped_by}
    assert set(re.findall(r'id="group-(\w+)"', text)) == groups
    assert set(re.findall(r'<tr id="host-([^"]+)"', text)) == {one.id for one in verdicts}
    assert text.count('class="bar score-bar"') == 200
    assert not re.findall("⁉.{0,60}⁉", text) and not Page(text).inline
    if language == "en":
        assert "It is in the region south." in text


def test_an_administrator_cordons_drains_and_uncordons_a_host_after_a_question(scene):
    host = f"/hosts/{scene.dock.pk}/"
    scene.send(scene.rita, regions="west")
    assert "Cordon “dock”?" in scene.boss.get(f"{host}cordon/").content.decode()
    assert scene.boss.post(f"{host}cordon/")["Location"] == host
    assert "takes no new instances now" in scene.boss.get(host).content.decode()
    assert scene.boss.post(f"{host}drain/")["Location"] == f"{host}drained/"
    draining.advance()
    shown = text_of(scene.boss.get(f"{host}drained/"))
    assert "Stays – No other host can take it" in shown
    assert "Move also what was put there by name" in shown
    assert scene.boss.post(f"{host}uncordon/")["Location"] == host
    assert not MecHost.objects.get(pk=scene.dock.pk).cordoned
    assert scene.rita.post(f"{host}cordon/").status_code == 403
