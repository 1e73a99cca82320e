"""What a host's platform tells when it is asked: load and MEC services, here or at its edge."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.errors import DomainError, NotFound
from apps.common.words import say
from apps.edgelink.client import EdgeClient
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.mep import documents
from apps.mep.selectors import capabilities_for, consumers_for
from apps.orchestration.drivers import driver_of
from apps.tenants.actors import Actor
from apps.vim.contract import Meter, Usage

NO_CAPABILITY = N_("There is no such capability.")


def kpi_of(host: MecHost, *, actor: Actor) -> dict[str, Any]:
    """Load of a host in EdgeGallery's words; what nobody measures is null, with the reason."""
    if host.applcm is not None:
        with EdgeClient(host.applcm, actor=actor) as edge:
            return edge.kpi(host.ip)
    usage = driver_of(host).usage()
    return {
        "cpuusage": _meter(usage.cpu, "vCPU"),
        "memusage": _meter(usage.memory, "MiB"),
        "diskusage": _meter(usage.storage, "GiB"),
        "source": usage.source or None,
        "reason": say(usage.reason) or None,
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
    return {"total": meter.total, "used": meter.used, "unit": unit}
