"""The three roles and what each may do: one table, read by policies, pages and documents."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """Roles of people; SYSTEM is the site's own work and is never given to anybody."""

    ADMIN = "admin", _("Administrator")
    TENANT = "tenant", _("Tenant")
    GUEST = "guest", _("Guest")
    SYSTEM = "system", _("System")


AUTHORITIES = {
    Role.ADMIN: "ROLE_MECM_ADMIN",
    Role.TENANT: "ROLE_MECM_TENANT",
    Role.GUEST: "ROLE_MECM_GUEST",
}

_READ = frozenset(
    {"hosts.read", "packages.read", "instances.read", "rules.read", "topology.read", "mep.read"}
)
_OPERATE = _READ | {
    "packages.write",
    "packages.download",
    "instances.write",
    "rules.write",
    "activity.read",
    "feed.own",
    "sync.read",
}
_ADMINISTER = _OPERATE | {
    "hosts.write",
    "hosts.credentials",
    "hosts.resources",
    "users.write",
    "systems.read",
    "feed.read",
    "mep.write",
    "site.write",
}

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.GUEST: _READ,
    Role.TENANT: _OPERATE,
    Role.ADMIN: _ADMINISTER,
    Role.SYSTEM: _ADMINISTER,
}
