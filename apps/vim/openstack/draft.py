"""The Heat template while it is being written: resources, and what has to be said about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.errors import VimRefused
from apps.vim.openstack.inputs import Inputs
from apps.vim.openstack.site import SiteFacts

UNREAD = N_("“%(property)s” of “%(name)s” is not translated to OpenStack and has no effect.")
NOTHING: tuple[Any, ...] = (None, "", False, [], {})


class Draft:
    """Resources by name, each name once, and the notes."""

    def __init__(self, inputs: Inputs, site: SiteFacts, instance_id: UUID) -> None:
        self.inputs = inputs
        self.site = site
        self.instance_id = instance_id
        self.resources: dict[str, Any] = {}
        self._notes: dict[tuple[str, ...], Reason] = {}

    @property
    def notes(self) -> tuple[Reason, ...]:
        """What the person who gave the order should know."""
        return tuple(self._notes.values())

    def add(
        self, name: str, kind: str, properties: Mapping[str, Any], depends_on: Iterable[str] = ()
    ) -> dict[str, str]:
        """Add a resource without its empty properties; returns the reference to it."""
        if name in self.resources:
            raise VimRefused(
                N_("Two things of the template become the resource “%(name)s”: rename one."),
                code="name_taken",
                name=name,
            )
        filled = {key: item for key, item in properties.items() if item not in (None, "", [], {})}
        self.resources[name] = {"type": kind, "properties": filled}
        if first := sorted(set(depends_on)):
            self.resources[name]["depends_on"] = first
        return {"get_resource": name}

    def note(self, text: str, code: str, **params: str) -> None:
        """Say something once."""
        self._notes[(code, *params.values())] = Reason(text, code, params)

    def unread(self, name: str, block: Mapping[str, Any], known: Iterable[str], at: str) -> None:
        """Say which entries of ``block``, standing at ``at``, are stated and not ``known``."""
        for key in sorted(set(block) - set(known)):
            if block[key] not in NOTHING:
                path = f"{at}.{key}" if at else key
                self.note(UNREAD, "property_unread", name=name, property=path)
