"""What happened, as small signals for the open pages: which topics an event is news on."""

from __future__ import annotations

import uuid
from typing import Any

from apps.journal.fanout import Event
from apps.monitoring.hub import FEED, hub

# How the tables are called where people and pages name them.
OBJECTS = {
    "mechost": "host",
    "appinstance": "instance",
    "lcmoperation": "operation",
    "mecservice": "service",
    "application": "mec-application",
    "syncrun": "sync-run",
}
# The list on which a kind of object is news, and whether the topology shows it.
_LISTS = {
    "host": ("hosts", True),
    "applcm": ("systems", True),
    "apprulemanager": ("systems", False),
    "appstore": ("systems", False),
    "apprepo": ("systems", False),
    "invitation": ("systems", False),
    "signingkey": ("systems", False),
    "package": ("packages", False),
    "distribution": ("packages", False),
    "storepackage": ("packages", False),
    "instance": ("instances", True),
    "tenant": ("users", False),
    "user": ("users", False),
    "service": ("services", False),
    "mec-application": ("services", False),
    "subscription": ("subscriptions", False),
    "rollout": ("upgrades", False),
    "sync-run": ("sync", False),
    "reader": ("waiting", False),
    "center": ("waiting", False),
}
# What has no page of its own is news on the page of what it belongs to.
_OWNERS = {
    "distribution": ("package", "package_id"),
    "hostimage": ("host", "host_id"),
    "operation": ("instance", "instance_id"),
    "appdconfiguration": ("instance", "instance_id"),
    "ruletask": ("instance", "instance_id"),
}
_ALSO = {"distribution": "host", "hostimage": "instance"}
_SYSTEMS = frozenset({"applcm", "apprulemanager", "appstore", "apprepo"})
# Seen on a page, but nobody's deed.
_UNRECORDED = (
    ".progressed", ".waiting", ".signed_out", ".suspended", ".resumed", ".processing", ".pending",
    "sync.run.running", "sync.run.done", "sync.run.failed", "sync.reader.acknowledged",
    ".greeted",
)
# What two sites changed while apart is news where it waits for somebody to choose.
_OF_TWO_SITES = (".contested", ".settled")
_GONE = (".removed", ".terminated", ".withdrawn", ".forgotten")


def on_event(event: Event) -> None:
    """Spread one event on the topics of the pages that show it."""
    message = message_of(event)
    # A batch is news about each of its members, and one signal to their list.
    members = (f"{object_of(event.kind)}:{one}" for one in event.data.get("ids", [])[1:])
    topics = (*topics_of(event), *members)
    if event.version > 0:
        topics = (*topics, FEED)
    if topics:
        hub.publish(topics, message, event.tenant_id)


def message_of(event: Event) -> dict[str, Any]:
    """The signal of an event.  It carries no content: pages fetch that through their own door."""
    return {
        "kind": "gone" if event.verb.endswith(_GONE) else "changed",
        "id": event.subject_id,
        "version": event.version,
        "object": object_of(event.kind),
    }


def topics_of(event: Event) -> tuple[str, ...]:
    """The topics on which an event is news; none for what no page shows."""
    kind = object_of(event.kind)
    found: list[str] = []
    if kind in _OWNERS:
        owner, key = _OWNERS[kind]
        identity = _uuid(event.data.get(key))
        found += [f"{owner}:{identity}"] if identity else []
        # A package is shown on the page of each host that it is on its way to, and an image of a
        # server on that of its instance.
        also = _ALSO.get(kind)
        other = _uuid(event.data.get(f"{also}_id")) if also else ""
        found += [f"{also}:{other}"] if other else []
    else:
        found.append(f"{'system' if kind in _SYSTEMS else kind}:{event.subject_id}")
    if kind == "instance" and (host := _uuid(event.data.get("host_id"))):
        found.append(f"host:{host}")
    name, on_map = _LISTS.get(kind, ("", False))
    found += [name] if name else []
    found += ["topology"] if on_map else []
    found += ["sync"] if event.verb.endswith(_OF_TWO_SITES) else []
    found += [] if event.verb.endswith(_UNRECORDED) else ["activity"]
    return tuple(found)


def object_of(kind: str) -> str:
    """The name of a kind of object on the wire."""
    return OBJECTS.get(kind, kind)


def _uuid(value: Any) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        return ""
