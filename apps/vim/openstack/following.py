"""Looking for changes in a cloud, which tells of none by itself.

Two questions a turn however many instances there are: the stacks of the host, and the servers of
the project.  Which servers a stack has is asked once each time that Heat has changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, Final
from uuid import UUID

from apps.vim.openstack import names, stacks
from apps.vim.openstack.cloud import Cloud
from apps.vim.openstack.status import Row, server_rows

LOOK_SECONDS: Final = 2.0
# What of a server makes another status of its instance.
TOLD: Final = ("status", "OS-EXT-STS:task_state", "addresses")
Seen = dict[UUID, Any]


def follow(
    cloud: Cloud, host_id: UUID, changed: Callable[[UUID], None], stop: Event
) -> None:
    """Call ``changed`` for each instance that is not as it was a turn before; see the promise."""
    look = _Look(cloud, host_id)
    before: Seen = {}
    while not stop.is_set():
        now = look()
        for instance_id in now.keys() | before.keys():
            if now.get(instance_id) != before.get(instance_id):
                changed(instance_id)
        before = now
        stop.wait(LOOK_SECONDS)


class _Look:
    """One turn after the other; remembers which servers belong to which state of a stack."""

    def __init__(self, cloud: Cloud, host_id: UUID) -> None:
        self._cloud, self._host_id = cloud, host_id
        self._servers: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __call__(self) -> Seen:
        listed = stacks.of_host(self._cloud, self._host_id)
        rows = {str(one["id"]): one for one in self._cloud.pages("compute", "servers")}
        known = {_state(one): self._of(one) for one in listed}
        self._servers = known
        return {
            UUID(instance): (_state(one), [_told(rows.get(key)) for key in known[_state(one)]])
            for one in listed
            if (instance := names.instance_of(list(one.get("tags") or ())))
        }

    def _of(self, stack: Row) -> tuple[str, ...]:
        found = self._servers.get(_state(stack))
        if found is None:
            resources = server_rows(stacks.resources(self._cloud, stack))
            found = tuple(str(one.get("physical_resource_id") or "") for one in resources)
        return found


def _state(stack: Row) -> tuple[str, ...]:
    return str(stack["id"]), str(stack["stack_status"]), str(stack.get("updated_time"))


def _told(server: Mapping[str, Any] | None) -> Any:
    return server and [server.get(name) for name in TOLD]
