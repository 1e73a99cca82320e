"""The servers of a stack one by one, as Nova tells of them and takes orders for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, NotFound
from apps.vim.openstack import stacks
from apps.vim.openstack.cloud import Cloud, Refused
from apps.vim.openstack.consoles import screen as new_screen
from apps.vim.openstack.status import Row, server_rows
from apps.vim.servers import Action, ServerAddress, ServerDetails, ServerFlavor

# Where a server came to tell the sizes of its flavor, also of one that is gone since.
EMBEDDED_FLAVORS: Final = "2.47"
_ORDERS: Final[Mapping[Action, Mapping[str, Any]]] = {
    Action.START: {"os-start": None},
    Action.STOP: {"os-stop": None},
    Action.REBOOT_SOFT: {"reboot": {"type": "SOFT"}},
    Action.REBOOT_HARD: {"reboot": {"type": "HARD"}},
    Action.PAUSE: {"pause": None},
    Action.UNPAUSE: {"unpause": None},
    Action.SUSPEND: {"suspend": None},
    Action.RESUME: {"resume": None},
}


def server(cloud: Cloud, instance_id: UUID, server_id: str) -> ServerDetails:
    """What Nova knows of a server of the instance now."""
    row = _row(cloud, instance_id, server_id)
    image = image_id(row)
    found = cloud.find("image", f"/images/{image}") if image else None
    return details(row, image=str((found or {}).get("name") or image))


def act(cloud: Cloud, instance_id: UUID, server_id: str, action: Action) -> ServerDetails:
    """Have Nova do it; returns the server as it was before."""
    before = details(_row(cloud, instance_id, server_id))
    before.require(action)
    try:
        cloud.ask("compute", "POST", f"/servers/{before.id}/action", json=_ORDERS[action])
    except Refused as refusal:
        if refusal.answered != 409:
            raise
        # It became another since it was looked at, or is locked by an administrator of the cloud.
        why = refusal.reason
        raise Conflict(why.text, code="illegal_move", **why.params) from refusal
    return before


def screen(cloud: Cloud, instance_id: UUID, server_id: str) -> str:
    """A new link to the screen of a server of the instance."""
    before = details(_row(cloud, instance_id, server_id))
    before.require(Action.CONSOLE)
    return new_screen(cloud, before.id)


def _row(cloud: Cloud, instance_id: UUID, server_id: str) -> Row:
    """A server of the instance; NotFound for any other, which Nova is not even asked about."""
    stack = stacks.find(cloud, instance_id)
    parts = server_rows(stacks.resources(cloud, stack)) if stack else []
    if any(one.get("physical_resource_id") == server_id for one in parts):
        path = f"/servers/{server_id}"
        found = cloud.find("compute", path, microversion=EMBEDDED_FLAVORS)
        if found is not None:
            row: Row = found["server"]
            return row
    raise NotFound(N_("The instance has no server “%(name)s”."), name=server_id)


def image_id(row: Row) -> str:
    """The image that a server was made from; empty for one that boots from a volume."""
    return str((row.get("image") or {}).get("id") or "")


def details(row: Row, *, image: str = "") -> ServerDetails:
    """A server as Nova tells it from EMBEDDED_FLAVORS on; ``image`` is the name of its image."""
    made = str(row.get("created") or "")
    sizes = row.get("flavor") or {}
    groups = (str(one["name"]) for one in row.get("security_groups") or ())
    return ServerDetails(
        id=str(row["id"]),
        name=str(row.get("name") or row["id"]),
        status=str(row.get("status") or "UNKNOWN"),
        task=str(row.get("OS-EXT-STS:task_state") or ""),
        addresses=tuple(_addresses(row)),
        flavor=ServerFlavor(
            str(sizes.get("original_name") or ""),
            *(sizes.get(name) for name in ("vcpus", "ram", "disk")),
        ),
        image=image,
        host=str(row.get("OS-EXT-SRV-ATTR:host") or ""),
        zone=str(row.get("OS-EXT-AZ:availability_zone") or ""),
        created=datetime.fromisoformat(made) if made else None,
        key_name=str(row.get("key_name") or ""),
        # Nova names a group once for each port.
        security_groups=tuple(dict.fromkeys(groups)),
        fault=str((row.get("fault") or {}).get("message") or ""),
    )


def _addresses(row: Row) -> Iterator[ServerAddress]:
    for network, rows in sorted((row.get("addresses") or {}).items()):
        for one in rows:
            mac = str(one.get("OS-EXT-IPS-MAC:mac_addr") or "")
            yield ServerAddress(str(network), str(one["addr"]), mac)
