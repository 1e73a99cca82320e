"""Images of an instance's servers, made and kept where its host is: of this site, or at an edge."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.hosts.models import MecHost
from apps.images import selectors as images
from apps.instances.models import AppInstance
from apps.orchestration.images import snapshot
from apps.orchestration.local import LocalSnapshots
from apps.orchestration.ports import Snapshots
from apps.orchestration.remote import RemoteSnapshots
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require
from apps.vim.image_lines import Snapshot


def snapshots_of(instance: AppInstance, *, actor: Actor) -> Snapshots:
    """Those of one instance.  A disk may hold anything: Denied for who may not change it."""
    require(may(actor, "instances.write"))
    if instance.host.applcm is not None:
        return RemoteSnapshots(instance.host, actor, instance)
    return LocalSnapshots(images.snapshots_of(actor, instance.pk), actor)


def snapshots_at(host: MecHost, *, actor: Actor) -> Snapshots:
    """Those at a host whose instances are or were the actor's to change; Denied for a guest."""
    require(may(actor, "instances.write"))
    if host.applcm is not None:
        return RemoteSnapshots(host, actor)
    return LocalSnapshots(images.snapshots_at(actor, host), actor)


def take(instance: AppInstance, server_id: str, *, actor: Actor) -> str:
    """Order an image of the disk of one of an instance's servers; its id.

    NotFound where the instance has no such server, Upstream where the VIM refuses.
    """
    require(may(actor, "instances.write"))
    if instance.host.applcm is not None:
        return RemoteSnapshots(instance.host, actor, instance).take(server_id)
    return str(snapshot(instance, server_id, actor=actor).pk)


def require_bytes(found: Snapshot) -> int:
    """The size of a snapshot whose bytes can be had; Conflict where they cannot."""
    if not found.is_whole or found.size is None:
        raise Conflict(
            N_("The image “%(name)s” has no bytes to be had: its state is “%(state)s”."),
            code="image_not_active", name=found.name, state=found.status,
        )
    return found.size
