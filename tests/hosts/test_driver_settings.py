"""What the driver of a host is told: who may say it, what is never allowed, and how it travels."""

from __future__ import annotations

import pytest

from apps.hosts.driver_settings import settings_of
from apps.hosts.models import MecHost
from apps.hosts.selectors import undelivered
from apps.journal.models import Entry
from apps.orchestration.delivery import order_for
from apps.vim.contract import Allowance, Registry
from tests import factories as make

SECRET = "s3cret-of-the-registry"
WIDE = {
    "allow": {"namespaces": ["default"], "privileged": True, "capabilities": ["NET_ADMIN"]},
    "prometheusUrl": "http://10.0.0.7:9090",
    "registry": {"address": "registry.site:5000/mec", "userName": "puller", "password": SECRET},
}


@pytest.fixture
def boss(house):
    return make.Api(make.admin())


@pytest.fixture
def host(house):
    return make.host()


def url(host):
    return f"/inventory/v1/mechosts/{host.ip}/settings"


def test_nothing_is_allowed_until_an_administrator_says_so(host, boss):
    found = boss.send("GET", url(host)).json()
    assert found["allow"]["privileged"] is False
    assert found["allow"]["namespaces"] == []
    assert settings_of(host).allowance == Allowance()
    assert settings_of(host).registry is None


def test_what_is_said_reaches_the_driver_and_the_password_nobody(host, boss):
    answer = boss.send("PUT", url(host), WIDE)
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.content.decode() + boss.send("GET", url(host)).content.decode()
    assert answer.json()["registry"]["hasPassword"] is True
    told = settings_of(MecHost.objects.get(pk=host.pk))
    assert told.allowance == Allowance(("default",), privileged=True, capabilities=("NET_ADMIN",))
    assert told.prometheus_url == "http://10.0.0.7:9090"
    assert told.registry == Registry("registry.site:5000/mec", "puller", SECRET)


def test_without_a_password_the_stored_one_stays_and_goes_with_the_registry(host, boss):
    boss.send("PUT", url(host), WIDE)
    registry = {"address": "registry.site:5000/mec", "userName": "other"}
    boss.send("PUT", url(host), {"registry": registry})
    assert settings_of(MecHost.objects.get(pk=host.pk)).registry.password == SECRET
    boss.send("PUT", url(host), {})
    assert settings_of(MecHost.objects.get(pk=host.pk)).registry is None
    assert not boss.send("GET", url(host)).json()["registry"]["hasPassword"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"allow": {"namespaces": ["kube-system"]}}, "allow.namespaces.0"),
        ({"allow": {"namespaces": ["mecm-of-another"]}}, "allow.namespaces.0"),
        ({"allow": {"namespaces": ["Not One"]}}, "allow.namespaces.0"),
        ({"allow": {"capabilities": ["net-admin"]}}, "allow.capabilities.0"),
        ({"prometheusUrl": "http://169.254.169.254/"}, "prometheusUrl"),
        ({"prometheusUrl": "file:///etc/passwd"}, "prometheusUrl"),
        ({"registry": {"address": "https://registry.site"}}, "registry.address"),
    ],
)
def test_what_no_host_may_have_is_refused_at_its_field(host, boss, body, field):
    answer = boss.send("PUT", url(host), body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert settings_of(MecHost.objects.get(pk=host.pk)).allowance == Allowance()


def test_a_kind_that_reaches_all_namespaces_is_no_choice(host, boss):
    body = {"allow": {"clusterKinds": ["ClusterRoleBinding"]}}
    assert boss.send("PUT", url(host), body).status_code == 400


def test_only_administrators_see_and_change_them(host):
    tenant_user = make.Api(make.user(make.tenant()))
    assert tenant_user.send("GET", url(host)).status_code == 403
    assert tenant_user.send("PUT", url(host), WIDE).status_code == 403


def test_a_change_that_saw_another_version_is_refused(host, boss):
    etag = boss.send("GET", url(host)).headers["ETag"]
    boss.send("PUT", url(host), WIDE)
    assert boss.send("PUT", url(host), {}, headers={"If-Match": etag}).status_code == 412


def test_a_change_is_journalled_without_the_password(host, boss):
    boss.send("PUT", url(host), WIDE)
    entry = Entry.objects.filter(verb="hosts.host.settings_changed").get()
    assert "allowance" in entry.data["changed"]
    assert SECRET not in str(entry.data)
    boss.send("PUT", url(host), WIDE)
    assert Entry.objects.filter(verb="hosts.host.settings_changed").count() == 1


def test_they_travel_to_the_edge_with_the_host(boss):
    host = make.host(edge=make.edge())
    boss.send("PUT", url(host), WIDE)
    owed = next(one for one in undelivered() if one.pk == host.pk)
    told = order_for(owed)["settings"]
    assert told["registry"]["password"] == SECRET
    assert told["allow"]["privileged"] is True
