"""Static files under hashed names; tolerant of assets that a bare test run has not installed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """Hashed names where a manifest exists, plain names where none was collected yet."""

    manifest_strict = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._known: dict[str, str] = {}

    def url(self, name: str | None, force: bool = False) -> str:
        """The address of a file; a page names forty, and a running site's manifest is fixed."""
        if name is None or force or settings.DEBUG:
            return str(super().url(name, force))
        if name not in self._known:
            self._known[name] = super().url(name)
        return self._known[name]

    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        """The name with its hash; in a mere look-up a missing file keeps its name."""
        try:
            hashed: str = super().hashed_name(name, content, filename)
        except ValueError:
            if content is not None:
                raise
            return name
        return hashed
