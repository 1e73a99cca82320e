"""An edge restored from yesterday's backup is noticed, and mended from what is known here."""

from __future__ import annotations

import shutil

import pytest
from django.db import connections

from apps.common.merging import UNKNOWN
from apps.common.models import current_version
from apps.hosts import credentials
from apps.hosts import services as hosts
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.orchestration import delivery
from apps.orchestration import services as verbs
from apps.packages import distribution, distribution_work
from apps.packages import services as packages
from apps.packages.models import Distribution, Package
from apps.rules import services as rules
from apps.rules import work
from apps.rules.models import AppdConfiguration
from apps.sync import timeline
from apps.sync.models import Copy, HeldRow, Peer, SyncRun
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.sites import owed
from tests.sync.edits import IP, addresses, dns, edit, run_until_quiet, write
from tests.sync.lives import life


class Backup:
    """The edge's database as it was, to be put back."""

    def __init__(self, sites):
        self.sites = sites
        self.path = sites.file.with_suffix(".backup")
        sites.connection.close()
        shutil.copy(sites.file, self.path)

    def restore(self):
        """Put it back and start the site again."""
        self.sites.connection.close()
        for suffix in ("-wal", "-shm"):
            self.sites.file.with_name(self.sites.file.name + suffix).unlink(missing_ok=True)
        shutil.copy(self.path, self.sites.file)
        with self.sites.inside():
            timeline.set_mark()
            connections["default"].close()


@pytest.fixture
def settled(follower, house):
    """A running instance that was ordered here, and a life of the edge's own; both are known."""
    tenant = make.tenant("red")
    host = make.host(IP, edge=follower.edge, name="roof", city="Ede")
    package = make.package(tenant)
    spec = verbs.CreateSpec(package.pk, host.pk, "camera")
    instance = verbs.create_instance(actor=SYSTEM, tenant_id=tenant.pk, spec=spec)
    verbs.instantiate(actor=SYSTEM, instance_id=instance.pk)
    run_until_quiet(follower)
    write(instance, dns("a", "10.0.0.1"))
    run_until_quiet(follower)
    return {"tenant": tenant, "host": host, "package": package, "instance": instance}


def same(follower):
    """What both sites should agree on."""
    def known():
        return {
            "hosts": set(MecHost.objects.values_list("pk", "ip", "city")),
            "packages": set(Package.objects.values_list("pk", "sha256")),
            "copies": set(Distribution.objects.values_list("package_id", "host_id", "state")),
            "instances": set(AppInstance.objects.values_list("pk", "state", "package_id")),
            "rules": addresses(),
        }

    assert known() == follower.at_edge(known)
    assert not HeldRow.objects.exists()
    assert owed() == []
    return known()


def test_restart_alone_is_no_restored_backup(follower, settled):
    before = Peer.objects.get().mark
    follower.at_edge(timeline.set_mark)
    assert follower.pull()["rows"] == 0
    assert Peer.objects.get().mark != before
    assert Peer.objects.get().copying is None


def test_what_was_changed_after_the_backup_is_given_back(follower, settled):
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    write(settled["instance"], dns("a", "10.0.0.2"), dns("b", "10.0.0.3"))
    run_until_quiet(follower)
    backup.restore()
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Ede"
    run_until_quiet(follower)
    found = same(follower)
    assert found["rules"] == {"a": "10.0.0.2", "b": "10.0.0.3"}
    assert MecHost.objects.get().city == "Gouda"


def test_what_was_changed_at_the_edge_after_the_backup_is_given_back_too(follower, settled):
    backup = Backup(follower.sites)
    follower.at_edge(edit, city="Gouda")
    run_until_quiet(follower)
    backup.restore()
    run_until_quiet(follower)
    same(follower)
    assert MecHost.objects.get().city == "Gouda"


def test_what_was_ordered_after_the_backup_is_ordered_again(follower, settled):
    backup = Backup(follower.sites)
    host = make.host("10.9.1.2", edge=follower.edge, name="shed")
    spec = verbs.CreateSpec(settled["package"].pk, host.pk, "second")
    instance = verbs.create_instance(actor=SYSTEM, tenant_id=settled["tenant"].pk, spec=spec)
    verbs.instantiate(actor=SYSTEM, instance_id=instance.pk)
    run_until_quiet(follower)
    assert follower.at_edge(AppInstance.objects.count) == 2
    backup.restore()
    assert follower.at_edge(AppInstance.objects.count) == 1
    run_until_quiet(follower)
    # Its access file is forgotten here and lost there.
    assert [(row.kind, row.why.code) for row in HeldRow.objects.all()] == [
        ("distribution", "no_host"), ("appinstance", "no_host")]
    credentials.store_credentials(actor=SYSTEM, host_id=host.pk, content=make.ACCESS.encode())
    run_until_quiet(follower)
    follower.at_edge(lambda: delivery.probe(MecHost.objects.get(pk=host.pk)))
    run_until_quiet(follower)
    found = same(follower)
    assert len(found["instances"]) == 2
    assert {state for _, state, _ in found["instances"]} == {"Instantiated"}


def test_what_had_ended_after_the_backup_is_ended_again(follower, settled):
    backup = Backup(follower.sites)
    verbs.terminate(actor=SYSTEM, instance_id=settled["instance"].pk)
    run_until_quiet(follower)
    distribution.withdraw(
        actor=SYSTEM, package_id=settled["package"].pk, host_id=settled["host"].pk)
    run_until_quiet(follower)
    hosts.remove_host(actor=SYSTEM, host_id=settled["host"].pk)
    run_until_quiet(follower)
    assert follower.at_edge(MecHost.objects.count) == 0
    backup.restore()
    assert follower.at_edge(AppInstance.objects.count) == 1
    run_until_quiet(follower)
    run_until_quiet(follower)
    assert follower.at_edge(AppInstance.objects.count) == 0
    assert follower.at_edge(MecHost.objects.count) == 0
    assert follower.at_edge(AppdConfiguration.objects.count) == 0
    assert not HeldRow.objects.exists()


def test_edit_after_the_restore_waits_for_a_person_where_it_differs(follower, settled):
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    run_until_quiet(follower)
    backup.restore()
    follower.at_edge(edit, city="Lisse")
    run_until_quiet(follower)
    host = MecHost.objects.get()
    assert set(host.contested) == {"city"}
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Lisse"


def test_restored_edge_that_went_on_past_the_old_place_is_noticed_too(
    follower, settled, settings
):
    settings.LIMITS = dict.fromkeys(settings.LIMITS, 1000)
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    run_until_quiet(follower)
    cursor = AppLcm.objects.get().cursor
    backup.restore()
    follower.at_edge(lambda: [make.tenant(f"t{n}") for n in range(40)])
    assert follower.at_edge(current_version) > cursor
    run_until_quiet(follower)
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Gouda"


def test_removal_at_the_edge_after_the_restore_is_a_removal(follower, settled):
    follower.at_edge(life)
    run_until_quiet(follower)
    backup = Backup(follower.sites)
    edit_other = MecHost.objects.get(pk=settled["host"].pk)
    hosts.update_host(actor=SYSTEM, host_id=edit_other.pk, spec=make.host_spec(
        IP, name="roof", city="Gouda", applcm_ip=follower.edge.ip))
    run_until_quiet(follower)
    backup.restore()

    def remove():
        task = rules.remove(actor=SYSTEM, instance_id=settled["instance"].pk)
        work.carry_out_now(task)

    follower.at_edge(remove)
    run_until_quiet(follower)
    assert follower.at_edge(addresses) == addresses() == {}


def test_place_in_the_feed_is_kept_for_every_row_after_the_mend(follower, settled):
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    run_until_quiet(follower)
    backup.restore()
    run_until_quiet(follower)
    assert not Copy.objects.exclude(former=0).exists()
    assert Peer.objects.get().forked_at is None
    assert follower.pull() == {"came": "ok", "rows": 0, "held": 0}


def test_what_the_edge_lost_of_a_package_that_only_it_has_is_given_back(follower, settled):
    def start():
        package, host = Package.objects.get(origin="MEPM"), MecHost.objects.get(name="shed")
        spec = verbs.CreateSpec(package.pk, host.pk, "own")
        made = verbs.create_instance(actor=SYSTEM, tenant_id=package.tenant_id, spec=spec)
        verbs.instantiate(actor=SYSTEM, instance_id=made.pk)

    follower.at_edge(life)
    shed = follower.at_edge(make.host, "10.5.0.2", name="shed")
    follower.at_edge(delivery.probe, shed)
    run_until_quiet(follower)
    backup = Backup(follower.sites)
    follower.at_edge(start)
    run_until_quiet(follower)
    assert AppInstance.objects.count() == 3
    backup.restore()
    assert follower.at_edge(AppInstance.objects.count) == 2
    run_until_quiet(follower)
    assert len(same(follower)["instances"]) == 3


def test_package_removed_here_is_removed_there_although_nothing_else_waits(follower, settled):
    package = follower.at_edge(life)["package"]
    follower.pull()
    follower.at_edge(AppInstance.objects.filter(package=package).delete)
    follower.at_edge(Distribution.objects.filter(package=package).delete)
    AppInstance.objects.filter(package_id=package.pk).delete()
    Distribution.objects.filter(package_id=package.pk).delete()
    packages.remove_package(actor=SYSTEM, package_id=package.pk)
    packages.forget_when_gone(actor=SYSTEM, package_id=package.pk)
    assert not HeldRow.objects.exists()
    follower.pull()
    assert not follower.at_edge(Package.objects.filter(pk=package.pk).exists)


@pytest.mark.parametrize("meanwhile", [False, True])
def test_what_was_brought_and_lost_before_anybody_read_of_it_is_brought_again(
    follower, settled, meanwhile
):
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    delivery.deliver(settled["host"].pk)
    (row,) = distribution.distribute(
        actor=SYSTEM, package_id=make.package(settled["tenant"], name="gauge").pk,
        host_ids=[settled["host"].pk])
    assert distribution_work.work_on(row.pk) == "arrived"
    backup.restore()
    if meanwhile:
        # Its look at the host makes the host's row newer than what was lost.
        for _ in range(9):
            follower.at_edge(timeline.set_mark)
        follower.at_edge(lambda: MecHost.objects.get().save())
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Ede"
    run_until_quiet(follower)
    same(follower)
    assert MecHost.objects.get().city == "Gouda"


def test_restart_after_an_order_that_nobody_read_of_is_no_restored_backup(follower, settled):
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    delivery.deliver(settled["host"].pk)
    follower.at_edge(timeline.set_mark)
    follower.pull()
    assert Peer.objects.get().copies == 0
    assert Peer.objects.get().verified == Peer.objects.get().mark
    assert not SyncRun.objects.filter(full=True, created_at__gte=follower.now()).exists()


def test_choice_that_waited_goes_on_waiting_with_what_the_edge_had(follower, settled):
    backup = Backup(follower.sites)
    follower.at_edge(edit, city="Lisse")
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    run_until_quiet(follower)
    assert MecHost.objects.get().contested["city"]["theirs"] == "Lisse"
    backup.restore()
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Ede"
    run_until_quiet(follower)
    host = MecHost.objects.get()
    assert host.contested["city"] == {"base": "Ede", "ours": "Gouda", "theirs": "Lisse"}
    # Until somebody chooses, each site has its own.
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Lisse"


def test_order_that_knows_a_version_of_the_lost_history_is_refused(follower, settled):
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    run_until_quiet(follower)
    lost = MecHost.objects.get().edge_version
    backup.restore()
    for city in ("Lisse", "Breda", "Sneek"):
        follower.at_edge(edit, city=city)
    assert follower.at_edge(lambda: MecHost.objects.get().version) > lost
    edit(city="Delft", applcm_ip=follower.edge.ip)
    assert delivery.deliver(settled["host"].pk) == "waiting"
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Sneek"


def test_edit_after_the_restore_does_not_hide_an_order_that_was_lost(follower, settled):
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    delivery.deliver(settled["host"].pk)
    backup.restore()
    follower.at_edge(edit, name="attic")
    run_until_quiet(follower)
    host = MecHost.objects.get()
    assert host.contested["city"] == {"base": UNKNOWN, "ours": "Gouda", "theirs": "Ede"}
    assert host.contested["name"] == {"base": UNKNOWN, "ours": "roof", "theirs": "attic"}


def test_rules_that_only_an_order_told_of_and_the_edge_removed_are_gone(follower, settled):
    def remove():
        return rules.remove(actor=SYSTEM, instance_id=settled["instance"].pk)

    remove()
    run_until_quiet(follower)
    backup = Backup(follower.sites)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    run_until_quiet(follower)
    backup.restore()
    write(settled["instance"], dns("b", "10.0.0.3"))
    for task in work.due():
        work.work_on(task)
    assert follower.at_edge(addresses) == {"b": "10.0.0.3"}
    follower.at_edge(lambda: work.carry_out_now(remove()))
    run_until_quiet(follower)
    assert addresses() == follower.at_edge(addresses) == {}
    assert not HeldRow.objects.exists()


def test_what_waited_here_and_was_lost_there_waits_no_more(follower, settled):
    backup = Backup(follower.sites)
    twin = make.host("10.9.1.3", name="ours", access="")
    follower.at_edge(make.host, "10.9.1.3", name="theirs")
    follower.pull()
    assert HeldRow.objects.get().code == "waits"
    backup.restore()
    follower.pull()
    assert not HeldRow.objects.exists()
    assert Peer.objects.get().copying is None
    assert MecHost.objects.filter(pk=twin.pk).exists()


def test_what_the_edge_ended_itself_has_not_to_be_ended_again(follower, settled):
    backup = Backup(follower.sites)
    verbs.terminate(actor=SYSTEM, instance_id=settled["instance"].pk)
    run_until_quiet(follower)
    backup.restore()
    follower.wire.on_request = lambda request: setattr(
        follower.wire, "down", "terminate" in request.url.path)
    follower.pull()
    assert [row.kind for row in HeldRow.objects.filter(code="ended_before")] == ["appinstance"]
    follower.wire.on_request = None
    follower.wire.down = False

    def end():
        verbs.terminate(actor=SYSTEM, instance_id=settled["instance"].pk)

    follower.at_edge(end)
    run_until_quiet(follower)
    assert follower.at_edge(AppInstance.objects.count) == 0
    assert not HeldRow.objects.exists()
    assert Peer.objects.get().copies == 0
