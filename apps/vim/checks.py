"""System checks for the drivers that this site is told to have.  Calls no VIM and loads no SDK.

``MECM_VIM_KINDS`` in the settings names the kinds that a site must be able to drive; absent, every
driver that is built is expected to have its SDK, as a warning only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from apps.vim.contract import UnknownKind
from apps.vim.registry import Kind, kind_of, kinds


def check_kinds(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """vim.E001 unknown kind, vim.E002 no driver built, vim.E003 or vim.W003 SDK missing."""
    wanted: Sequence[str] | None = getattr(settings, "MECM_VIM_KINDS", None)
    if wanted is None:
        return [
            Warning(_sdk_sentence(kind), hint=f"pip install {kind.sdk}", id="vim.W003")
            for kind in kinds()
            if kind.built and not kind.installed
        ]
    found: list[CheckMessage] = []
    for spelling in wanted:
        found.extend(_check_wanted(spelling))
    return found


def _check_wanted(spelling: str) -> list[CheckMessage]:
    try:
        kind = kind_of(spelling)
    except UnknownKind as error:
        return [Error(str(error), hint="See MECM_VIM_KINDS in the settings.", id="vim.E001")]
    if not kind.built:
        return [Error(f"There is no driver for {kind.label} yet.", id="vim.E002")]
    if not kind.installed:
        return [Error(_sdk_sentence(kind), hint=f"pip install {kind.sdk}", id="vim.E003")]
    return []


def _sdk_sentence(kind: Kind) -> str:
    return f"The driver for {kind.label} needs the Python package “{kind.sdk}”."
