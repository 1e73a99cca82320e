"""Following an edge: what is taken over of it, and in which order."""

from __future__ import annotations

import uuid

import pytest

from apps.hosts import services as hosts
from apps.hosts.models import AppLcm, MecHost
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.journal import services as journal
from apps.journal.models import Entry
from apps.orchestration import delivery
from apps.orchestration import services as verbs
from apps.packages import distribution, distribution_work
from apps.packages import services as packages
from apps.packages.models import Distribution, Package
from apps.sync import expecting, feed, puller, timeline
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from apps.tenants.services import adopt_tenant
from tests import factories as make
from tests.sites import owed, work_once
from tests.sync.lives import counts, life

EITHER_WAY = True


def test_what_was_born_at_an_edge_is_taken_over_with_all_that_is_known_of_it(follower):
    born = follower.at_edge(life)
    assert follower.pull()["came"] == "ok"
    assert counts() == (1, 1, 1, 1, 1)
    host, package = MecHost.objects.get(), Package.objects.get()
    instance, tenant = AppInstance.objects.get(), Tenant.objects.get()
    assert (host.pk, host.origin, host.applcm) == (born["host"].pk, "MEPM", follower.edge)
    assert host.is_delivered, "nothing is owed to the edge of what it has itself"
    assert (tenant.pk, tenant.name, tenant.origin) == (born["tenant"].pk, "local", "MEPM")
    assert (package.pk, package.has_file, package.sha256) == (
        born["package"].pk, False, born["package"].sha256)
    assert Distribution.objects.get().state == "Distributed"
    assert (instance.pk, instance.state, instance.health, instance.origin) == (
        born["instance"].pk, "Instantiated", "Ready", "MEPM")
    assert instance.seen.ready == 1
    assert follower.cursor() == follower.at_edge(feed.current_version)


def test_pull_again_without_news_changes_nothing(follower):
    follower.at_edge(life)
    follower.pull()
    rows, entries = AppInstance.objects.values().get(), Entry.objects.count()
    assert follower.pull() == {"came": "ok", "rows": 0, "held": 0}
    AppLcm.objects.update(cursor=0)
    follower.pull()
    assert AppInstance.objects.values().get() == rows, "the same rows again are no news"
    assert Entry.objects.count() == entries
    assert counts() == (1, 1, 1, 1, 1)


def test_change_at_the_edge_is_followed(follower):
    born = follower.at_edge(life)
    follower.pull()

    def change():
        instances.move(actor=SYSTEM, instance_id=born["instance"].pk, verb="terminate")
        host = MecHost.objects.get()
        hosts.update_host(actor=SYSTEM, host_id=host.pk,
                          spec=make.host_spec(host.ip, name=host.name, city="Gouda"))

    follower.at_edge(change)
    follower.pull()
    assert AppInstance.objects.get().state == "Terminating"
    assert MecHost.objects.get().city == "Gouda"


def test_all_that_ends_at_the_edge_ends_here_in_one_pull(follower):
    born = follower.at_edge(life)
    follower.pull()

    def end():
        instances.forget(actor=SYSTEM, instance_id=born["instance"].pk)
        packages.remove_package(actor=SYSTEM, package_id=born["package"].pk)
        distribution_work.work_on(distribution_work.due()[0])
        packages.forget_when_gone(actor=SYSTEM, package_id=born["package"].pk)
        hosts.remove_host(actor=SYSTEM, host_id=born["host"].pk)

    follower.at_edge(end)
    assert follower.pull()["held"] == 0
    assert counts() == (1, 0, 0, 0, 0)


def test_thing_that_came_and_went_between_two_pulls_is_never_known(follower):
    def come_and_go():
        born = life()
        instances.forget(actor=SYSTEM, instance_id=born["instance"].pk)

    follower.at_edge(come_and_go)
    assert follower.pull()["held"] == 0
    assert not AppInstance.objects.exists()


def test_things_of_the_center_are_not_taken_over_but_observed(follower, house):
    tenant = make.tenant("red")
    host = make.host("10.9.1.1", edge=follower.edge)
    package = make.package(tenant)
    work_once()
    distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
    work_once()
    follower.at_edge(work_once)
    follower.at_edge(lambda: delivery.probe(MecHost.objects.get()))
    follower.pull()
    host.refresh_from_db()
    package.refresh_from_db()
    assert counts() == (1, 1, 1, 1, 0)
    assert (host.origin, host.reachable, host.vim_kind) == ("MEO", True, "simulated")
    assert (package.origin, package.has_file) == ("MEO", True)


def test_host_of_the_center_that_the_edge_lost_is_delivered_again(follower):
    host = make.host("10.9.1.1", edge=follower.edge, access="")
    delivery.deliver(host.pk)
    follower.pull()
    follower.at_edge(lambda: hosts.remove_host(actor=SYSTEM, host_id=host.pk))
    follower.pull()
    assert owed() == [host.pk]
    delivery.deliver(host.pk)
    assert follower.at_edge(MecHost.objects.count) == 1
    follower.pull()
    assert owed() == []


def test_instance_that_was_forgotten_here_is_not_born_again_by_the_edges_word(follower):
    tenant = make.tenant("red")
    host = make.host("10.9.1.1", edge=follower.edge)
    package = make.package(tenant)
    instance = make.instance(package, host)
    work_once()

    def run_it():
        there = adopt_tenant(tenant_id=tenant.pk, name="red", origin="MEO")
        copy = make.package(there, origin="MEO")
        make.instance(copy, MecHost.objects.get(), instance_id=key, origin="MEO")

    key = instance.pk
    instances.forget(actor=SYSTEM, instance_id=key)
    follower.at_edge(run_it)
    follower.pull()
    assert not AppInstance.objects.exists()


def test_word_of_the_edge_does_not_disturb_an_operation_in_progress(follower):
    born = follower.at_edge(life)
    follower.pull()
    verbs.terminate(actor=SYSTEM, instance_id=born["instance"].pk)
    follower.at_edge(born["instance"].save)
    follower.pull()
    assert AppInstance.objects.get().state == "Terminating"
    follower.at_edge(instances.forget, actor=SYSTEM, instance_id=born["instance"].pk)
    follower.pull()
    assert AppInstance.objects.get().state == "Terminating", "the operation ends it by itself"
    for _ in range(8):
        follower.now.advance(seconds=2)
        work_once()
    assert not AppInstance.objects.exists()


def test_probes_of_the_edge_keep_their_time_true_here_without_news(follower):
    host = make.host("10.9.1.1", edge=follower.edge)
    delivery.deliver(host.pk)
    follower.at_edge(lambda: delivery.probe(MecHost.objects.get()))
    follower.pull()
    before = MecHost.objects.get()
    follower.now.advance(seconds=15)
    follower.at_edge(lambda: delivery.probe(MecHost.objects.get()))
    follower.pull()
    after = MecHost.objects.get()
    assert after.observed_at == follower.now()
    assert after.version == before.version


# --- pages, parents and poison -------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3])
def test_child_that_comes_pages_before_its_parent_waits_and_is_taken_in_the_end(
    follower, monkeypatch, size
):
    monkeypatch.setattr(puller, "PAGE", size)
    born = follower.at_edge(life)
    # A parent that changed last comes last.
    for name in ("package", "host", "tenant"):
        follower.at_edge(born[name].save)
    assert follower.pull()["held"] == 0
    assert counts() == (1, 1, 1, 1, 1)


def test_child_whose_parent_is_not_there_yet_waits_from_pull_to_pull(follower):
    host = make.host("10.5.0.1", edge=make.edge("10.77.0.1"), access="")
    follower.at_edge(life)
    report = follower.pull()
    assert report["came"] == "ok"
    assert report["held"] == 3, "its host, and with it the distribution and the instance"
    assert follower.cursor() == follower.at_edge(feed.current_version), "nothing is asked twice"
    journal.bury("x", host, actor=SYSTEM)
    assert follower.pull()["held"] == 0
    assert counts() == (1, 1, 1, 1, 1)


def test_child_that_waits_is_forgotten_when_it_ends_at_the_edge(follower):
    host = make.host("10.5.0.1", edge=make.edge("10.77.0.1"), access="")
    born = follower.at_edge(life)
    follower.pull()
    follower.at_edge(instances.forget, actor=SYSTEM, instance_id=born["instance"].pk)
    follower.pull()
    journal.bury("x", host, actor=SYSTEM)
    assert follower.pull()["held"] == 0
    assert not AppInstance.objects.exists()


def test_kind_that_this_center_does_not_know_is_ignored(follower, monkeypatch):
    follower.pull()
    follower.at_edge(life)
    strange = {"kind": "drone", "id": str(uuid.uuid4()), "version": 1, "data": {}}
    read = feed.page

    def page(**asked):
        found = read(**asked)
        return found | {"rows": [strange, *found["rows"], strange | {"gone": True}]}

    monkeypatch.setattr(feed, "page", page)
    report = follower.pull()
    assert (report["came"], report["held"]) == ("ok", 0)
    assert counts() == (1, 1, 1, 1, 1)


@pytest.mark.parametrize(
    "spoilt",
    [{}, {"data": {}}, {"data": None}, {"data": {"origin": "MEPM", "record": {"state": 7}}}],
    ids=str,
)
def test_row_that_cannot_be_read_is_held_back_and_keeps_no_other_from_coming(
    follower, monkeypatch, caplog, spoilt
):
    follower.pull()
    born = follower.at_edge(life)
    read = feed.page

    def page(**asked):
        found = read(**asked)
        for row in found["rows"]:
            if row["kind"] == "appinstance":
                row.pop("data", None)
                row.update(spoilt)
        return found

    monkeypatch.setattr(feed, "page", page)
    assert follower.pull() == {"came": "ok", "rows": 5, "held": 1}
    assert counts() == (1, 1, 1, 1, 0)
    assert "was not taken" in caplog.text
    monkeypatch.undo()
    follower.sites.link(monkeypatch)
    follower.at_edge(born["instance"].save)
    assert follower.pull()["held"] == 0
    assert counts() == (1, 1, 1, 1, 1)


def test_page_that_is_longer_than_asked_for_is_not_taken(follower, monkeypatch):
    """Q91: what an edge sends is bounded here, too."""
    follower.pull()
    follower.at_edge(make.tenant, "later")
    read = feed.page

    def longer(**asked):
        found = read(**asked)
        return found | {"rows": found["rows"] * (asked["limit"] + 1)}

    monkeypatch.setattr(feed, "page", longer)
    assert follower.pull() == {"came": "failed", "why": "not_an_edge"}
    assert not Tenant.objects.filter(name="later").exists()


def test_what_orders_told_is_looked_for_once_after_each_start_of_the_edge(follower, monkeypatch):
    looked, real = [], expecting.told_by_orders
    monkeypatch.setattr(
        expecting, "told_by_orders", lambda edge: looked.append(edge) or real(edge)
    )
    for start in (1, 2):
        follower.at_edge(timeline.set_mark)
        for change in range(3):
            follower.at_edge(make.tenant, f"{start}-{change}")
            assert follower.pull()["rows"] == 1
        assert len(looked) == start
