"""The versioned feed of a site: what has a version greater than the asked one.

Reading it changes nothing.  Versions are given out in commit order, so a cursor never steps over a
late row, and the cost grows with the changes and not with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.common import clock
from apps.common.models import current_version
from apps.hosts import adoption as host_adoption
from apps.hosts.models import MecHost
from apps.instances import adoption as instance_adoption
from apps.instances.models import AppInstance
from apps.journal.selectors import tombstones_after
from apps.mep import adoption as mep_adoption
from apps.mep.selectors import here as services_here
from apps.orchestration.serializers import edge_record
from apps.packages import adoption as package_adoption
from apps.packages.models import Distribution, Package
from apps.tenants.keys import this_site
from apps.tenants.models import Tenant

MOST = 500


@dataclass(frozen=True)
class Exporter:
    """One kind of row in the feed: where it is read and what of it travels."""

    kind: str
    rows: Callable[[], QuerySet[Any]]
    export: Callable[[Any], dict[str, Any]]


def _tenant(tenant: Tenant) -> dict[str, Any]:
    return {"name": tenant.name, "origin": tenant.origin}


def _instance(instance: AppInstance) -> dict[str, Any]:
    return instance_adoption.export(instance) | {"record": edge_record(instance)}


def _services() -> QuerySet[Any]:
    return services_here().select_related("application")


EXPORTERS = (
    Exporter("tenant", Tenant.objects.all, _tenant),
    Exporter("mechost", MecHost.objects.all, host_adoption.export),
    Exporter("package", Package.objects.all, package_adoption.export_package),
    Exporter("distribution", Distribution.objects.all, package_adoption.export_distribution),
    Exporter("appinstance", AppInstance.objects.all, _instance),
    Exporter("mecservice", _services, mep_adoption.export),
)
KINDS = tuple(exporter.kind for exporter in EXPORTERS)


def page(*, after: int, limit: int) -> dict[str, Any]:
    """At most ``limit`` changes after version ``after``, in version order, and how far that is.

    ``upto`` is the version to ask from next; ``more`` says that there is more already.
    """
    limit = max(0, min(limit, MOST))
    newest = current_version()
    changes = sorted(_changes(after, newest, limit), key=lambda row: int(row["version"]))
    taken = changes[:limit]
    more = len(changes) > limit
    return {
        "site_id": str(this_site().site_id),
        "as_of": clock.now().isoformat(),
        "after": after,
        "upto": taken[-1]["version"] if more and taken else max(newest, after),
        "more": more,
        "newest": newest,
        "rows": taken,
        # When each host was probed last: true to the minute without a new version each time.
        "looks": host_adoption.looks() if limit else {},
    }


def _changes(after: int, newest: int, limit: int) -> Iterator[dict[str, Any]]:
    """Up to one more than ``limit`` changes of each kind, so that the merged page is complete.

    What is committed while the kinds are read one after the other waits for the next page: a later
    kind would show its newest row when an earlier one does not, and the cursor would pass that.
    """
    if not limit:
        return
    for exporter in EXPORTERS:
        fresh = exporter.rows().filter(version__gt=after, version__lte=newest)
        rows = fresh.order_by("version")[: limit + 1]
        for row in rows:
            yield {
                "kind": exporter.kind,
                "id": str(row.pk),
                "version": row.version,
                "data": exporter.export(row),
            }
    stones = tombstones_after(after).filter(kind__in=KINDS, version__lte=newest)
    for stone in stones[: limit + 1]:
        yield {
            "kind": stone.kind,
            "id": str(stone.subject_id),
            "version": stone.version,
            "gone": True,
        }
