"""Builds application packages of every circulating layout, the same bytes for the same request."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from examples.packages import content
from examples.packages.archives import tgz, zipped
from examples.packages.chart import chart_files
from examples.packages.machines import heat_template, pair_topology

Layout = Literal["zipped", "unpacked", "definitions"]
AppClass = Literal["container", "vm"]
LAYOUTS: tuple[Layout, ...] = ("zipped", "unpacked", "definitions")
NAMES: dict[AppClass, str] = {"container": "River Gauge", "vm": "Road Gateway"}
SIGNATURE = "-----BEGIN CMS-----\nTm90IGEgc2lnbmF0dXJlOiBhbiBleGFtcGxlLg==\n-----END CMS-----\n"


@dataclass(frozen=True)
class Request:
    """What to build; ``top`` is a folder around everything, ``extra`` adds or replaces files.

    ``requires`` names services that have to be there, with their versions.  A value of None in
    ``extra`` leaves the file out.  ``template`` replaces the service template.  Of machines,
    ``pair`` makes two instead of one, and ``heat`` adds a Heat template to run instead.
    """

    layout: Layout = "zipped"
    app_class: AppClass = "container"
    name: str = ""
    version: str = "1.10"
    provider: str = "Example Labs"
    description: str = "An example application"
    released_at: str = "2024-05-06 10:30"
    top: str = ""
    digests: bool = True
    image_list: bool = True
    signed: bool = False
    template: dict[str, Any] | None = None
    pair: bool = False
    heat: bool = False
    requires: tuple[tuple[str, str], ...] = ()
    extra: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The product name."""
        return self.name or NAMES[self.app_class]

    @property
    def short(self) -> str:
        """The product name as file names have it."""
        return content.slug(self.title)


def build(path: Path, **request: Any) -> Path:
    """Write the package that ``request`` (fields of Request) describes to ``path``; returns it."""
    path.write_bytes(zipped(package_files(Request(**request))))
    return path


def package_files(request: Request) -> dict[str, bytes]:
    """The files of a package by path, the manifest with right digests among them."""
    files: dict[str, bytes] = dict(_metadata(request))
    if request.app_class == "container":
        files[chart_path(request)] = tgz(chart_files(request.title, request.version))
    if request.heat:
        files[heat_path(request)] = heat_template(request.title)
    if request.image_list:
        files["Image/SwImageDesc.json"] = content.image_list(
            request.title, request.version, request.app_class
        )
        if request.app_class == "vm":
            files[content.DISK_PATH] = content.DISK
    files["Artifacts/Docs/template.md"] = content.guide(request.title)
    files["Artifacts/ChangeLog.txt"] = b"First release\n"
    for name, data in request.extra.items():
        if data is None:
            files.pop(name, None)
        else:
            files[name] = data
    manifest_path = f"{request.short}.mf"
    if request.extra.get(manifest_path, b"") == b"":
        files[manifest_path] = manifest(request, files)
    if request.top:
        return {f"{request.top}/{name}": data for name, data in files.items()}
    return files


def chart_path(request: Request) -> str:
    """Where the chart lies."""
    return f"Artifacts/Deployment/Charts/{request.short}.tgz"


def heat_path(request: Request) -> str:
    """Where a Heat template of the package's own lies."""
    return f"Artifacts/Deployment/Heat/{request.short}.yaml"


def template_path(request: Request) -> str:
    """What TOSCA.meta names as its Entry-Definitions."""
    return {
        "zipped": f"APPD/{request.short}.zip",
        "unpacked": "APPD/Definition/MainServiceTemplate.yaml",
        "definitions": "Definitions/MainServiceTemplate.yaml",
    }[request.layout]


def _metadata(request: Request) -> dict[str, bytes]:
    """TOSCA.meta and the application descriptor, in the form of the layout."""
    document = request.template or content.appd(
        request.title, request.version, request.provider, request.app_class, request.requires
    )
    if request.pair and request.template is None:
        nodes = document["topology_template"]["node_templates"]
        document["topology_template"] = pair_topology(nodes["app"], nodes["app_configuration"])
    template = content.dump(document)
    entry = template_path(request)
    files = {"TOSCA-Metadata/TOSCA.meta": _meta("TOSCA-Meta", entry)}
    if request.layout == "zipped":
        inner = "Definition/MainServiceTemplate.yaml"
        files[entry] = zipped({"TOSCA_VNFD.meta": _meta("VNFD-Meta", inner), inner: template})
    else:
        files[entry] = template
    if request.layout == "unpacked":
        files["APPD/TOSCA_VNFD.meta"] = _meta("VNFD-Meta", "Definition/MainServiceTemplate.yaml")
    return files


def _meta(kind: str, entry: str) -> bytes:
    lines = [
        f"{kind}-File-Version: 1.0",
        "CSAR-Version: 1.1",
        "Created-By: MECM Portal examples",
        f"Entry-Definitions: {entry}",
    ]
    return "\n".join([*lines, ""]).encode()


def manifest(request: Request, files: dict[str, bytes]) -> bytes:
    """The manifest for ``files``: metadata, a digest for all that is deployed, a signature."""
    lines = [
        "metadata:",
        f"app_product_name: {request.title}",
        f"app_provider_id: {request.provider}",
        f"app_package_version: {request.version}",
        f"app_release_data_time: {request.released_at}",
        f"app_type: {request.app_class}",
        f"app_class: {request.app_class}",
        f"app_package_description: {request.description}",
        "",
    ]
    for name, data in files.items() if request.digests else ():
        if name.startswith(("APPD/", "Definitions/", "Image/", "Artifacts/Deployment/")):
            digest = hashlib.sha256(data).hexdigest()
            lines += [f"Source: {name}", "Algorithm: SHA-256", f"Hash: {digest}", ""]
    return ("\n".join(lines) + "\n" + (SIGNATURE if request.signed else "")).encode()
