"""The verbs on many instances: each item stands for itself, and what becomes of it is told."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from django.utils.translation import gettext_noop as N_

from apps.common.errors import DomainError
from apps.hosts import selectors as hosts
from apps.instances.selectors import access_instance
from apps.instances.specs import CreateSpec
from apps.instances.states import InstanceState
from apps.orchestration import services
from apps.orchestration.dependencies import Depended, ServicesMissing
from apps.packages.selectors import access_package
from apps.tenants.actors import Actor

T = TypeVar("T")
_log = logging.getLogger("mecm.orchestration")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item; ``error`` is None for one that was accepted."""

    name: str
    host: str | None = None
    instance_id: uuid.UUID | None = None
    error: DomainError | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """One instance to start, with the parameters that this order adds."""

    instance_id: uuid.UUID
    parameters: dict[str, str] | None = None


def create(
    *, actor: Actor, tenant_id: uuid.UUID, spec: CreateSpec, host_ips: Sequence[str]
) -> list[Outcome]:
    """One instance of ``spec`` on each host, in the order of the hosts."""

    package = access_package(actor, spec.package_id, tenant_id=tenant_id)
    known = {host.ip: host for host in hosts.hosts_for(actor).filter(ip__in=host_ips)}

    def one(ip: str) -> Outcome:
        host = known.get(ip) or hosts.access_host(actor, ip)
        placed = replace(spec, host_id=host.pk)
        made = services.create_on(host, package, actor=actor, tenant_id=tenant_id, spec=placed)
        return Outcome(spec.app_name, ip, made.pk)

    return [_kept(partial(one, ip), Outcome(spec.app_name, ip)) for ip in host_ips]


def instantiate(
    *,
    actor: Actor,
    starts: Sequence[Start],
    tenant_id: uuid.UUID | None = None,
    allow_missing: bool = False,
) -> list[Outcome]:
    """Start several; one that needs what another of them offers may stand before it."""
    wanted = dict(enumerate(starts))

    def one(start: Start) -> Outcome:
        found = access_instance(actor, start.instance_id, tenant_id=tenant_id)
        told = Outcome(found.app_name, found.host.ip, found.pk)
        return _kept(
            lambda: _done(
                services.instantiate(
                    actor=actor,
                    instance_id=found.pk,
                    given=start.parameters,
                    allow_missing=allow_missing,
                ),
                told,
            ),
            told,
        )

    outcomes = dict(_until_settled(wanted, one, ServicesMissing))
    return [outcomes[number] for number in range(len(starts))]


def terminate(
    *,
    actor: Actor,
    instance_ids: Sequence[uuid.UUID],
    tenant_id: uuid.UUID | None = None,
) -> list[Outcome]:
    """End several; one may go when everybody who needs it has gone before it."""
    wanted = dict(enumerate(instance_ids))

    def one(key: uuid.UUID) -> Outcome:
        found = access_instance(actor, key, tenant_id=tenant_id)
        told = Outcome(found.app_name, found.host.ip, found.pk)
        if found.state == InstanceState.TERMINATING:
            return told
        return _kept(
            lambda: _done(services.terminate(actor=actor, instance_id=found.pk), told), told
        )

    outcomes = dict(_until_settled(wanted, one, Depended))
    return [outcomes[number] for number in range(len(instance_ids))]


def _until_settled(
    wanted: dict[int, T], deed: Callable[[T], Outcome], again: type[DomainError]
) -> Iterator[tuple[int, Outcome]]:
    """Do each; what failed with ``again`` is tried once more as long as others were accepted."""
    left = dict(wanted)
    while left:
        done = {number: _tried(deed, item) for number, item in left.items()}
        waiting = {n: one for n, one in done.items() if isinstance(one.error, again)}
        progress = any(one.error is None for one in done.values())
        for number, outcome in done.items():
            if number not in waiting or not progress:
                yield number, outcome
        left = {number: left[number] for number in waiting} if progress else {}


def _tried(deed: Callable[[T], Outcome], item: T) -> Outcome:
    key = item.instance_id if isinstance(item, Start) else item
    told = Outcome(str(key), None, key if isinstance(key, uuid.UUID) else None)
    return _kept(lambda: deed(item), told)


def _done(_: object, told: Outcome) -> Outcome:
    return told


def _kept(work: Callable[[], Outcome], told: Outcome) -> Outcome:
    """What ``work`` came to; whatever it raises is this item's own and nobody else's."""
    try:
        return work()
    except DomainError as error:
        return replace(told, error=error)
    except Exception:
        _log.exception("an item of a batch failed")
        bug = DomainError(
            N_("Something went wrong on our side; the request id helps to find it."), code="bug"
        )
        return replace(told, error=bug)

