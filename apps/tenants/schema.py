"""Tells the OpenAPI description how requests are authenticated."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A bearer token; EdgeGallery's ``access_token`` header carries the same token."""

    target_class = "apps.tenants.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """As OpenAPI spells it."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
