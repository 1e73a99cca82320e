"""Every list costs as many queries for twenty rows as for one."""

from __future__ import annotations

import itertools
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.hosts import services as hosts
from apps.images.models import HostImage
from apps.instances import rollouts
from apps.instances import services as instances
from apps.packages import distribution, distribution_work
from apps.packages import services as packages
from apps.packages.models import StorePackage
from apps.rules import services as rules
from apps.rules import work
from apps.rules.specs import AppdSpec
from apps.sync import feed, runs
from apps.tenants import keys
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.security.platform import platform_of
from tests.security.world import decision_of

_numbers = itertools.count(1)


class Estate:
    """One tenant whose things become more."""

    def __init__(self, edge):
        self.edge = edge
        self.boss = make.Api(make.admin())
        self.tenant = make.tenant()
        self.owner = make.Api(make.user(self.tenant))
        self.package = make.package(self.tenant)
        self.open = make.host("10.202.0.1", hw_capabilities=[{"hwType": "GPU"}])
        self.instance = make.instance(self.package, self.open)

    def grow(self, rows):
        """Add so many of everything; half of the hosts are open, half granted."""
        for _ in range(rows):
            number = next(_numbers)
            host = make.host(edge=self.edge, granted_to=self.tenant if number % 2 else None)
            other = make.package(self.tenant, name=f"app{number}")
            decision_of("tried", self.tenant, self.package)
            distribution.distribute(actor=SYSTEM, package_id=other.pk, host_ids=[host.pk])
            seen = {"phase": "Ready", "as_of": clock.now().isoformat()}
            row = make.instance(self.package, host, state="Instantiated", observed_at=clock.now(),
                                workload=seen)
            rollouts.plan(
                actor=SYSTEM, tenant_id=self.tenant.pk, package_id=self.package.pk,
                package_name="p", changes=[rollouts.Change(row, self.package.pk)], wave_size=1,
                stop_after=1)
            make.record(self.tenant, self.open)
            make.instance(self.package, self.open, capabilities=["GPU"])
            make.user(make.tenant())
            StorePackage(store_ip="10.9.0.1", app_id=uuid.uuid4(), package_id=uuid.uuid4()).save()
            if self.edge is None:
                HostImage.objects.create(host=self.open, tenant=self.tenant, name=f"image{number}",
                                       source="url", package_id=uuid.uuid4())
                HostImage.objects.create(host=self.open, tenant=self.tenant, name=f"shot{number}",
                                       source="snapshot", instance_id=self.instance.pk)
                self._use(other, self.open)
                platform_of(f"app{number}", self.tenant)
                self._configure(row)
                self._come_and_go(number)
            else:
                make.edge(f"10.200.0.{number % 250 + 1}")
                make.rule_manager(f"10.200.0.{number % 250 + 1}")
                make.store(f"10.200.0.{number % 250 + 1}")
                make.repo(f"repo{number}.example")
                runs.start(actor=SYSTEM, edge=make.edge(f"10.203.0.{number % 250 + 1}"),
                           tenant_id=self.tenant.pk)

    def _use(self, package, host):
        """A package whose images a host is to have."""
        distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])

    def _configure(self, instance):
        """Give an instance rules of its own."""
        spec = AppdSpec(instance.app_name)
        order = rules.replace(
            actor=SYSTEM, instance_id=instance.pk, spec=spec, may_be_first=True
        )
        work.carry_out_now(order)

    def _come_and_go(self, number):
        """Something of everything that is gone again."""
        host = make.host(f"10.204.0.{number % 250 + 1}")
        package = make.package(self.tenant, name=f"gone{number}")
        distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
        instance = make.instance(package, host, state="Instantiated")
        self._configure(instance)
        work.carry_out_now(rules.remove(actor=SYSTEM, instance_id=instance.pk))
        instances.forget(actor=SYSTEM, instance_id=instance.pk)
        packages.remove_package(actor=SYSTEM, package_id=package.pk)
        for due in distribution_work.due():
            distribution_work.work_on(due)
        packages.forget_when_gone(actor=SYSTEM, package_id=package.pk)
        hosts.remove_host(actor=SYSTEM, host_id=host.pk)

    def cost(self, url, who):
        """How many queries the list takes, and how long it is."""
        with CaptureQueriesContext(connection) as seen:
            answer = who.send(
                "GET", url.format(tenant=self.tenant.pk, instance=self.instance.pk))
        assert answer.status_code == 200
        return len(seen), len(answer.content)


CENTER = [
    "/auth/v1/tenants",
    "/inventory/v1/applcms",
    "/inventory/v1/apprulemanagers",
    "/inventory/v1/appstores",
    "/inventory/v1/apprepos",
    "/inventory/v1/mepms",
    "/inventory/v1/mechosts",
    "/inventory/v1/mechosts/10.202.0.1/apps",
    "/inventory/v1/mechosts/10.202.0.1/apps?limit=500",
    "/inventory/v1/mechosts/10.202.0.1/capabilities/GPU/applications",
    "/inventory/v1/tenants/{tenant}/mechosts/10.202.0.1/apps",
    "/apm/v1/tenants/{tenant}/packages",
    "/apm/v1/packages",
    "/apm/v1/apps/syncstatus",
    "/appo/v1/tenants/{tenant}/app_instance_infos",
    "/appo/v1/tenants/{tenant}/placement_decisions",
    "/appo/v1/placement_decisions",
    "/appo/v1/app_instance_infos",
    "/appo/v1/tenants/{tenant}/upgrades",
    "/appo/v1/upgrades",
    "/sync/v1/runs",
    "/api/v1/topology",
]
EDGE = [
    "/auth/v1/tenants",
    "/lcmcontroller/v1/hosts",
    "/lcmcontroller/v1/hosts/10.202.0.1/images",
    "/lcmcontroller/v1/tenants/{tenant}/app_instances/{instance}/images",
    "/lcmcontroller/v1/tenants/{tenant}/packages",
    "/lcmcontroller/v1/tenants/{tenant}/app_instances",
    "/lcmcontroller/v1/tenants/{tenant}/packages/sync_updated",
    "/lcmcontroller/v1/tenants/{tenant}/packages/sync_deleted",
    "/lcmcontroller/v1/tenants/{tenant}/app_instances/sync_updated",
    "/lcmcontroller/v1/tenants/{tenant}/app_instances/sync_deleted",
    "/apprulemgr/v1/tenants/{tenant}/app_instances/appd_configuration/sync_updated",
    "/apprulemgr/v1/tenants/{tenant}/app_instances/appd_configuration/sync_deleted",
    "/api/v1/topology",
]
BOSS_ONLY = ["/auth/v1/users"]
AT_EDGES = ["/lcmcontroller/v1/hosts/sync_updated", "/lcmcontroller/v1/hosts/sync_deleted"]


def budget(estate, urls, boss_urls):
    """Compare one row with twenty, for an administrator and for the tenant."""
    asked = [(url, estate.boss) for url in urls + boss_urls] + [(u, estate.owner) for u in urls]
    estate.grow(1)
    for url, who in asked:  # caches that last longer than a request are filled first
        estate.cost(url, who)
    few = {(url, id(who)): estate.cost(url, who) for url, who in asked}
    estate.grow(19)
    many = {(url, id(who)): estate.cost(url, who) for url, who in asked}
    for key, (queries, size) in few.items():
        assert many[key][0] == queries, key[0]
        alone = key == ("/auth/v1/tenants", id(estate.owner))
        assert alone or many[key][1] > 5 * size, f"{key[0]} did not become longer"


def test_lists_of_a_center_cost_the_same_for_one_row_and_twenty(house):
    house.LIMITS = dict.fromkeys(house.LIMITS, 100)
    budget(Estate(make.edge("10.201.0.1")), CENTER, BOSS_ONLY)


def test_lists_of_an_edge_cost_the_same_for_one_row_and_twenty(edge_house):
    edge_house.LIMITS = dict.fromkeys(edge_house.LIMITS, 100)
    budget(Estate(None), EDGE, BOSS_ONLY + AT_EDGES)


@pytest.mark.parametrize("rows", [1, 20])
def test_feed_costs_the_same_for_any_number_of_rows_and_changes(edge_house, rows):
    edge_house.LIMITS = dict.fromkeys(edge_house.LIMITS, 100)
    Estate(None).grow(rows)
    keys.this_site()  # made at first use
    with CaptureQueriesContext(connection) as seen:
        page = feed.page(after=0, limit=500)
    assert len(page["rows"]) >= 6 * rows
    # Newest, seven kinds of rows and the rules of one, the tombstones, the site, its mark, and when
    # its hosts were probed.
    assert len(seen) == 13
