"""Hosts that were born at an edge, as the center takes them over.  Orders go the other way."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.common.models import Origin
from apps.hosts.models import AppLcm, MecHost
from apps.hosts.places import point_of
from apps.hosts.services import note_observed
from apps.hosts.specs import HostObservation
from apps.journal import services as journal
from apps.tenants.actors import SYSTEM

CONFIGURED = (
    "name",
    "ip",
    "zip_code",
    "city",
    "address",
    "affinity",
    "user_name",
    "coordinates",
    "vim",
    "hw_capabilities",
    "config_upload_status",
)


def export(host: MecHost) -> dict[str, Any]:
    """What the feed carries of a host: configuration and observation."""
    return {
        **{name: getattr(host, name) for name in CONFIGURED},
        "origin": host.origin,
        "reachable": host.reachable,
        "vim_kind": host.vim_kind,
        "simulated": host.simulated,
        "facts": host.facts,
        "fault": host.fault,
        "observed_at": host.observed_at.isoformat() if host.observed_at else None,
    }


def looks() -> dict[str, str]:
    """When each host of this site was probed last, ISO 8601 by id."""
    rows = MecHost.objects.filter(applcm__isnull=True, observed_at__isnull=False)
    return {str(pk): at.isoformat() for pk, at in rows.values_list("pk", "observed_at") if at}


def note_looks(*, edge: AppLcm, looks: dict[str, str]) -> None:
    """Keep when an edge probed its hosts; the time alone is no news and raises no version."""
    for host_id, at in looks.items():
        moment = datetime.fromisoformat(at)
        MecHost.objects.filter(pk=host_id, applcm=edge, observed_at__lt=moment).update(
            observed_at=moment
        )


@transaction.atomic
def take_over(*, edge: AppLcm, host_id: uuid.UUID, version: int, data: dict[str, Any]) -> bool:
    """Copy an edge's row; False when its address belongs to another host here.

    An edge speaks for its own hosts only, and configures only those that were born there.
    """
    host = MecHost.objects.filter(pk=host_id).first()
    if host is not None and host.applcm_id != edge.pk:
        raise Conflict(N_("The host “%(name)s” belongs to another edge."), name=host.name)
    if host is None:
        if MecHost.objects.filter(ip=data["ip"]).exists():
            return False
        host = MecHost(id=host_id, origin=Origin.MEPM, applcm=edge)
        _copy(host, data)
        host.save(force_insert=True)
        MecHost.objects.filter(pk=host.pk).update(
            desired_version=host.version, delivered_version=host.version
        )
        journal.record("hosts.host.reported", host, actor=SYSTEM, data={"edge": edge.name})
    elif host.origin == Origin.MEPM and _copy(host, data):
        host.save()
        journal.record("hosts.host.observed", host, actor=SYSTEM, quiet=True)
    if data["observed_at"] or data["fault"]:
        seen = HostObservation(
            reachable=data["reachable"],
            at=datetime.fromisoformat(data["observed_at"]),
            vim_kind=data["vim_kind"],
            simulated=data["simulated"],
            facts=data["facts"],
            fault=data["fault"],
        )
        note_observed(actor=SYSTEM, host_id=host.pk, seen=seen, edge_version=version)
    return True


@transaction.atomic
def note_gone(*, edge: AppLcm, host_id: uuid.UUID) -> bool:
    """The edge has no such host any more: forget one that was born there, deliver ours again.

    False while instances on it are still known here.
    """
    host = MecHost.objects.filter(pk=host_id, applcm=edge).first()
    if host is None or host.removing:
        return True
    if host.origin == Origin.MEO:
        MecHost.objects.filter(pk=host.pk).update(delivered_version=0)
        return True
    if host.instances.exists() or host.app_records.exists():
        return False
    journal.bury("hosts.host.removed", host, actor=SYSTEM, data={"name": host.name})
    return True


def _copy(host: MecHost, data: dict[str, Any]) -> bool:
    before = [getattr(host, name) for name in CONFIGURED]
    for name in CONFIGURED:
        setattr(host, name, data[name])
    host.longitude, host.latitude = point_of(host.coordinates)
    return before != [getattr(host, name) for name in CONFIGURED]
