"""AppLCMs and AppRuleManagers: register, change, remove, and whether they answer."""

from __future__ import annotations

import uuid

import pytest

from apps.common import clock
from apps.common.errors import Conflict
from apps.common.words import Reason
from apps.hosts import managers
from apps.hosts.models import AppLcm, AppRuleManager
from apps.journal.models import Entry, Tombstone
from tests import factories as make

KINDS = {
    "applcms": (AppLcm, "applcm"),
    "apprulemanagers": (AppRuleManager, "appRule"),
}


@pytest.fixture(params=KINDS)
def kind(request, house):
    """The address of a collection, its model, a maker of bodies, and an administrator."""
    model, prefix = KINDS[request.param]

    def body(ip="10.0.0.1", port="30204", **more):
        return {f"{prefix}Name": "node1", f"{prefix}Ip": ip, f"{prefix}Port": port,
                "userName": "operator", **more}

    return f"/inventory/v1/{request.param}", model, body, make.Api(make.admin()), prefix


def test_registered_manager_is_read_back_in_the_fields_of_the_original(kind):
    url, _, body, boss, _ = kind
    answer = boss.send("POST", url, body())
    assert (answer.status_code, answer.json()) == (200, {"response": "Saved"})
    for found in (boss.send("GET", url).json()[0], boss.send("GET", f"{url}/10.0.0.1").json()):
        assert body().items() <= found.items()
        assert found["observed"] == {
            "reachable": None, "since": None, "lastSeen": None, "reason": None}


def test_list_of_none_is_empty_and_not_an_error(kind):
    url, _, _, boss, _ = kind
    for spelling in (url, f"{url}/"):
        answer = boss.send("GET", spelling)
        assert (answer.status_code, answer.json()) == (200, [])


def test_same_address_again_answers_400_in_the_words_of_the_original(kind):
    url, model, body, boss, _ = kind
    boss.send("POST", url, body())
    answer = boss.send("POST", url, body(port="1"))
    assert answer.status_code == 400
    assert answer.json()["message"] == "Record already exist"
    assert str(model.objects.get().port) == "30204"


@pytest.mark.parametrize(
    ("part", "value"),
    [("Ip", "10.0.0"), ("Ip", "fe80::1%eth0"), ("Ip", ""), ("Ip", None), ("Port", "0"), ("Port", "65536"),
     ("Port", "x"), ("Port", ""), ("Name", ""), ("Name", "a b"), ("Name", "-a"),
     ("Name", "x" * 129), ("Name", None), ("Name", {"a": 1})],
)
def test_wrong_field_answers_400_and_names_it(kind, part, value):
    url, model, body, boss, prefix = kind
    answer = boss.send("POST", url, body() | {f"{prefix}{part}": value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [f"{prefix}{part}"]
    assert answer.json()["message"] == "input validation failed"
    assert not model.objects.exists()


def test_port_may_be_a_number_and_unknown_fields_are_ignored(kind):
    url, model, body, boss, _ = kind
    assert boss.send("POST", url, body(port=80, surprise=1)).status_code == 200
    assert model.objects.get().port == 80


def test_limit_answers_409_with_limit_use_and_who_can_raise_it(kind, settings):
    url, model, body, boss, _ = kind
    settings.LIMITS = settings.LIMITS | {url.rpartition("/")[2]: 2}
    for number in (1, 2):
        boss.send("POST", url, body(ip=f"10.0.0.{number}"))
    answer = boss.send("POST", url, body(ip="10.0.0.3"))
    assert answer.status_code == 409
    assert (answer.json()["limit"], answer.json()["used"]) == (2, 2)
    assert answer.json()["raised_by"]
    assert model.objects.count() == 2


def test_changed_manager_has_the_new_values_and_one_more_version(kind):
    url, model, body, boss, _ = kind
    boss.send("POST", url, body())
    before = model.objects.get().version
    assert boss.send("PUT", f"{url}/10.0.0.1", body(port="9")).json() == {"response": "Updated"}
    row = model.objects.get()
    assert (row.port, row.reachable) == (9, None)
    assert row.version > before
    boss.send("PUT", f"{url}/10.0.0.1", body(port="9"))
    assert model.objects.get().version == row.version, "the same again is no news"


def test_change_under_another_address_answers_400_and_of_an_unknown_one_404(kind):
    url, model, body, boss, _ = kind
    boss.send("POST", url, body())
    answer = boss.send("PUT", f"{url}/10.0.0.1", body(ip="10.0.0.2"))
    assert answer.status_code == 400
    assert model.objects.get().ip == "10.0.0.1"
    for method in ("GET", "PUT", "DELETE"):
        answer = boss.send(method, f"{url}/10.0.0.9", body("10.0.0.9") if method == "PUT" else None)
        assert answer.status_code == 404
        assert answer.json()["message"] == "Record not found"
    assert boss.send("PUT", f"{url}/10.0.0.9", "{").status_code == 404, "404 comes before 400"


def test_removed_manager_is_gone_and_leaves_a_tombstone(kind):
    url, model, body, boss, _ = kind
    boss.send("POST", url, body())
    key = model.objects.get().pk
    assert boss.send("DELETE", f"{url}/10.0.0.1").json() == {"response": "Deleted"}
    assert not model.objects.exists()
    assert Tombstone.objects.get().subject_id == key
    assert Entry.objects.latest("id").verb.endswith(".removed")


def test_manager_that_a_host_uses_stays_and_the_answer_names_the_host(house):
    boss = make.Api(make.admin())
    make.host(edge=make.edge(), name="quay", access="")
    make.edge("10.0.0.2")
    for url in ("/inventory/v1/applcms/10.9.0.1", "/inventory/v1/applcms"):
        answer = boss.send("DELETE", url)
        assert answer.status_code == 409
        assert "quay" in answer.json()["detail"]
    assert AppLcm.objects.count() == 2, "all or none"


def test_all_managers_are_removed_at_once(kind):
    url, model, body, boss, _ = kind
    for number in (1, 2):
        boss.send("POST", url, body(ip=f"10.0.0.{number}"))
    assert boss.send("DELETE", url).json() == {"response": "Deleted"}
    assert not model.objects.exists()
    assert boss.send("DELETE", url).status_code == 200


def test_contact_is_news_when_it_changes_and_only_a_time_when_it_does_not(house):
    edge = make.edge()
    away = Reason("%(where)s cannot be reached.", "unreachable", {"where": "x"})
    with clock.frozen() as now:
        managers.note_contact(AppLcm, manager_id=edge.pk, fault=away)
        lost = AppLcm.objects.get()
        assert (lost.reachable, lost.since, lost.last_seen) == (False, now(), None)
        assert str(lost.fault_reason) == "x cannot be reached."
        since = now()
        now.advance(minutes=5)
        managers.note_contact(AppLcm, manager_id=edge.pk, fault=away)
        again = AppLcm.objects.get()
        assert (again.version, again.since) == (lost.version, since)
        managers.note_contact(AppLcm, manager_id=edge.pk, fault=None)
        back = AppLcm.objects.get()
        assert (back.reachable, back.since, back.last_seen) == (True, now(), now())
        assert not back.fault_reason
        assert back.version > lost.version
        now.advance(minutes=5)
        managers.note_contact(AppLcm, manager_id=edge.pk, fault=None)
        later = AppLcm.objects.get()
        assert (later.version, later.last_seen) == (back.version, now())


def test_identity_is_pinned_at_first_contact_and_another_is_refused(house):
    edge, first = make.edge(), uuid.uuid4()
    for _ in range(2):
        managers.note_identity(applcm_id=edge.pk, site_id=first)
    with pytest.raises(Conflict) as caught:
        managers.note_identity(applcm_id=edge.pk, site_id=uuid.uuid4())
    assert caught.value.code == "identity_changed"
    assert AppLcm.objects.get().site_id == first
