"""The objects that a package brings, read from the text that Helm rendered.  Calls no cluster."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused

SPLIT: Final = re.compile(r"(?:^|\s*\n)---\s*")
Documents = Callable[[Iterable[str]], list[Any]]


@dataclass(frozen=True, slots=True)
class Thing:
    """One object, and the file of the package that it comes from."""

    data: dict[str, Any]
    where: str

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.data.get("kind"))

    @property
    def api_version(self) -> str:
        """Its group and version."""
        return str(self.data.get("apiVersion"))

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.metadata.get("name") or self.metadata.get("generateName") or "")

    @property
    def namespace(self) -> str:
        """The namespace that it states; empty where it states none."""
        return str(self.metadata.get("namespace") or "")

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata, never None."""
        found = self.data.get("metadata")
        return found if isinstance(found, dict) else {}

    def copied(self) -> Thing:
        """The same, so that it can be changed."""
        return Thing(copy.deepcopy(self.data), self.where)


def read(texts: Mapping[str, str], documents: Documents, *, prefix: str = "") -> list[Thing]:
    """The objects of rendered templates, in order; VimRefused names a file that holds none.

    ``texts`` are the rendered templates by path, below ``prefix``; ``documents`` parses YAML.
    """
    pieces = [
        (f"{prefix}{path}", piece)
        for path, text in texts.items()
        if not path.endswith("NOTES.txt")
        for piece in SPLIT.split(text)
        if piece.strip()
    ]
    found: list[Thing] = []
    for (where, _), data in zip(pieces, documents(text for _, text in pieces), strict=True):
        found.extend(_flat(data, where))
    return found


def _flat(data: Any, where: str) -> Iterator[Thing]:
    if not data:
        return
    if not isinstance(data, dict) or set(data) == {"Error"}:
        said = data.get("Error") if isinstance(data, dict) else type(data).__name__
        raise VimRefused(
            N_("“%(path)s” makes no Kubernetes object: %(said)s"), code="no_object", path=where,
            said=str(said),
        )
    if str(data.get("kind")).endswith("List") and isinstance(data.get("items"), list):
        for item in data["items"]:
            yield from _flat(item, where)
        return
    thing = Thing(data, where)
    if not data.get("apiVersion") or not data.get("kind") or not thing.name:
        text = N_("“%(path)s” makes an object without apiVersion, kind or name.")
        raise VimRefused(text, code="no_object", path=where)
    yield thing


def pod_templates(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every pod that an object is or makes: mappings with ``metadata`` and ``spec``.

    Found by shape, so that a Deployment, a CronJob and a custom resource are alike.
    """
    if data.get("kind") == "Pod" and isinstance(data.get("spec"), dict):
        yield data
    else:
        yield from _templates(data)


def _templates(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _templates(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            spec = value.get("spec") if isinstance(value, dict) else None
            if key == "template" and isinstance(spec, dict) and "containers" in spec:
                yield value
            else:
                yield from _templates(value)


def containers_of(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All containers of a pod's spec, also those that run before the others."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for one in spec.get(kind) or ():
            if isinstance(one, dict):
                yield one
