"""What a chart is given: EdgeGallery's own block, where images are, and the orderer's parameters.

Pure.  A chart is given only what it has values for, so that a chart with a strict schema stays
valid; the schema itself is Helm's to check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from apps.vim.contract import InstallSpec, Registry
from apps.vim.kubernetes.names import KEYS_SECRET


def values_for(
    defaults: Mapping[str, Any], spec: InstallSpec, *, namespace: str, registry: Registry | None
) -> dict[str, Any]:
    """The overrides of one chart whose own values are ``defaults``."""
    given: dict[str, Any] = {}
    for dotted, text in spec.parameters.items():
        keys = dotted.split(".")
        known, present = _look(defaults, keys)
        if known:
            _put(given, keys, _typed(text, present))
    if isinstance(defaults.get("appconfig"), dict):
        _put(given, ["appconfig", "appnamespace"], namespace)
        block = {"appInsId": str(spec.instance_id), "secretname": KEYS_SECRET}
        if spec.keys is not None:
            block |= {"accesskey": spec.keys.access_key, "secretkey": spec.keys.secret_key}
        for key, value in block.items():
            _put(given, ["appconfig", "aksk", key], value)
    if registry is not None and isinstance(defaults.get("imagelocation"), dict):
        domain, _, project = registry.address.partition("/")
        _put(given, ["imagelocation", "domainname"], domain)
        if project:
            _put(given, ["imagelocation", "project"], project)
    return given


def _look(node: Any, keys: list[str]) -> tuple[bool, Any]:
    for key in keys:
        if not isinstance(node, dict) or key not in node:
            return False, None
        node = node[key]
    return True, node


def _put(node: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        node = node.setdefault(key, {})
    node[keys[-1]] = value


def _typed(text: str, present: Any) -> Any:
    """A parameter in the type of the value that it replaces; text stays text."""
    if isinstance(present, str):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
