"""What the pages of a host say of its access file, and what its driver is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common import clock
from apps.hosts.driver_settings import settings_of
from apps.hosts.models import HostCredential, MecHost
from apps.journal.models import Entry
from tests import factories

DOWN = factories.ACCESS + "  faults:\n    - {kind: unreachable}\n"
SECRET = "s3cret-of-the-registry"


@pytest.fixture
def ours(estate):
    """A host of this site without an access file."""
    return factories.host("10.2.0.99", access="")


def test_credentials_that_open_nothing_are_stored_when_that_is_said(ours, open_as):
    client, url = open_as("admin"), f"/hosts/{ours.pk}/credentials/"
    refused = client.post(url, {"content": DOWN})
    assert refused.status_code == 422
    assert 'id="id_untested_error"' in refused.content.decode()
    assert not HostCredential.objects.filter(host=ours).exists()
    assert client.post(url, {"content": DOWN, "untested": "on"}).status_code == 302
    page = client.get(f"/hosts/{ours.pk}/").content.decode()
    assert "without asking the VIM" in page
    assert client.post(url, {"content": factories.ACCESS}).status_code == 302
    assert "without asking the VIM" not in client.get(f"/hosts/{ours.pk}/").content.decode()


@pytest.fixture
def kubernetes(ours):
    """An access file of a cluster, as it was described when it was stored."""
    now = clock.now()
    summary = {
        "kind": "kubernetes", "context": "site@edge", "cluster": "edge", "user": "site",
        "server": "https://10.0.0.5:6443", "user_kind": "client_certificate", "insecure": False,
        "known_as": "CN=site,O=mec", "tls_server_name": "",
        "expires": (now + timedelta(days=10)).isoformat(),
        "ca": {"subject": "CN=edge-ca", "fingerprint": "ab" * 32,
               "expires": (now + timedelta(days=900)).isoformat()},
        "tested_at": now.isoformat(),
    }
    HostCredential.objects.create(host=ours, content="x", summary=summary, delivered_at=now)
    return ours


def test_what_a_kubeconfig_says_is_told_in_words(kubernetes, open_as):
    page = open_as("admin").get(f"/hosts/{kubernetes.pk}/").content.decode()
    for said in ("site@edge", "https://10.0.0.5:6443", "CN=edge-ca", "ab" * 32, "CN=site,O=mec",
                 "client certificate", "Expires soon", ": soon"):
        assert said in page
    assert "user_kind" not in page


def test_it_is_told_in_chinese_too(kubernetes, open_as):
    text = open_as("admin", "zh-hans").get(f"/hosts/{kubernetes.pk}/").content.decode()
    assert "客户端证书" in text
    assert "即将到期" in text
    assert "Signs in with" not in text


def test_an_end_that_has_come_and_a_server_that_is_not_verified_stand_out(kubernetes, open_as):
    row = HostCredential.objects.get(host=kubernetes)
    past = (clock.now() - timedelta(days=1)).isoformat()
    row.summary |= {"ca": None, "insecure": True, "expires": past}
    row.save()
    page = open_as("admin").get(f"/hosts/{kubernetes.pk}/").content.decode()
    assert "<span>Expired</span>" in page
    assert "whoever answers at the address is taken for the VIM" in page


def test_a_tenant_does_not_see_where_the_cluster_is(kubernetes, open_as):
    page = open_as("tenant").get(f"/hosts/{kubernetes.pk}/").content.decode()
    assert "10.0.0.5" not in page
    assert "CN=edge-ca" not in page


# --- settings ------------------------------------------------------------------------------------
def test_more_is_allowed_only_when_that_is_confirmed(ours, open_as):
    client, url = open_as("admin"), f"/hosts/{ours.pk}/settings/"
    wanted = {"privileged": "on", "namespaces": "default", "registry_address": "r.site:5000/mec",
              "registry_user": "puller", "registry_password": SECRET}
    asked = client.post(url, wanted)
    assert asked.status_code == 422
    assert 'id="id_understood_error"' in asked.content.decode()
    assert not settings_of(MecHost.objects.get(pk=ours.pk)).allowance.privileged
    assert client.post(url, wanted | {"understood": "on"}).status_code == 302
    told = settings_of(MecHost.objects.get(pk=ours.pk))
    assert (told.allowance.privileged, told.allowance.namespaces) == (True, ("default",))
    assert told.registry.password == SECRET
    assert Entry.objects.filter(verb="hosts.host.settings_changed").count() == 1
    page = client.get(f"/hosts/{ours.pk}/").content.decode() + client.get(url).content.decode()
    assert "Privileged containers" in page
    assert SECRET not in page
    # Less needs no question.
    assert client.post(url, {"registry_address": "r.site:5000/mec"}).status_code == 302
    told = settings_of(MecHost.objects.get(pk=ours.pk))
    assert not told.allowance.privileged
    assert told.registry.password == SECRET


@pytest.mark.parametrize(("given", "field"), [
    ({"namespaces": "kube-system"}, "namespaces"),
    ({"namespaces": "mecm-of-another"}, "namespaces"),
    ({"cluster_kinds": "ClusterRole"}, "cluster_kinds"),
    ({"capabilities": "net admin"}, "capabilities"),
    ({"prometheus_url": "http://169.254.169.254"}, "prometheus_url"),
    ({"registry_address": "https://r.site"}, "registry_address"),
])
def test_what_is_allowed_nowhere_is_refused_at_its_field(ours, open_as, given, field):
    answer = open_as("admin").post(f"/hosts/{ours.pk}/settings/", given | {"understood": "on"})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert MecHost.objects.get(pk=ours.pk).driver_settings == {}


@pytest.mark.parametrize("who", ["tenant", "guest"])
def test_nobody_else_changes_them(ours, open_as, who):
    client = open_as(who)
    assert client.get(f"/hosts/{ours.pk}/settings/").status_code == 403
    assert "Driver settings" not in client.get(f"/hosts/{ours.pk}/").content.decode()
