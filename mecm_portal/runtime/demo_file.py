"""What the sites know of each other, and ``demo.json``, which says how to get in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mecm_portal.runtime.plan import Plan, Site

NAME = "demo.json"
STORY_MARK = "story.done"
NOTHING_TO_TELL = 3  # exit code of a story that does not exist
# What a site says of itself and people may read; keys and the like stay between the sites.
_FOR_PEOPLE = ("users", "mp1_test_app")

Introductions = dict[str, dict[str, Any]]


def world_of(plan: Plan, introductions: Introductions) -> dict[str, Any]:
    """Center and edges, each with its address and all that it said of itself."""
    return {
        "center": _center(plan.center) | introductions.get(plan.center.name, {}),
        "edges": [_edge(edge) | introductions.get(edge.name, {}) for edge in plan.edges],
    }


def write(plan: Plan, introductions: Introductions) -> Path:
    """Write ``demo.json`` in one step, readable by its owner only."""

    def shown(site: Site) -> dict[str, Any]:
        said = introductions.get(site.name, {})
        return {"users": {}} | {key: said[key] for key in _FOR_PEOPLE if key in said}

    content = {
        "center": _center(plan.center) | shown(plan.center),
        "edges": [_edge(edge) | shown(edge) for edge in plan.edges],
    }
    path = plan.data / NAME
    draft = path.with_suffix(f".{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    draft.replace(path)
    return path


def sign_in_lines(plan: Plan, introductions: Introductions) -> list[str]:
    """Where to go and how to sign in, for the terminal."""
    lines = []
    for site in plan.sites:
        lines.append(f"  {site.name:<9} {site.url}/login/")
        for kind, user in introductions.get(site.name, {}).get("users", {}).items():
            lines.append(
                f"  {'':<9}   {kind:<13} {user.get('username', '')}  {user.get('password', '')}"
            )
    return lines


def _center(site: Site) -> dict[str, Any]:
    return {"url": site.url}


def _edge(site: Site) -> dict[str, Any]:
    return {"name": site.name, "url": site.url, "mp1_url": f"{site.url}/mep", "host_ip": site.ip}
