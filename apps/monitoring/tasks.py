"""Periodic looks at load, and the end of what is kept of it."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.hosts.selectors import local_hosts
from apps.monitoring import load
from apps.monitoring.rings import FAR, NEAR


@shared_task
def sample_load() -> dict[str, int]:
    """Have each host of this site looked at."""
    keys = list(local_hosts().values_list("pk", flat=True))
    for key in keys:
        sample_host.apply_async((str(key),), expires=NEAR.step)
    return {"hosts": len(keys)}


@shared_task
def sample_host(host_id: str) -> dict[str, int]:
    """Look at one host of this site and what runs on it."""
    return {"subjects": load.sample_local(uuid.UUID(host_id))}


@shared_task
def sample_edges() -> dict[str, int]:
    """Have each edge asked for the load of its hosts."""
    keys = load.edges_to_ask()
    for key in keys:
        sample_edge.apply_async((str(key),), expires=FAR.step)
    return {"edges": len(keys)}


@shared_task
def sample_edge(edge_id: str) -> dict[str, int]:
    """Ask one edge."""
    return {"hosts": load.sample_edge(uuid.UUID(edge_id))}


@shared_task
def purge_load() -> dict[str, int]:
    """Forget the load of what is no more."""
    return {"deleted": load.purge()}
