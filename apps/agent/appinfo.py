"""What the application offers and wants to hear of: EdgeGallery's app_instance_info.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from apps.agent.checks import (
    SettingsError,
    Shape,
    both,
    flag,
    list_of,
    mapping,
    one_of,
    only_one,
    text,
    whole,
)
from apps.agent.voice import plain

MOST = 50  # a MEP takes no more of one application
MOST_BYTES = 1_000_000
SUBSCRIPTION = "SerAvailabilityNotificationSubscription"

_id = text("text of 1 to 64 characters", most=64)
_uri = text("an address such as http://host:port/path", r"\S+")
_http = text("an address that begins with http:// or https://", r"https?://\S+")
_name = text(
    "1 to 128 letters, digits, _ and -, with a letter or digit at both ends",
    r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?",
    128,
)
_version = text("text of 1 to 32 characters, such as 1.2.0", r"\S+", 32)
_category = Shape({"href": _uri, "id": _id, "name": _id, "version": _version}, {})
_address = Shape({"host": text("a host name or address", r"\S+"), "port": whole(1, 65535)}, {})
_endpoint = both(
    only_one("uris", "addresses", "fqdn", "alternative"),
    Shape(
        {},
        {
            "uris": list_of(_uri, least=1),
            "addresses": list_of(_address, least=1),
            "fqdn": list_of(text("a host name", r"\S+"), least=1),
            "alternative": mapping,
        },
    ),
)
_transport_type = one_of(
    "REST_HTTP", "MB_TOPIC_BASED", "MB_ROUTING", "MB_PUBSUB", "RPC", "RPC_STREAMING", "WEBSOCKET"
)
_transport = Shape(
    {
        "id": _id,
        "name": _id,
        "type": _transport_type,
        "protocol": text("text of 1 to 32 characters", most=32),
        "version": _version,
        "endpoint": _endpoint,
    },
    {
        "description": text("text of at most 128 characters", most=128),
        "security": mapping,
        "implSpecificInfo": mapping,
    },
)
_service = Shape(
    {"serName": _name, "version": _version},
    {
        "serCategory": _category,
        "state": one_of("ACTIVE", "INACTIVE"),
        "transportId": _id,
        "transportInfo": _transport,
        "serializer": one_of("JSON", "XML", "PROTOBUF3"),
        "scopeOfLocality": one_of(
            "MEC_SYSTEM", "MEC_HOST", "NFVI_POP", "ZONE", "ZONE_GROUP", "NFVI_NODE"
        ),
        "consumedLocalOnly": flag,
        "isLocal": flag,
        "livenessInterval": whole(0, 2147483646),
    },
)
_criteria = Shape(
    {},
    {
        "serInstanceIds": list_of(_id),
        "serNames": list_of(_name),
        "serCategories": list_of(_category),
        "states": list_of(one_of("ACTIVE", "INACTIVE", "SUSPENDED")),
        "isLocal": flag,
    },
)
_subscription = Shape(
    {"callbackReference": _http},
    {"subscriptionType": one_of(SUBSCRIPTION), "filteringCriteria": _criteria},
)


class _Loader(yaml.SafeLoader):
    """YAML that leaves 1.10 and 2021-06-25 as they are written: versions are text, not numbers."""


_TYPED = {"tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, shape) for tag, shape in resolvers if tag not in _TYPED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The services and the subscriptions of a file; raises SettingsError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{path} is larger than {MOST_BYTES} bytes")
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - is a SafeLoader
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is no YAML: {plain(' '.join(str(error).split()))}") from None
    tree = mapping(tree if tree is not None else {}, str(path))
    return (
        services(tree.get("serviceInfoPosts") or []),
        subscriptions(tree.get("serAvailabilityNotificationSubscriptions") or []),
    )


def services(value: Any) -> list[dict[str, Any]]:
    """ServiceInfo bodies as they are sent; raises SettingsError."""
    where = "serviceInfoPosts"
    posts = [
        _complete(post, f"{where}[{number}]")
        for number, post in enumerate(list_of(_service, most=MOST)(value, where))
    ]
    names = [(post["serName"], post["version"]) for post in posts]
    for name in names:
        if names.count(name) > 1:
            # Name and version are how a service is found again after a restart.
            raise SettingsError(f"{where} has {' '.join(name)} twice; each must be there once")
    return posts


def subscriptions(value: Any) -> list[dict[str, Any]]:
    """Subscription bodies as they are sent; raises SettingsError."""
    where = "serAvailabilityNotificationSubscriptions"
    found = list_of(_subscription, most=MOST)(value, where)
    return [{**subscription, "subscriptionType": SUBSCRIPTION} for subscription in found]


def http_service(
    name: str, uri: str, *, version: str = "1.0.0", interval: int = 60, description: str = ""
) -> dict[str, Any]:
    """The usual service, in one line: HTTP and JSON at ``uri``, with a heartbeat."""
    transport = {
        "id": f"{name}-http"[:64],
        "name": "REST",
        "type": "REST_HTTP",
        "protocol": "HTTP",
        "version": "1.1",
        "description": description,
        "endpoint": {"uris": [uri]},
    }
    post = {"serName": name, "version": version, "livenessInterval": interval}
    return services([{**post, "transportInfo": transport}])[0]


def _complete(post: dict[str, Any], where: str) -> dict[str, Any]:
    """The post with what the standard asks for and people leave out."""
    post = {"state": "ACTIVE", "serializer": "JSON", **post}
    if "transportInfo" in post:
        post["transportInfo"] = {"security": {}, **post["transportInfo"]}
        post.pop("transportId", None)  # only one may be sent; EdgeGallery's samples have both
    elif "transportId" not in post:
        raise SettingsError(f"{where} must have a transportInfo or a transportId")
    return post
