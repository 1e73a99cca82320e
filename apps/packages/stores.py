"""Application stores as packages know them: registered by an administrator, at one address."""

from __future__ import annotations

from django.conf import settings

from apps.hosts import stores
from apps.hosts.models import AppStore


def access_store(ip: str, *, lock: bool = False) -> AppStore:
    """The registered store of that address, or NotFound."""
    return stores.access(AppStore, ip, lock=lock)


def endpoint_of(store: AppStore) -> str:
    """Its address and port, as people write them."""
    host = f"[{store.ip}]" if ":" in store.ip else store.ip
    return f"{host}:{store.port}"


def address_of(store: AppStore) -> str:
    """Where it is called.  Only what an administrator registered is in it."""
    return f"{settings.APP_STORES['scheme']}://{endpoint_of(store)}"
