"""Platform managers: an AppLCM and a rule manager at one address; and what is not offered yet."""

from __future__ import annotations

import pytest

from apps.hosts.models import AppLcm, AppRuleManager, MecHost
from tests import factories as make

URL = "/inventory/v1/mepms"
BODY = {"mepmName": "edge1", "mepmIp": "10.0.0.1", "mepmPort": "31252", "userName": "operator"}


@pytest.fixture
def boss(house):
    """An administrator."""
    return make.Api(make.admin())


def test_pair_is_registered_changed_and_removed_as_one(boss):
    assert boss.send("GET", URL).json() == []
    assert boss.send("POST", URL, BODY).json() == {"response": "Saved"}
    for found in (boss.send("GET", URL).json()[0], boss.send("GET", f"{URL}/10.0.0.1").json()):
        assert BODY.items() <= found.items()
    assert boss.send("PUT", f"{URL}/10.0.0.1", BODY | {"mepmPort": "80"}).status_code == 200
    ports = [model.objects.get().port for model in (AppLcm, AppRuleManager)]
    assert ports == [80, 80]
    answer = boss.send("PUT", f"{URL}/10.0.0.1", BODY | {"mepmIp": "10.0.0.2"})
    assert answer.status_code == 400
    assert boss.send("DELETE", f"{URL}/10.0.0.1").json() == {"response": "Deleted"}
    assert not AppLcm.objects.exists() and not AppRuleManager.objects.exists()
    assert boss.send("GET", f"{URL}/10.0.0.1").status_code == 404


def test_pair_of_which_one_is_there_already_is_registered_not_at_all(boss):
    make.rule_manager("10.0.0.1")
    answer = boss.send("POST", URL, BODY)
    assert (answer.status_code, answer.json()["message"]) == (400, "Record already exist")
    assert not AppLcm.objects.exists()
    assert boss.send("GET", URL).json() == [], "one of the two is no pair"


def test_host_may_name_the_pair_and_keeps_it_in_place(boss):
    """Q14: what a host is reached through cannot be removed, and the answer names the host."""
    boss.send("POST", URL, BODY)
    host = {"mechostIp": "10.0.0.9", "mechostName": "quay", "city": "Delft", "address": "x",
            "coordinates": "4.3,52", "vim": "K8S", "mepmIp": "10.0.0.1"}
    assert boss.send("POST", "/inventory/v1/mechosts", host).status_code == 200
    found = boss.send("GET", "/inventory/v1/mechosts/10.0.0.9").json()
    assert [found[name] for name in ("applcmIp", "appRuleIp", "mepmIp")] == ["10.0.0.1"] * 3
    for url in (URL, f"{URL}/10.0.0.1", "/inventory/v1/applcms", "/inventory/v1/apprulemanagers"):
        answer = boss.send("DELETE", url)
        assert answer.status_code == 409
        assert "quay" in answer.json()["detail"]
    assert AppLcm.objects.count() == AppRuleManager.objects.count() == MecHost.objects.count() == 1
