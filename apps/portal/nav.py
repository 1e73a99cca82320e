"""The sections of the portal: which a site has is data of its role, who sees which is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.tenants.actors import Actor


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation; ``permission`` empty means for everybody."""

    name: str
    label: Promise
    icon: str
    group: Promise
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A section as one reader sees it now."""

    section: Section
    url: str
    active: bool


_OVERVIEW, _APPS = _("Overview"), _("Applications")
_INFRA, _ADMIN = _("Infrastructure"), _("Administration")
_LINK = _("Center link")
_MEP = _("MEC platform")
SECTIONS: dict[str, Section] = {
    one.name: one
    for one in (
        Section("dashboard", _("Dashboard"), "dashboard", _OVERVIEW),
        Section("topology", _("Topology"), "topology", _OVERVIEW, "topology.read"),
        Section("packages", _("Packages"), "package", _APPS, "packages.read"),
        Section("stores", _("App stores"), "download", _APPS, "packages.read"),
        Section("instances", _("Instances"), "instance", _APPS, "instances.read"),
        Section("deployments", _("Deployments"), "send", _APPS, "instances.read"),
        Section("hosts", _("Hosts"), "host", _INFRA, "hosts.read"),
        Section("systems", _("Systems"), "system", _INFRA, "systems.read"),
        Section("mep", _("Platform overview"), "mep", _MEP, "mep.read"),
        Section("mep_services", _("Services"), "service", _MEP, "mep.read"),
        Section("mep_subscriptions", _("Subscriptions"), "bell", _MEP, "mep.read"),
        Section("mep_applications", _("MEC applications"), "app", _MEP, "mep.read"),
        Section("mep_topology", _("Service topology"), "topology", _MEP, "mep.read"),
        Section("sync", _("Synchronization"), "sync", _INFRA, "sync.read"),
        Section("waiting", _("Waiting changes"), "sync", _LINK, "feed.read"),
        Section("center", _("Center"), "system", _ADMIN, "systems.read"),
        Section("users", _("Tenants and users"), "users", _ADMIN, "users.write"),
        Section("activity", _("Activity"), "activity", _ADMIN, "activity.read"),
    )
}


def sections_for(actor: Actor) -> list[Section]:
    """The sections of this site that the actor may open, in the site's order."""
    found = (SECTIONS[name] for name in settings.ROLE.nav if name in SECTIONS)
    return [one for one in found if not one.permission or actor.has(one.permission)]


@dataclass(frozen=True, slots=True)
class Navigation:
    """What one reader may open, and which section is open now; equal ones are drawn alike."""

    sections: tuple[str, ...]
    active: str

    @property
    def groups(self) -> Sequence[tuple[Promise, list[Item]]]:
        """The sections under the heading of their group, in the site's order."""
        found: dict[str, tuple[Promise, list[Item]]] = {}
        for name in self.sections:
            section = SECTIONS[name]
            items = found.setdefault(str(section.group), (section.group, []))[1]
            items.append(Item(section, reverse(name), name == self.active))
        return list(found.values())


def nav_for(actor: Actor, path: str) -> Navigation:
    """The navigation, with the section that holds ``path`` marked as active."""
    found = {section.name: reverse(section.name) for section in sections_for(actor)}
    holding = [
        name for name, url in found.items() if (path == url if url == "/" else path.startswith(url))
    ]
    return Navigation(tuple(found), max(holding, key=lambda name: len(found[name]), default=""))
