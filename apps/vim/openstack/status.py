"""From a stack, its resources and its servers to the truth about an instance.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.results import Address, ObjectInfo, Phase, Server, WorkloadStatus
from apps.vim.servers import NOT_ACTIVE

SERVER: Final = "OS::Nova::Server"
ACTIVE: Final = "ACTIVE"
# Nova's words for a server that will not come up by itself.
LOST: Final = frozenset({"ERROR", "DELETED", "SOFT_DELETED", "UNKNOWN"})

NO_HOST: Final = N_("No compute host has room for “%(resource)s” (No valid host was found).")
OVER_QUOTA: Final = N_("The quota of the project does not allow “%(resource)s”: %(said)s")
NOT_MADE: Final = N_("“%(resource)s” could not be made: %(said)s")
STACK_FAILED: Final = N_("Heat gave up: %(said)s")
HANGS: Final = N_("The removal waits: %(said)s")
NOT_ACTIVE_SINCE: Final = N_("“%(server)s” is %(state)s: %(said)s")
GONE: Final = N_("“%(server)s” is not there any more.")
# What Heat and Nova put in front of the cause.
_AROUND: Final = (
    "ResourceInError: ", "Forbidden: ", "BadRequest: ", "Conflict: ", "NotFound: ",
    "StackValidationFailed: ", "ResourceFailure: ", "OverQuotaClient: ",
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What a cloud has of one instance: the stack, its resources, and its servers by id."""

    stack: Row
    resources: Sequence[Row] = ()
    servers: Mapping[str, Row] | None = None


def status_of(found: Found | None, now: datetime) -> WorkloadStatus:
    """The truth about the instance that ``found`` is all of; Absent where there is no stack."""
    if found is None:
        return WorkloadStatus(Phase.ABSENT, now)
    servers = tuple(_servers(found))
    phase, reason = _phase(found, servers)
    return WorkloadStatus(
        phase=phase,
        as_of=now,
        ready=sum(one.status == ACTIVE for one in servers),
        total=len(servers),
        reason=reason,
        servers=servers,
        objects=tuple(_objects(found.resources)),
        scope=str(found.stack["stack_name"]),
    )


def server_rows(resources: Iterable[Row]) -> list[Row]:
    """The resources that are servers, in the order of their names."""
    return sorted(
        (one for one in resources if one["resource_type"] == SERVER),
        key=lambda one: str(one["resource_name"]),
    )


def _phase(found: Found, servers: Sequence[Server]) -> tuple[Phase, Reason | None]:
    action, _, outcome = str(found.stack["stack_status"]).rpartition("_")
    action = action.removesuffix("_IN")
    if action == "DELETE":
        said = str(found.stack.get("stack_status_reason") or "")
        return Phase.REMOVING, (
            Reason(HANGS, "removal_hangs", {"said": said}) if outcome == "FAILED" else None
        )
    if outcome == "FAILED":
        return Phase.FAILED, _why_failed(found)
    if outcome != "COMPLETE":
        return Phase.INSTALLING, None
    return _running(found, servers)


def _running(found: Found, servers: Sequence[Server]) -> tuple[Phase, Reason | None]:
    """A complete stack is as well as its servers are now; Heat does not look at them again."""
    ill = [one for one in servers if one.status != ACTIVE]
    if not ill:
        return Phase.READY, None
    first = next((one for one in ill if one.status in LOST), ill[0])
    lost = all(one.status in LOST for one in servers)
    return (Phase.FAILED if lost else Phase.DEGRADED), _why_ill(found, first)


def _why_ill(found: Found, server: Server) -> Reason:
    row = (found.servers or {}).get(server.id)
    if row is None:
        return Reason(GONE, "server_gone", {"server": server.name})
    said = str((row.get("fault") or {}).get("message") or "")
    params = {"server": server.name, "state": server.status, "said": said}
    return Reason(NOT_ACTIVE_SINCE if said else NOT_ACTIVE, "server_not_active", params)


def _why_failed(found: Found) -> Reason:
    """The resource that failed and why; the innermost one where stacks are nested."""
    failed = [one for one in found.resources if str(one["resource_status"]).endswith("_FAILED")]
    # What was only given up because another failed says so and nothing else.
    causes = [one for one in failed if "aborted" not in str(one.get("resource_status_reason"))]
    if not failed:
        return Reason(STACK_FAILED, "stack_failed", {
            "said": str(found.stack.get("stack_status_reason") or "")
        })
    cause = (causes or failed)[-1]
    said = _plain(str(cause.get("resource_status_reason") or ""))
    params = {"resource": str(cause["resource_name"]), "said": said}
    if "No valid host" in said:
        return Reason(NO_HOST, "no_valid_host", params)
    if "quota" in said.lower():
        return Reason(OVER_QUOTA, "over_quota", params)
    return Reason(NOT_MADE, "resource_failed", params)


def _plain(said: str) -> str:
    """Heat's words without the classes and paths that it wraps them in."""
    for around in _AROUND:
        said = said.removeprefix(around)
    if said.startswith("resources."):
        said = said.partition(": ")[2] or said
    return " ".join(said.split())[:500]


def _servers(found: Found) -> Iterator[Server]:
    for one in server_rows(found.resources):
        key = str(one.get("physical_resource_id") or "")
        name = str(one["resource_name"])
        row = (found.servers or {}).get(key)
        if row is None:
            yield Server(name=name, id=key or name, status=_status_without(one))
            continue
        going = row.get("OS-EXT-STS:task_state") == "deleting"
        yield Server(
            name=str(row.get("name") or name),
            id=key,
            status="DELETING" if going else str(row.get("status") or "UNKNOWN"),
            addresses=tuple(_addresses(row)),
            node=str(row.get("OS-EXT-SRV-ATTR:host") or ""),
        )


def _status_without(resource: Row) -> str:
    """Of a server that Nova does not know: taken away behind Heat's back, refused, or to come."""
    action, _, outcome = str(resource["resource_status"]).rpartition("_")
    if action == "INIT":
        return "BUILD"
    return {"COMPLETE": "DELETED", "FAILED": "ERROR"}.get(outcome, "BUILD")


def _addresses(row: Row) -> Iterator[Address]:
    for network, rows in sorted((row.get("addresses") or {}).items()):
        for one in rows:
            yield Address(str(network), str(one["addr"]))


def _objects(resources: Iterable[Row]) -> Iterator[ObjectInfo]:
    """Everything else that the stack is made of, each with its state in Heat's words."""
    for one in sorted(resources, key=lambda one: str(one["resource_name"])):
        if one["resource_type"] != SERVER:
            yield ObjectInfo(
                kind=str(one["resource_type"]),
                name=str(one["resource_name"]),
                state=str(one["resource_status"]),
                detail=str(one.get("physical_resource_id") or ""),
            )
