"""Instances as an edge reports them: those ordered here, and those that were born there."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, DomainError, Invalid
from apps.common.models import Origin, save_many
from apps.common.timeless import without_times
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.instances.selectors import unfinished
from apps.instances.services import (
    Noted,
    Observation,
    apply_observation,
    follow,
    forget,
    is_steady,
    lock,
    locked,
    observed,
    tell_followed,
)
from apps.journal import services as journal
from apps.journal.selectors import buried
from apps.packages.models import Package
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from apps.vim.results import WorkloadStatus

# What an edge's word may change of an instance that is known here.
TOLD = (
    "state", "package", "operation_info", "health", "health_reason", "edge_state", "edge_package",
    "workload", "observed_at", "observed_version",
)


@dataclass(frozen=True, slots=True)
class Word:
    """What an edge says of one instance."""

    id: uuid.UUID
    data: dict[str, Any]
    seen: Observation


def export(instance: AppInstance) -> dict[str, Any]:
    """What the feed carries of an instance beside the edge's record of it."""
    return {
        "tenant_id": str(instance.tenant_id),
        "package_id": str(instance.package_id),
        "host_id": str(instance.host_id),
        "app_name": instance.app_name,
        "description": instance.description,
        "origin": instance.origin,
    }


@transaction.atomic(savepoint=False)
def take_over(
    *, edge: AppLcm, words: Sequence[Word], quiet: bool = False
) -> list[bool | DomainError]:
    """Copy what the edge tells of different instances of its own; says of each what came of it.

    False while package, host or tenant are unknown here, Conflict for an instance of another edge.
    ``quiet`` where they are no news but a copy of what has been there for long.
    """
    work = _TakeOver(edge, words, quiet)
    outcomes = [work.take(word) for word in words]
    work.write()
    return outcomes


@transaction.atomic
def note_gone(*, edge: AppLcm, instance_id: uuid.UUID) -> bool:
    """It was ended at the edge; False while an operation of ours on it has not ended yet.

    A termination ends well by that, and any other order with the edge's refusal.
    """
    instance = lock(instance_id)
    if instance is None or instance.host.applcm_id != edge.pk:
        return True
    if unfinished([instance_id]).exists():
        journal.record(
            "instances.instance.observed",
            instance,
            actor=SYSTEM,
            quiet=True,
            tenant_id=instance.tenant_id,
            data={"state": instance.state},
        )
        return False
    forget(actor=SYSTEM, instance_id=instance_id)
    return True


def note_lost(*, instance_ids: Iterable[uuid.UUID]) -> None:
    """The edge was set back to before these, on which an order of ours is still at work: what it
    told of them is not what they come to when that fails."""
    AppInstance.objects.filter(pk__in=instance_ids).update(edge_state="", edge_package=None)


class _TakeOver:
    """What is known here of the instances that an edge speaks of, looked up once for all."""

    def __init__(self, edge: AppLcm, words: Sequence[Word], quiet: bool) -> None:
        self.edge, self.quiet = edge, quiet
        self.there = {one.pk: one for one in locked([word.id for word in words])}
        new = [word for word in words if word.id not in self.there]
        self.busy = set(unfinished(self.there).values_list("instance_id", flat=True))
        self.ended = buried("appinstance", [word.id for word in new])
        # An instance that is upgraded runs a package that may not be known here yet.
        self.packages = _keys(Package.objects, words, "package_id")
        asked = {one.host_id for one in self.there.values()}
        asked |= {uuid.UUID(word.data["host_id"]) for word in new}
        ours = MecHost.objects.filter(applcm=edge, pk__in=asked)
        self.hosts = set(ours.order_by().values_list("pk", flat=True))
        self.tenants = _keys(Tenant.objects, new, "tenant_id")
        self.changed: list[AppInstance] = []
        self.aged: list[AppInstance] = []
        self.tellings: list[Callable[[], None]] = []
        # By tenant: what became worse, with what is told of it.
        self.worse: dict[uuid.UUID, list[tuple[AppInstance, dict[str, Any]]]] = defaultdict(list)
        # By verb and tenant: what is seen but is nobody's deed, told together.
        self.seen: dict[tuple[str, uuid.UUID], list[AppInstance]] = defaultdict(list)

    def take(self, word: Word) -> bool | DomainError:
        """Give the instance what is said of it; nothing is written yet."""
        instance, adopted = self.there.get(word.id), False
        if instance is None:
            if word.id in self.ended:
                # Forgotten here because it has ended: an older word brings it not back.
                return True
            instance = self._adopted(word)
            if instance is None:
                return False
            adopted = True
        elif instance.host_id not in self.hosts:
            return Conflict(
                N_("The instance “%(name)s” runs at another edge."), name=instance.app_name
            )
        self._observe(instance, word, adopted=adopted)
        return word.id in self.busy or uuid.UUID(word.data["package_id"]) in self.packages

    def write(self) -> None:
        """Write what changed, each under a new version, and tell of it."""
        save_many(self.changed, fields=TOLD)
        for instance in self.aged:
            instance.save_age()
        for tell in self.tellings:
            tell()
        for tenant_id, told in self.worse.items():
            journal.record_many(
                "instances.instance.observed", told, actor=SYSTEM, tenant_id=tenant_id
            )
        for (verb, tenant_id), rows in self.seen.items():
            journal.announce(f"instances.instance.{verb}", rows, tenant_id=tenant_id)

    def _observe(self, instance: AppInstance, word: Word, *, adopted: bool) -> None:
        before, package_id = instance.health, uuid.UUID(word.data["package_id"])
        noted = apply_observation(instance, replace(word.seen, edge_package=package_id))
        followed = False
        if instance.pk not in self.busy and instance.edge_package in (None, *self.packages):
            followed = follow(instance, why=word.seen.why)
        if followed:
            self.tellings.append(lambda: tell_followed(instance, quiet=self.quiet))
        if noted is Noted.NEWS:
            if self.quiet or is_steady(instance, before):
                self.seen["observed", instance.tenant_id].append(instance)
            else:
                told = observed(instance, awaited=instance.pk in self.busy)
                self.worse[instance.tenant_id].append((instance, told))
        if adopted or followed or noted is Noted.NEWS:
            self.changed.append(instance)
        elif noted is Noted.AGE:
            self.aged.append(instance)

    def _adopted(self, word: Word) -> AppInstance | None:
        data = word.data
        package, host, tenant = (
            uuid.UUID(data[name]) for name in ("package_id", "host_id", "tenant_id")
        )
        if not (package in self.packages and host in self.hosts and tenant in self.tenants):
            return None
        instance = AppInstance(
            id=word.id,
            tenant_id=tenant,
            package_id=package,
            host_id=host,
            app_name=data["app_name"],
            description=data["description"],
            state=word.seen.edge_state,
            origin=Origin(data["origin"]),
        )
        if self.quiet:
            self.seen["reported", instance.tenant_id].append(instance)
            return instance
        self.tellings.append(
            lambda: journal.record(
                "instances.instance.reported",
                instance,
                actor=SYSTEM,
                tenant_id=instance.tenant_id,
                data={"state": instance.state},
            )
        )
        return instance


def _keys(rows: Any, words: Sequence[Word], name: str) -> set[uuid.UUID]:
    asked = {word.data[name] for word in words}
    found = rows.filter(pk__in=asked).order_by().values_list("pk", flat=True)
    return set(found) if asked else set()


def copies(edge: AppLcm) -> Iterator[AppInstance]:
    """The instances of an edge as they are known here."""
    rows = AppInstance.objects.select_related("package", "host")
    yield from rows.filter(host__applcm=edge).iterator(chunk_size=500)


def comparable(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of an exported instance both sites have: all but the operations, which each has."""
    record = data["record"]
    found = {name: value for name, value in data.items() if name not in ("record", "origin")}
    told = {name: record[name] for name in ("state", "health", "health_reason")}
    return found | told | {"workload": without_times(_whole(record["workload"]))}


def _whole(workload: dict[str, Any] | None) -> dict[str, Any]:
    """A report with all that one can have, as the side that took it over wrote it."""
    try:
        return WorkloadStatus.from_json(workload).as_json() if workload else {}
    except Invalid:
        return workload or {}
