"""Static files under hashed names; tolerant of assets that a bare test run has not installed."""

from __future__ import annotations

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """Hashed names where a manifest exists, plain names where none was collected yet."""

    manifest_strict = False

    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        """The name with its hash; in a mere look-up a missing file keeps its name."""
        try:
            hashed: str = super().hashed_name(name, content, filename)
        except ValueError:
            if content is not None:
                raise
            return name
        return hashed
