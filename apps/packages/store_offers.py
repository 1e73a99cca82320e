"""What a store offers now, beside what is here of it.  Asks the store and writes nothing."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from apps.packages.appstore import AppStoreClient
from apps.packages.models import StorePackage
from apps.packages.onboarding import TOLD
from apps.packages.selectors import store_packages
from apps.packages.states import SyncState
from apps.packages.stores import access_store, address_of

_KEY = re.compile(r"[0-9a-f]{32}")
TEXT_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Offer:
    """One package of a store, in the store's fields, and our record of it if there is one."""

    told: dict[str, str | None]
    app_id: uuid.UUID
    package_id: uuid.UUID
    row: StorePackage | None = None

    @property
    def state(self) -> str:
        """How far it is here."""
        return self.row.state if self.row else SyncState.NOT_IN_SYNC


def offers_of(ip: str) -> list[Offer]:
    """The packages of the store at ``ip``; NotFound for one that nobody registered.

    Upstream when the store does not answer as one.  A package without ids of the usual form cannot
    be fetched and is left out.
    """
    store = access_store(ip)
    with AppStoreClient(address_of(store)) as client:
        told = client.packages()
    known = {(row.app_id, row.package_id): row for row in store_packages(ip=ip)}
    found = []
    for one in told:
        keys = [one.get(name) for name in ("appId", "packageId")]
        if not all(isinstance(key, str) and _KEY.fullmatch(key) for key in keys):
            continue
        app_id, package_id = (uuid.UUID(hex=str(key)) for key in keys)
        found.append(Offer(plain(one), app_id, package_id, known.get((app_id, package_id))))
    return found


def plain(told: dict[str, Any]) -> dict[str, str | None]:
    """What a store says of a package as short texts in the known fields, whatever it sent."""
    return {key: _text(told.get(key)) for key in TOLD}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, (dict, list)):
        return None
    return str(value)[:TEXT_LENGTH]
