"""From a package and an order to the objects that are to run.  Asks Helm, changes nothing."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.contract import HostSettings, InstallSpec
from apps.vim.errors import VimRefused
from apps.vim.kubernetes import names, objects, seal
from apps.vim.kubernetes.helm import Helm, Rendered
from apps.vim.kubernetes.images import redirected
from apps.vim.kubernetes.objects import Thing
from apps.vim.kubernetes.policy import PolicyRefused, Scope, judge
from apps.vim.kubernetes.values import values_for

MOST_BYTES: Final = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run: a sealed chart, its release, and the namespaces that it reaches besides."""

    chart: bytes
    release: str
    things: tuple[Thing, ...]
    elsewhere: tuple[str, ...]


def order_of(
    spec: InstallSpec,
    settings: HostSettings,
    helm: Helm,
    *,
    labels: Mapping[str, str],
    namespaced: Scope,
    upgrade: bool = False,
) -> Order:
    """The objects of a package, judged and sealed.

    Raises HelmRefused with Helm's words, PolicyRefused with the objects that this host does not
    allow, VimRefused for a package with nothing to run.
    """
    namespace, release = names.namespace_of(spec.instance_id), names.release_of(spec.app_name)
    things: list[Thing] = []
    about: Mapping[str, Any] = {}
    with zipfile.ZipFile(spec.package_path) as package:
        for path, data in _members(package, spec.charts):
            given = values_for(
                helm.values(data), spec, namespace=namespace, registry=settings.registry
            )
            made = helm.render(data, given, name=release, namespace=namespace, upgrade=upgrade)
            about = about or made.metadata
            things.extend(things_of(made, helm, path))
        texts = {path: data.decode("utf-8", "replace") for path, data in
                 _members(package, spec.manifests)}
        things.extend(objects.read(texts, helm.documents))
    if not things:
        raise VimRefused(N_("The package has nothing that Kubernetes could run."), code="empty")
    found = judge(things, settings.allowance, own=namespace, namespaced=namespaced)
    if found:
        raise PolicyRefused(found)
    registry = settings.registry
    if registry is not None:
        things = redirected(things, spec.images)
    pull = registry is not None and bool(registry.user_name)
    if spec.keys is not None and not seal.has(things, "Secret", names.KEYS_SECRET):
        things.append(seal.keys_secret(spec.keys, spec))
    if registry is not None and pull:
        things.append(seal.pull_secret(registry))
    ready = seal.marked(things, labels, namespace=namespace, namespaced=namespaced, pull=pull)
    return Order(
        chart=seal.chart(ready, name=release, about=about),
        release=release,
        things=tuple(ready),
        elsewhere=tuple(sorted({one.namespace for one in ready} - {"", namespace})),
    )


def things_of(made: Rendered, helm: Helm, path: str) -> list[Thing]:
    """The objects of the chart at ``path``; custom kinds first, since others may be of them."""
    return [
        thing
        for texts in (made.crds, made.templates)
        for thing in objects.read(texts, helm.documents, prefix=f"{path}/")
    ]


def digest_of(spec: InstallSpec, settings: HostSettings) -> str:
    """What tells an order from another one for the same instance."""
    address = settings.registry.address if settings.registry else ""
    return names.digest_of(spec.package_id, spec.parameters, registry=address)


def _members(package: zipfile.ZipFile, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The wanted members with their contents; no bombs, whoever let them in."""
    for path in wanted:
        try:
            about = package.getinfo(path)
        except KeyError:
            text = N_("“%(path)s” is not in the package any more.")
            raise VimRefused(text, code="member_missing", path=path) from None
        if about.file_size > MOST_BYTES:
            text = N_("“%(path)s” is larger than %(limit)s bytes.")
            raise VimRefused(text, code="member_too_big", path=path, limit=MOST_BYTES)
        yield path, package.read(path)
