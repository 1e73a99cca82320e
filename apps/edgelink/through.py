"""The way through this center to an edge that dialled in: an address, a token, and its faults.

A process that holds the edge's line answers there by plain HTTP, so that any other process of this
center reaches the edge as if it had dialled it.
"""

from __future__ import annotations

import uuid

import httpx

PREFIX = "/sync/v1/through/"
TOKEN_HEADER = "X-Through"
FAULT_HEADER = "X-Line-Fault"


def url_of(channel_url: str, edge_id: uuid.UUID) -> str:
    """The base URL of an edge's API through the process at ``channel_url``."""
    return f"{channel_url}{PREFIX}{edge_id}"


def parted(target: str) -> tuple[uuid.UUID, str] | None:
    """The edge that a target below PREFIX names, and the target there; None when it names none."""
    name, slash, rest = target.removeprefix(PREFIX).partition("/")
    try:
        return (uuid.UUID(name), slash + rest) if slash else None
    except ValueError:
        return None


def raise_fault(response: httpx.Response) -> None:
    """For httpx's hook: what the line could not carry was never an answer of the edge."""
    if FAULT_HEADER in response.headers:
        raise httpx.ConnectError(response.headers[FAULT_HEADER], request=response.request)
