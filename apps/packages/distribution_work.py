"""The work on distributions, one step at a time under a lease.

A worker writes only while the lease is its own and onto the row as it is then, so that an order
which came while it worked is neither lost nor overwritten.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.common import clock
from apps.common.errors import DomainError, Upstream
from apps.common.models import next_version
from apps.common.words import BUG, Reason
from apps.hosts.models import MecHost
from apps.journal import orders
from apps.journal import services as journal
from apps.packages.distribution import about
from apps.packages.local import LocalPackageTarget
from apps.packages.models import Distribution
from apps.packages.ports import PackageTarget
from apps.packages.remote import RemotePackageTarget
from apps.packages.states import DISTRIBUTION, DistributionState
from apps.tenants.actors import Actor

# Longer than any upload may take; a worker that dies in this process loses it at the next start.
LEASE = timedelta(minutes=15)
POLL_SECONDS = 0.3
LONGEST_WAIT = 30.0
# Each edge costs a worker while it takes the file.  The workers of a site are some more than this,
# so that a batch of 20 edges goes to all of them at once and other work still finds somebody.
AT_ONCE = 24
_log = logging.getLogger("mecm.packages")


def target_for(host: MecHost) -> PackageTarget:
    """Where a host is, is data: one that names an AppLCM is reached over HTTP."""
    return LocalPackageTarget() if host.is_local else RemotePackageTarget()


def due() -> list[uuid.UUID]:
    """The distributions that somebody should work on now."""
    rows = _free(Distribution.objects.filter(next_at__lte=clock.now())).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:200])


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: what was in hand is free again."""
    return Distribution.objects.exclude(lease="").update(lease="", lease_until=None)


def work_on(distribution_id: uuid.UUID) -> str:
    """Take one step on a distribution, if nobody else does; returns what came of it."""
    claimed = _claim(distribution_id)
    if claimed is None:
        return "not due"
    row, number = claimed
    with orders.numbered(number):
        return _step(row)


def _step(row: Distribution) -> str:
    actor, target = Actor.from_json(row.actor), target_for(row.host)
    try:
        if row.removing:
            target.remove(row.package, row.host, actor=actor)
            return _removed(row, actor)
        return _put(row, actor, target.put(row.package, row.host, actor=actor))
    except Upstream as error:
        return _stumble(row, actor, error)
    except DomainError as error:
        return _fail(row, actor, error.reason)
    except Exception:
        _log.exception("distribution %s failed", row.pk)
        return _fail(row, actor, BUG)


def work_on_now(*, package_id: uuid.UUID, host_id: uuid.UUID) -> None:
    """Take a step on one distribution in the course of a request, where nothing has to travel."""
    row = Distribution.objects.filter(package_id=package_id, host_id=host_id).first()
    if row is not None:
        work_on(row.pk)


def _free(rows: QuerySet[Distribution]) -> QuerySet[Distribution]:
    return rows.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=clock.now()))


@transaction.atomic
def _claim(distribution_id: uuid.UUID) -> tuple[Distribution, int] | None:
    """The row, and the number of what an edge is ordered under this claim."""
    moment, lease = clock.now(), secrets.token_hex(16)
    if _must_wait(distribution_id, moment):
        return None
    mine = _free(Distribution.objects.filter(pk=distribution_id, next_at__lte=moment))
    if not mine.update(lease=lease, lease_until=moment + LEASE):
        return None
    rows = Distribution.objects.select_related("package", "package__tenant", "host", "host__applcm")
    row = rows.get(pk=distribution_id)
    return row, 0 if row.host.is_local else next_version()


def _must_wait(distribution_id: uuid.UUID, moment: datetime) -> bool:
    """Whether too many edges are served just now, or this one is being given the same file."""
    asked = Distribution.objects.filter(pk=distribution_id, host__applcm__isnull=False)
    pair = asked.values_list("package_id", "host__applcm_id").first()
    if pair is None:
        return False
    busy = Distribution.objects.filter(lease_until__gt=moment, host__applcm__isnull=False)
    taken = list(busy.exclude(pk=distribution_id).values_list("package_id", "host__applcm_id"))
    return len(taken) >= AT_ONCE or pair in taken


def _held(row: Distribution) -> Distribution | None:
    """The row as it is now, locked, while the lease that ``row`` was claimed with is still ours."""
    rows = Distribution.objects.select_for_update(of=("self",)).select_related("package", "host")
    return rows.filter(pk=row.pk, lease=row.lease).first()


def _settle(
    now: Distribution, verb: str, actor: Actor, *, quiet: bool = False, **fields: Any
) -> str:
    """Write what came of the step and let go; an order that came meanwhile is due at once."""
    for name, value in fields.items():
        setattr(now, name, value)
    now.lease, now.lease_until = "", None
    now.save()
    # Where the edge has taken it off the host before it refused, the row goes with its reason.
    reason = {"reason": now.fault} if verb == "failed" else {}
    journal.record(
        f"packages.distribution.{verb}",
        now,
        actor=actor,
        tenant_id=now.package.tenant_id,
        quiet=quiet,
        data=about(now) | reason,
    )
    return verb


@transaction.atomic
def _put(row: Distribution, actor: Actor, state: DistributionState) -> str:
    now = _held(row)
    if now is None:
        return "overtaken"
    if state != DistributionState.DISTRIBUTED:
        again = clock.now() + timedelta(seconds=POLL_SECONDS)
        return _settle(now, "waiting", actor, quiet=True, next_at=again)
    state = DistributionState(DISTRIBUTION.move(now.state, "arrive"))
    next_at = clock.now() if now.removing else None
    return _settle(now, "arrived", actor, state=state, fault={}, attempts=0, next_at=next_at)


@transaction.atomic
def _removed(row: Distribution, actor: Actor) -> str:
    now = _held(row)
    if now is None:
        return "overtaken"
    if not now.removing:
        # Ordered back while it was taken away: it has to be brought again.
        state = DistributionState.PROCESSING
        return _settle(now, "waiting", actor, quiet=True, state=state, next_at=clock.now())
    journal.bury(
        "packages.distribution.withdrawn",
        now,
        actor=actor,
        tenant_id=now.package.tenant_id,
        data=about(now),
    )
    return "withdrawn"


def _stumble(row: Distribution, actor: Actor, error: Upstream) -> str:
    """Try again later what is worth it."""
    if not error.retryable:
        return _fail(row, actor, error.reason)
    with transaction.atomic():
        now = _held(row)
        if now is None:
            return "overtaken"
        wait = min(LONGEST_WAIT, 0.5 * 2 ** min(now.attempts, 10))
        return _settle(
            now,
            "waiting",
            actor,
            quiet=True,
            attempts=now.attempts + 1,
            next_at=clock.now() + timedelta(seconds=wait),
            fault=error.reason.as_json(),
        )


@transaction.atomic
def _fail(row: Distribution, actor: Actor, reason: Reason) -> str:
    """It cannot be done: say why.  A package whose removal fails at a host stays."""
    now = _held(row)
    if now is None:
        return "overtaken"
    if now.removing != row.removing:
        # What failed is not what is wanted any more.
        return _settle(now, "waiting", actor, quiet=True, next_at=clock.now())
    if now.removing and now.package.removing:
        now.package.removing = False
        now.package.save()
    # What an edge does not take away is still there, as it will say itself.
    is_there = now.removing and now.state == DistributionState.DISTRIBUTED
    stays = is_there and not now.host.is_local
    can_fail = not stays and DISTRIBUTION.allows(now.state, "fail")
    state = DISTRIBUTION.move(now.state, "fail") if can_fail else now.state
    return _settle(
        now, "failed", actor, state=state, fault=reason.as_json(), next_at=None, removing=False
    )
