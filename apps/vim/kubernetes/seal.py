"""From judged objects to the chart that is installed: exactly those objects, and nothing to decide.

The objects are marked as ours, put into their namespace and written as data, not as templates: what
was judged is what the server gets, and text that looks like a template stays text.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from apps.vim.contract import AppKeys, InstallSpec, Registry
from apps.vim.kubernetes import names
from apps.vim.kubernetes.helm import archive
from apps.vim.kubernetes.objects import Thing, pod_templates
from apps.vim.kubernetes.policy import Scope, stands_in_cluster

TEMPLATE: Final = (
    '{{ range $path, $_ := .Files.Glob "objects/*.json" }}'
    "---\n{{ $.Files.Get $path }}\n{{ end }}"
)
KEEP: Final = "helm.sh/resource-policy"
CRD: Final = "CustomResourceDefinition"


def marked(
    things: Iterable[Thing],
    labels: Mapping[str, str],
    *,
    namespace: str,
    namespaced: Scope,
    pull: bool,
) -> list[Thing]:
    """The objects with our labels and in their namespace; ``pull`` adds the registry's secret."""
    found = []
    for thing in things:
        copied = thing.copied()
        metadata = copied.data.setdefault("metadata", {})
        _map_in(metadata, "labels").update(labels)
        # Would be left behind when the instance ends.
        _map_in(metadata, "annotations").pop(KEEP, None)
        if not stands_in_cluster(thing, namespaced):
            metadata.setdefault("namespace", namespace)
        for template in pod_templates(copied.data):
            _map_in(_map_in(template, "metadata"), "labels").update(labels)
            if pull:
                secrets = template["spec"].setdefault("imagePullSecrets", [])
                secrets.append({"name": names.PULL_SECRET})
        for claim in _claims(copied.data):
            _map_in(_map_in(claim, "metadata"), "labels").update(labels)
        found.append(copied)
    return found


def _map_in(node: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping below ``key``, made where YAML left it empty."""
    if not isinstance(node.get(key), dict):
        node[key] = {}
    found: dict[str, Any] = node[key]
    return found


def _claims(data: dict[str, Any]) -> list[dict[str, Any]]:
    if data.get("kind") != "StatefulSet" or not isinstance(data.get("spec"), dict):
        return []
    return [one for one in data["spec"].get("volumeClaimTemplates") or () if isinstance(one, dict)]


def chart(things: Iterable[Thing], *, name: str, about: Mapping[str, Any]) -> bytes:
    """A chart (.tgz) of these objects; ``about`` is the Chart.yaml of the package's own chart."""
    files = {"templates/objects.yaml": TEMPLATE}
    for at, thing in enumerate(things):
        folder = "crds" if thing.kind == CRD else "objects"
        files[f"{folder}/{at:05}.json"] = json.dumps(thing.data)
    kept = {key: about[key] for key in ("version", "appVersion", "description") if about.get(key)}
    return archive(name, files, **kept)


def keys_secret(keys: AppKeys, spec: InstallSpec) -> Thing:
    """The Secret with the application's AK/SK, in EdgeGallery's words."""
    data = {
        "accesskey": keys.access_key,
        "secretkey": keys.secret_key,
        "appInsId": str(spec.instance_id),
    }
    return _secret(names.KEYS_SECRET, "Opaque", data)


def pull_secret(registry: Registry) -> Thing:
    """The Secret with which nodes pull images from the host's registry."""
    pair = f"{registry.user_name}:{registry.password}"
    access = {
        "username": registry.user_name,
        "password": registry.password,
        "auth": base64.b64encode(pair.encode()).decode(),
    }
    config = json.dumps({"auths": {registry.address.partition("/")[0]: access}})
    kind = "kubernetes.io/dockerconfigjson"
    return _secret(names.PULL_SECRET, kind, {".dockerconfigjson": config})


def _secret(name: str, kind: str, data: Mapping[str, str]) -> Thing:
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": kind,
        "stringData": dict(data),
    }
    return Thing(manifest, "")


def has(things: Iterable[Thing], kind: str, name: str) -> bool:
    """Whether the objects already have one of this kind and name."""
    return any(one.kind == kind and one.name == name for one in things)
