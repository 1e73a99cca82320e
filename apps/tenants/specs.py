"""What the services of this floor take."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from apps.tenants.roles import Role


@dataclass(frozen=True, slots=True)
class UserSpec:
    """A new user.  ``tenant_id`` may be None for an administrator only."""

    username: str
    role: Role
    password: str
    tenant_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class TenantSpec:
    """A new tenant; ``id`` is given when it is born elsewhere."""

    name: str
    description: str = ""
    id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to be different about a user; None leaves it.  ``moves``: a tenant is said."""

    role: Role | None = None
    tenant_id: uuid.UUID | None = None
    moves: bool = False
    is_active: bool | None = None
    password: str | None = None
