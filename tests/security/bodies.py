"""Right bodies for requests about people and about stores."""

from __future__ import annotations

from tests import factories as make


def administration(method, route):
    """Of tenants and users."""
    if method == "DELETE":
        return {}
    if route.endswith("quotas"):
        return {"body": {"quotas": [{"kind": "rules", "limit": 60}]}}
    return {"body": {"name": "renamed"} if "tenants/{" in route else {"is_active": False}}


def store(is_store, key):
    """Of an application store, or of a registry of images."""
    if is_store:
        return {"appstoreIp": key or "10.8.8.8", "appstorePort": "8099", "appstoreRepo": "r:5000",
                "appstoreRepoPassword": make.TOKEN}
    return {"repoEndPoint": key or "another.example:5000", "repoName": "other",
            "repoUserName": "someone", "repoPassword": make.TOKEN}
