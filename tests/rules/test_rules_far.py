"""Rules of an instance at an edge behind a wire that can be cut, and at the edge itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common import clock
from apps.instances.models import AppInstance
from apps.rules.models import AppdConfiguration, RuleTask
from apps.tenants.models import Tenant
from apps.tenants.roles import Role
from tests import factories as make
from tests.mep.mm5 import appd
from tests.rules.conftest import at_platform, config, dns, traffic


def there(far):
    """What the edge's platform has."""
    with far.sites.inside():
        return at_platform(far.instance)


def test_rules_cross_to_the_edge_and_back_off(far):
    task = far.order("POST", config())
    far.work()
    assert far.task(task)["configResult"] == "SUCCESS"
    assert sorted(there(far)) == ["dns1", "traffic1"]
    far.order("DELETE", {"appTrafficRule": ["traffic1"]})
    far.work()
    assert list(there(far)) == ["dns1"]
    far.order("DELETE")
    far.work()
    assert there(far) == {}
    assert not AppdConfiguration.objects.exists()


def test_edge_that_is_down_leaves_the_order_pending_with_its_reason(far, now):
    """Q12 Q44: an edge that does not answer is waited for, past the end of the asker's token."""
    far.sites.wire.down = True
    first = far.order("POST", config())
    far.work()
    told = far.task(first)
    assert (told["configResult"], told["state"]) == ("PROCESSING", "Pending")
    assert "cannot be reached" in told["detailed"]
    assert far.send("GET").json()["delivered"] is False
    second = far.order("PUT", {"appName": "camera", "appDNSRule": [dns(2)]})
    now.advance(seconds=60)
    far.work()
    assert far.task(first)["attempts"] == 2
    far.sites.wire.down = False
    now.advance(hours=2)
    assert far.send("GET").status_code == 401
    far.work()
    far.api = make.Api(far.user)
    for task in (first, second):
        assert far.task(task)["configResult"] == "SUCCESS"
    assert sorted(there(far)) == ["dns1", "dns2", "traffic1"]


def test_reply_that_is_lost_is_asked_for_again(far, now):
    far.order("POST", config(appDNSRule=[]))
    far.work()
    far.sites.wire.lose_replies = 1
    task = far.order("PUT", config())
    far.work()
    assert sorted(there(far)) == ["dns1", "traffic1"]
    assert far.task(task)["state"] == "Pending"
    now.advance(seconds=5)
    far.work()
    assert far.task(task)["state"] == "Success"


def test_refusal_of_the_edge_is_the_failure_of_the_task_in_its_words(far):
    with far.sites.inside():
        tenant = Tenant.objects.get(pk=far.tenant.pk)
        make.user(tenant, name="edna")
        mep = make.Api(make.admin("edgar"))
        url = "/mepcfg/app_lcm/v1/applications/{}/appd_configuration".format(
            "11111111-1111-4111-8111-111111111111"
        )
        body = appd("other", appTrafficRule=[])
        body["appDNSRule"][0]["domainName"] = "d1.example.com"
        assert mep.send("POST", url, body).status_code == 200
    task = far.order("POST", config())
    far.work()
    told = far.task(task)
    assert told["configResult"] == "FAILURE"
    assert "domain" in told["detailed"]
    assert there(far) is None
    with far.sites.inside():
        assert not AppdConfiguration.objects.exists()
        assert not RuleTask.objects.exists()


def test_what_happened_while_a_worker_was_away_is_taken_up_again(far, now):
    task = far.order("POST", config())
    RuleTask.objects.update(state="Processing", lease_until=clock.now() + timedelta(seconds=60))
    far.work()
    assert far.task(task)["state"] == "Processing"
    now.advance(seconds=61)
    far.work()
    assert far.task(task)["state"] == "Success"


@pytest.fixture
def edge(edge_house):
    """An instance at an edge with its tenant's user."""
    tenant = make.tenant("red")
    instance = make.instance(make.package(tenant), make.host(), name="camera",
                             state="Instantiated")
    return make.Api(make.user(tenant)), instance, tenant


FACES = ["/apprule/v1/app_instances/{i}", "/apprulemgr/v1/tenants/{t}/app_instances/{i}"]


@pytest.mark.parametrize("face", FACES, ids=["apprule", "apprulemgr"])
def test_rules_at_the_edge_itself_are_answered_as_progress_once_they_are_there(edge, face):
    api, instance, tenant = edge
    url = face.format(i=instance.pk, t=tenant.pk) + "/appd_configuration"
    body = {"appName": "camera", "appTrafficRule": [traffic()], "appDnsRule": [dns()]}
    done = api.send("POST", url, body)
    assert done.status_code == 200
    told = done.json()
    assert told.keys() == {"taskId", "appInstanceId", "configResult", "configPhase", "detailed"}
    assert (told["configResult"], told["configPhase"]) == ("SUCCESS", "100")
    assert sorted(at_platform(instance)) == ["dns1", "traffic1"]
    read = api.send("GET", url).json()
    assert read["appDnsRule"] == [dns()]
    assert read["appTrafficRule"][0]["trafficFilter"][0]["qCI"] == 5
    assert api.send("POST", url, body).status_code == 400
    assert api.send("PUT", url, read).status_code == 200
    assert api.send("DELETE", url).json()["configResult"] == "SUCCESS"
    assert at_platform(instance) == {}
    assert api.send("GET", url).status_code == 404
    assert api.send("DELETE", url).status_code == 404


def test_refusal_at_the_edge_leaves_nothing_behind(edge):
    api, instance, tenant = edge
    other = make.instance(make.package(tenant), instance.host, state="Instantiated")
    for one in (other, instance):
        url = f"/apprule/v1/app_instances/{one.pk}/appd_configuration"
        answer = api.send("POST", url, config())
    assert answer.status_code == 400
    told = answer.json()
    assert (told["configResult"], told["appInstanceId"]) == ("FAILURE", str(instance.pk))
    assert told["detailed"]
    assert at_platform(instance) is None
    assert AppdConfiguration.objects.get().instance == other
    assert api.send("GET", url).status_code == 404


def test_rules_at_the_edge_need_a_token_and_the_role(edge):
    """Q9: an edge takes no empty token."""
    _, instance, tenant = edge
    url = f"/apprule/v1/app_instances/{instance.pk}/appd_configuration"
    assert make.Api().send("POST", url, config()).status_code == 401
    guest = make.Api(make.user(tenant, role=Role.GUEST))
    assert guest.send("POST", url, config()).status_code == 403
    AppInstance.objects.update(state="Terminating")
    admin = make.Api(make.admin())
    assert admin.send("POST", f"{url}?tenant_id={tenant.pk}", config()).status_code == 409
