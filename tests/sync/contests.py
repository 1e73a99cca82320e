"""What center and edge contest, made the way it comes about: both change it while apart."""

from __future__ import annotations

from apps.hosts import agreement as hosts
from apps.hosts.models import MecHost
from apps.rules import agreement as rules
from apps.rules.models import AppdConfiguration
from apps.rules.services import write_rules
from apps.rules.specs import AppdSpec


def rule(address, *, ttl=30, name="d1"):
    """A DNS rule."""
    return {"dnsRuleId": name, "domainName": "a.example", "ipAddressType": "IP_V4",
            "ipAddress": address, "ttl": ttl}


def contest_host(host, *, theirs, ours, version=7):
    """Let center and edge change a host of an edge; both agreed on what it was before."""
    host = MecHost.objects.get(pk=host.pk)
    host.agreed = hosts.content_of(host)
    for name, value in ours.items():
        setattr(host, name, value)
    host.save()
    hosts.take_theirs(host, theirs={**host.agreed, **theirs}, edge_version=version)
    return MecHost.objects.get(pk=host.pk)


def contest_rules(row, *, ours, theirs, version=7):
    """Let center and edge change the rules of an instance to these DNS rules."""
    agreed = rules.content_of(row)
    AppdConfiguration.objects.filter(pk=row.pk).update(agreed=agreed, edge_version=2)
    row.refresh_from_db()
    write_rules(row, AppdSpec(row.app_name, row.supports_mp1, ours))
    told = {name: body for name, body in agreed.items() if "/" not in name}
    told |= {f"dns/{key}": body for key, body in theirs.items()}
    rules.take_theirs(instance_id=row.instance_id, theirs=told, edge_version=version)
    return AppdConfiguration.objects.get(pk=row.pk)
