"""Finding everything that carries our labels, whatever its kind, and taking it away."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from apps.vim.kubernetes import names
from apps.vim.kubernetes.cluster import METADATA_LIST, Cluster, Refused
from apps.vim.kubernetes.kinds import label, name_of, namespace_name
from apps.vim.leftovers import Leftover

# Made and removed by controllers with what they belong to.
FOLLOWERS = frozenset({"events", "endpoints", "endpointslices", "controllerrevisions", "leases"})


def carried(cluster: Cluster, selector: str) -> Iterator[Leftover]:
    """All objects of a label, over every listable kind; a kind that may not be listed is left out.

    Only metadata is fetched.
    """
    for collection, kind, namespaced in _collections(cluster):
        try:
            rows, _ = cluster.list(collection, accept=METADATA_LIST, labelSelector=selector)
        except Refused:
            continue
        for one in rows:
            place = namespace_name(one)
            root, plural = collection.rsplit("/", 1)
            inside = f"/namespaces/{place}" if namespaced else ""
            yield Leftover(
                kind=kind,
                namespace=place,
                name=name_of(one),
                instance=label(one, names.INSTANCE),
                host=label(one, names.HOST),
                path=f"{root}{inside}/{plural}/{name_of(one)}",
            )


def sweep(cluster: Cluster, instance_id: UUID, *, keep: str) -> None:
    """Remove what an instance has outside of the namespace ``keep``, which goes by itself."""
    for one in carried(cluster, f"{names.INSTANCE}={instance_id}"):
        if one.namespace != keep and not (one.kind == "Namespace" and one.name == keep):
            cluster.delete(one.path)


def _collections(cluster: Cluster) -> Iterator[tuple[str, str, bool]]:
    """Path, kind and whether it stands in namespaces, of everything that can be listed."""
    versions = [f"/api/{version}" for version in cluster.get("/api").get("versions") or ()]
    groups = cluster.get("/apis").get("groups") or ()
    versions.extend(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)
    for root in versions:
        try:
            about = cluster.find(root) or {}
        except Refused:
            continue
        for row in about.get("resources") or ():
            plural = str(row["name"])
            can = {"list", "delete"} <= set(row.get("verbs") or ())
            if can and "/" not in plural and plural not in FOLLOWERS:
                yield f"{root}/{plural}", str(row["kind"]), bool(row["namespaced"])
