"""Several instances at once and upgrades, as a person does them in the pages."""

from __future__ import annotations

import pytest

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance, LcmOperation, Rollout
from apps.orchestration import rollouts
from tests import factories
from tests.portal.conftest import MISSING

PARTS = {"HX-Request": "true"}


def text_of(answer, status=200):
    """The page; no name of it is missing."""
    assert answer.status_code == status
    text = answer.content.decode()
    assert MISSING.split("%s")[0] not in text
    return text


def test_new_instances_on_several_hosts_tell_what_became_of_each(estate, open_as):
    url = f"/instances/new/?package={estate.package.pk}"
    factories.instance(estate.package, estate.unseen, name="gate", state="Created")
    answer = open_as("tenant").post(url, {
        "host": [estate.online.pk, estate.stale.pk, estate.unseen.pk], "app_name": "gate",
        "start": "1"})
    text = text_of(answer)
    assert "2 of 3 accepted" in text
    assert "The name “gate” is in use" in text
    made = AppInstance.objects.filter(app_name="gate", wanted="Instantiated")
    assert {row.host for row in made.select_related("host")} == {estate.online, estate.stale}


def test_parameter_that_is_wrong_is_told_at_its_field(estate, open_as):
    stored = factories.package(estate.one, name="tuned")
    stored.info["requirements"]["inputs"] = [
        {"name": "level", "type": "integer", "default": "1", "description": "How loud"},
        {"name": "ratio", "type": "float", "default": "1"},
        {"name": "on", "type": "boolean", "default": "true"}]
    stored.save()
    url = f"/instances/new/?package={stored.pk}"
    text = text_of(open_as("tenant").get(url))
    assert "How loud" in text
    body = {"host": estate.online.pk, "app_name": "tuned", "parameter-level": "x",
            "parameter-ratio": "1", "parameter-on": "true"}
    text_of(open_as("tenant").post(url, body), 422)
    text = text_of(open_as("tenant").post(
        url, {**body, "parameter-level": "3", "parameter-ratio": "y"}), 422)
    assert "must be a number" in text
    assert not AppInstance.objects.filter(app_name="tuned").exists()
    answer = open_as("tenant").post(url, {**body, "parameter-level": "3"})
    assert answer.status_code == 302
    assert AppInstance.objects.get(app_name="tuned").parameters == {
        "level": "3", "ratio": "1", "on": "true"}


def test_missing_service_is_told_and_may_be_accepted(estate, open_as):
    wanting = factories.package(estate.one, name="wanting", requires=(("maps", "2.0"),))
    url = f"/instances/new/?package={wanting.pk}"
    body = {"host": estate.online.pk, "app_name": "lonely"}
    text = text_of(open_as("tenant").post(url, body), 422)
    assert "has no active service: maps 2.0" in text
    answer = open_as("tenant").post(url, {**body, "allow_missing": "on"}, follow=True)
    assert "has no active service: maps 2.0" in text_of(answer)


def test_chosen_instances_are_started_and_ended_after_a_question(estate, open_as):
    client = open_as("tenant")
    assert estate.failed.app_name in text_of(client.get("/instances/many/"))
    both = {"instance": [estate.failed.pk, estate.running.pk]}
    text = text_of(client.post("/instances/many/", {**both, "verb": "start"}))
    assert "1 of 2 accepted" in text
    asked = text_of(client.post("/instances/many/", {**both, "verb": "terminate"}))
    assert "cannot be undone" in asked
    assert not LcmOperation.objects.filter(kind="terminate").exists()
    done = client.post("/instances/many/", {**both, "verb": "terminate", "confirmed": "1"})
    assert "2 of 2 accepted" in text_of(done)
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Terminating"}
    assert "Choose from 1 to 20" in text_of(
        client.post("/instances/many/", {"verb": "start"}), 422)


def test_instance_of_another_tenant_is_not_done_with(estate, open_as):
    text = text_of(open_as("other").post(
        "/instances/many/", {"instance": estate.running.pk, "verb": "start"}))
    assert "0 of 1 accepted" in text
    assert estate.running.app_name not in text


@pytest.fixture
def newer(estate):
    """Another version of what runs."""
    return factories.package(estate.one, name=estate.package.name, version="2.0")


def test_upgrade_is_ordered_followed_stopped_and_taken_back(estate, open_as, newer):
    client = open_as("tenant")
    MecHost.objects.filter(pk=estate.online.pk).update(applcm=None)
    url = f"/upgrades/new/?instance={estate.running.pk}"
    text = text_of(client.get(url))
    assert str(newer) in text
    wrong = text_of(client.post(url, {"package": newer.pk, "wave_size": 0, "stop_after": 1}), 422)
    assert "Choose at least one instance." in wrong
    answer = client.post(url, {
        "package": newer.pk, "instances": [estate.running.pk, estate.failed.pk],
        "wave_size": 1, "stop_after": 1})
    made = Rollout.objects.get()
    assert answer["Location"] == f"/upgrades/{made.pk}/"
    page = f"/upgrades/{made.pk}/"
    assert "0 of 2 done" in text_of(client.get(page))
    assert "0 of 2 done" in text_of(client.get(f"{page}?part=progress", headers=PARTS))
    client.post(f"{page}stop/")
    assert "It was stopped by ann." in text_of(client.get(page))
    LcmOperation.objects.filter(kind="upgrade").update(state="Succeeded")
    AppInstance.objects.filter(pk=estate.running.pk).update(state="Instantiated")
    rollouts.advance(made.pk)
    back = client.post(f"{page}back/")
    assert Rollout.objects.filter(back_of=made).count() == 1
    assert str(Rollout.objects.get(back_of=made).pk) in back["Location"]
    assert newer.name in text_of(client.get("/upgrades/"))
    assert open_as("other").get(page).status_code == 404
    assert open_as("guest").post(f"{page}stop/").status_code in (302, 403)


def test_without_another_version_the_page_says_so(estate, open_as):
    text = text_of(open_as("tenant").get(f"/upgrades/new/?instance={estate.running.pk}"))
    assert "No other version" in text
    assert open_as("tenant").get("/upgrades/new/?instance=x").status_code == 404
