"""Copies this platform's services to an Apache ServiceComb service center, and keeps them alive.

No list of changes is replayed: each run compares the services with what is known to be there, so
that whatever was missed, on either side, is made good by the next run.  What a killed process was
about to do is noted before, and every step may be done twice.  No transaction is open while the
service center is asked.  Copies of which nothing is known here, as after a restored backup, are
renewed by nobody: the service center forgets them when their lease ends.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils.translation import gettext_noop as N_

from apps.common import clock, http
from apps.common.errors import Conflict, DomainError, NotFound, Upstream
from apps.common.words import Reason
from apps.mep import documents
from apps.mep.models import MecService, Mirror, MirroredService
from apps.mep.notify.queue import pause_after
from apps.mep.selectors import mirrored_in_vain, unmirrored
from apps.mep.servicecomb import (
    APP_ID,
    LEASE_SECONDS,
    ServiceCenter,
    instance_of,
    microservice_of,
)

READ_SECONDS = 5.0
BUDGET_SECONDS = 10.0  # of a run for changes; then the leases may have to be renewed again
LEASE = timedelta(seconds=120)
RENEW_EVERY = timedelta(seconds=LEASE_SECONDS)
RENEWED_AT_ONCE = 100
TAKEN_AT_ONCE = 500
PAUSE_REFUSED = timedelta(seconds=60)
PAUSE_IN_TROUBLE = timedelta(seconds=10)
ITSELF = (APP_ID, "SERVICECENTER", "0.0.1")  # asked for only to see whether somebody answers
ERROR = N_("An error stopped it (%(why)s).")
_log = logging.getLogger("mecm.mep")


class _Overtaken(Exception):
    """Ours took longer than its lease, and another run goes on."""


def run() -> dict[str, int | str]:
    """One run: nothing without a service center, during a pause, or while another one runs."""
    url = str(settings.MEP["servicecomb_url"])
    if not url:
        return {"mirror": "off"}
    state = _state_of(url)
    moment = clock.now()
    if state.try_at is not None and state.try_at > moment:
        return {"mirror": "pauses"}
    if not (_must_renew(state, moment) or _to_take_out(moment) or _to_bring(moment)):
        return {"mirror": "has nothing to do"}
    if not _claim(state, moment):
        return {"mirror": "runs already"}
    try:
        with ServiceCenter(url, session=http.client(url, read_seconds=READ_SECONDS)) as link:
            done = _Run(state, link).all()
    except _Overtaken:
        return {"mirror": "was overtaken"}
    except DomainError as error:
        return _failed(state, error.reason)
    except Error:
        _mine(state).update(lease_until=None)
        raise
    except Exception as error:
        _log.exception("the mirror stopped")
        return _failed(state, Reason(ERROR, "error", {"why": type(error).__name__}))
    except BaseException:
        _mine(state).update(lease_until=None)
        raise
    moment = clock.now()
    since = state.reachable_since or moment
    _mine(state).update(
        lease_until=None, try_at=None, failures=0, fault={}, last_ok=moment, reachable_since=since
    )
    return {"mirror": "ran", "changes": done}


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: no run is under way."""
    return Mirror.objects.filter(lease_until__isnull=False).update(lease_until=None)


# --- the row of the mirror -----------------------------------------------------------------------
def _state_of(url: str) -> Mirror:
    """The row; everything begins anew where another service center is set."""
    center = hashlib.sha256(url.encode()).hexdigest()
    state, _ = Mirror.objects.get_or_create(pk=1, defaults={"center": center})
    if state.center == center:
        return state
    if _claim(state, clock.now()):  # else a run for the former one is under way
        MirroredService.objects.all().delete()
        _mine(state).delete()
        state, _ = Mirror.objects.get_or_create(pk=1, defaults={"center": center})
    return state


def _claim(state: Mirror, moment: datetime) -> bool:
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    state.lease_until = moment + LEASE
    mine = Mirror.objects.filter(free, pk=state.pk, center=state.center)
    return bool(mine.update(lease_until=state.lease_until))


def _mine(state: Mirror) -> QuerySet[Mirror]:
    """The row as long as it is ours: nobody else's lease ends at the same time."""
    return Mirror.objects.filter(pk=state.pk, lease_until=state.lease_until)


def _failed(state: Mirror, reason: Reason) -> dict[str, int | str]:
    failures = state.failures + 1
    _mine(state).update(
        lease_until=None,
        failures=failures,
        try_at=clock.now() + timedelta(seconds=pause_after(failures)),
        fault=reason.as_json(),
        reachable_since=None,
    )
    return {"mirror": "failed", "why": reason.code}


# --- what there is to do -------------------------------------------------------------------------
def _must_renew(state: Mirror, moment: datetime) -> bool:
    return state.renewed_at is None or not (
        timedelta() <= moment - state.renewed_at < RENEW_EVERY
    )


def _to_take_out(moment: datetime) -> list[MirroredService]:
    rows = mirrored_in_vain().filter(Q(try_at__isnull=True) | Q(try_at__lte=moment))
    return list(rows[:TAKEN_AT_ONCE])


def _to_bring(moment: datetime) -> list[tuple[uuid.UUID, int]]:
    """Ids and versions of services; a version that was refused has its pause."""
    paused = MirroredService.objects.filter(
        service_id=OuterRef("pk"), tried=OuterRef("version"), try_at__gt=moment
    )
    # As text, so that an id which is none costs its own row only.
    columns = (Cast("pk", CharField()), "version")
    rows = unmirrored().exclude(Exists(paused)).values_list(*columns)
    found = []
    for key, version in rows[:TAKEN_AT_ONCE]:
        try:
            found.append((uuid.UUID(key), int(version)))
        except (ValueError, TypeError, AttributeError):
            _log.error("service %s cannot be mirrored: its row makes no sense", key)
    return found


# --- one run -------------------------------------------------------------------------------------
class _Run:
    """The work of one run; DomainError when the service center cannot be worked with."""

    def __init__(self, state: Mirror, link: ServiceCenter) -> None:
        self._state = state
        self._link = link

    def all(self) -> int:
        """Renew what is there, take out what is gone, bring what is new; how many changes."""
        moment = clock.now()
        end = clock.monotonic() + BUDGET_SECONDS
        if _must_renew(self._state, moment):
            self._renew(moment)
        done = 0
        for row in _to_take_out(moment):
            if clock.monotonic() < end:
                done += self._do(row.service_id, row.tried, self._take_out, row)
        for key, version in _to_bring(moment):
            if clock.monotonic() < end:
                done += self._do(key, version, self._bring, key)
        return done

    def _do(self, key: uuid.UUID, version: int, work: Callable[[Any], None], what: Any) -> int:
        """Do it for one service; what is wrong with that one alone is noted there."""
        self._hold()
        try:
            work(what)
        except Error:
            raise
        except DomainError as error:
            everybody = isinstance(error, Upstream) and error.code != "quota"
            # The next run begins with others: it may be this one that the service center fails at.
            _note(key, version, error.reason, PAUSE_IN_TROUBLE if everybody else PAUSE_REFUSED)
            if everybody:
                raise
            return 0
        except Exception as error:
            _log.exception("service %s could not be mirrored", key)
            why = Reason(ERROR, "error", {"why": type(error).__name__})
            _note(key, version, why, PAUSE_REFUSED)
            return 0
        return 1

    def _hold(self, **fields: Any) -> None:
        """Lengthen our lease, or stop where it is not ours any more."""
        until = clock.now() + LEASE
        if not _mine(self._state).update(lease_until=until, **fields):
            raise _Overtaken
        self._state.lease_until = until

    def _renew(self, moment: datetime) -> None:
        """Renew every lease, whatever the service's state: that is told by its status."""
        there = MirroredService.objects.exclude(digest="")
        pairs = list(there.values_list("sc_service", "sc_instance"))
        if not pairs:
            self._link.find_microservice(*ITSELF)
        for start in range(0, len(pairs), RENEWED_AT_ONCE):
            self._hold()
            for service, instance in self._link.heartbeats(pairs[start : start + RENEWED_AT_ONCE]):
                forgotten = MirroredService.objects.filter(sc_service=service, sc_instance=instance)
                forgotten.update(version=0, digest="")
        self._hold(renewed_at=moment)

    def _take_out(self, row: MirroredService) -> None:
        self._delete(row)
        row.delete()

    def _delete(self, row: MirroredService) -> None:
        """Delete the copy, and its name with the last one where that was ours."""
        if not row.sc_service and row.made:  # it was being made, and the answer was lost
            row.sc_service = self._found(row.microservice) or ""
        if not row.sc_service:
            return
        if row.sc_instance:
            self._link.delete_instance(row.sc_service, row.sc_instance)
        if not row.made:
            return
        others = MirroredService.objects.filter(sc_service=row.sc_service).exclude(pk=row.pk)
        if others.update(made=True):
            return
        try:
            self._link.delete_microservice(row.sc_service)
        except Conflict:  # others use it as well by now
            return

    def _bring(self, key: uuid.UUID) -> None:
        service = MecService.objects.filter(pk=key).first()
        if service is None:
            return
        info = documents.service(service)
        row = MirroredService.objects.filter(pk=key).first() or MirroredService(pk=key)
        self._place(row, microservice_of(info))
        instance = instance_of(info, row.sc_service)
        digest = _digest(instance)
        if row.digest != digest or not self._followed(row, instance):
            self._register(row, instance)
        row.version, row.digest = service.version, digest
        row.fault, row.try_at = {}, None
        row.save()

    def _place(self, row: MirroredService, microservice: dict[str, Any]) -> None:
        """Find or make the microservice that the service belongs to; leave the one it was in."""
        found = self._found(microservice)
        moved = row.microservice not in ({}, microservice)
        if moved or (row.sc_service and row.sc_service != found):
            self._delete(row)
            row.sc_service, row.digest, row.version, row.made = "", "", 0, False
        row.microservice = microservice
        if found is None:
            row.made = True
            row.save()
            found = self._link.register_microservice(microservice)
        row.sc_service = found

    def _found(self, microservice: Mapping[str, Any]) -> str | None:
        key = (microservice["appId"], microservice["serviceName"], microservice["version"])
        return self._link.find_microservice(*key)

    def _followed(self, row: MirroredService, instance: Mapping[str, Any]) -> bool:
        """Tell of the state alone, where nothing else changed; False when the copy is not there."""
        place = (row.sc_service, row.sc_instance)
        try:
            self._link.set_status(*place, str(instance["status"]))
            self._link.set_properties(*place, instance["properties"])
        except NotFound:
            return False
        return True

    def _register(self, row: MirroredService, instance: Mapping[str, Any]) -> None:
        """Put the copy there under the service's own id, in the place of any that is there."""
        row.sc_instance = str(instance.get("instanceId", row.service_id))
        # From here on nobody knows what is there, until it is noted that all went well.
        row.digest, row.version = "", 0
        row.save()
        self._link.delete_instance(row.sc_service, row.sc_instance)
        row.sc_instance = self._link.register_instance(row.sc_service, instance)


def _note(key: uuid.UUID, version: int, reason: Reason, pause: timedelta) -> None:
    MirroredService.objects.update_or_create(
        service_id=key,
        defaults={
            "tried": version, "try_at": clock.now() + pause, "fault": reason.as_json(),
        },
    )


def _digest(instance: Mapping[str, Any]) -> str:
    """Of all but the state, which is told without registering anew."""
    properties = {k: v for k, v in instance["properties"].items() if k != "mecState"}
    plain = {k: v for k, v in instance.items() if k != "status"} | {"properties": properties}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
