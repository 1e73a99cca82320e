"""What there is on a cloud: kind and name of everything that a user can make, of all projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from openstack.exceptions import ForbiddenException

Entry = tuple[str, str]


def inventory(connection: Any) -> set[Entry]:
    """Everything of all projects, or of the user's own where he may not list those of others.

    Names may occur more than once, so that each goes with its id.
    """
    found: set[Entry] = set()
    for kind, everywhere, own in _listings(connection):
        try:
            items = list(everywhere())
        except ForbiddenException:
            items = list(own())
        found |= {(kind, f"{one.name or ''} {one.id}".strip()) for one in items}
    return {entry for entry in found if not _comes_by_itself(*entry)}


def _comes_by_itself(kind: str, name: str) -> bool:
    """Neutron gives each project a security group when it first looks for one."""
    return kind == "security group" and name.startswith("default ")


def _listings(connection: Any) -> Iterable[tuple[str, _List, _List]]:
    """Kinds, each with a list of all projects and one of the user's own."""
    compute, network, image = connection.compute, connection.network, connection.image
    yield "server", lambda: compute.servers(all_projects=True), compute.servers
    if connection.has_service("orchestration"):
        stacks = connection.orchestration.stacks
        yield "stack", lambda: stacks(global_tenant=True), stacks
    groups = compute.server_groups
    yield "server group", lambda: groups(all_projects=True), groups
    yield "keypair", lambda: _keypairs(connection), compute.keypairs
    yield "flavor", lambda: compute.flavors(is_public=None), compute.flavors
    yield "image", image.images, image.images
    for kind in ("port", "network", "subnet", "router", "ip", "security_group"):
        listing = getattr(network, f"{kind}s")
        yield kind.replace("_", " "), listing, listing


def _keypairs(connection: Any) -> Iterable[Any]:
    """They belong to users, not to projects."""
    for user in connection.identity.users():
        yield from connection.compute.keypairs(user_id=user.id)


_List = Callable[[], Iterable[Any]]
