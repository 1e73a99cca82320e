"""What changed here and was not acknowledged yet, kind by kind as EdgeGallery's center asks for it.

A reading of the same rows and tombstones that the feed has, and as little changed by being read.
Told is what was born here, of one tenant; a reader is told the same until it acknowledges.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Case, Prefetch, Q, QuerySet, Value, When

from apps.common.models import Origin
from apps.hosts.models import MecHost
from apps.hosts.selectors import local_hosts
from apps.instances.models import AppInstance
from apps.journal.models import Tombstone
from apps.packages.models import Distribution, Package
from apps.rules.models import AppdConfiguration
from apps.sync import acks
from apps.sync.models import Reader

HOST, PACKAGE, DISTRIBUTION = "mechost", "package", "distribution"
INSTANCE, RULES = "appinstance", "appdconfiguration"


def hosts(reader: Reader) -> QuerySet[MecHost]:
    """The hosts of this site that are new or changed."""
    return local_hosts().filter(_news(reader, HOST)).order_by("version")


def packages(reader: Reader, tenant_id: uuid.UUID) -> QuerySet[Package]:
    """The packages that are new or changed, or of which a distribution is; each with all of those.

    ``is_told`` of a distribution says whether the reader has it already.
    """
    fresh = Package.objects.filter(_news(reader, PACKAGE), tenant_id=tenant_id)
    moved = Distribution.objects.filter(
        _news(reader, DISTRIBUTION), package__tenant_id=tenant_id
    )
    wanted = Q(pk__in=fresh.values("pk")) | Q(pk__in=moved.values("package_id"))
    told = Case(
        When(acks.unacknowledged(reader, DISTRIBUTION), then=Value(False)), default=Value(True)
    )
    there = Distribution.objects.select_related("host").order_by("host__ip").annotate(is_told=told)
    rows = Package.objects.filter(wanted, tenant_id=tenant_id).order_by("version")
    return rows.prefetch_related(Prefetch("distributions", queryset=there))


def instances(reader: Reader, tenant_id: uuid.UUID) -> QuerySet[AppInstance]:
    """The instances that are new or changed."""
    rows = AppInstance.objects.filter(_news(reader, INSTANCE), tenant_id=tenant_id)
    return rows.select_related("host", "package").order_by("version")


def rules(reader: Reader, tenant_id: uuid.UUID) -> QuerySet[AppdConfiguration]:
    """The configurations that are new or changed, with their rules."""
    rows = AppdConfiguration.objects.filter(
        _news(reader, RULES), tenant_id=tenant_id, removing=False
    )
    return rows.prefetch_related("rules").order_by("version")


def ended_hosts(reader: Reader) -> list[Tombstone]:
    """The hosts that are gone; not one at whose address there is another host now."""
    there = set(MecHost.objects.values_list("ip", flat=True))
    return [stone for stone in _dead(reader, HOST) if stone.data.get("ip") not in there]


def ended_packages(reader: Reader, tenant_id: uuid.UUID) -> QuerySet[Tombstone]:
    """The packages that are gone; not one that was brought again."""
    alive = Package.objects.filter(tenant_id=tenant_id).values("pk")
    return _dead(reader, PACKAGE).filter(tenant_id=tenant_id).exclude(subject_id__in=alive)


def ended_distributions(reader: Reader, tenant_id: uuid.UUID) -> list[Tombstone]:
    """The packages that were taken off a host; not those that were brought there again."""
    stones = list(_dead(reader, DISTRIBUTION).filter(tenant_id=tenant_id))
    named = {stone.data["package_id"] for stone in stones}
    again = Distribution.objects.filter(package_id__in=named).values_list("package", "host")
    there = {(str(package), str(host)) for package, host in again}
    return [
        stone
        for stone in stones
        if (stone.data["package_id"], stone.data["host_id"]) not in there
    ]


def ended_instances(reader: Reader, tenant_id: uuid.UUID) -> QuerySet[Tombstone]:
    """The instances that are gone."""
    alive = AppInstance.objects.filter(tenant_id=tenant_id).values("pk")
    return _dead(reader, INSTANCE).filter(tenant_id=tenant_id).exclude(subject_id__in=alive)


def ended_rules(reader: Reader, tenant_id: uuid.UUID) -> list[Tombstone]:
    """The configurations that are gone; not those of instances that were given another one."""
    stones = list(_dead(reader, RULES).filter(tenant_id=tenant_id))
    named = {stone.data["instance_id"] for stone in stones}
    again = AppdConfiguration.objects.filter(instance_id__in=named, removing=False)
    there = {str(key) for key in again.values_list("instance_id", flat=True)}
    return [stone for stone in stones if stone.data["instance_id"] not in there]


def _news(reader: Reader, kind: str) -> Q:
    return acks.unacknowledged(reader, kind) & Q(origin=Origin.MEPM)


def _dead(reader: Reader, kind: str) -> QuerySet[Tombstone]:
    born_here: dict[str, Any] = {"data__origin": Origin.MEPM}
    return acks.unacknowledged_dead(reader, [kind]).filter(**born_here)
