"""Application stores, as packages know them: registered in the inventory, reached at one address."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings

from apps.hosts import managers


def access_store(ip: str, *, lock: bool = False) -> Any:
    """The registered store of that address, or NotFound."""
    return managers.access(apps.get_model("hosts", "AppStore"), ip, lock=lock)


def endpoint_of(store: Any) -> str:
    """Its address and port, as people write them."""
    return f"{store.ip}:{store.port}"


def address_of(store: Any) -> str:
    """Where it is called.  Only what an administrator registered is in it."""
    return f"{settings.APP_STORES['scheme']}://{endpoint_of(store)}"
