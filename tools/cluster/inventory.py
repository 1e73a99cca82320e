"""What there is on a cluster: kind, namespace and name over every resource that can be listed."""

from __future__ import annotations

from typing import Any

import httpx

Entry = tuple[str, str, str]
Resource = dict[str, Any]

# Left out, since they come and go by themselves and nobody installs them:
SELF_MOVING = frozenset(
    {
        "events",  # kept for an hour after what they tell of
        "leases",  # heartbeats of nodes and of the control plane
        "componentstatuses",  # made up as they are read
    }
)


def inventory(client: httpx.Client) -> set[Entry]:
    """Everything that the cluster stores now; raises httpx.HTTPError when it cannot be read.

    What a controller keeps beside an object, such as the EndpointSlices of a Service, is listed
    too, and follows its object a moment later.
    """
    found: set[Entry] = set()
    for path, resource in _resources(client):
        answer = client.get(f"{path}/{resource['name']}")
        if answer.status_code in (404, 405, 503):  # a definition that is going, or its server
            continue
        answer.raise_for_status()
        for item in answer.json()["items"]:
            meta = item["metadata"]
            kind = f"{resource['kind']}.{path.removeprefix('/apis/').removeprefix('/api/')}"
            found.add((kind, meta.get("namespace", ""), meta["name"]))
    return found


def _resources(client: httpx.Client) -> list[tuple[str, Resource]]:
    """Each resource once, at its group's preferred version where that has it."""
    groups = [("", ["/api/v1"])]
    for group in _read(client, "/apis")["groups"]:
        versions = sorted(
            (one["groupVersion"] for one in group["versions"]),
            key=lambda version: version != group["preferredVersion"]["groupVersion"],
        )
        groups.append((group["name"], [f"/apis/{version}" for version in versions]))
    listed: list[tuple[str, Resource]] = []
    for name, paths in groups:
        seen: set[str] = set()
        for path in paths:
            for resource in _read(client, path).get("resources", ()):
                word = resource["name"]
                if word in seen or "list" not in resource["verbs"] or "/" in word:
                    continue
                seen.add(word)
                left_out = word in SELF_MOVING or name == "metrics.k8s.io"
                if not left_out:
                    listed.append((path, resource))
    return listed


def _read(client: httpx.Client, path: str) -> dict[str, list[Resource]]:
    answer = client.get(path)
    if answer.status_code in (404, 503):  # an aggregated API whose server is away
        return {}
    answer.raise_for_status()
    content: dict[str, list[Resource]] = answer.json()
    return content
