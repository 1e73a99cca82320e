"""Hosts that were born at an edge, as the center takes them over.  Orders go the other way."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.common.models import Origin
from apps.common.timeless import without_times
from apps.hosts import agreement, sharing
from apps.hosts.models import AppLcm, AppRuleManager, MecHost
from apps.hosts.services import note_observed
from apps.hosts.specs import HostObservation
from apps.journal import services as journal
from apps.journal.selectors import is_buried
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant

# Columns of which an edge may tell null where it means none.
LISTS = ("hw_capabilities", "tags")


def export(host: MecHost) -> dict[str, Any]:
    """What the feed carries of a host: configuration and observation."""
    return {
        **agreement.content_of(host),
        "ip": host.ip,
        "config_upload_status": host.config_upload_status,
        # The version of what is configured; looks at the host raise only the row's.
        "configured": host.desired_version,
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
def take_over(
    *,
    edge: AppLcm,
    host_id: uuid.UUID,
    version: int,
    data: dict[str, Any],
    forked_at: int | None = None,
) -> bool:
    """Merge an edge's row into ours; False when its address belongs to another host here.

    An edge speaks for its own hosts only.
    """
    data = {**data, **{name: data.get(name) or [] for name in LISTS if name in data}}
    rows = MecHost.objects.select_for_update()
    host = rows.filter(pk=host_id).first()
    if host is not None and host.applcm_id != edge.pk:
        raise Conflict(N_("The host “%(name)s” belongs to another edge."), name=host.name)
    if host is None:
        if is_buried("mechost", host_id):
            # Removed here, and the edge's word is older: it does not bring it back.
            return True
        if MecHost.objects.filter(ip=data["ip"]).exists():
            return False
        _adopt(edge, host_id, data)
    elif not host.removing:
        theirs = {name: data[name] for name in agreement.content_of(host) if name in data}
        configured = _configured(data, version)
        agreement.take_theirs(
            host, theirs=theirs, edge_version=configured, forked_at=forked_at
        )
    _note_upload(host_id, data)
    if data["observed_at"] or data["fault"]:
        seen = HostObservation(
            reachable=data["reachable"],
            at=datetime.fromisoformat(data["observed_at"]),
            vim_kind=data["vim_kind"],
            simulated=data["simulated"],
            facts=data["facts"],
            fault=data["fault"],
        )
        note_observed(actor=SYSTEM, host_id=host_id, seen=seen, edge_version=version)
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
        agreement.deliver_again(host_id=host.pk)
        return True
    if host.instances.exists() or host.app_records.exists():
        return False
    journal.bury("hosts.host.removed", host, actor=SYSTEM, data={"name": host.name})
    return True


def _adopt(edge: AppLcm, host_id: uuid.UUID, data: dict[str, Any]) -> None:
    manager = AppRuleManager.objects.filter(ip=edge.ip).first()
    host = MecHost(
        id=host_id,
        ip=data["ip"],
        origin=Origin(data["origin"]),
        applcm=edge,
        app_rule_manager=manager,
        edge_version=_configured(data, 1),
        shared=not edge.delegated,
    )
    agreement.set_content(host, data)
    host.agreed = agreement.content_of(host)
    host.save(force_insert=True)
    if edge.delegated:
        delegates = Tenant.objects.select_related("group").filter(pk__in=edge.delegated)
        sharing.grant(host, delegates)
    MecHost.objects.filter(pk=host.pk).update(
        desired_version=host.version, delivered_version=host.version
    )
    journal.record("hosts.host.reported", host, actor=SYSTEM, data={"edge": edge.name})


def _configured(data: dict[str, Any], version: int) -> int:
    """The edge's version of the configuration; that of the row from one that does not tell."""
    return int(data.get("configured") or version)


def _note_upload(host_id: uuid.UUID, data: dict[str, Any]) -> None:
    """Whether the edge has an access file for a host that was born there."""
    said = data["config_upload_status"]
    host = MecHost.objects.filter(pk=host_id, origin=Origin.MEPM).first()
    if host is not None and host.config_upload_status != said:
        host.config_upload_status = said
        host.save()
        journal.record("hosts.host.observed", host, actor=SYSTEM, quiet=True)


def copies(edge: AppLcm) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
    """The hosts of an edge as they are known here, by id, in the words of ``export``.

    Where nobody has chosen yet, with what the edge has.
    """
    for host in MecHost.objects.filter(applcm=edge):
        yield host.pk, export(agreement.to_deliver(host))


def comparable(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of an exported host both sites have: all but when it was looked at, and by whom."""
    own = {"configured", "observed_at", "config_upload_status", "origin"}
    found = {name: value for name, value in data.items() if name not in own}
    return found | {"facts": without_times(data["facts"])}
