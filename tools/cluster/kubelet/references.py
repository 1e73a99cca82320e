"""What a pod refers to, looked up as a kubelet does before it starts a container."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from tools.cluster.kubelet.behaviour import image_registry
from tools.cluster.kubelet.client import Client

Object = dict[str, Any]
SECRET, CONFIG = "secret", "configmap"


class References:
    """Looks things up in one namespace; what is asked twice in one look is asked for once."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._seen: dict[tuple[str, str], Object | None] = {}

    async def config_problem(self, container: Object) -> str:
        """Why a container cannot be made, in a kubelet's words; empty when it can."""
        for kind, name, key, optional in _of_container(container):
            found = await self._read(kind, name)
            if optional:
                continue
            if found is None:
                return f'{kind} "{name}" not found'
            if key and key not in {**(found.get("data") or {}), **(found.get("binaryData") or {})}:
                title = {SECRET: "Secret", CONFIG: "ConfigMap"}[kind]
                return f"couldn't find key {key} in {title} {self._namespace}/{name}"
        return ""

    async def mount_problem(self, pod: Object) -> str:
        """Why a volume cannot be mounted; empty when all can."""
        for volume in pod["spec"].get("volumes") or ():
            for kind, name, optional in _of_volume(volume):
                if not optional and await self._read(kind, name) is None:
                    what = f'{kind} "{name}" not found'
                    return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {what}'
        return ""

    async def lacks_credentials(self, pod: Object, image: str) -> bool:
        """Whether none of the pod's pull secrets is for the image's registry."""
        for one in pod["spec"].get("imagePullSecrets") or ():
            found = await self._read(SECRET, one.get("name", ""))
            data = ((found or {}).get("data") or {}).get(".dockerconfigjson", "")
            if data and image_registry(image) in _hosts(data):
                return False
        return True

    async def _read(self, kind: str, name: str) -> Object | None:
        if (kind, name) not in self._seen:
            path = f"/api/v1/namespaces/{self._namespace}/{kind}s/{name}"
            status, found = await self._client.call("GET", path)
            self._seen[kind, name] = found if status == 200 else None
        return self._seen[kind, name]


def _hosts(data: str) -> set[str]:
    try:
        auths = json.loads(base64.b64decode(data)).get("auths", {})
    except ValueError:
        return set()
    names = {address.removeprefix("https://").removeprefix("http://") for address in auths}
    return {name.split("/")[0] for name in names}


def _of_container(container: Object) -> Iterator[tuple[str, str, str, bool]]:
    """Kind, name, key and whether it is optional, of each reference in the environment."""
    for source in container.get("envFrom") or ():
        for field, kind in (("secretRef", SECRET), ("configMapRef", CONFIG)):
            if field in source:
                yield kind, source[field]["name"], "", bool(source[field].get("optional"))
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        for field, kind in (("secretKeyRef", SECRET), ("configMapKeyRef", CONFIG)):
            if field in source:
                ref = source[field]
                yield kind, ref["name"], ref["key"], bool(ref.get("optional"))


def _of_volume(volume: Object) -> Iterator[tuple[str, str, bool]]:
    sources = [volume, *(volume.get("projected") or {}).get("sources", ())]
    for source in sources:
        if "secret" in source:
            ref = source["secret"]
            yield SECRET, ref.get("secretName") or ref["name"], bool(ref.get("optional"))
        if "configMap" in source:
            ref = source["configMap"]
            yield CONFIG, ref["name"], bool(ref.get("optional"))
