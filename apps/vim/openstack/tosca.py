"""A TOSCA service template (ETSI NFV-SOL 001, as EdgeGallery writes it) read for translation.

Everything comes in the order of its names, so that the order in a file decides nothing.  Values
stay as they are written: inputs are resolved by :mod:`apps.vim.openstack.inputs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused


def as_map(value: Any) -> dict[str, Any]:
    """``value`` with its keys as text; anything but a dictionary is an empty one."""
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """``value`` as a list; nothing is empty, and one thing stands for a list of it."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def as_name(value: Any) -> str:
    """The name of a node or type as text; anything but a scalar is empty."""
    return "" if value is None or isinstance(value, Mapping | list | tuple) else str(value).strip()


@dataclass(frozen=True)
class Entry:
    """A node, group or policy by its name.  ``kind`` is its type in small letters."""

    name: str
    kind: str
    body: dict[str, Any]

    @property
    def properties(self) -> dict[str, Any]:
        """What it states."""
        return as_map(self.body.get("properties"))

    def capability(self, name: str) -> dict[str, Any]:
        """The properties of one of its capabilities."""
        found = as_map(as_map(self.body.get("capabilities")).get(name))
        return as_map(found.get("properties"))

    def requires(self, requirement: str) -> list[str]:
        """The nodes that it requires, in its own order; written as NAME or {node: NAME}."""
        return [
            as_name(block[requirement]) or as_name(as_map(block[requirement]).get("node"))
            for block in map(as_map, as_list(self.body.get("requirements")))
            if requirement in block
        ]

    def names(self, key: str) -> list[str]:
        """The names below ``key``: of members they stand in the entry or in its properties."""
        found = as_list(self.body.get(key)) or as_list(self.properties.get(key))
        return sorted({name for one in found if (name := as_name(one))})


class Template:
    """The topology of a service template."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.topology = as_map(as_map(definition).get("topology_template"))
        self.description = as_name(as_map(definition).get("description"))
        self.inputs = as_map(self.topology.get("inputs"))
        self.nodes = dict(self._entries("node_templates"))
        self.groups = dict(self._entries("groups"))
        self.policies = dict(self._entries("policies"))

    def of(self, *endings: str) -> list[Entry]:
        """The nodes whose type ends in one of ``endings``."""
        return [node for node in self.nodes.values() if node.kind.endswith(endings)]

    def target(self, entry: Entry, requirement: str, *endings: str) -> Entry:
        """The one node that ``entry`` requires; VimRefused names those that it could be."""
        name = next(iter(entry.requires(requirement)), "")
        return self.node(entry, name, *endings)

    def node(self, entry: Entry, name: str, *endings: str) -> Entry:
        """The node ``name`` that ``entry`` refers to; VimRefused names those that it could be."""
        known = {node.name: node for node in self.of(*endings)}
        if name not in known:
            raise VimRefused(
                N_(
                    "“%(name)s” refers to “%(other)s”, which the template lacks. It has: %(known)s."
                ),
                code="reference_unknown",
                name=entry.name,
                other=name,
                known=", ".join(known) or "-",
            )
        return known[name]

    def _entries(self, key: str) -> Iterator[tuple[str, Entry]]:
        """The entries of a block, which is a map or a list of maps."""
        found = {
            name: as_map(body)
            for block in as_list(self.topology.get(key))
            for name, body in as_map(block).items()
        }
        for name, body in sorted(found.items()):
            yield name, Entry(name, as_name(body.get("type")).casefold(), body)
