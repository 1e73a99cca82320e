"""The rules of an instance and the quotas of a tenant, as pages."""

from __future__ import annotations

import pytest

from apps.rules import services
from apps.rules.models import AppdRule, RuleTask
from apps.rules.specs import AppdSpec
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM
from tests.rules.conftest import dns, traffic

DNS = {"rule_id": "dns9", "domainName": "cam.example.com", "ipAddress": "192.0.2.7", "ttl": "60"}
TRAFFIC = {"rule_id": "t9", "filterType": "FLOW", "priority": "7", "action": "DROP",
           "srcAddress": "10.0.0.0/8, 2001:db8::/32", "dstPort": "80 443", "protocol": "TCP",
           "interfaceType": "TUNNEL", "tunnelType": "GRE", "tunnelDstAddress": "192.0.2.1",
           "tunnelSrcAddress": "192.0.2.2"}


@pytest.fixture
def ruled(estate):
    """An instance with two rules."""
    services.create(
        actor=SYSTEM, instance_id=estate.running.pk,
        spec=AppdSpec("camera", None, {"dns1": dns()},
                      {"traffic1": traffic(trafficFilter=[{"qci": 5}, {"tag": ["x"]}])}),
    )
    return estate.running


def url(instance, rest=""):
    return f"/instances/{instance.pk}/rules/{rest}"


def test_page_of_an_instance_shows_its_rules_and_how_their_task_goes(ruled, open_as):
    text = open_as("tenant").get(f"/instances/{ruled.pk}/").content.decode()
    for told in ("d1.example.com", "traffic1", "PASSTHROUGH", "Created"):
        assert told in text
    RuleTask.objects.update(state="Pending", reason={"text": "The edge sleeps."})
    part = open_as("tenant").get(
        f"/instances/{ruled.pk}/?part=rules", headers={"HX-Request": "true"}
    )
    assert "The edge sleeps." in part.content.decode()


def test_rules_are_added_by_form_under_the_rules_of_the_api(ruled, open_as):
    client = open_as("tenant")
    assert client.get(url(ruled, "dns/new/")).status_code == 200
    assert client.post(url(ruled, "dns/new/"), DNS).status_code == 302
    assert client.post(url(ruled, "traffic/new/"), TRAFFIC).status_code == 302
    rules = {row.rule_id: row.body for row in AppdRule.objects.all()}
    assert sorted(rules) == ["dns1", "dns9", "t9", "traffic1"]
    assert rules["dns9"]["ipAddressType"] == "IP_V4"
    assert rules["t9"]["trafficFilter"] == [
        {"srcAddress": ["10.0.0.0/8", "2001:db8::/32"], "dstPort": ["80", "443"],
         "protocol": ["TCP"]}
    ]
    assert rules["t9"]["dstInterface"][0]["tunnelInfo"]["tunnelType"] == "GRE"


@pytest.mark.parametrize(("kind", "form", "wrong"), [
    ("dns", DNS, {"domainName": "a..b"}), ("dns", DNS, {"ipAddress": "here"}),
    ("dns", DNS, {"ttl": "0"}), ("dns", DNS, {"rule_id": "dns1"}),
    ("traffic", TRAFFIC, {"priority": "0"}), ("traffic", TRAFFIC, {"srcAddress": "10.0.0.0/33"}),
    ("traffic", TRAFFIC, {"dstPort": "80 x"}), ("traffic", TRAFFIC, {"tunnelDstAddress": ""}),
])
def test_wrong_value_is_told_at_its_field_and_what_was_typed_stays(
    ruled, open_as, kind, form, wrong
):
    answer = open_as("tenant").post(url(ruled, f"{kind}/new/"), form | wrong)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="id_{next(iter(wrong))}_error"' in text
    assert f'value="{form["rule_id"] if "rule_id" not in wrong else "dns1"}"' in text
    assert AppdRule.objects.count() == 2


def test_edited_rule_keeps_what_the_form_has_no_field_for(ruled, open_as):
    row = AppdRule.objects.get(rule_id="traffic1")
    client = open_as("tenant")
    page = client.get(url(ruled, f"{row.pk}/edit/"))
    assert 'value="12"' in page.content.decode()
    sent = {"filterType": "FLOW", "priority": "99", "action": "DROP", "protocol": "UDP"}
    assert client.post(url(ruled, f"{row.pk}/edit/"), sent).status_code == 302
    row.refresh_from_db()
    assert row.body["priority"] == 99
    assert row.body["trafficFilter"] == [{"qci": 5, "protocol": ["UDP"]}, {"tag": ["x"]}]


def test_rule_is_removed_after_a_question(ruled, open_as):
    row = AppdRule.objects.get(rule_id="dns1")
    client = open_as("tenant")
    assert "Remove the rule" in client.get(url(ruled, f"{row.pk}/delete/")).content.decode()
    assert AppdRule.objects.count() == 2
    assert client.post(url(ruled, f"{row.pk}/delete/")).status_code == 302
    assert AppdRule.objects.get().rule_id == "traffic1"


def test_others_get_no_further(ruled, open_as):
    row = AppdRule.objects.get(rule_id="dns1")
    for who, status in (("guest", 403), ("other", 404)):
        client = open_as(who)
        for rest in ("dns/new/", f"{row.pk}/edit/", f"{row.pk}/delete/"):
            assert client.get(url(ruled, rest)).status_code == status, (who, rest)
    assert "Edit" not in open_as("guest").get(
        f"/instances/{ruled.pk}/?part=rules", headers={"HX-Request": "true"}
    ).content.decode()
    assert open_as("tenant").get(url(ruled, "chairs/new/")).status_code == 404


def test_failed_task_is_tried_again(ruled, open_as):
    RuleTask.objects.update(state="Failure")
    client = open_as("tenant")
    assert "Try again" in client.get(f"/instances/{ruled.pk}/").content.decode()
    assert client.post(url(ruled, "retry/")).status_code == 302
    assert RuleTask.objects.filter(state="Created").count() == 1


def test_administrator_sets_the_quotas_of_a_tenant(estate, open_as):
    client = open_as("admin")
    page = f"/users/tenants/{estate.one.pk}/"
    assert page in client.get("/users/").content.decode()
    assert "in use" in client.get(page).content.decode()
    sent = {"name": "one", "packages": "7", "instances": "", "rules": "3"}
    assert client.post(page, sent).status_code == 302
    assert quotas.limit_for(estate.one.pk, "packages") == 7
    assert quotas.limit_for(estate.one.pk, "instances") == 50
    answer = client.post(page, sent | {"packages": "-1"})
    assert answer.status_code == 422
    assert 'id="id_packages_error"' in answer.content.decode()
    assert open_as("tenant").get(page).status_code == 403
