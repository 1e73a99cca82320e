"""An edge asked for its changes as EdgeGallery's center asks: told until acknowledged."""

from __future__ import annotations

import pytest

from apps.common import clock
from apps.common.models import Origin
from apps.hosts import services as hosts
from apps.hosts.models import MecHost
from apps.instances import services as instances
from apps.journal.models import Tombstone
from apps.journal.services import TOMBSTONE_DAYS
from apps.packages import distribution
from apps.packages.models import Package
from apps.rules.models import AppdConfiguration
from apps.sync import acks
from apps.sync.models import AckedRow
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.rules.conftest import config
from tests.sync.asker import LCM, NAMED, RULES, Edge

HOST = {
    "mechostIp", "mechostName", "zipCode", "city", "address", "affinity", "userName",
    "configUploadStatus", "coordinates", "vim", "origin", "hwcapabilities",
}
PACKAGE = {
    "appPkgId", "appPkgName", "appPkgVersion", "appPkgPath", "appProvider", "appPkgDesc",
    "appPkgAffinity", "appIconUrl", "createdTime", "modifiedTime", "appId", "tenantId",
    "packageId", "origin", "syncStatus", "mecHostInfo",
}
ON_HOST = {
    "pkgHostKey", "hostIp", "appPkgId", "status", "tenantId", "error", "origin", "syncStatus",
}
INSTANCE = {
    "appInstanceId", "createTime", "mecHost", "deployType", "tenantId", "appPackageId", "appName",
    "origin", "syncStatus",
}
RULE = {
    "appdRuleId", "tenantId", "appInstanceId", "appName", "appSupportMp1", "appTrafficRule",
    "appDnsRule", "origin", "syncStatus",
}


@pytest.fixture
def edge(edge_house):
    """An edge whose time stands still."""
    with clock.frozen() as now:
        found = Edge()
        found.now = now
        yield found


UPDATED = {
    "hosts": "mecHostUpdatedRecs",
    "packages": "appPackageRecord",
    "app_instances": "appInstanceUpdatedRecs",
    "rules": "appdRuleUpdatedRecs",
}


def test_host_is_told_in_the_originals_words(edge):
    """Row 6 of the edge, Q88: a host without hardware has an empty list of it."""
    (record,) = edge.told("hosts/sync_updated")["mecHostUpdatedRecs"]
    assert record.keys() == HOST | NAMED
    assert (record["mechostIp"], record["mechostName"], record["origin"]) == (
        "10.5.0.1", "red-host", "MEPM")
    assert (record["kind"], record["id"]) == ("mechost", str(edge.host.pk))
    assert record["hwcapabilities"] == []
    assert all(isinstance(record[name], str) for name in HOST - {"hwcapabilities"})
    MecHost.objects.update(hw_capabilities=[{"hwType": "GPU", "hwVendor": "", "hwModel": "x"}])
    (record,) = edge.told("hosts/sync_updated")["mecHostUpdatedRecs"]
    assert record["hwcapabilities"] == [{"hwType": "GPU", "hwVendor": "", "hwModel": "x"}]


def test_package_is_told_once_with_all_its_hosts(edge):
    """Row 17 of the edge, Q-13: the original tells it once per host, and only with a new host."""
    second = make.host("10.5.0.2")
    distribution.distribute(actor=SYSTEM, package_id=edge.package.pk, host_ids=[second.pk])
    lonely = make.package(edge.tenant, name="nowhere")
    first, other = edge.told("packages/sync_updated")["appPackageRecord"]
    assert (first["packageId"], other["packageId"]) == (edge.package.package_id, lonely.package_id)
    assert first.keys() == PACKAGE | NAMED
    assert first["appPkgId"] == f"{edge.package.package_id}{edge.tenant.pk}"
    assert (first["tenantId"], first["syncStatus"]) == (str(edge.tenant.pk), False)
    assert other["mecHostInfo"] == []
    here, there = first["mecHostInfo"]
    assert here.keys() == there.keys() == ON_HOST | NAMED
    assert (here["hostIp"], here["status"], here["error"]) == ("10.5.0.1", "Distributed", "")
    assert (there["hostIp"], there["status"]) == ("10.5.0.2", "Processing")
    assert here["pkgHostKey"] == f"{first['appPkgId']}10.5.0.1"
    edge.acknowledge(first, other, here)
    (again,) = edge.told("packages/sync_updated")["appPackageRecord"]
    assert [one["syncStatus"] for one in again["mecHostInfo"]] == [True, False]
    edge.acknowledge(there)
    assert edge.told("packages/sync_updated") == {"appPackageRecord": []}


def test_instance_is_told_with_the_app_that_it_is_of(edge):
    """Row 25 of the edge, Q90: nobody has to guess the application from the package's id."""
    (record,) = edge.told("app_instances/sync_updated")["appInstanceUpdatedRecs"]
    assert record.keys() >= INSTANCE | NAMED | {"appId", "appDescriptor"}
    assert (record["appInstanceId"], record["mecHost"], record["tenantId"]) == (
        str(edge.instance.pk), "10.5.0.1", str(edge.tenant.pk))
    assert (record["appPackageId"], record["appName"], record["syncStatus"]) == (
        edge.package.package_id, "red-inst", False)
    assert record["appId"] == edge.package.app_id.hex


def test_rules_are_told_each_with_their_own_and_can_be_sent_back_as_they_are(edge):
    """Row 6 of the rule manager, Q84 Q-75 Q-77: nothing of one record stands in the next."""
    other = make.instance(edge.package, edge.host, name="other", state="Instantiated")
    tunnel = {"interfaceType": "TUNNEL", "dstIpAddress": "192.0.2.41",
              "tunnelInfo": {"tunnelType": "GRE", "tunnelDstAddress": "192.0.2.50",
                             "tunnelSrcAddress": "192.0.2.51"}}
    told = config()["appTrafficRule"][0]
    bare = told | {"trafficRuleId": "bare", "trafficFilter": [{"srcAddress": ["10.9.0.0/16"]}]}
    edge.configure(other, appName="other", appDNSRule=[],
                   appTrafficRule=[told | {"dstInterface": [tunnel]}, bare])
    first, second = edge.told("rules/sync_updated")["appdRuleUpdatedRecs"]
    assert first.keys() >= RULE | NAMED
    assert first["appdRuleId"] == f"{edge.tenant.pk}{edge.instance.pk}"
    assert [one["dnsRuleId"] for one in first["appDnsRule"]] == ["dns1"]
    assert second["appDnsRule"] == []
    assert [len(one["trafficFilter"]) for one in second["appTrafficRule"]] == [1, 1]
    assert [len(one["dstInterface"]) for one in second["appTrafficRule"]] == [1, 0]
    assert second["appTrafficRule"][0]["trafficFilter"][0]["qCI"] == 5
    assert second["appTrafficRule"][0]["dstInterface"][0]["TunnelInfo"]["tunnelType"] == "GRE"
    before = edge.told("rules/sync_updated")["appdRuleUpdatedRecs"]
    for record, instance in ((first, edge.instance), (second, other)):
        again = {name: record[name] for name in RULE & config().keys() | {"appDnsRule"}}
        edge.configure(instance, **{"appDNSRule": again.pop("appDnsRule")} | again)
    after = edge.told("rules/sync_updated")["appdRuleUpdatedRecs"]
    for one in (*before, *after):
        one.pop("version")
    assert after == before, "the record is what the manager takes, to the last number"


def test_both_faces_of_the_rule_manager_tell_the_same(edge):
    """Rows 6 and 7 of the rule manager."""
    for what in ("sync_updated", "sync_deleted"):
        url = edge.url(f"rules/{what}")
        one = edge.center.send("GET", url).json()
        assert edge.center.send("GET", url.replace("apprulemgr", "apprule")).json() == one


def test_what_is_gone_is_told_in_the_originals_words(edge):
    """Rows 7, 18, 26 of the edge and 7 of the rule manager, Q-13: each host of a package."""
    edge.end()
    tenant, ip = str(edge.tenant.pk), "10.5.0.1"
    gone = edge.told("packages/sync_deleted")
    (package,), (on_host,) = gone["appPackageStaleRec"], gone["appPackageHostStaleRec"]
    (host,) = edge.told("hosts/sync_deleted")["mecHostStaleRecs"]
    (instance,) = edge.told("app_instances/sync_deleted")["appInstanceDeletedRecs"]
    (rule,) = edge.told("rules/sync_deleted")["appdRuleDeletedRecs"]
    key = edge.package.package_id
    for record, words in (
        (host, {"mechostIp": ip}),
        (package, {"appPackageId": key, "tenantId": tenant}),
        (on_host, {"packageId": key, "tenantId": tenant, "hostIp": ip}),
        (instance, {"appInstanceId": str(edge.instance.pk), "tenantId": tenant}),
        (rule, {"appdRuleId": f"{tenant}{edge.instance.pk}", "tenantId": tenant,
                "appInstanceId": str(edge.instance.pk)}),
    ):
        assert record.keys() == words.keys() | NAMED
        assert record.items() >= words.items()
    edge.acknowledge(host, package, on_host, instance, rule)
    for what in ("hosts", "packages", "app_instances", "rules"):
        assert not any(edge.told(f"{what}/sync_deleted").values())
        assert not any(edge.told(f"{what}/sync_updated").values())


def test_what_goes_along_with_something_is_told_as_well(edge):
    """Q-13: the rules of an instance, and a package that was on a host, for their tenant."""
    instances.forget(actor=SYSTEM, instance_id=edge.instance.pk)
    hosts.remove_host(actor=SYSTEM, host_id=edge.host.pk)
    (rule,) = edge.told("rules/sync_deleted", edge.owner)["appdRuleDeletedRecs"]
    assert rule["appInstanceId"] == str(edge.instance.pk)
    (on_host,) = edge.told("packages/sync_deleted", edge.owner)["appPackageHostStaleRec"]
    assert (on_host["packageId"], on_host["hostIp"]) == (edge.package.package_id, "10.5.0.1")


@pytest.mark.parametrize("what", UPDATED)
def test_asking_changes_nothing_until_what_was_told_is_acknowledged(edge, what):
    """Q82 Q-13: an answer that is lost on its way loses nothing."""
    first = edge.told(f"{what}/sync_updated")
    assert edge.told(f"{what}/sync_updated") == first
    (record,) = first[UPDATED[what]]
    edge.acknowledge(record, who=edge.boss)
    assert edge.told(f"{what}/sync_updated") == first, "another reader's word counts for itself"
    edge.acknowledge(record | {"version": record["version"] - 1})
    assert edge.told(f"{what}/sync_updated") == first, "an older version is not this one"
    edge.acknowledge(record, *record.get("mecHostInfo", ()))
    assert edge.told(f"{what}/sync_updated") == {UPDATED[what]: []}


def test_what_changes_after_it_was_acknowledged_is_told_again(edge):
    """Q82: also when it changed between the answer and its acknowledgement."""
    (record,) = edge.told("hosts/sync_updated")["mecHostUpdatedRecs"]
    spec = make.host_spec(edge.host.ip, name="renamed")
    hosts.update_host(actor=SYSTEM, host_id=edge.host.pk, spec=spec)
    edge.acknowledge(record)
    (again,) = edge.told("hosts/sync_updated")["mecHostUpdatedRecs"]
    assert (again["mechostName"], again["version"] > record["version"]) == ("renamed", True)


def test_deletion_is_told_until_it_is_acknowledged(edge):
    """Q82: the original purges the row right after answering."""
    edge.end()
    first = edge.told("app_instances/sync_deleted")
    assert edge.told("app_instances/sync_deleted") == first
    edge.acknowledge(*first["appInstanceDeletedRecs"], who=edge.boss)
    assert edge.told("app_instances/sync_deleted") == first


@pytest.mark.parametrize("what", ["packages", "app_instances", "rules"])
def test_tenant_is_told_its_own_and_an_administrator_what_the_address_names(edge, what):
    """Q83 Q87 Q-13: the tenant of the address is a filter, and a tenant may ask."""
    blue = make.tenant("azure")
    theirs = make.instance(make.package(blue, name="azureapp"), make.host("10.5.0.9"),
                           name="azure-inst", state="Instantiated")
    api = make.Api(make.user(blue))
    url = f"{RULES}/tenants/{blue.pk}/app_instances/{theirs.pk}/appd_configuration"
    assert api.send("PUT", url, config(appName="azure", appDNSRule=[])).status_code == 200
    updated = f"{what}/sync_updated"
    for who in (edge.owner, edge.boss, edge.center):
        answer = who.send("GET", edge.url(updated))
        assert b"azure" not in answer.content
        assert len(answer.json()[UPDATED[what]]) == 1
    assert len(api.send("GET", edge.url(updated).replace(str(edge.tenant.pk), str(blue.pk)))
               .json()[UPDATED[what]]) == 1
    for name in ("sync_updated", "sync_deleted"):
        assert api.send("GET", edge.url(f"{what}/{name}")).status_code == 404
        guest = make.Api(make.user(edge.tenant, role="guest"))
        assert guest.send("GET", edge.url(f"{what}/{name}")).status_code == 403
    edge.end()
    for stone in edge.told(f"{what}/sync_deleted", edge.owner).values():
        assert len(stone) == 1
    gone = api.send("GET", edge.url(f"{what}/sync_deleted").replace(str(edge.tenant.pk),
                                                                   str(blue.pk)))
    assert str(edge.tenant.pk) not in gone.content.decode()


def test_hosts_are_told_to_administrators_and_centers_only(edge):
    """Q-13: the original asks for no token here."""
    for what in ("hosts/sync_updated", "hosts/sync_deleted"):
        assert edge.owner.send("GET", edge.url(what)).status_code == 403
        assert make.Api().send("GET", edge.url(what)).status_code == 401
        assert edge.boss.send("GET", edge.url(what)).status_code == 200


def test_what_the_center_ordered_is_no_news_to_it(edge):
    """Q85: neither its things nor their end."""
    for model in (MecHost, Package, AppdConfiguration, type(edge.instance)):
        model.objects.update(origin=Origin.MEO)
    edge.package.distributions.update(origin=Origin.MEO)
    for what in UPDATED:
        assert edge.told(f"{what}/sync_updated") == {UPDATED[what]: []}
    edge.end()
    for what in UPDATED:
        assert not any(edge.told(f"{what}/sync_deleted").values())


def test_orders_of_a_center_are_born_there_and_those_of_our_people_here(edge):
    """Q-13: what is ordered in the portal is told, whatever it says of its origin."""
    other = make.instance(edge.package, edge.host, name="other", state="Instantiated")
    second = make.host("10.5.0.2")
    base = f"tenants/{edge.tenant.pk}"
    answer = edge.center.send(
        "PUT", f"{RULES}/{base}/app_instances/{other.pk}/appd_configuration", config(appDNSRule=[])
    )
    assert answer.status_code == 200
    url = f"{LCM}/{base}/packages/{edge.package.package_id}"
    assert edge.center.send("POST", url, {"hostIp": [second.ip]}).status_code == 200
    origins = dict(AppdConfiguration.objects.values_list("instance_id", "origin"))
    assert origins == {edge.instance.pk: "MEPM", other.pk: "MEO"}
    on = dict(edge.package.distributions.values_list("host__ip", "origin"))
    assert on == {"10.5.0.1": "MEPM", "10.5.0.2": "MEO"}


def test_end_of_something_that_is_there_again_is_not_told(edge):
    """Q89: whoever takes ends after updates would delete what was just told."""
    instance = edge.instance
    edge.end()
    make.host("10.5.0.1")
    assert edge.told("hosts/sync_deleted") == {"mecHostStaleRecs": []}
    (host,) = edge.told("hosts/sync_updated")["mecHostUpdatedRecs"]
    assert host["mechostIp"] == "10.5.0.1"
    package = make.package(edge.tenant, name="redapp")
    again = make.instance(package, MecHost.objects.get(), name="again", instance_id=instance.pk,
                          state="Instantiated")
    edge.configure(again)
    assert edge.told("app_instances/sync_deleted") == {"appInstanceDeletedRecs": []}
    assert edge.told("rules/sync_deleted") == {"appdRuleDeletedRecs": []}


def test_pages_are_as_long_as_asked_and_go_on_where_they_end(edge):
    """Q91: bounded lists."""
    for number in range(2, 6):
        make.host(f"10.5.0.{number}")
    seen = []
    for offset in (0, 2, 4):
        page = edge.told("hosts/sync_updated", query=f"?limit=2&offset={offset}")
        seen.append([one["mechostIp"] for one in page["mecHostUpdatedRecs"]])
    assert [len(one) for one in seen] == [2, 2, 1]
    assert len({ip for one in seen for ip in one}) == 5
    for query in ("?limit=0", "?limit=501", "?offset=-1", "?limit=x"):
        assert edge.center.send("GET", edge.url("hosts/sync_updated") + query).status_code == 400


@pytest.mark.parametrize("what", ["packages", "app_instances"])
def test_second_generation_answers_one_document_in_its_envelope(edge, what):
    """Q-13: a release of the original answers two."""
    for name in ("sync_updated", "sync_deleted"):
        first = edge.center.send("GET", edge.url(f"{what}/{name}")).json()
        second = edge.center.send("GET", edge.url(f"{what}/{name}").replace("/v1/", "/v2/")).json()
        assert second == {"data": first, "retCode": 0, "message": "success", "params": None}


def test_queries_do_not_grow_with_the_changes(edge, django_assert_max_num_queries):
    def ask():
        with django_assert_max_num_queries(60):
            for what in UPDATED:
                edge.told(f"{what}/sync_updated")
                edge.told(f"{what}/sync_deleted")

    ask()
    for number in range(2, 12):
        host = make.host(f"10.5.0.{number}")
        package = make.package(edge.tenant, name=f"app{number}")
        distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
        edge.configure(make.instance(package, host, name=f"i{number}", state="Instantiated"),
                       appDNSRule=[])
    ask()


def test_acknowledging_what_never_was_keeps_nothing(edge):
    """Nobody fills a table by naming what is not there; who may read all may refuse."""
    row = {"kind": "mechost", "id": str(edge.tenant.pk), "version": 1}
    edge.acknowledge(row, row | {"kind": "nothing"}, row | {"kind": "appinstance"},
                     who=edge.owner)
    assert not AckedRow.objects.exists()
    answer = edge.owner.send("POST", "/sync/v1/ack", {"refused": [row]})
    assert answer.status_code == 403


def test_dead_are_forgotten_although_a_tenant_never_acknowledged_them(edge):
    """A person who asks holds nothing back, and what they acknowledged goes with the dead."""
    edge.end()
    gone = edge.told("app_instances/sync_deleted", edge.owner)["appInstanceDeletedRecs"]
    edge.acknowledge(*gone, who=edge.owner)
    assert AckedRow.objects.count() == 1
    edge.now.advance(days=TOMBSTONE_DAYS + 1)
    edge.told("packages/sync_deleted", make.Api(make.user(edge.tenant)))
    acks.purge_tombstones()
    assert not Tombstone.objects.exists()
    assert not AckedRow.objects.exists()
