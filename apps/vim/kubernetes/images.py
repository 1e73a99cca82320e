"""Objects that name the images of a package are made to name their copies.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.vim.kubernetes.objects import Thing


def redirected(things: Iterable[Thing], copies: Mapping[str, str]) -> list[Thing]:
    """The objects with each ``image`` that is a key of ``copies`` replaced by what it stands for.

    Found by shape, so that a custom resource's image is found as a pod's is; a reference that is
    written in any other way than in the package is left alone.
    """
    if not copies:
        return list(things)
    return [Thing(_redirected(thing.data, copies), thing.where) for thing in things]


def _redirected(node: Any, copies: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_redirected(item, copies) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _redirected(value, copies) for key, value in node.items()}
    image = found.get("image")
    if isinstance(image, str):
        found["image"] = copies.get(image, image)
    return found
