"""JSON on the wire.  Where the original answers ``null``, so do we, and not an empty body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer


class NullableJSONRenderer(JSONRenderer):
    """REST framework's renderer, which turns None into nothing, except for that."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The JSON text of ``data``, ``null`` included."""
        if data is None:
            return b"null"
        return super().render(data, accepted_media_type, renderer_context)
