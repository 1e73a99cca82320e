"""What two sites contest, by the API: reading it, choosing, and who may."""

from __future__ import annotations

import pytest

from apps.hosts.models import MecHost
from apps.journal.models import Entry
from apps.rules.models import AppdConfiguration
from tests import factories as make
from tests.sync.contests import contest_host, contest_rules, rule

URL = "/sync/v1/conflicts"


@pytest.fixture
def boss(house):
    return make.Api(make.admin("root"))


@pytest.fixture
def host(house):
    made = make.host(edge=make.edge(name="far"), name="shared", access="")
    return contest_host(made, ours={"city": "Leiden", "region": "west"},
                        theirs={"city": "Gouda", "region": "east"})


@pytest.fixture
def row(house, red):
    instance = make.instance(make.package(red), make.host(edge=make.edge("10.9.0.5"), access=""),
                             state="Instantiated")
    return contest_rules(make.configuration(instance), ours={}, theirs={"d1": rule("10.0.0.9")})


def test_list_names_things_fields_and_edges(boss, host, row):
    found = boss.send("GET", URL).json()
    assert [(one["kind"], one["id"], one["fields"]) for one in found] == [
        ("appdconfiguration", str(row.pk), ["dns/d1"]),
        ("mechost", str(host.pk), ["city", "region"]),
    ], "by name"
    assert {one["edge"] for one in found if one["kind"] == "mechost"} == {"far"}
    assert all(one["since"] for one in found)
    assert len(boss.send("GET", f"{URL}?limit=1&offset=1").json()) == 1


def test_each_field_has_its_ancestor_and_both_sides(boss, host, row):
    found = boss.send("GET", f"{URL}/mechost/{host.pk}").json()
    assert found["fields"]["city"] == {"base": "Delft", "ours": "Leiden", "theirs": "Gouda"}
    sides = boss.send("GET", f"{URL}/appdconfiguration/{row.pk}").json()["fields"]["dns/d1"]
    assert set(sides) == {"base", "theirs"}, "we took the rule away"
    assert sides["theirs"]["ipAddress"] == "10.0.0.9"


def test_choice_settles_what_it_names_and_tells_what_is_left(boss, host):
    found = boss.send("GET", f"{URL}/mechost/{host.pk}").json()
    body = {"choices": {"city": "theirs"}, "stamp": found["stamp"]}
    left = boss.send("POST", f"{URL}/mechost/{host.pk}", body)
    assert (left.status_code, list(left.json()["fields"])) == (200, ["region"])
    last = boss.send("POST", f"{URL}/mechost/{host.pk}", {"choices": {"region": "ours"}})
    assert last.json()["fields"] == {}
    row = MecHost.objects.get(pk=host.pk)
    assert (row.city, row.region, row.contested) == ("Gouda", "west", {})
    entry = Entry.objects.filter(verb="hosts.host.settled").first()
    assert entry.data["choices"] == {"city": "theirs"}
    assert entry.data["versions"]["city"]["base"] == "Delft"
    assert boss.send("GET", f"{URL}/mechost/{host.pk}").status_code == 404


@pytest.mark.parametrize("choices", [{}, {"name": "ours"}, {"city": "both"}, None, ["city"]])
def test_wrong_choice_is_refused_and_changes_nothing(boss, host, choices):
    answer = boss.send("POST", f"{URL}/mechost/{host.pk}", {"choices": choices})
    assert answer.status_code == 400
    assert MecHost.objects.get(pk=host.pk).contested == host.contested


def test_choice_from_values_that_are_gone_is_a_conflict(boss, host):
    stamp = boss.send("GET", f"{URL}/mechost/{host.pk}").json()["stamp"]
    MecHost.objects.filter(pk=host.pk).update(city="Utrecht")
    body = {"choices": {"city": "ours"}, "stamp": stamp}
    answer = boss.send("POST", f"{URL}/mechost/{host.pk}", body)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "other_values")
    assert "city" in MecHost.objects.get(pk=host.pk).contested


def test_tenant_sees_and_settles_its_own_rules_and_nothing_else(host, row, red):
    api = make.Api(make.user(red))
    assert [one["kind"] for one in api.send("GET", URL).json()] == ["appdconfiguration"]
    assert api.send("GET", f"{URL}/mechost/{host.pk}").status_code == 404
    body = {"choices": {"city": "ours"}}
    assert api.send("POST", f"{URL}/mechost/{host.pk}", body).status_code == 403
    other = make.Api(make.user(make.tenant()))
    body = {"choices": {"dns/d1": "theirs"}}
    assert other.send("GET", URL).json() == []
    assert other.send("POST", f"{URL}/appdconfiguration/{row.pk}", body).status_code == 404
    assert api.send("POST", f"{URL}/appdconfiguration/{row.pk}", body).status_code == 200
    found = AppdConfiguration.objects.get(pk=row.pk)
    assert (found.contested, found.rules.get().body["ipAddress"]) == ({}, "10.0.0.9")
