"""The work on images, one step at a time under a lease.

A worker writes only while the lease is its own.  One that dies in the middle of a copy leaves a
half image at the VIM, which the next attempt finds by its key and replaces.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError, Upstream
from apps.common.words import BUG, Reason
from apps.images import containers, services
from apps.images.models import HostImage
from apps.images.selectors import keeper_of
from apps.images.sources import Measured, Progress, opened
from apps.images.states import IMAGE, ImageKind, ImageSource, ImageState
from apps.tenants.actors import Actor
from apps.vim.images import ACTIVE, LOST, KeepsImages, NewImage, VimImage, same_content

# A copy renews it with its progress; it is longer than a VIM may take after the last byte.
LEASE: Final = timedelta(minutes=12)
# Each copy holds a worker.
AT_ONCE: Final = 4
TRIES: Final = 6
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
POLL_SECONDS: Final = 1.0
PROGRESS_SECONDS: Final = 1.0
_log = logging.getLogger("mecm.images")


class Overtaken(Exception):
    """Somebody else holds the lease by now, or the image is not wanted any more."""


def due() -> list[uuid.UUID]:
    """The images that somebody should work on now."""
    rows = _free(HostImage.objects.filter(next_at__lte=clock.now())).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:100])


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: what was in hand is free again."""
    return HostImage.objects.exclude(lease="").update(
        lease="", lease_until=None, next_at=clock.now()
    )


def work_on(image_id: uuid.UUID) -> str:
    """Take one step on an image, if nobody else does; returns what came of it."""
    row = _claim(image_id)
    if row is None:
        return "not due"
    try:
        return _step(row)
    except Overtaken:
        _let_go(row)
        return "overtaken"
    except Upstream as error:
        return _stumble(row, error)
    except DomainError as error:
        return _fail(row, error.reason)
    except Exception:
        _log.exception("the image %s failed", row.pk)
        return _fail(row, BUG)


def is_there(image: HostImage) -> bool:
    """Whether its keeper still has an active image, and offers it."""
    if image.kind == ImageKind.CONTAINER:
        return containers.is_there(image)
    found = keeper_of(image.host).image(image.vim_id)
    return found is not None and found.status == ACTIVE


def _step(row: HostImage) -> str:
    if row.kind == ImageKind.CONTAINER:
        return _step_of_container(row)
    driver = keeper_of(row.host)
    if row.state == ImageState.DELETING:
        return _delete(row, driver)
    if row.source == ImageSource.SNAPSHOT:
        return _follow_snapshot(row, driver)
    found = _reusable(row, driver.images(row.name))
    return _arrived(row, found) if found else _copy(row, driver)


def _reusable(row: HostImage, there: tuple[VimImage, ...]) -> VimImage | None:
    """What the VIM has already and may stand for the image.

    Of what was made for somebody only one's own: who knows a checksum does not have the bytes.  Of
    one name alone only what nobody here had made, and only where nothing brings it.
    """
    own = dict(_twins(row).filter(state=ImageState.ACTIVE).values_list("vim_id", "sha256"))
    visible = [one for one in there if not one.ours or one.id in own]
    stated = row.wanted_checksum
    if stated:
        by_sha256 = (one for one in visible if one.status == ACTIVE and own.get(one.id) == stated)
        return same_content(visible, stated) or next(by_sha256, None)
    if row.reference:
        return None
    fitting = [one for one in visible if one.status == ACTIVE and not one.ours]
    return max(fitting, key=lambda one: str(one.created_at or ""), default=None)


def _twins(row: HostImage) -> QuerySet[HostImage]:
    """Other images of the same tenant at the same host."""
    return HostImage.objects.filter(host=row.host, tenant=row.tenant).exclude(pk=row.pk)


# --- copying ---------------------------------------------------------------------------------


def _copy(row: HostImage, driver: KeepsImages) -> str:
    if not row.reference:
        raise Conflict(
            N_("“%(host)s” has no image “%(name)s” with the checksum that is stated, and the"
               " package does not bring it.") if row.wanted_checksum else
            N_("“%(host)s” has no image “%(name)s”, and the package does not bring it."),
            code="image_missing", host=row.host.name, name=row.name,
        )
    if _twin_is_copied(row):
        return _later(row, POLL_SECONDS)
    with opened(row) as source:
        _begin(row, source.size)
        measured = Measured(row, source, _teller(row))
        made = driver.upload_image(_new(row), measured)
    return _arrived(row, made, sha256=measured.sha256)


def _twin_is_copied(row: HostImage) -> bool:
    """Whether the same bytes are on their way for another package."""
    on_their_way = _twins(row).filter(
        name=row.name, wanted_checksum=row.wanted_checksum, state=ImageState.COPYING,
        lease_until__gt=clock.now(),
    )
    return bool(row.wanted_checksum) and on_their_way.exists()


def _new(row: HostImage) -> NewImage:
    return NewImage(
        key=row.pk,
        name=row.name,
        disk_format=row.disk_format,
        min_disk_gb=row.min_disk_gb,
        min_ram_mb=row.min_ram_mb,
        package_id=row.package_id,
        instance_id=row.instance_id,
    )


def _teller(row: HostImage) -> Progress:
    """Writes the progress now and then, which renews the lease, and announces it."""
    last = {"at": clock.monotonic()}

    def tell(sent: int) -> None:
        moment = clock.monotonic()
        if moment - last["at"] < PROGRESS_SECONDS:
            return
        last["at"] = moment
        _note(row, sent_bytes=sent)

    return tell


def _begin(row: HostImage, size: int | None) -> None:
    _note(row, state=IMAGE.move(row.state, "copy"), size=size, sent_bytes=0)


@transaction.atomic
def _note(row: HostImage, **fields: Any) -> None:
    """Write how far it is; Overtaken where it is not wanted any more."""
    now = _held(row)
    if now is None or now.state != row.state:
        raise Overtaken
    for name, value in fields.items():
        setattr(now, name, value)
        setattr(row, name, value)
    now.lease_until = clock.now() + LEASE
    now.save()
    services.record("progressed", now, _actor(row), quiet=True)


# --- containers ------------------------------------------------------------------------------


def _step_of_container(row: HostImage) -> str:
    """The registry of the host keeps it; what leaves is only this site's use of it."""
    if row.state == ImageState.DELETING:
        containers.forget(row)
        return _forgotten(row)
    if not _took_turn(row):
        return _later(row, POLL_SECONDS)
    made, sha256 = containers.bring(row, _teller(row), lambda size: _note(row, size=size))
    return _arrived(row, made, sha256=sha256)


@transaction.atomic
def _took_turn(row: HostImage) -> bool:
    """Begin, unless the same is on its way to the same registry for another package or host."""
    alike = HostImage.objects.select_for_update(of=("self",)).filter(
        kind=row.kind, vim_id=row.vim_id
    ).order_by("pk")
    others = [one for one in alike if one.pk != row.pk and one.state == ImageState.COPYING]
    if any(one.lease_until is not None and one.lease_until > clock.now() for one in others):
        return False
    _begin(row, None)
    return True


# --- snapshots -------------------------------------------------------------------------------


def _follow_snapshot(row: HostImage, driver: KeepsImages) -> str:
    """Have it made once, then look until the VIM has it."""
    if row.vim_id:
        made = driver.image(row.vim_id)
    else:
        made = driver.snapshot_server(row.server_id, _new(row))
        _note(row, state=IMAGE.move(row.state, "copy"), vim_id=made.id, vim_status=made.status)
    if made is None or made.status in LOST:
        raise Conflict(
            N_("The VIM could not make the image “%(name)s”: its status is “%(state)s”."),
            code="snapshot_failed", name=row.name, state=made.status if made else "deleted",
        )
    if made.status == ACTIVE:
        return _arrived(row, made)
    return _later(row, POLL_SECONDS, vim_status=made.status, attempts=0, fault={})


# --- deleting --------------------------------------------------------------------------------


def _delete(row: HostImage, driver: KeepsImages) -> str:
    """Take it away at the VIM, unless it was there before us or something else uses it."""
    for image_id in _made_for(row, driver):
        if not _others(row, image_id).exists():
            driver.remove_image(image_id)
    return _forgotten(row)


@transaction.atomic
def _forgotten(row: HostImage) -> str:
    now = _held(row)
    if now is None:
        return "overtaken"
    services.forget(actor=_actor(row), image=now)
    return "removed"


def _made_for(row: HostImage, driver: KeepsImages) -> set[str]:
    """What the VIM has because of this row or of one that it shares it with.

    Half images of attempts that broke off are among it, and what was there before us is not.
    """
    found = {one.id for one in driver.images(row.name) if one.key == str(row.pk)}
    used = driver.image(row.vim_id) if row.vim_id else None
    return found | {used.id} if used and used.ours else found


def _others(row: HostImage, image_id: str) -> QuerySet[HostImage]:
    """Other uses of an image of the VIM; one that is ending as well does not keep it."""
    rows = HostImage.objects.filter(host=row.host, vim_id=image_id)
    return rows.exclude(pk=row.pk).exclude(state=ImageState.DELETING)


# --- what came of a step ---------------------------------------------------------------------


@transaction.atomic
def _arrived(row: HostImage, made: VimImage, *, sha256: str = "") -> str:
    now = _held(row)
    if now is None:
        return "overtaken"
    if now.state == ImageState.DELETING:
        return _settle(now, "waiting", quiet=True)
    leaving = HostImage.objects.filter(
        host=row.host, vim_id=made.id, state=ImageState.DELETING
    )
    if leaving.exclude(pk=row.pk).exists():
        # Whoever ends its use may be taking the image away this moment.
        return _settle(now, "waiting", quiet=True, next_at=_in(POLL_SECONDS))
    return _settle(
        now, "arrived", state=IMAGE.move(now.state, "arrive"), fault={}, attempts=0, next_at=None,
        source=now.source if made.ours else ImageSource.FOUND,
        vim_id=made.id, vim_status=made.status, size=made.size, sent_bytes=made.size or 0,
        checksum=made.checksum, sha256=sha256,
        disk_format=made.disk_format or now.disk_format,
        min_disk_gb=made.min_disk_gb, min_ram_mb=made.min_ram_mb,
    )


@transaction.atomic
def _later(row: HostImage, seconds: float, **fields: Any) -> str:
    now = _held(row)
    if now is None:
        return "overtaken"
    return _settle(now, "waiting", quiet=True, next_at=_in(seconds), **fields)


def _stumble(row: HostImage, error: Upstream) -> str:
    """Try again later what is worth it, and not for ever but where something has to go."""
    leaving = row.state == ImageState.DELETING
    if not error.retryable or (row.attempts + 1 >= TRIES and not leaving):
        return _fail(row, error.reason)
    with transaction.atomic():
        now = _held(row)
        if now is None:
            return "overtaken"
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(now.attempts, 10))
        # A snapshot that is being made is made whether or not we can look.
        back = now.state == ImageState.COPYING and now.source != ImageSource.SNAPSHOT
        state = IMAGE.move(now.state, "wait") if back else now.state
        return _settle(
            now, "waiting", quiet=True, attempts=now.attempts + 1, next_at=_in(wait),
            fault=error.reason.as_json(), state=state,
        )


@transaction.atomic
def _fail(row: HostImage, reason: Reason) -> str:
    """It cannot be done: say why.  What a VIM does not delete stays, and can be ordered away."""
    now = _held(row)
    if now is None:
        return "overtaken"
    if now.state == ImageState.DELETING and row.state != ImageState.DELETING:
        # What failed is not what is wanted any more.
        return _settle(now, "waiting", quiet=True, next_at=clock.now())
    verb = "keep" if now.state == ImageState.DELETING else "fail"
    state = IMAGE.move(now.state, verb)
    return _settle(now, "failed", state=state, fault=reason.as_json(), next_at=None)


def _settle(now: HostImage, verb: str, *, quiet: bool = False, **fields: Any) -> str:
    """Write what came of the step and let go."""
    for name, value in fields.items():
        setattr(now, name, value)
    now.lease, now.lease_until, now.updated_at = "", None, clock.now()
    now.save()
    why = {"reason": now.fault} if verb == "failed" else {}
    services.record(verb, now, _actor(now), quiet=quiet, **why)
    return verb


def _free(rows: QuerySet[HostImage]) -> QuerySet[HostImage]:
    return rows.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=clock.now()))


def _claim(image_id: uuid.UUID) -> HostImage | None:
    moment, lease = clock.now(), secrets.token_hex(16)
    if HostImage.objects.filter(lease_until__gt=moment).count() >= AT_ONCE:
        return None
    mine = _free(HostImage.objects.filter(pk=image_id, next_at__lte=moment))
    if not mine.update(lease=lease, lease_until=moment + LEASE):
        return None
    return HostImage.objects.select_related("host", "tenant").get(pk=image_id)


def _held(row: HostImage) -> HostImage | None:
    """The row as it is now, locked, while the lease that ``row`` was claimed with is still ours."""
    rows = HostImage.objects.select_for_update(of=("self",)).select_related("host")
    return rows.filter(pk=row.pk, lease=row.lease).first()


def _let_go(row: HostImage) -> None:
    HostImage.objects.filter(pk=row.pk, lease=row.lease).update(
        lease="", lease_until=None, next_at=clock.now()
    )


def _in(seconds: float) -> Any:
    return clock.now() + timedelta(seconds=seconds)


def _actor(row: HostImage) -> Actor:
    return Actor.from_json(row.actor)
