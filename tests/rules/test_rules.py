"""AppD configurations at a center: stored, checked, walled, and handed over as a task."""

from __future__ import annotations

import uuid

import pytest

from apps.instances.models import AppInstance
from apps.journal.models import Entry
from apps.rules.models import AppdConfiguration, AppdRule, RuleTask
from apps.rules.tasks import on_instance_running
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM
from apps.tenants.roles import Role
from tests import factories as make
from tests.rules.conftest import at_platform, config, dns, traffic


@pytest.mark.parametrize("tenant", [True, False], ids=["with tenant", "tenant-less"])
def test_configuration_is_saved_read_changed_and_deleted_in_the_originals_words(scene, tenant):
    """I40 I41 I42 I43."""
    assert scene.send("POST", config(), tenant=tenant).json() == {"response": "Saved"}
    told = scene.send("GET", tenant=tenant).json()
    assert told["appInstanceId"] == str(scene.instance.pk)
    assert (told["appName"], told["appSupportMp1"]) == ("camera", True)
    assert told["appDNSRule"] == [dns()]
    rule = told["appTrafficRule"][0]
    assert (rule["trafficRuleId"], rule["dstInterface"]) == ("traffic1", [])
    filters = rule["trafficFilter"][0]
    assert filters["srcAddress"] == ["10.45.0.0/16"]
    assert (filters["qci"], filters["dscp"], filters["tc"], filters["tag"]) == (5, 0, 0, [])
    changed = config(appTrafficRule=[], appDNSRule=[dns(2)])
    assert scene.send("PUT", changed, tenant=tenant).json() == {"response": "Updated"}
    assert list(scene.rules()) == ["dns2"]
    assert scene.send("DELETE", tenant=tenant).json() == {"response": "Deleted"}
    assert scene.send("GET", tenant=tenant).status_code == 404


def test_second_post_is_a_duplicate_and_first_put_finds_nothing(scene):
    assert scene.send("PUT", config()).json()["message"] == "Record not found"
    assert scene.send("DELETE").status_code == 404
    scene.send("POST", config())
    again = scene.send("POST", config())
    assert (again.status_code, again.json()["message"]) == (400, "Record already exist")


def test_what_was_read_may_be_written_back(scene):
    tunnel = {"tunnelType": "GRE", "tunnelDstAddress": "192.0.2.1", "tunnelSrcAddress": "::1"}
    destinations = [{"interfaceType": "TUNNEL", "tunnelInfo": tunnel},
                    {"interfaceType": "IP", "dstIpAddress": "192.0.2.0/24"}]
    scene.send("POST", config(appTrafficRule=[traffic(dstInterface=destinations)]))
    told = scene.send("GET").json()
    assert scene.send("PUT", told).status_code == 200
    again = scene.send("GET").json()
    assert again["version"] > told["version"]
    assert again | {"version": 0} == told | {"version": 0}


@pytest.mark.parametrize("face", ["inventory", "appo"])
def test_rules_reach_the_platform_of_the_host(scene, face):
    """O13 O16."""
    scene.send("POST", config(), face=face)
    assert at_platform(scene.instance) is None
    scene.work()
    found = at_platform(scene.instance)
    assert found["dns1"]["domainName"] == "d1.example.com"
    assert found["traffic1"]["trafficFilter"] == [
        {"srcAddress": ["10.45.0.0/16"], "dstPort": ["8554"], "protocol": ["TCP"], "qCI": 5}
    ]
    task = scene.task(scene.instance.pk)
    assert (task["configResult"], task["state"]) == ("SUCCESS", "Success")
    assert scene.send("GET").json()["delivered"] is True


def test_orders_merge_by_id_and_removals_take_the_named_ones_only(scene):
    """O13 O14 O15, Q47: what is not named stays as it was, to the last number."""
    scene.order("POST", config())
    before = scene.rules()["traffic1"]
    scene.order("PUT", {"appName": "camera", "appDNSRule": [dns(1, ttl=9), dns(2)]})
    rules = scene.rules()
    assert sorted(rules) == ["dns1", "dns2", "traffic1"]
    assert rules["dns1"]["ttl"] == 9
    assert rules["traffic1"] == before
    scene.order("DELETE", {"appDNSRule": ["dns1", "unheard-of"]})
    scene.work()
    assert sorted(at_platform(scene.instance)) == ["dns2", "traffic1"]
    assert sorted(scene.rules()) == ["dns2", "traffic1"]
    last = scene.order("DELETE", {"appDNSRule": ["dns2"], "appTrafficRule": ["traffic1"]})
    assert scene.send("GET").status_code == 404
    scene.work()
    assert scene.task(last)["configResult"] == "SUCCESS"
    assert at_platform(scene.instance) == {}
    assert not AppdConfiguration.objects.exists()


def test_removal_without_a_body_takes_everything(scene):
    """O15, Q47: nothing is sent for rules that are not there."""
    answer = scene.send("DELETE", face="appo")
    assert answer.status_code == 404
    scene.order("POST", config())
    scene.work()
    scene.order("DELETE")
    scene.work()
    assert at_platform(scene.instance) == {}


@pytest.mark.parametrize(("state", "status"), [
    ("Creating", 412), ("Created", 202), ("Create failed", 412), ("Instantiating", 412),
    ("Instantiated", 202), ("Instantiation failed", 412), ("Terminating", 412),
])
def test_orchestrator_takes_rules_in_the_states_of_the_original(scene, state, status):
    AppInstance.objects.update(state=state)
    answer = scene.send("POST", config(), face="appo")
    assert answer.status_code == status
    if status == 412:
        words = f"Pre condition failed, application instance operational status is : {state}"
        assert answer.json()["response"] == words
        assert not RuleTask.objects.exists()


def test_rules_of_an_instance_that_ends_are_left_alone(scene):
    AppInstance.objects.update(state="Terminating")
    answer = scene.send("POST", config())
    assert (answer.status_code, answer.json()["state"]) == (409, "Terminating")


def test_rules_of_an_instance_that_does_not_run_wait_and_say_so(scene):
    AppInstance.objects.update(state="Created")
    task = scene.order("POST", config())
    scene.work()
    told = scene.task(task)
    assert (told["configResult"], told["state"]) == ("PROCESSING", "Pending")
    assert "does not run yet" in told["detailed"]
    assert at_platform(scene.instance) is None
    AppInstance.objects.update(state="Instantiated")
    on_instance_running(type("News", (), {"subject_id": str(scene.instance.pk)}))
    scene.work()
    assert scene.task(task)["configResult"] == "SUCCESS"
    assert sorted(at_platform(scene.instance)) == ["dns1", "traffic1"]


def test_refusal_of_the_platform_is_the_tasks_failure_and_can_be_tried_again(scene):
    """Q36: what the edge refuses is never told as success."""
    other = scene.another("other")
    scene.order("POST", config(), instance=other)
    scene.work()
    task = scene.order("POST", config())
    scene.work()
    told = scene.task(task)
    assert (told["configResult"], told["state"]) == ("FAILURE", "Failure")
    assert told["detailed"]
    assert at_platform(scene.instance) is None
    assert scene.send("GET").json()["delivered"] is False
    scene.instance.refresh_from_db()
    assert scene.instance.state == "Instantiated"
    scene.order("DELETE", instance=other)
    again = scene.order("PUT", config())
    scene.work()
    assert scene.task(again)["configResult"] == "SUCCESS"


def test_equal_rule_ids_of_two_instances_are_two_rules(scene):
    """Q6: an id is known within its own instance."""
    other = scene.another("other")
    scene.send("POST", config(appDNSRule=[dns(1, domainName="other.example")]), instance=other)
    scene.send("POST", config())
    scene.send("PUT", config(appDNSRule=[dns(1, ttl=1)]))
    assert scene.rules(other)["dns1"]["domainName"] == "other.example"
    scene.send("DELETE")
    assert sorted(scene.rules(other)) == ["dns1", "traffic1"]


def test_rules_past_the_limit_of_the_tenant_are_refused_whole(scene):
    """Q16 Q18: the limit is counted under a lock and refused as 409, before anything is written."""
    quotas.set_limits(actor=SYSTEM, tenant_id=scene.tenant.pk, limits={"rules": 3})
    scene.send("POST", config())
    other = scene.another("other")
    answer = scene.send("POST", config(), instance=other)
    assert answer.status_code == 409
    told = answer.json()
    assert (told["limit"], told["used"], told["message"]) == (3, 2, "Max record limit exceeded")
    assert AppdRule.objects.count() == 2
    assert RuleTask.objects.count() == 1
    assert scene.send("POST", config(appTrafficRule=[]), instance=other).status_code == 200
    # What is replaced by no more than there was needs no room.
    assert scene.send("PUT", config()).status_code == 200


def test_merging_past_what_one_instance_may_have_is_refused(scene):
    scene.order("POST", config(appDNSRule=[dns(n) for n in range(32)], appTrafficRule=[]))
    answer = scene.send("PUT", {"appName": "camera", "appDNSRule": [dns(99)]}, face="appo")
    assert (answer.status_code, answer.json()["limit"]) == (409, 32)


def test_unknown_instance_and_that_of_another_tenant_are_one_answer(scene):
    blue = make.Api(make.user(make.tenant("blue")))
    scene.send("POST", config())
    told = []
    for key in (scene.instance.pk, uuid.uuid4()):
        url = f"/inventory/v1/app_instances/{key}/appd_configuration"
        for method in ("GET", "POST", "PUT", "DELETE"):
            body = config() if method in ("POST", "PUT") else None
            answer = blue.send(method, url, body)
            told.append((method, answer.status_code, answer.content.decode().replace(str(key), "")))
    assert told[:4] == told[4:]
    assert {status for _, status, _ in told} == {404}


def test_task_of_another_tenant_does_not_exist(scene):
    task = scene.order("POST", config())
    blue = make.tenant("blue")
    url = f"/appo/v1/tenants/{blue.pk}/apprule_task_infos/{task}"
    assert make.Api(make.user(blue)).send("GET", url).status_code == 404


def test_guest_reads_and_changes_nothing(scene):
    scene.send("POST", config())
    guest = make.Api(make.user(scene.tenant, role=Role.GUEST))
    assert guest.send("GET", scene.url()).status_code == 200
    for method in ("POST", "PUT", "DELETE"):
        assert guest.send(method, scene.url(), config()).status_code == 403


def test_administrator_acts_for_the_tenant_of_the_path_and_names_one_where_there_is_none(scene):
    """Q3: an administrator acts for a named tenant, and the record says so."""
    admin = make.Api(make.admin("root"))
    plain = scene.url(tenant=False)
    unnamed = admin.send("POST", plain, config())
    assert (unnamed.status_code, list(unnamed.json()["errors"])) == (400, ["tenant_id"])
    named = f"{plain}?tenant_id={scene.tenant.pk}"
    assert admin.send("POST", named, config()).status_code == 200
    assert admin.send("GET", plain).status_code == 200
    assert admin.send("PUT", scene.url(), config()).status_code == 200
    blue = make.tenant("blue")
    assert admin.send("PUT", f"{plain}?tenant_id={blue.pk}", config()).status_code == 404
    for entry in Entry.objects.filter(verb="rules.configuration.configured"):
        assert (entry.actor_name, entry.tenant_id) == ("root", scene.tenant.pk)
        assert entry.data["on_behalf_of"] == str(scene.tenant.pk)


def test_terminated_instance_takes_rules_and_tasks_along(scene):
    """Q48: no task outlives its instance, and none is dropped to make room for another."""
    for number in range(55):
        scene.order("PUT", config(appDNSRule=[dns(1, ttl=number + 1)]))
    assert RuleTask.objects.count() == 55
    scene.instance.delete()
    assert not RuleTask.objects.exists()
    assert not AppdRule.objects.exists()
