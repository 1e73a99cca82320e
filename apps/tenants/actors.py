"""Whoever does something, as plain data: a user of this site, of the center, or the system."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.tenants.roles import PERMISSIONS, Role

NOBODY = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, in which role, for which tenant (None: for none in particular).

    ``site_id`` is the site whose key signed the token; it tells a user of the center from a user
    of this edge.  ``tenant_name`` is what that site calls the tenant of its order.
    """

    actor_id: str
    actor_name: str
    role: Role
    tenant_id: uuid.UUID | None = None
    site_id: uuid.UUID | None = None
    tenant_name: str = ""

    # REST framework asks its user object this.
    is_authenticated = True

    @property
    def is_admin(self) -> bool:
        """Whether all tenants are visible to this actor."""
        return self.role in (Role.ADMIN, Role.SYSTEM)

    @property
    def wall(self) -> uuid.UUID:
        """The only tenant whose rows are visible; without one, a tenant that does not exist."""
        return self.tenant_id or NOBODY

    def acts_for(self, tenant_id: uuid.UUID | None) -> bool:
        """Whether an administrator does something for a tenant that is not their own."""
        return self.role == Role.ADMIN and tenant_id not in (None, self.tenant_id)

    def has(self, permission: str) -> bool:
        """Whether the role carries ``permission``; see the table in ``roles.py``."""
        return permission in PERMISSIONS[self.role]

    def as_json(self) -> dict[str, Any]:
        """The actor as plain data, for work that goes on after the request."""
        return {
            "id": self.actor_id,
            "name": self.actor_name,
            "role": str(self.role),
            "tenant": str(self.tenant_id) if self.tenant_id else None,
            "site": str(self.site_id) if self.site_id else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Actor:
        """The actor that ``as_json`` wrote."""
        return cls(
            data["id"],
            data["name"],
            Role(data["role"]),
            uuid.UUID(data["tenant"]) if data.get("tenant") else None,
            uuid.UUID(data["site"]) if data.get("site") else None,
        )


SYSTEM = Actor("system", "system", Role.SYSTEM)
