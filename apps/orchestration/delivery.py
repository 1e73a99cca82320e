"""Hosts between the sites: what was configured goes to the edge, and our own hosts are probed."""

from __future__ import annotations

import uuid
from contextlib import suppress

from apps.common import clock
from apps.common.errors import DomainError, NotFound, Upstream
from apps.edgelink.client import EdgeClient
from apps.hosts import agreement, credentials, managers, services
from apps.hosts.driver_settings import registry_password_of
from apps.hosts.drivers import driver_of
from apps.hosts.models import AppLcm, HostCredential, MecHost
from apps.hosts.serializers import LocalHostSerializer
from apps.hosts.serializers_settings import SettingsSerializer
from apps.hosts.specs import HostObservation
from apps.journal import orders
from apps.tenants.actors import SYSTEM


def deliver(host_id: uuid.UUID) -> str:
    """Give an edge what is configured here for one of its hosts; returns what came of it.

    One delivery of a host at a time: a late PUT after its removal would bring the host back.
    """
    claimed = services.claim_delivery(host_id=host_id)
    if claimed is None or claimed[0].applcm is None:
        return "nothing to do"
    host, number = claimed
    try:
        with orders.numbered(number), EdgeClient(claimed[0].applcm) as edge:
            return _remove(edge, host) if host.removing else _bring(edge, host)
    except DomainError as error:
        if error.code in ("unreachable", "upstream_timeout"):
            managers.note_contact(AppLcm, manager_id=claimed[0].applcm.pk, fault=error.reason)
        services.note_delivered(
            actor=SYSTEM,
            host_id=host.pk,
            version=host.desired_version,
            fault=error.reason.as_json(),
        )
        return "waiting"
    finally:
        services.release_delivery(host_id=host.pk)


def _bring(edge: EdgeClient, host: MecHost) -> str:
    if not host.is_delivered:
        sent = agreement.content_of(agreement.to_deliver(host))
        before = services.note_sending(host=host, sent=sent)
        order = order_for(host)
        try:
            based_on = host.edge_version or edge.edge.cursor
            edge_version = edge.put_host(order, based_on=based_on)
        except DomainError as error:
            refused = error.code in orders.NOT_TAKEN or not isinstance(error, Upstream)
            if refused or not error.sent:
                services.note_not_taken(host=host, before=before)
            raise
        agreement.note_agreed(host_id=host.pk, sent=sent, edge_version=edge_version)
        # What is left may have to wait for a VIM; the host has not.
        services.note_delivered(actor=SYSTEM, host_id=host.pk, version=host.desired_version)
    credential: HostCredential | None = getattr(host, "credential", None)
    if credential is not None and credential.is_owed:
        _bring_credentials(edge, host, credential)
    services.note_delivered(actor=SYSTEM, host_id=host.pk, version=host.desired_version)
    return "delivered"


def _bring_credentials(edge: EdgeClient, host: MecHost, credential: HostCredential) -> None:
    """Send them, or their end; what the edge refuses is not sent again."""
    if credential.removing:
        with suppress(NotFound):
            edge.remove_credentials(host.ip)
        credentials.note_credentials_removed(sent=credential)
        return
    try:
        content, untested = credential.content.reveal(), credential.is_untested
        edge.put_credentials(host.ip, content, untested=untested)
    except Upstream:
        raise
    except DomainError as error:
        credentials.note_credentials_refused(sent=credential, fault=error.reason)
    else:
        credentials.note_credentials_delivered(sent=credential)


def _remove(edge: EdgeClient, host: MecHost) -> str:
    with suppress(NotFound):
        edge.remove_host(host.ip)
    services.forget_host(actor=SYSTEM, host=host)
    return "removed"


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


def order_for(host: MecHost) -> dict[str, object]:
    """The body with which an edge is told of its host; the one place where a password leaves.

    Settings that there are none of are told too: else the edge would keep its own, and both sites
    would take that for agreed.  A password that is not known here stays as the edge has it.
    """
    body = LocalHostSerializer(host).data
    kept = {key: value for key, value in body.items() if key not in ("observed", "version")}
    order: dict[str, object] = kept | {"mechostId": str(host.pk), "origin": host.origin}
    told = dict(SettingsSerializer(host).data)
    del told["version"]
    registry = dict(told["registry"])
    if registry.pop("hasPassword"):
        registry["password"] = registry_password_of(host)
    order["settings"] = told | {"registry": registry}
    return order
