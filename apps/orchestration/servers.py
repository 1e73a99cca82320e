"""The servers of an instance and what a host's cloud has: asked and ordered here or at its edge."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, NotFound, NotOffered, Upstream, cause_in
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.hosts.policies import may_see_resources
from apps.instances.models import AppInstance
from apps.instances.policies import may_handle_servers
from apps.journal import services as journal
from apps.orchestration import services
from apps.orchestration.noted import noted
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require, require_now
from apps.vim.resources import CloudResources, ResourceKind, TellsResources
from apps.vim.servers import Action, RunsServers, ServerDetails

# What an edge says beside the sentence of a refusal.
_SAID = ("state", "task", "allowed")


def server_of(instance: AppInstance, server_id: str, *, actor: Actor) -> ServerDetails:
    """What is known of a server of an instance now; NotFound where it has no such."""
    require(may(actor, "instances.read"))
    _require_id(server_id)
    if instance.host.applcm is None:
        return _of(instance, _runner(instance.host).server(instance.pk, server_id))
    with _edge(instance.host, actor, instance) as edge:
        return edge.server(instance.tenant_id, instance.pk, server_id)


def act(instance: AppInstance, server_id: str, action: Action, *, actor: Actor) -> None:
    """Order an action on a server, and look at the instance again at once.

    Conflict while the state of the instance or of the server does not allow it.
    """
    _require(actor, instance, server_id)
    with noted(lambda why: _record(instance, server_id, action, actor, why)):
        if instance.host.applcm is None:
            _runner(instance.host).act(instance.pk, server_id, action)
        else:
            with _edge(instance.host, actor, instance) as edge, _its_words():
                edge.act(instance.tenant_id, instance.pk, server_id, action)
    if instance.host.applcm is None:
        services.watch_instance(instance)


def screen(instance: AppInstance, server_id: str, *, actor: Actor) -> str:
    """A new link to the screen of a server.

    Whoever has it sees and types: it is given to the asker, and kept and told nowhere.
    """
    _require(actor, instance, server_id)
    with noted(lambda why: _record(instance, server_id, Action.CONSOLE, actor, why)):
        if instance.host.applcm is None:
            link = _runner(instance.host).screen(instance.pk, server_id)
        else:
            with _edge(instance.host, actor, instance) as edge, _its_words():
                link = edge.screen(instance.tenant_id, instance.pk, server_id)
        if urlsplit(link).scheme not in ("http", "https"):
            text = N_("What the cloud gave is no link to a screen.")
            raise Upstream(text, retryable=False, code="no_link")
        return link


def resources_of(host: MecHost, kind: ResourceKind, *, actor: Actor) -> CloudResources:
    """What the cloud of a host has of one kind; servers with the instance that each belongs to."""
    require(may_see_resources(actor))
    if host.applcm is not None:
        with _edge(host, actor) as edge:
            return edge.resources(host.ip, kind)
    driver = driver_of(host)
    if not isinstance(driver, TellsResources):
        text = N_("The VIM of “%(name)s” has no list of resources.")
        raise NotOffered(text, code="no_resources", name=host.name)
    told = driver.resources(kind)
    return _with_instances(host, told) if kind is ResourceKind.SERVERS else told


def _with_instances(host: MecHost, told: CloudResources) -> CloudResources:
    rows = AppInstance.objects.filter(host=host)
    owners = {one.id: row for row in rows if row.seen for one in row.seen.servers}
    return replace(told, rows=tuple(
        _of(owners[row.id], row) if isinstance(row, ServerDetails) and row.id in owners else row
        for row in told.rows
    ))


def _of(instance: AppInstance, server: ServerDetails) -> ServerDetails:
    return replace(server, instance_id=str(instance.pk), instance=instance.app_name)


def _require(actor: Actor, instance: AppInstance, server_id: str) -> None:
    require(may(actor, "instances.write"))
    _require_id(server_id)
    require_now(may_handle_servers(actor, instance))


def _require_id(server_id: str) -> None:
    """NotFound for what cannot be the id of a server and must not get into an address."""
    try:
        uuid.UUID(server_id)
    except ValueError:
        raise NotFound(N_("The instance has no server “%(name)s”."), name=server_id) from None


def _record(
    instance: AppInstance, server_id: str, action: Action, actor: Actor, why: Reason | None
) -> None:
    name = instance.server_name(server_id)
    data = {"server": name, "server_id": server_id} | ({"reason": why.as_json()} if why else {})
    with transaction.atomic():
        journal.record(
            f"instances.server.{action}", instance, actor=actor, tenant_id=instance.tenant_id,
            data=data,
        )


@contextmanager
def _its_words() -> Iterator[None]:
    """A refusal of the edge with what it says of the state, as a refusal of here."""
    try:
        yield
    except Conflict as error:
        why, said = error.reason, error.answer
        raise Conflict(
            why.text,
            code=cause_in(said) or why.code,
            extra={name: said[name] for name in _SAID if name in said},
            **why.params,
        ) from None


def _runner(host: MecHost) -> RunsServers:
    driver = driver_of(host)
    if not isinstance(driver, RunsServers):
        text = N_("The VIM of “%(name)s” runs no virtual machines.")
        raise NotOffered(text, code="no_servers", name=host.name)
    return driver


def _edge(host: MecHost, actor: Actor, instance: AppInstance | None = None) -> EdgeClient:
    assert host.applcm is not None  # noqa: S101 - asked by the callers
    tenant = instance.tenant.name if instance else ""
    return EdgeClient(host.applcm, actor=actor, tenant_name=tenant)
