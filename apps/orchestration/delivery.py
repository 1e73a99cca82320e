"""Hosts between the sites: what was configured goes to the edge, and our own hosts are probed."""

from __future__ import annotations

import uuid

from apps.common import clock
from apps.common.errors import DomainError, NotFound, Upstream
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts import managers, services
from apps.hosts.models import AppLcm, HostCredential, MecHost
from apps.hosts.serializers import LocalHostSerializer
from apps.hosts.specs import HostObservation
from apps.orchestration.drivers import driver_of
from apps.tenants.actors import SYSTEM


def pending(edge_id: uuid.UUID | None = None) -> list[uuid.UUID]:
    """Hosts whose edge lacks their present configuration or credentials."""
    rows = MecHost.objects.filter(applcm__isnull=False).select_related("credential")
    if edge_id is not None:
        rows = rows.filter(applcm_id=edge_id)
    return [host.pk for host in rows if not host.is_delivered or host.removing or _owes(host)]


def deliver(host_id: uuid.UUID) -> str:
    """Give an edge what is configured here for one of its hosts; returns what came of it."""
    host = MecHost.objects.select_related("applcm", "credential").filter(pk=host_id).first()
    if host is None or host.applcm is None:
        return "nothing to do"
    version = host.desired_version
    try:
        with EdgeClient(host.applcm) as edge:
            if host.removing:
                return _remove(edge, host)
            if not host.is_delivered:
                edge.put_host(_order(host))
            credential: HostCredential | None = getattr(host, "credential", None)
            if credential is not None and _owes(host):
                edge.put_credentials(host.ip, credential.content.reveal())
                services.note_credentials_delivered(host_id=host.pk)
    except Upstream as error:
        if error.code in ("unreachable", "upstream_timeout"):
            managers.note_contact(AppLcm, manager_id=host.applcm.pk, fault=error.reason)
        return _note(host, version, error.reason)
    except DomainError as error:
        return _note(host, version, error.reason)
    services.note_delivered(actor=SYSTEM, host_id=host.pk, version=version)
    return "delivered"


def probe(host: MecHost) -> bool:
    """Ask the driver of one of our own hosts what is there; True when the answer is news."""
    moment = clock.now()
    try:
        found = driver_of(host).probe()
        seen = HostObservation(
            reachable=True,
            at=found.as_of,
            vim_kind=found.kind,
            simulated=found.simulated,
            facts=found.as_json(),
        )
    except DomainError as error:
        known = None if error.code in ("credentials_missing", "driver_missing") else False
        seen = HostObservation(
            reachable=known,
            at=moment,
            vim_kind=host.vim_kind,
            simulated=host.simulated,
            fault=error.reason.as_json(),
        )
    return services.note_observed(actor=SYSTEM, host_id=host.pk, seen=seen)


def _owes(host: MecHost) -> bool:
    credential: HostCredential | None = getattr(host, "credential", None)
    return credential is not None and credential.delivered_at is None and bool(credential.content)


def _order(host: MecHost) -> dict[str, object]:
    body = LocalHostSerializer(host).data
    kept = {key: value for key, value in body.items() if key not in ("observed", "version")}
    return kept | {"mechostId": str(host.pk), "origin": host.origin}


def _remove(edge: EdgeClient, host: MecHost) -> str:
    try:
        edge.remove_host(host.ip)
    except NotFound:
        pass
    services.forget_host(actor=SYSTEM, host=host)
    return "removed"


def _note(host: MecHost, version: int, reason: Reason) -> str:
    services.note_delivered(actor=SYSTEM, host_id=host.pk, version=version, fault=reason.as_json())
    return "waiting"
