"""What people change at either site, of hosts and rules, and how both sites come to rest then."""

from __future__ import annotations

from apps.common.models import current_version
from apps.hosts import services as hosts
from apps.hosts.models import MecHost
from apps.rules import services as rules
from apps.rules import work as rule_work
from apps.rules.models import AppdConfiguration
from apps.rules.specs import AppdSpec
from apps.rules.wire import spec_of as rules_of
from apps.tenants.actors import SYSTEM
from mecm_portal.simulation.work import left
from tests import factories as make
from tests.sites import work_once

IP = "10.9.1.1"


def edit(**fields):
    """Change the configuration of the one host, at the present site."""
    host = MecHost.objects.get()
    spec = make.host_spec(IP, **({"name": host.name, "city": host.city, "address": host.address,
                                  "applcm_ip": host.applcm.ip if host.applcm else ""} | fields))
    hosts.update_host(actor=SYSTEM, host_id=host.pk, spec=spec)


def dns(key, address):
    """A DNS rule."""
    return {key: {"dnsRuleId": key, "domainName": f"{key}.example", "ipAddressType": "IP_V4",
                  "ipAddress": address, "ttl": 30}}


def run_until_quiet(follower):
    """Both sites work, and the center follows, until nothing moves or for half a minute."""
    before = None
    for _ in range(12):
        work_once()
        follower.at_edge(work_once)
        follower.pull()
        follower.now.advance(seconds=2)
        now = current_version(), follower.at_edge(current_version)
        if now == before and not left() and not follower.at_edge(left):
            return
        before = now


def write(instance, *bodies):
    """Make these the rules, at the present site."""
    found = {}
    for body in bodies:
        found |= body
    spec = AppdSpec("camera", True, found)
    task = rules.replace(actor=SYSTEM, instance_id=instance.pk, spec=spec, may_be_first=True)
    if task.instance.host.is_local:
        rule_work.carry_out_now(task)


def addresses():
    """The rules at the present site."""
    row = AppdConfiguration.objects.filter(removing=False).first()
    return {key: body["ipAddress"] for key, body in rules_of(row).dns.items()} if row else {}
