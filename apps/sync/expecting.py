"""What orders have told of an edge before its feed did, and whether the feed tells it too.

An edge that took an order has it in its feed.  One that was restored from a backup right after, and
before anybody read its feed, has not: no place in the feed that was read shows that.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.instances.states import InstanceState
from apps.journal.models import Tombstone
from apps.packages.adoption import brought_by_orders
from apps.rules.models import AppdConfiguration
from apps.sync import timeline
from apps.sync.models import Copy, HeldRow
from apps.sync.taking import ENDED_BEFORE, LOST

Told = frozenset[tuple[str, uuid.UUID, int]]
# What ends at an edge by an order; a package and its places have other ids there.
ENDED_BY_ORDER = ("mechost", "appinstance")


def told_by_orders(edge: AppLcm) -> Told:
    """Kind, id and version of each row that orders brought, changed or ended there, and of which
    the feed has not told."""
    hosts = MecHost.objects.filter(applcm=edge, edge_version__gt=0, removing=False)
    rules = AppdConfiguration.objects.filter(instance__host__applcm=edge, edge_version__gt=0)
    instances = AppInstance.objects.filter(host__applcm=edge, state=InstanceState.INSTANTIATED)
    known = (
        ("mechost", hosts, "edge_version"),
        ("appdconfiguration", rules, "edge_version"),
        ("appinstance", instances, "observed_version"),
    )
    found = {
        (kind, pk, version)
        for kind, rows, name in known
        for pk, version in _unmet(edge, kind, rows, name)
    }
    brought = brought_by_orders(edge).values_list("pk", flat=True)
    found |= {("distribution", pk, 0) for pk in brought}
    return frozenset(found | set(_ended(edge)))


def is_lost(edge: AppLcm, known: Collection[str], told: timeline.Told) -> bool:
    """Whether an order, or a page that was not read to its end, was told a version that is of no
    history of an edge with these marks."""
    gaps = timeline.gaps(known, told)
    if not gaps:
        return False
    return any(rows.filter(within(name, gaps)).exists() for rows, name in _heard(edge))


def highest(edge: AppLcm) -> int:
    """The greatest version that was heard of at an edge."""
    return max(rows.aggregate(most=Max(name))["most"] or 0 for rows, name in _heard(edge))


def _heard(edge: AppLcm) -> tuple[tuple[QuerySet[Any], str], ...]:
    """What remembers versions of an edge, and where."""
    return (
        (Copy.objects.filter(edge=edge), "version"),
        (MecHost.objects.filter(applcm=edge), "edge_version"),
        (AppInstance.objects.filter(host__applcm=edge), "observed_version"),
        (AppdConfiguration.objects.filter(instance__host__applcm=edge), "edge_version"),
    )


def within(name: str, gaps: Iterable[tuple[int, int]]) -> Q:
    """The rows with a version in one of the ``gaps``, each without its end."""
    found = Q(pk__in=())
    for first, end in gaps:
        found |= Q(**{f"{name}__gte": first, f"{name}__lt": end})
    return found


def _unmet(edge: AppLcm, kind: str, rows: QuerySet[Any], name: str) -> list[tuple[uuid.UUID, int]]:
    met = Copy.objects.filter(
        edge=edge, kind=kind, subject_id=OuterRef("pk"), version__gte=OuterRef(name)
    )
    # What waits here was told, also that it has ended.  Of what is known to be lost nothing is
    # expected until it is given back.
    held = HeldRow.objects.filter(
        Q(code=LOST) | Q(gone=True) | Q(version__gte=OuterRef(name)),
        edge=edge, kind=kind, subject_id=OuterRef("pk"),
    )
    return list(rows.exclude(Exists(met)).exclude(Exists(held)).values_list("pk", name))


def _ended(edge: AppLcm) -> list[tuple[str, uuid.UUID, int]]:
    """What ended here, and of which the edge has not told that it did there."""
    copies = Copy.objects.filter(edge=edge, gone=False, kind__in=ENDED_BY_ORDER)
    dead = Tombstone.objects.filter(kind=OuterRef("kind"), subject_id=OuterRef("subject_id"))
    # What is known to be there yet is ended again.
    held = HeldRow.objects.filter(
        edge=edge, kind=OuterRef("kind"), subject_id=OuterRef("subject_id"), code=ENDED_BEFORE
    )
    left = copies.filter(Exists(dead)).exclude(Exists(held))
    return list(left.values_list("kind", "subject_id", "version"))
