"""A reader that was away for too long, and an edge that is never the same, are read anew."""

from __future__ import annotations

import pytest
from django.db import transaction

from apps.common.models import next_version
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.journal.services import TOMBSTONE_DAYS
from apps.orchestration import delivery
from apps.orchestration import services as verbs
from apps.packages import services as packages
from apps.packages.models import Package
from apps.rules import services as rules
from apps.rules import work
from apps.sync import acks, copying, timeline
from apps.sync.models import Forgotten, HeldRow, Peer, Reader, SyncRun
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from tests import factories as make
from tests.sites import work_once
from tests.sync.edits import addresses, dns, edit, run_until_quiet, write
from tests.sync.test_restored import Backup
from tests.sync.test_restored import settled as settled


def test_reader_that_was_away_for_too_long_reads_one_full_copy(follower, settled):
    reader = follower.at_edge(Reader.objects.get)
    follower.at_edge(lambda: rules.remove(actor=SYSTEM, instance_id=settled["instance"].pk))
    follower.at_edge(lambda: [work.work_on(task) for task in work.due()])
    follower.now.advance(days=TOMBSTONE_DAYS + 1)
    assert follower.at_edge(acks.purge_tombstones) == {"tombstones": 1}
    # What it had said before, and arrives late, does not tell that it is back.
    follower.at_edge(acks.acknowledge, reader, upto=reader.acked)
    assert follower.pull()["came"] == "ok", Peer.objects.get().fault
    assert Peer.objects.get().copying is None
    (run,) = SyncRun.objects.filter(created_at__gte=follower.now())
    assert run.full
    assert addresses() == follower.at_edge(addresses) == {}
    assert follower.pull() == {"came": "ok", "rows": 0, "held": 0}


def test_center_that_was_restored_to_before_what_is_forgotten_reads_a_full_copy(
    follower, settled
):
    backup = transaction.savepoint()
    follower.at_edge(lambda: rules.remove(actor=SYSTEM, instance_id=settled["instance"].pk))
    follower.at_edge(lambda: [work.work_on(task) for task in work.due()])
    follower.pull()
    follower.now.advance(days=TOMBSTONE_DAYS + 1)
    follower.pull()
    assert follower.at_edge(acks.purge_tombstones) == {"tombstones": 1}
    transaction.savepoint_rollback(backup)
    timeline.set_mark()
    assert addresses() != {}
    assert follower.pull()["came"] == "ok", Peer.objects.get().fault
    assert addresses() == follower.at_edge(addresses) == {}


def test_edge_that_is_another_one_each_time_is_given_up_for_now(follower, settled):
    def answers(request):
        if request.url.path == "/sync/v1/changes":
            backup.restore()

    backup = Backup(follower.sites)
    follower.at_edge(make.tenant, "blue")
    follower.pull()
    follower.wire.on_request = answers
    assert follower.pull() == {"came": "failed", "why": "upstream"}
    assert "another history" in str(Peer.objects.get().why)
    follower.wire.on_request = None
    assert follower.pull()["came"] == "ok", Peer.objects.get().fault


def forget():
    """As if something had been removed at this very version and was forgotten."""
    Forgotten.objects.update_or_create(pk=1, defaults={"upto": next_version()})


@pytest.mark.parametrize("starts", [1, 2])
def test_each_start_of_the_edge_is_known_also_where_none_was_read(follower, settled, starts):
    for _ in range(starts):
        follower.at_edge(timeline.set_mark)
    follower.pull()
    write(settled["instance"], dns("a", "10.0.0.2"))
    follower.at_edge(edit, city="Lisse")
    run_until_quiet(follower)
    backup = Backup(follower.sites)
    rules.remove(actor=SYSTEM, instance_id=settled["instance"].pk)
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    run_until_quiet(follower)
    backup.restore()
    for _ in range(2):
        run_until_quiet(follower)
    assert addresses() == follower.at_edge(addresses) == {}
    assert MecHost.objects.get().contested == {}
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Gouda"


def test_order_that_was_taken_and_lost_while_a_copy_was_read_is_given_again(
    follower, settled, monkeypatch
):
    Peer.objects.update(mark=None)
    done, real = [], copying.copy

    def copied(edge, *args):
        found = real(edge, *args)
        if not done:
            backup = Backup(follower.sites)
            edit(city="Gouda", applcm_ip=follower.edge.ip)
            done.append(delivery.deliver(settled["host"].pk))
            backup.restore()
        return found

    monkeypatch.setattr(copying, "copy", copied)
    for _ in range(2):
        run_until_quiet(follower)
    assert done == ["delivered"]
    assert follower.at_edge(lambda: MecHost.objects.get().city) == "Gouda"


def test_instance_that_waits_for_its_package_has_not_ended_for_who_starts_over(
    follower, settled
):
    instance = settled["instance"]

    def upload():
        name = Package.objects.get().name
        return make.package(Tenant.objects.get(), name=name, version="2.0")

    def upgrade():
        verbs.upgrade(actor=SYSTEM, instance_id=instance.pk, package_id=other.pk)

    other = follower.at_edge(upload)
    follower.pull()
    follower.at_edge(upgrade)
    # Removed here before anybody knew that it is used there, and the edge does not give it up.
    packages.remove_package(actor=SYSTEM, package_id=other.pk)
    follower.at_edge(work_once)
    for _ in range(2):
        follower.pull()
        assert AppInstance.objects.filter(pk=instance.pk).exists()
        assert follower.at_edge(AppInstance.objects.count) == 1
        follower.at_edge(forget)
    assert SyncRun.objects.filter(full=True).exists()
    codes = set(HeldRow.objects.values_list("kind", "code"))
    assert codes >= {("appinstance", "waits"), ("package", "ended_before")}
