"""What a host's platform tells when it is asked: load and MEC services, here or at its edge."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.errors import DomainError, Invalid, NotFound
from apps.common.words import say
from apps.edgelink.client import EdgeClient
from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.mep import documents
from apps.mep.selectors import capabilities_for, consumers_for
from apps.tenants.actors import Actor
from apps.vim.contract import Meter, Usage
from apps.vim.results import plain

# EdgeGallery's keys, the meters of a driver, and the units of both numbers.
KPI_METERS = {
    "cpuusage": ("cpu", "vCPU"),
    "memusage": ("memory", "MiB"),
    "diskusage": ("storage", "GiB"),
}
NO_CAPABILITY = N_("There is no such capability.")


def kpi_of(host: MecHost, *, actor: Actor) -> dict[str, Any]:
    """Load of a host in EdgeGallery's words; what nobody measures is null, with the reason."""
    if host.applcm is not None:
        with EdgeClient(host.applcm, actor=actor) as edge:
            return edge.kpi(host.ip)
    usage = driver_of(host).usage()
    return {
        **{
            name: _meter(getattr(usage, part), unit)
            for name, (part, unit) in KPI_METERS.items()
        },
        "source": usage.source or None,
        "reason": say(usage.reason) or None,
        "why": plain(usage.reason),
        "asOf": usage.as_of.isoformat(),
        "simulated": host.simulated,
    }


def load_of(instance: AppInstance) -> Usage | None:
    """The load of an instance on a host of this site; None where nobody can tell it now."""
    if instance.host.applcm is not None or instance.seen is None:
        return None
    try:
        return driver_of(instance.host).usage(instance.pk)
    except DomainError:
        return None


def usage_of_kpi(told: Mapping[str, Any]) -> Usage:
    """The load that ``kpi_of`` told; nonsense is Invalid."""
    try:
        meters = {part: told.get(name) for name, (part, _) in KPI_METERS.items()}
        return Usage.from_json(
            {**meters, "as_of": told["asOf"], "source": told.get("source"),
             "reason": told.get("why")}
        )
    except KeyError as error:
        raise Invalid(N_("This is not a measurement of load.")) from error


def capabilities_of(host: MecHost, *, actor: Actor) -> list[dict[str, Any]]:
    """The MEC services at a host that the actor may see, with their consumers."""
    if host.applcm is not None:
        with EdgeClient(host.applcm, actor=actor) as edge:
            return edge.mep_capabilities(host.ip)
    rows = list(capabilities_for(actor))
    consumers = consumers_for(actor, rows)
    return [documents.capability(row, consumers[row.pk]) for row in rows]


def capability_of(host: MecHost, capability_id: str, *, actor: Actor) -> dict[str, Any]:
    """One of them; NotFound when the platform has none of that id."""
    if host.applcm is not None:
        try:
            with EdgeClient(host.applcm, actor=actor) as edge:
                return edge.mep_capability(host.ip, capability_id)
        except NotFound:
            raise NotFound(NO_CAPABILITY, message="Record not found") from None
    try:
        key = uuid.UUID(capability_id)
    except ValueError:
        raise NotFound(NO_CAPABILITY, message="Record not found") from None
    row = capabilities_for(actor).filter(pk=key).first()
    if row is None:
        raise NotFound(NO_CAPABILITY, message="Record not found")
    return documents.capability(row, consumers_for(actor, [row])[row.pk])


def _meter(meter: Meter, unit: str) -> dict[str, Any]:
    return {"total": meter.total, "used": meter.used, "unit": unit, "ratio": meter.ratio}
