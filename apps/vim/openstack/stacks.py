"""The stack of an instance: made, read, listened to and taken away.  One call changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.errors import VimRefused
from apps.vim.leftovers import Leftover
from apps.vim.openstack import names
from apps.vim.openstack.cloud import SERVICE_MISSING, Cloud, Refused
from apps.vim.openstack.hot import Hot
from apps.vim.openstack.status import Found, Row, server_rows
from apps.vim.voices import WorkloadEvent

# Heat gives up then; what an operator waits for ends before.
STACK_MINUTES: Final = 60
# Stacks in stacks that a template may make: groups of servers are such.
NESTED: Final = 2
AT_ONCE: Final = 6
KIND: Final = "OS::Heat::Stack"
# The output of a stack that says what of its package has no translation.
NOTES: Final = "mecm_notes"


def find(cloud: Cloud, instance_id: UUID) -> Row | None:
    """The stack of an instance, as Heat tells it; None where there is none.

    One that is gone is told until its name is free again, a moment later.
    """
    found = cloud.find("orchestration", f"/stacks/{names.stack_name(instance_id)}")
    stack: Row | None = found["stack"] if found else None
    return stack


def read(cloud: Cloud, instance_id: UUID) -> Found | None:
    """All that the cloud has of one instance."""
    stack = find(cloud, instance_id)
    if stack is None:
        return None
    parts = resources(cloud, stack)
    ids = [str(one["physical_resource_id"]) for one in server_rows(parts)
           if one.get("physical_resource_id")]
    return Found(stack, parts, servers(cloud, ids))


def resources(cloud: Cloud, stack: Row) -> list[Row]:
    """What a stack is made of, with the parts of stacks in it."""
    listed = cloud.find(
        "orchestration", f"{_path(stack)}/resources", params={"nested_depth": NESTED}
    )
    return list(listed["resources"]) if listed else []


def servers(cloud: Cloud, ids: Sequence[str]) -> dict[str, Row]:
    """Servers by id; those that are not there any more are left out."""
    if not ids:
        return {}
    with ThreadPoolExecutor(min(AT_ONCE, len(ids))) as threads:
        rows = threads.map(lambda key: cloud.find("compute", f"/servers/{key}"), ids)
        return {key: row["server"] for key, row in zip(ids, rows, strict=True) if row}


def make(cloud: Cloud, host_id: UUID, instance_id: UUID, hot: Hot, known: Row | None) -> None:
    """Have Heat make the stack, or go on with one that failed.  Returns when Heat has taken it."""
    body = {
        "stack_name": names.stack_name(instance_id),
        "template": _with_notes(hot),
        "parameters": hot.parameters,
        "tags": ",".join(names.tags(host_id, instance_id)),
        "timeout_mins": STACK_MINUTES,
        "disable_rollback": True,
    }
    try:
        if known is None:
            cloud.ask("orchestration", "POST", "/stacks", json=body)
        else:
            cloud.ask("orchestration", "PUT", _path(known), json=body)
    except Refused as refusal:
        if known is not None or refusal.answered != 409:
            raise
        # The name is taken: another process of this site was first, or the stack that is being
        # removed still had it.
        known = find(cloud, instance_id)
        if known is None or is_going(known):
            raise being_removed() from refusal


def _with_notes(hot: Hot) -> dict[str, Any]:
    """The template, which keeps for its readers what of the package it does not do."""
    if not hot.notes:
        return hot.template
    said = {"value": [note.as_json() for note in hot.notes]}
    return hot.template | {"outputs": {**hot.template.get("outputs", {}), NOTES: said}}


def _notes(stack: Row) -> Iterator[WorkloadEvent]:
    rows = (one["output_value"] for one in stack.get("outputs") or ()
            if one["output_key"] == NOTES)
    at = datetime.fromisoformat(str(stack["creation_time"]))
    for row in next(rows, None) or ():
        note = Reason.from_json(row)
        yield WorkloadEvent(
            kind=KIND, name=str(stack["stack_name"]), type="Warning", reason=note.code,
            message=str(note), first_at=at, last_at=at,
        )


def remove(cloud: Cloud, instance_id: UUID) -> None:
    """Have Heat take the stack away; nothing happens where it is gone or going."""
    stack = find(cloud, instance_id)
    if stack is not None and stack["stack_status"] not in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE"):
        cloud.delete("orchestration", _path(stack))


def being_removed() -> VimRefused:
    """Why there can be no stack for now."""
    return VimRefused(N_("The instance is being removed."), retryable=True, code="removing")


def is_going(stack: Row) -> bool:
    """Whether the stack is being removed, or its removal failed."""
    return str(stack["stack_status"]).startswith("DELETE_")


def has_failed(stack: Row) -> bool:
    """Whether Heat gave up on making it."""
    return str(stack["stack_status"]).endswith("_FAILED")


def events(cloud: Cloud, instance_id: UUID) -> tuple[WorkloadEvent, ...]:
    """What happened to the resources of the stack, oldest first."""
    stack = find(cloud, instance_id)
    if stack is None:
        return ()
    listed = cloud.find(
        "orchestration", f"{_path(stack)}/events",
        params={"nested_depth": NESTED, "sort_dir": "asc"},
    )
    rows = sorted(listed["events"] if listed else [], key=lambda one: str(one["event_time"]))
    kinds = {one["resource_name"]: str(one["resource_type"]) for one in resources(cloud, stack)}
    told = (_event(row, kinds.get(row["resource_name"], KIND)) for row in rows)
    return (*_notes(stack), *told)


def _event(row: Row, kind: str) -> WorkloadEvent:
    state = str(row["resource_status"])
    at = datetime.fromisoformat(str(row["event_time"]))
    return WorkloadEvent(
        kind=kind,
        name=str(row["resource_name"]),
        type="Warning" if state.endswith("_FAILED") else "Normal",
        reason=state,
        message=str(row.get("resource_status_reason") or state),
        first_at=at,
        last_at=at,
    )


def of_host(cloud: Cloud, host_id: UUID) -> list[Row]:
    """The stacks that carry the tag of this host."""
    return list(cloud.pages("orchestration", "stacks", tags=names.host_tag(host_id)))


def carried(cloud: Cloud, host_id: UUID) -> list[Leftover]:
    """The same, as what may be left over."""
    return [
        Leftover(
            kind=KIND,
            namespace="",
            name=str(one["stack_name"]),
            instance=names.instance_of(list(one.get("tags") or ())),
            host=str(host_id),
            path=_path(one),
        )
        for one in of_host(cloud, host_id)
    ]


def remove_object(cloud: Cloud, one: Leftover) -> bool:
    """Take one of them away; False where it was gone already."""
    return cloud.delete("orchestration", one.path)


def require_heat(cloud: Cloud) -> None:
    """Refuse where the region has no orchestration service."""
    if not cloud.has("orchestration"):
        raise VimRefused(
            N_("The region “%(region)s” of the cloud has no orchestration service (Heat); this"
               " site makes virtual machines with it."),
            code=SERVICE_MISSING, region=cloud.login.region,
        )


def _path(stack: Row) -> str:
    return f"/stacks/{stack['stack_name']}/{stack['id']}"
