"""Samples the load of hosts and instances, keeps it within its bounds, and tells it.

The hosts of this site and what runs on them are asked through their drivers, one call a host;
other hosts through their edges.  What was not known then is a gap for ever.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import DomainError, NotFound
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts.drivers import driver_of
from apps.hosts.models import AppLcm, MecHost
from apps.hosts.selectors import local_hosts
from apps.instances.models import AppInstance
from apps.monitoring import rings
from apps.monitoring.models import LoadRing, Subject
from apps.monitoring.rings import DAY, FAR, NEAR, Resolution, Sample
from apps.monitoring.series import Series
from apps.orchestration.platforms import kpi_of, usage_of_kpi
from apps.tenants.actors import SYSTEM, Actor
from apps.vim.contract import Usage

# A measurement that is older than this when it arrives says nothing about now.
STALE = timedelta(minutes=5)
AT_ONCE = 200
LINK_DOWN = ("unreachable", "upstream_timeout")


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at one subject found; nothing measured is a source left empty."""

    kind: Subject
    subject_id: uuid.UUID
    load: Usage


def sample_local(host_id: uuid.UUID) -> int:
    """Ask the driver of one host of this site for all of its load; how many subjects were seen."""
    host = local_hosts().filter(pk=host_id).first()
    if host is None:
        return 0
    try:
        load = driver_of(host).usage()
    except DomainError as error:
        load = Usage(as_of=clock.now(), reason=error.reason)
    ours = AppInstance.objects.filter(host=host).values_list("pk", flat=True)
    looks = [Look(Subject.HOST, host.pk, load), *_of_instances(load, set(ours))]
    return keep(looks, NEAR)


def sample_edge(edge_id: uuid.UUID) -> int:
    """Ask an edge for the load of its hosts.  One that does not answer is asked once."""
    looks: list[Look] = []
    silent: Reason | None = None
    for host in MecHost.objects.filter(applcm_id=edge_id).select_related("applcm"):
        if silent is None:
            try:
                load = usage_of_kpi(kpi_of(host, actor=SYSTEM))
            except DomainError as error:
                load = Usage(as_of=clock.now(), reason=error.reason)
                silent = error.reason if error.code in LINK_DOWN else None
        else:
            load = Usage(as_of=clock.now(), reason=silent)
        looks.append(Look(Subject.HOST, host.pk, load))
    return keep(looks, FAR)


def edges_to_ask() -> list[uuid.UUID]:
    """The edges that have hosts."""
    has = MecHost.objects.filter(applcm=OuterRef("pk"))
    return list(AppLcm.objects.filter(Exists(has)).values_list("pk", flat=True))


def keep(looks: Iterable[Look], near: Resolution) -> int:
    """Write what was found into the rings; returns how many subjects that were."""
    every = list(looks)
    for at in range(0, len(every), AT_ONCE):
        _keep(every[at : at + AT_ONCE], near)
    return len(every)


@transaction.atomic
def _keep(looks: Sequence[Look], near: Resolution) -> None:
    now = clock.now()
    keys = [look.subject_id for look in looks]
    held = {
        (row.subject_id, row.step): bytes(row.samples)
        for row in LoadRing.objects.filter(subject_id__in=keys, step__in=(near.step, DAY.step))
    }
    rows = []
    for look in looks:
        close = held.get((look.subject_id, near.step), b"")
        coarse = held.get((look.subject_id, DAY.step), b"")
        known = _samples(look.load, now)
        # What ended goes into the day before its place in the hour is written over.
        done = rings.closed(rings.read(close, near, now), DAY, now)
        have = {sample.at for sample in rings.read(coarse, DAY, now)}
        missing = [sample for sample in done if sample.at not in have]
        if missing:
            for sample in missing:
                coarse = rings.put(coarse, DAY, sample)
            rows.append(_row(look, DAY, coarse))
        for sample in known:
            close = rings.put(close, near, sample)
        rows.append(_row(look, near, close or rings.empty(near)))
    LoadRing.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["subject_id", "step"],
        update_fields=["samples", "as_of", "source", "reason"],
    )


def _row(look: Look, kind: Resolution, samples: bytes) -> LoadRing:
    load = look.load
    return LoadRing(
        kind=look.kind,
        subject_id=look.subject_id,
        step=kind.step,
        samples=samples,
        as_of=load.as_of,
        source=load.source[:64],
        reason=load.reason.as_json() if load.reason else {},
    )


def _samples(load: Usage, now: datetime) -> Iterator[Sample]:
    """The sample of a look, if it is one; clocks that run ahead of ours count as now."""
    if load.source and now - load.as_of <= STALE:
        yield Sample(min(load.as_of, now), load.cpu, load.memory, load.storage)


def _of_instances(load: Usage, ours: set[uuid.UUID]) -> Iterator[Look]:
    for one in load.instances:
        try:
            key = uuid.UUID(one.instance)
        except ValueError:
            continue
        if key in ours:
            own = Usage(load.as_of, one.cpu, one.memory, one.storage, load.source, load.reason)
            yield Look(Subject.INSTANCE, key, own)


def host_series(host: MecHost, *, actor: Actor) -> Series:
    """The load of a host over time, as who runs it has it."""
    if host.applcm is None:
        return series_of(host.pk)
    with EdgeClient(host.applcm, actor=actor) as edge:
        return Series.from_json(edge.kpi_series(host.ip))


def instance_series(instance: AppInstance, *, actor: Actor) -> Series:
    """The load of an instance over time, as who runs it has it."""
    edge = instance.host.applcm
    if edge is None:
        found, around = series_of(instance.pk), series_of(instance.host_id)
        if around.source or around.as_of is None:
            return found
        # Nobody measured anything there at the last look, so nothing of the instance either.
        return replace(found, as_of=around.as_of, source="", reason=around.reason)
    try:
        with EdgeClient(edge, actor=actor, tenant_name=instance.tenant.name) as link:
            return Series.from_json(link.instance_usage(instance.tenant_id, instance.pk))
    except NotFound:
        return Series(reason=Reason(N_("The edge does not know this instance."), "absent"))


def series_of(subject_id: uuid.UUID) -> Series:
    """The load of a host or an instance over time, as this site has seen it."""
    rows = {row.step: row for row in LoadRing.objects.filter(subject_id=subject_id)}
    now = clock.now()
    near = [(rows[kind.step], kind) for kind in (NEAR, FAR) if kind.step in rows]
    if not near:
        return Series()
    # A host that was given to another edge has been looked at in two ways.
    last, kind = max(near, key=lambda pair: pair[0].as_of)
    day = rows.get(DAY.step)
    return Series(
        near_kind=kind,
        near=tuple(rings.read(bytes(last.samples), kind, now)),
        day=tuple(rings.read(bytes(day.samples), DAY, now)) if day else (),
        as_of=last.as_of,
        source=last.source,
        reason=last.why,
    )


def purge() -> int:
    """Remove the rows of hosts and instances that are no more, and of another resolution."""
    gone = 0
    for kind, model in ((Subject.HOST, MecHost), (Subject.INSTANCE, AppInstance)):
        there = model._default_manager.filter(pk=OuterRef("subject_id"))
        deleted, _ = LoadRing.objects.filter(~Exists(there), kind=kind).delete()
        gone += deleted
    steps = (NEAR.step, FAR.step, DAY.step)
    deleted, _ = LoadRing.objects.exclude(step__in=steps).delete()
    return gone + deleted
