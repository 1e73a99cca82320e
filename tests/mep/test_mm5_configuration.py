"""``appd_configuration``: an application's rules as one document, stored all or none."""

from __future__ import annotations

import uuid

import pytest

from apps.common import clock
from apps.mep import tasks
from apps.mep.models import Application, ConfigTask, Rule
from tests.mep import schemas
from tests.mep.mm5 import Management, appd, dns, traffic
from tests.mep.suite import check, refused


@pytest.fixture
def manager(app):
    """Management of the application of the test."""
    return Management(app.id)


def rules_of(app):
    """What the application reads of its rules over Mp1."""
    return [app.send("GET", f"{app.support}/{kind}_rules").json() for kind in ("dns", "traffic")]


def test_configuration_gives_the_application_its_rules(app, manager):
    answer = manager.send("POST", manager.appd, appd())
    progress = check(answer, 200, schemas.TaskProgress)
    assert (progress["configResult"], progress["configPhase"]) == ("SUCCESS", "100")
    assert progress["progress"] == 100
    assert manager.task(answer) == progress
    assert rules_of(app) == [[dns()], [traffic()]]
    found = manager.send("GET", manager.appd).json()
    assert found == {"appName": "app", "appSupportMp1": True, "appDNSRule": [dns()],
                     "appTrafficRule": [traffic()]}


def test_configuration_makes_an_application_that_is_not_known(mep):
    fresh = uuid.uuid4()
    manager = Management(fresh)
    assert manager.send("POST", manager.appd, appd("fresh")).status_code == 200
    assert Application.objects.get(pk=fresh).name == "fresh"


@pytest.mark.parametrize("key", ["appDNSRule", "appDnsRule"])
def test_both_spellings_of_the_dns_list_are_taken(app, manager, key):
    body = {"appName": "app", key: [dns(), dns("dns2", "b.example.com")]}
    assert manager.send("POST", manager.appd, body).status_code == 200
    assert [one["dnsRuleId"] for one in rules_of(app)[0]] == ["dns1", "dns2"]


def test_both_spellings_at_once_are_refused(manager):
    body = {"appName": "app", "appDNSRule": [], "appDnsRule": []}
    refused(manager.send("POST", manager.appd, body), 400)


def test_what_mecm_and_older_platforms_spell_otherwise_is_read_as_the_standard_says(app, manager):
    rule = traffic(
        priority=0, action="FORWARD_AS_IS",
        trafficFilter=[{"dstTunnelAddress": ["192.0.2.9"], "tag": ["t"]}],
        dstInterface=[{"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GRE"}}],
    )
    del rule["state"]
    body = appd(appDNSRule=[dns(ipAddressType="IPv6", ipAddress="2001:db8::1")],
                appTrafficRule=[rule])
    assert manager.send("POST", manager.appd, body).status_code == 200
    (found_dns,), (found,) = rules_of(app)
    assert (found_dns["ipAddressType"], found_dns["ipAddress"]) == ("IP_V6", "2001:db8::1")
    assert (found["priority"], found["state"], found["action"]) == (0, "ACTIVE", "FORWARD_AS_IS")
    assert found["trafficFilter"] == [{"tgtTunnelAddress": ["192.0.2.9"], "tag": ["t"]}]
    assert found["dstInterface"] == {"interfaceType": "TUNNEL", "tunnelInfo": {"tunnelType": "GRE"}}


@pytest.mark.parametrize("body", [
    {"appName": "app"}, {"appName": "app", "appDNSRule": [], "appTrafficRule": []},
    {"appName": "app", "appDnsRule": []},
])
def test_configuration_without_rules_is_done_at_once(app, manager, body):
    progress = manager.send("POST", manager.appd, body).json()
    assert (progress["configResult"], progress["configPhase"]) == ("SUCCESS", "100")
    assert rules_of(app) == [[], []]


WRONG = [
    ({}, "appName"), (appd(name=""), "appName"), (appd(name="x" * 64), "appName"),
    (appd(name="a\n"), "appName"), (appd(appSupportMp1="yes"), "appSupportMp1"),
    (appd(appDNSRule=[dns(f"d{n}", f"{n}.example") for n in range(33)]), "appDNSRule"),
    (appd(appTrafficRule=[traffic(f"t{n}") for n in range(17)]), "appTrafficRule"),
    (appd(appDNSRule=[dns(), dns(domain="b.example")]), "body"),
    (appd(appTrafficRule=[traffic(), traffic()]), "body"),
    (appd(appDNSRule=[dns(), dns("dns2", "APP.example.com.")]), "domainName"),
    (appd(appDNSRule=[dns(dnsRuleId=None)]), "appDNSRule[0].dnsRuleId"),
    (appd(appDNSRule=[dns("x" * 64)]), "appDNSRule[0].dnsRuleId"),
    (appd(appDNSRule=[dns(ipAddress="nowhere")]), "appDNSRule[0]"),
    (appd(appDNSRule=[dns(ipAddressType="IP_V6")]), "appDNSRule[0]"),
    (appd(appTrafficRule=[traffic(priority=256)]), "appTrafficRule[0].priority"),
    (appd(appTrafficRule=[traffic(trafficFilter=[])]), "appTrafficRule[0].trafficFilter"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_wrong_configuration_is_refused_by_name_and_leaves_nothing_behind(mep, body, field):
    fresh = uuid.uuid4()
    manager = Management(fresh)
    assert list(refused(manager.send("POST", manager.appd, body), 400)["errors"]) == [field]
    assert not Application.objects.exists()
    assert not Rule.objects.exists()


def test_wrong_change_leaves_the_configuration_as_it_was(manager):
    manager.send("POST", manager.appd, appd())
    before = manager.send("GET", manager.appd).json()
    body = appd(appDNSRule=[dns(ipAddress="192.0.2.2"), dns("dns2", "APP.EXAMPLE.COM")])
    refused(manager.send("PUT", manager.appd, body), 400)
    assert manager.send("GET", manager.appd).json() == before


def test_domain_and_name_belong_to_one_application_whatever_their_case(app, other_app, manager):
    manager.send("POST", manager.appd, appd())
    other = Management(other_app.id)
    for body, field in [
        (appd("second", appDNSRule=[dns("x", "App.Example.Com")]), "domainName"),
        (appd("app", appDNSRule=[]), "appName"),
    ]:
        assert list(refused(other.send("POST", other.appd, body), 400)["errors"]) == [field]
    assert rules_of(other_app) == [[], []]
    assert manager.send("DELETE", manager.appd).status_code == 200
    assert other.send("POST", other.appd, appd("app")).status_code == 200


def test_change_replaces_all_rules_and_keeps_what_is_the_same(app, manager):
    manager.send("POST", manager.appd, appd(appDNSRule=[dns(), dns("dns2", "b.example.com")]))
    changed = appd(appDNSRule=[dns("dns2", "c.example.com")],
                   appTrafficRule=[traffic(), traffic("traffic2", priority=9)])
    progress = check(manager.send("PUT", manager.appd, changed), 200, schemas.TaskProgress)
    assert progress["configResult"] == "SUCCESS"
    assert rules_of(app) == [changed["appDNSRule"], changed["appTrafficRule"]]


def test_two_rules_of_an_application_may_swap_their_domains(app, manager):
    manager.send("POST", manager.appd, appd(appDNSRule=[dns("a", "a.example"),
                                                        dns("b", "b.example")]))
    swapped = [dns("a", "b.example"), dns("b", "a.example")]
    assert manager.send("PUT", manager.appd, appd(appDNSRule=swapped)).status_code == 200
    assert rules_of(app)[0] == swapped


SAME = [
    appd(), {"appName": "app", "appDnsRule": [dns()], "appTrafficRule": [traffic()]},
    appd(appTrafficRule=[traffic(dstInterface=[])]),
]


@pytest.mark.parametrize("body", SAME)
def test_change_that_changes_nothing_is_answered_with_404_as_the_original_does(manager, body):
    manager.send("POST", manager.appd, appd())
    told = refused(manager.send("PUT", manager.appd, body), 404)
    assert told["message"] == "no modification data"


def test_one_destination_as_object_or_array_is_the_same_configuration(manager):
    one = {"interfaceType": "IP", "dstIpAddress": "192.0.2.3"}
    manager.send("POST", manager.appd, appd(appTrafficRule=[traffic(dstInterface=[one])]))
    same = appd(appTrafficRule=[traffic(dstInterface=one)])
    refused(manager.send("PUT", manager.appd, same), 404)


def test_name_of_the_application_cannot_be_changed(manager):
    manager.send("POST", manager.appd, appd())
    told = refused(manager.send("PUT", manager.appd, appd("renamed")), 400)
    assert list(told["errors"]) == ["appName"]


def test_second_POST_is_refused(manager):
    manager.send("POST", manager.appd, appd())
    refused(manager.send("POST", manager.appd, appd(appDNSRule=[])), 400)


def test_removing_the_configuration_removes_the_rules_and_then_there_is_none(app, manager):
    manager.send("POST", manager.appd, appd())
    progress = check(manager.send("DELETE", manager.appd), 200, schemas.TaskProgress)
    assert (progress["configResult"], progress["configPhase"]) == ("SUCCESS", "100")
    assert rules_of(app) == [[], []]
    for method, body in (("GET", None), ("PUT", appd()), ("DELETE", None)):
        refused(manager.send(method, manager.appd, body), 404)


@pytest.mark.parametrize("of", [str(uuid.UUID(int=7)), "word"])
def test_configuration_and_task_that_are_not_known_are_not_found(mep, of):
    manager = Management(of)
    for method, body in (("GET", None), ("PUT", appd()), ("DELETE", None)):
        refused(manager.send(method, manager.appd, body), 404)
    refused(manager.send("GET", f"/mepcfg/app_lcm/v1/tasks/{of}/appd_configuration"), 404)


def test_configuration_larger_than_32_KiB_is_answered_with_413(manager):
    refused(manager.send("POST", manager.appd, appd(padding="x" * 32 * 1024)), 413)


def test_rule_that_the_application_changed_is_what_management_reads(app, manager):
    manager.send("POST", manager.appd, appd())
    app.send("PUT", f"{app.support}/dns_rules/dns1", dns(state="INACTIVE"))
    found = manager.send("GET", manager.appd).json()
    assert found["appDNSRule"] == [dns(state="INACTIVE")]
    assert manager.send("PUT", manager.appd, appd()).status_code == 200
    assert rules_of(app)[0] == [dns()]


def test_application_cannot_take_a_domain_that_another_has(app, other_app, manager):
    manager.send("POST", manager.appd, appd())
    other = Management(other_app.id)
    other.send("POST", other.appd, appd("second", appDNSRule=[dns("x", "second.example")]))
    body = dns("x", "APP.example.com")
    told = refused(other_app.send("PUT", f"{other_app.support}/dns_rules/x", body), 400)
    assert list(told["errors"]) == ["domainName"]
    assert rules_of(other_app)[0] == [dns("x", "second.example")]


def test_tasks_are_forgotten_after_a_week_and_the_rules_stay(app, manager):
    with clock.frozen() as time:
        manager.send("POST", manager.appd, appd())
        time.advance(days=8)
        recent = Management(app.id).send("PUT", manager.appd, appd(appDNSRule=[]))
        assert tasks.purge()["tasks"] == 1
    assert [str(one.pk) for one in ConfigTask.objects.all()] == [recent.json()["taskId"]]
    assert Rule.objects.count() == 1
