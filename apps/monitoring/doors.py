"""Which topics somebody may follow, and which news on them is theirs: the same doors as the views.

Only the checks that need the database are here; the wall between tenants needs none.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from channels.db import database_sync_to_async

from apps.common.errors import DomainError
from apps.hosts.models import AppLcm, AppRuleManager
from apps.hosts.selectors import access_host, hosts_for
from apps.instances.rollouts import access_rollout
from apps.instances.selectors import access_instance
from apps.mep.selectors import access_service, access_subscription
from apps.monitoring.hub import Item, hub
from apps.packages.selectors import access_package
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require

# Lists, each with the permission of its page.
LISTS = {
    "hosts": "hosts.read",
    "packages": "packages.read",
    "instances": "instances.read",
    "topology": "topology.read",
    "systems": "systems.read",
    "users": "users.write",
    "activity": "activity.read",
    "services": "mep.read",
    "subscriptions": "mep.read",
    "upgrades": "instances.read",
    "sync": "sync.read",
    "waiting": "feed.read",
}
TOPIC_LENGTH = 64


def _open_host(actor: Actor, key: uuid.UUID) -> object:
    require(may(actor, "hosts.read"))
    return access_host(actor, key)


def _open_package(actor: Actor, key: uuid.UUID) -> object:
    require(may(actor, "packages.read"))
    return access_package(actor, key)


def _open_instance(actor: Actor, key: uuid.UUID) -> object:
    require(may(actor, "instances.read"))
    return access_instance(actor, key)


def _open_system(actor: Actor, key: uuid.UUID) -> object:
    require(may(actor, "systems.read"))
    return next(
        (row for kind in (AppLcm, AppRuleManager) if (row := kind.objects.filter(pk=key).first())),
        None,
    )


def _open_service(actor: Actor, key: uuid.UUID) -> object:
    require(may(actor, "mep.read"))
    return access_service(actor, key)


def _open_subscription(actor: Actor, key: uuid.UUID) -> object:
    require(may(actor, "mep.read"))
    return access_subscription(actor, key)


def _open_rollout(actor: Actor, key: uuid.UUID) -> object:
    require(may(actor, "instances.read"))
    return access_rollout(actor, key)


_DOORS: dict[str, Callable[[Actor, uuid.UUID], object]] = {
    "host": _open_host,
    "package": _open_package,
    "instance": _open_instance,
    "system": _open_system,
    "service": _open_service,
    "beat": _open_service,
    "subscription": _open_subscription,
    "rollout": _open_rollout,
}


def may_follow(actor: Actor, topic: str) -> bool:
    """Whether ``topic`` exists for the actor; unknown and somebody else's are not told apart."""
    if topic in LISTS:
        return bool(may(actor, LISTS[topic]))
    kind, _, key = topic.partition(":")
    door = _DOORS.get(kind)
    if door is None or len(topic) > TOPIC_LENGTH:
        return False
    try:
        identity = uuid.UUID(key)
        # Only the spelling that news is published under can be followed.
        return str(identity) == key and door(actor, identity) is not None
    except (ValueError, DomainError):
        return False


async def followable(actor: Actor, topics: Iterable[str]) -> frozenset[str]:
    """Those of ``topics`` that the actor may follow."""
    found: frozenset[str] = await database_sync_to_async(_followable)(actor, tuple(topics))
    return found


def _followable(actor: Actor, topics: tuple[str, ...]) -> frozenset[str]:
    return frozenset(topic for topic in topics if may_follow(actor, topic))


def passes_wall(actor: Actor, item: Item) -> bool:
    """Whether the tenant of an item lets it through, before anything is looked up.

    News of no tenant is about the infrastructure, where :class:`Sight` decides.
    """
    # Whoever was let in to follow a service's heartbeat may hear it.
    if actor.is_admin or item.message.get("object") == "beat":
        return True
    if item.tenant_id is not None:
        return item.tenant_id == str(actor.tenant_id)
    return item.message.get("object") in SHARED


# What tenants share, if it is shown to them.
SHARED = frozenset({"host", "applcm"})


@dataclass(slots=True)
class _Seen:
    """What one tenant could see of the infrastructure when ``seq`` was the latest news."""

    seq: int
    ids: frozenset[str]


class Sight:
    """Which hosts, and edges through them, the people of one tenant see; asked once per news."""

    def __init__(self) -> None:
        self._epoch = ""
        self._seen: dict[uuid.UUID | None, _Seen] = {}
        self._locks: dict[uuid.UUID | None, asyncio.Lock] = {}

    async def at(self, actor: Actor, seq: int) -> frozenset[str]:
        """The ids that are visible to ``actor`` after the news of ``seq``."""
        if self._epoch != hub.epoch:
            self._epoch, self._seen, self._locks = hub.epoch, {}, {}
        async with self._locks.setdefault(actor.tenant_id, asyncio.Lock()):
            seen = self._seen.get(actor.tenant_id)
            if seen is None or seen.seq < seq:
                latest = hub.seq
                ids: frozenset[str] = await database_sync_to_async(_visible)(actor)
                seen = self._seen[actor.tenant_id] = _Seen(latest, ids)
            return seen.ids


def _visible(actor: Actor) -> frozenset[str]:
    pairs = hosts_for(actor).order_by().values_list("pk", "applcm_id")
    return frozenset(str(key) for pair in pairs for key in pair if key is not None)


sight = Sight()
