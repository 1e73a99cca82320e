"""The application store of the demo world: where it listens, and its place in the inventory.

The supervisor starts it beside the center from a file of the site; only a demo world has one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

STORE_FILE = "demo-store.json"
STORE_PORTS_ABOVE = 200
MOST = 65535
IP = "127.0.0.1"


def prepare_store() -> dict[str, Any]:
    """Write down where the store shall listen, for the supervisor; says nothing to people."""
    path = Path(settings.SITE_DIR) / STORE_FILE
    path.write_text(json.dumps({"host": IP, "port": store_port()}))
    return {}


def store_port() -> int:
    """The port that was asked for, or one at a fixed distance from the center's."""
    asked = os.environ.get("MECM_STORE_PORT", "")
    if asked.isdigit() and 0 < int(asked) <= MOST:
        return int(asked)
    center = urlsplit(settings.SITE_URL).port or 0
    port = center + STORE_PORTS_ABOVE
    return port if port <= MOST else center - STORE_PORTS_ABOVE


def registration() -> dict[str, str]:
    """The store as it is registered in the inventory."""
    return {
        "appstoreIp": IP,
        "appstorePort": str(store_port()),
        "appstoreName": "Demo-Store",
        "appstoreRepo": f"{IP}:5000",
        "producer": "Example-Labs",
    }
