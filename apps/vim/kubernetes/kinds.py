"""The collections that an instance's status is read from, and what is kept of their objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from apps.vim.kubernetes.cluster import JSON, METADATA_LIST, Object
from apps.vim.kubernetes.names import INSTANCE

APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection over all namespaces; ``name`` is the plural that Kubernetes uses."""

    name: str
    path: str
    selector: str = INSTANCE
    accept: str = JSON


NAMESPACES: Final = Collection("namespaces", "/api/v1/namespaces")
RELEASES: Final = Collection(
    "releases", "/api/v1/secrets", f"{INSTANCE},owner=helm", METADATA_LIST
)
# In the order of reading.  Pods come last: what says that its pods are ready was read before them,
# so that no workload is Ready with pods that are not yet.
COLLECTIONS: Final = (
    NAMESPACES,
    RELEASES,
    Collection("services", "/api/v1/services"),
    Collection("persistentvolumeclaims", "/api/v1/persistentvolumeclaims"),
    Collection("deployments", "/apis/apps/v1/deployments"),
    Collection("statefulsets", "/apis/apps/v1/statefulsets"),
    Collection("daemonsets", "/apis/apps/v1/daemonsets"),
    Collection("jobs", "/apis/batch/v1/jobs"),
    Collection("ingresses", "/apis/networking.k8s.io/v1/ingresses"),
    Collection("pods", "/api/v1/pods"),
)
# What is known of one instance: the objects of each collection.
Found = dict[str, list[Object]]


def trimmed(one: Object) -> Object:
    """An object without what nobody reads, which is most of it."""
    metadata = one.get("metadata") or {}
    metadata.pop("managedFields", None)
    (metadata.get("annotations") or {}).pop(APPLIED, None)
    return one


def label(one: Object, name: str) -> str:
    """A label of an object; empty where it has none."""
    return str(((one.get("metadata") or {}).get("labels") or {}).get(name) or "")


def annotation(one: Object, name: str) -> str:
    """An annotation of an object; empty where it has none."""
    return str(((one.get("metadata") or {}).get("annotations") or {}).get(name) or "")


def name_of(one: Object) -> str:
    """The name of an object."""
    return str((one.get("metadata") or {}).get("name") or "")


def namespace_name(one: Object) -> str:
    """The namespace that an object stands in; empty for none."""
    return str((one.get("metadata") or {}).get("namespace") or "")


def condition(one: Object, kind: str) -> Object:
    """A condition of an object's status; empty where it has none of that type."""
    rows: Iterable[Object] = (one.get("status") or {}).get("conditions") or ()
    return next((row for row in rows if row.get("type") == kind), {})


def instance_of(one: Object) -> str:
    """The instance that an object is part of, as its label says; empty for none."""
    return label(one, INSTANCE)


def key_of(one: Object) -> tuple[str, str]:
    """Namespace and name of an object."""
    return namespace_name(one), name_of(one)
