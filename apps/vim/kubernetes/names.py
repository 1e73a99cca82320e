"""What things of ours are called in a cluster, and the labels that say whose they are."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from apps.vim.settings import NAMESPACE_PREFIX

PREFIX: Final = "mecm-portal"
# Labels.  An object with INSTANCE is one of ours, wherever it stands.
INSTANCE: Final = f"{PREFIX}/instance"
TENANT: Final = f"{PREFIX}/tenant"
HOST: Final = f"{PREFIX}/host"
DIGEST: Final = f"{PREFIX}/digest"
POD_SECURITY: Final = "pod-security.kubernetes.io/enforce"
# Annotations of an instance's namespace.
APP_NAME: Final = f"{PREFIX}/app-name"
RELEASE: Final = f"{PREFIX}/release"
ELSEWHERE: Final = f"{PREFIX}/elsewhere"
REMOVING: Final = f"{PREFIX}/removing"
FAULT: Final = f"{PREFIX}/fault"

KEYS_SECRET: Final = "mep-credentials"
PULL_SECRET: Final = "mecm-image-registry"
LIMITS: Final = "mecm-limits"
LONGEST_RELEASE: Final = 40


def namespace_of(instance_id: UUID) -> str:
    """The namespace that an instance has for itself."""
    return f"{NAMESPACE_PREFIX}{instance_id}"


def release_of(app_name: str) -> str:
    """The name of its Helm release: the application's name as Kubernetes spells names."""
    plain = re.sub(r"[^a-z0-9]+", "-", app_name.lower()).strip("-")[:LONGEST_RELEASE].strip("-")
    return plain if plain[:1].isalpha() else f"app-{plain}".strip("-")


def digest_of(package_id: UUID, parameters: Mapping[str, str], *, registry: str = "") -> str:
    """What tells one order from another, as the value of a label; nothing can be read from it."""
    said = json.dumps([str(package_id), sorted(parameters.items()), registry])
    return hashlib.sha256(said.encode()).hexdigest()[:40]


def labels_for(instance_id: UUID, tenant_id: UUID, host_id: UUID) -> dict[str, str]:
    """The labels of an instance's namespace and of what stands beside its release."""
    return {INSTANCE: str(instance_id), TENANT: str(tenant_id), HOST: str(host_id)}
