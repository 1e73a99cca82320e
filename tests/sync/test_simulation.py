"""Seeded runs: the edge lives, the link fails, the center dies, and in the end both agree."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from apps.hosts import services as hosts
from apps.hosts.models import MecHost
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.packages import distribution, distribution_work
from apps.packages import services as packages
from apps.packages.models import Distribution, Package
from apps.sync import feed, kinds, puller
from apps.sync.models import Peer
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from tests import factories as make

STEPS = 60


class Dies(BaseException):
    """The center's process is gone."""


class Life:
    """What may happen at the edge, chosen by the dice."""

    def __init__(self, dice):
        self.dice = dice

    def step(self):
        """Do one thing that the present state of the edge allows."""
        deeds = [self.tenant, self.host, self.package, self.instance, self.change_host,
                 self.move, self.end_instance, self.end_package, self.end_host]
        self.dice.choice(deeds)()

    def pick(self, model, **having):
        """A random row, or None."""
        rows = list(model.objects.filter(**having).order_by("created_at", "pk"))
        return self.dice.choice(rows) if rows else None

    def tenant(self):
        """A new tenant."""
        make.tenant()

    def host(self):
        """A new host."""
        make.host(access="")

    def package(self):
        """A new package at a host."""
        tenant, host = self.pick(Tenant), self.pick(MecHost)
        if tenant and host:
            made = make.package(tenant, name="gauge", origin="MEPM")
            distribution.distribute(actor=SYSTEM, package_id=made.pk, host_ids=[host.pk])

    def instance(self):
        """A new instance."""
        package, host = self.pick(Package, removing=False), self.pick(MecHost)
        if package and host:
            make.instance(package, host, origin="MEPM")

    def change_host(self):
        """Other words about a host."""
        host = self.pick(MecHost)
        if host:
            spec = make.host_spec(host.ip, name=host.name, city=self.dice.choice(["Ede", "Lisse"]))
            hosts.update_host(actor=SYSTEM, host_id=host.pk, spec=spec)

    def move(self):
        """An instance goes on with its life."""
        found = self.pick(AppInstance)
        ways = found and instances.INSTANCE.verbs(found.state)
        if ways and (verb := self.dice.choice(ways)) != "terminated":
            instances.move(actor=SYSTEM, instance_id=found.pk, verb=verb)

    def end_instance(self):
        """An instance is gone."""
        found = self.pick(AppInstance)
        if found:
            instances.forget(actor=SYSTEM, instance_id=found.pk)

    def end_package(self):
        """A package is removed from everywhere."""
        found = self.pick(Package, instances=None)
        if found:
            packages.remove_package(actor=SYSTEM, package_id=found.pk)
            for row in distribution_work.due():
                distribution_work.work_on(row)
            packages.forget_when_gone(actor=SYSTEM, package_id=found.pk)

    def end_host(self):
        """A host is removed with whatever was distributed to it."""
        found = self.pick(MecHost, instances=None, distributions=None)
        if found:
            hosts.remove_host(actor=SYSTEM, host_id=found.pk)


def known():
    """All that both sites should agree on."""
    return {
        "tenants": set(Tenant.objects.values_list("pk", "name")),
        "hosts": set(MecHost.objects.values_list("pk", "ip", "city")),
        "packages": set(Package.objects.values_list("pk", "sha256")),
        "distributions": set(Distribution.objects.values_list("package_id", "host_id", "state")),
        "instances": set(AppInstance.objects.values_list("pk", "state", "host_id")),
    }


def pull_with_trouble(follower, dice, monkeypatch):
    """One pull during which anything may go wrong."""
    wire = follower.wire
    wire.down = dice.random() < 0.1
    wire.lose_requests = int(dice.random() < 0.1)
    wire.lose_replies = int(dice.random() < 0.1)
    monkeypatch.setattr(puller, "PAGE", dice.choice([1, 2, 3, 5, 200]))
    dying = dice.choice(feed.KINDS) if dice.random() < 0.15 else None
    with monkeypatch.context() as patch:
        if dying:
            fuse = [dice.randrange(3)]

            def die(source, row):
                if not fuse[0]:
                    raise Dies
                fuse[0] -= 1
                return dying.take(source, row)

            patch.setitem(kinds.BY_NAME, dying.name, replace(dying, take=die))
        try:
            follower.pull()
        except Dies:
            # A process that is killed does not even give its lease back.
            Peer.objects.update(lease_until=follower.now() + puller.LEASE)
    wire.down, wire.lose_requests, wire.lose_replies = False, 0, 0


@pytest.mark.parametrize("seed", range(5))
def test_center_agrees_with_an_edge_that_lived_through_any_schedule_of_trouble(
    follower, monkeypatch, settings, seed
):
    settings.LIMITS = dict.fromkeys(settings.LIMITS, 1000)
    dice = random.Random(seed)
    life = Life(dice)

    def meanwhile(request):
        # The edge does not stand still while it is read.
        if "changes" in request.url.path and dice.random() < 0.3:
            follower.at_edge(life.step)

    follower.wire.on_request = meanwhile
    cursors = [0]
    for _ in range(STEPS):
        for _ in range(dice.randrange(4)):
            follower.at_edge(life.step)
        pull_with_trouble(follower, dice, monkeypatch)
        follower.now.advance(seconds=dice.choice([0, 5, 70]))
        cursors.append(follower.cursor())
    assert cursors == sorted(cursors), "a cursor never goes back"
    follower.wire.on_request = None
    follower.now.advance(minutes=2)
    assert follower.pull()["came"] == "ok"
    assert follower.pull() == {"came": "ok", "rows": 0, "held": 0}
    assert known() == follower.at_edge(known)
