"""The work of fetching from application stores, one package at a time under a lease.

What is fetched is looked at like an upload before anybody can see it as fetched.  Whatever fails,
the row says so: nothing stays "being fetched" that nobody fetches.
"""

from __future__ import annotations

import logging
import os
import secrets
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from apps.common import clock
from apps.common.errors import DomainError, Upstream
from apps.common.words import BUG, Reason
from apps.journal import services as journal
from apps.packages import onboarding
from apps.packages.appstore import AppStoreClient, Progress
from apps.packages.csar import Limits, PackageInfo, read_package
from apps.packages.models import StorePackage
from apps.packages.states import STORE_SYNC
from apps.packages.store_offers import plain
from apps.packages.stores import access_store, address_of
from apps.tenants.actors import Actor

# Longer than a download may take; a worker that dies in this process loses it at the next start.
LEASE = timedelta(minutes=15)
AT_ONCE = 4
TRIES = 4
FIRST_WAIT = 1.0
PROGRESS_SECONDS = 1.0
PROGRESS_STEP = 5
_log = logging.getLogger("mecm.packages")


def due() -> list[uuid.UUID]:
    """What somebody should fetch now."""
    rows = _free(StorePackage.objects.filter(next_at__lte=clock.now())).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:100])


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: what was in hand is free again."""
    return StorePackage.objects.exclude(lease="").update(lease="", lease_until=None)


def work_on(store_package_id: uuid.UUID) -> str:
    """Fetch one package, if nobody else does; returns what came of it."""
    row = _claim(store_package_id)
    if row is None:
        return "not due"
    draft = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"{row.pk.hex}-{row.lease}.upload.csar"
    try:
        came = _fetch(row, draft)
    except Upstream as error:
        came = _stumble(row, error)
    except DomainError as error:
        came = _fail(row, error.reason)
    except Exception:
        _log.exception("the package %s could not be fetched", row.pk)
        came = _fail(row, BUG)
    finally:
        draft.unlink(missing_ok=True)
    onboarding.settle(row.pk)
    return came


def _fetch(row: StorePackage, draft: Path) -> str:
    with AppStoreClient(address_of(access_store(row.store_ip))) as store:
        told = store.package(row.app_id, row.package_id)
        store.download(row.app_id, row.package_id, to=draft, tell=_teller(row))
    info = read_package(
        draft,
        filename=draft.name,
        limits=Limits(max_archive_bytes=settings.PACKAGE_MAX_BYTES),
        digests="enforce" if settings.PACKAGE_ENFORCE_DIGESTS else "warn",
    )
    return _arrived(row, draft, plain(told), info)


def _teller(row: StorePackage) -> Progress:
    """Writes the progress now and then, and announces it."""
    last = {"at": clock.monotonic(), "percent": 0}

    def tell(size: int, total: int | None) -> None:
        percent = size * 100 // total if total else 0
        moment = clock.monotonic()
        far = percent - last["percent"] >= PROGRESS_STEP
        if not far and moment - last["at"] < PROGRESS_SECONDS:
            return
        last.update(at=moment, percent=percent)
        with transaction.atomic():
            now = _held(row)
            if now is None:
                raise Overtaken
            now.received, now.total = size, total
            now.save(update_fields=["received", "total"])
            journal.record(
                "packages.store_package.progressed", now, actor=Actor.from_json(row.actor),
                quiet=True, data={"received": size, "total": total},
            )

    return tell


class Overtaken(Exception):
    """Somebody else holds the lease by now."""


def _free(rows: QuerySet[StorePackage]) -> QuerySet[StorePackage]:
    return rows.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=clock.now()))


def _claim(store_package_id: uuid.UUID) -> StorePackage | None:
    moment, lease = clock.now(), secrets.token_hex(16)
    if StorePackage.objects.filter(lease_until__gt=moment).count() >= AT_ONCE:
        return None
    mine = _free(StorePackage.objects.filter(pk=store_package_id, next_at__lte=moment))
    if not mine.update(lease=lease, lease_until=moment + LEASE):
        return None
    return StorePackage.objects.get(pk=store_package_id)


def _held(row: StorePackage) -> StorePackage | None:
    """The row as it is now, locked, while the lease that ``row`` was claimed with is still ours."""
    return StorePackage.objects.select_for_update().filter(pk=row.pk, lease=row.lease).first()


def _settle(row: StorePackage, verb: str, *, quiet: bool = False, **fields: Any) -> str:
    now = _held(row)
    if now is None:
        return "overtaken"
    for name, value in fields.items():
        setattr(now, name, value)
    now.lease, now.lease_until = "", None
    now.save()
    journal.record(
        f"packages.store_package.{verb}", now, actor=Actor.from_json(row.actor), quiet=quiet,
        data={"store": now.store_ip},
    )
    return verb


@transaction.atomic
def _arrived(
    row: StorePackage, draft: Path, told: dict[str, str | None], info: PackageInfo
) -> str:
    fields: dict[str, Any] = {"told": told, "sha256": info.sha256, "size": info.size}
    fields |= {"received": info.size, "total": info.size, "info": info.as_json()}
    fields |= {"state": STORE_SYNC.move(row.state, "arrive"), "fault": {}, "next_at": None}
    came = _settle(row, "arrived", **fields)
    if came == "arrived":
        row.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.chmod(0o600)
        os.replace(draft, row.path)  # noqa: PTH105 - atomic within the site's directory
    return came


def _stumble(row: StorePackage, error: Upstream) -> str:
    """Try again later what is worth it, and not for ever."""
    if not error.retryable or row.attempts + 1 >= TRIES:
        return _fail(row, error.reason)
    wait = timedelta(seconds=FIRST_WAIT * 4**row.attempts)
    with transaction.atomic():
        return _settle(
            row, "waiting", quiet=True, attempts=row.attempts + 1, next_at=clock.now() + wait,
            fault=error.reason.as_json(), received=0, total=None,
        )


@transaction.atomic
def _fail(row: StorePackage, reason: Reason) -> str:
    state = STORE_SYNC.move(row.state, "fail")
    return _settle(row, "failed", state=state, fault=reason.as_json(), next_at=None)
