"""Orders to fetch packages from application stores.  The work itself is done in ``store_work``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError
from apps.common.words import Reason
from apps.hosts.limits import limit_reached
from apps.journal import services as journal
from apps.packages.models import StorePackage
from apps.packages.policies import may_upload
from apps.packages.states import STORE_SYNC, SyncState
from apps.packages.stores import access_store, endpoint_of
from apps.tenants.actors import Actor
from apps.tenants.policies import require


@dataclass(frozen=True, slots=True)
class Wanted:
    """One package of one store."""

    store_ip: str
    app_id: uuid.UUID
    package_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of several orders; without a reason it was accepted."""

    wanted: Wanted
    reason: Reason | None = None
    word: str = ""


def fetch_each(*, actor: Actor, wanted: Sequence[Wanted]) -> list[Outcome]:
    """Order several packages; one that cannot be ordered is no matter of the others."""
    require(may_upload(actor))
    found = []
    for one in dict.fromkeys(wanted):
        try:
            fetch(actor=actor, wanted=one)
            found.append(Outcome(one))
        except DomainError as error:
            found.append(Outcome(one, error.reason, error.message or str(error)))
    return found


@transaction.atomic
def fetch(*, actor: Actor, wanted: Wanted) -> StorePackage:
    """Order a package to be fetched, again if it is here already; Conflict while it is under way.

    NotFound for a store that nobody registered; Conflict where the store has its most packages.
    """
    require(may_upload(actor))
    row = _row(wanted)
    if not STORE_SYNC.allows(row.state, "fetch"):
        raise Conflict(
            N_("The package is being fetched already."), code="fetching", message="SYNC_INPROGRESS"
        )
    return _begin(actor, row)


@transaction.atomic
def ensure(*, actor: Actor, wanted: Wanted) -> StorePackage:
    """The package of a store that is here or on its way; ordered where it is neither."""
    row = _row(wanted)
    there = row.state == SyncState.IN_SYNC and row.path.exists()
    return row if there or row.state == SyncState.IN_PROGRESS else _begin(actor, row)


def wanted_of(row: StorePackage) -> Wanted:
    """What a row stands for."""
    return Wanted(row.store_ip, row.app_id, row.package_id)


def _row(wanted: Wanted) -> StorePackage:
    """The row, locked behind its store, or a new one where the store has room for it."""
    store = access_store(wanted.store_ip, lock=True)
    rows = StorePackage.objects.select_for_update().filter(store_ip=wanted.store_ip)
    row = rows.filter(app_id=wanted.app_id, package_id=wanted.package_id).first()
    if row is None:
        count = rows.count()
        if count >= settings.LIMITS["packages_per_appstore"]:
            raise limit_reached("packages_per_appstore", count)
        row = StorePackage(
            store_ip=wanted.store_ip, app_id=wanted.app_id, package_id=wanted.package_id
        )
    row.endpoint = endpoint_of(store)
    return row


def _begin(actor: Actor, row: StorePackage) -> StorePackage:
    row.state = STORE_SYNC.move(row.state, "fetch")
    row.fault, row.attempts, row.received, row.total = {}, 0, 0, None
    row.actor, row.next_at = actor.as_json(), clock.now()
    row.save()
    journal.record("packages.store_package.ordered", row, actor=actor, data={"store": row.store_ip})
    return row
