"""What there is on a cloud: kind and name of everything that a user can make, of all projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from openstack.exceptions import ForbiddenException

Entry = tuple[str, str]


def inventory(connection: Any) -> set[Entry]:
    """Everything of all projects, or of the user's own where he may not list those of others.

    What has no name, such as most ports, goes by its id.
    """
    found: set[Entry] = set()
    for kind, everywhere, own in _listings(connection):
        try:
            items = list(everywhere())
        except ForbiddenException:
            items = list(own())
        # Security groups of one name are in every project.
        found |= {(kind, f"{one.name or ''} {one.id}".strip()) for one in items}
    return found


def _listings(connection: Any) -> Iterable[tuple[str, _List, _List]]:
    compute, network, image = connection.compute, connection.network, connection.image
    yield "server", lambda: compute.servers(all_projects=True), compute.servers
    if connection.has_service("orchestration"):
        stacks = connection.orchestration.stacks
        yield "stack", lambda: stacks(global_tenant=True), stacks
    groups = compute.server_groups
    yield "server group", lambda: groups(all_projects=True), groups
    yield "flavor", lambda: compute.flavors(is_public=None), compute.flavors
    yield "image", image.images, image.images
    for kind in ("port", "network", "subnet", "router", "ip", "security_group"):
        listing = getattr(network, f"{kind}s")
        yield kind.replace("_", " "), listing, listing


_List = Callable[[], Iterable[Any]]
