"""Reads a whole package: from the file on disk to PackageInfo, or a refusal.  Writes nothing."""

from __future__ import annotations

import hashlib
import posixpath
import re
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from django.utils.translation import gettext_noop as N_

from apps.packages.csar.appd import Template, read_requirements
from apps.packages.csar.charts import read_chart
from apps.packages.csar.checks import Report
from apps.packages.csar.images import images_without_list, parse_image_list
from apps.packages.csar.info import (
    ChartInfo,
    FileInfo,
    ImageRef,
    Manifest,
    PackageInfo,
    Requirements,
)
from apps.packages.csar.limits import Limits
from apps.packages.csar.locate import Folder, Located, appd_zips, locate, open_inner
from apps.packages.csar.manifest import DigestCheck, parse_manifest
from apps.packages.csar.refusals import refuse
from apps.packages.csar.rendering import render_chart
from apps.packages.csar.shapes import as_map, as_text
from apps.packages.csar.texts import line_of, load_yaml
from apps.packages.csar.zips import CHUNK, ZipReader

CHART: Final = re.compile(r"(?:.*/)?Charts/[^/]+\.(?:tgz|tar\.gz)", re.IGNORECASE)
IMAGE_LIST: Final = re.compile(r"Image/SwImageDesc[^/]*\.json", re.IGNORECASE)
HAS_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
MAX_VALUE: Final = {
    "app_product_name": 255,
    "app_package_version": 255,
    "app_provider_id": 255,
    "app_release_data_time": 64,
    "app_package_description": 4096,
}
AppClass = Literal["container", "vm"]
Policy = Literal["warn", "enforce"]
DEFAULT_LIMITS: Final = Limits()


def read_package(
    path: Path, *, filename: str, limits: Limits = DEFAULT_LIMITS, digests: Policy = "warn"
) -> PackageInfo:
    """Read and verify the package at ``path``, which was sent as ``filename``.

    Raises PackageRefused with a code of ``refusals.SENTENCES``; leaves nothing behind either way.
    """
    size = path.stat().st_size
    if not filename.casefold().endswith(".csar"):
        refuse("wrong_extension", filename)
    if size == 0:
        refuse("empty", filename)
    if size > limits.max_archive_bytes:
        refuse("archive_too_big", filename, size=size, limit=limits.max_archive_bytes)
    with path.open("rb") as file:
        archive = ZipReader(file, size, where="", label=filename, limits=limits)
        return _Reading(archive, limits, digests).run(file, size)


def read_member(path: Path, name: str, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """One file of a package that was read before, verified again; ``name`` below the top folder.

    Raises KeyError for a name that the package does not have.
    """
    with path.open("rb") as file:
        archive = ZipReader(file, path.stat().st_size, where="", label=path.name, limits=limits)
        folder = locate(archive, limits, Report()).package
        entry = folder.files[name]
        return archive.read(entry.name, limit=limits.entry_bytes(name))


def read_definition(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> dict[str, Any]:
    """The service template of a package that was read before, as it is written."""
    with path.open("rb") as file:
        archive = ZipReader(file, path.stat().st_size, where="", label=path.name, limits=limits)
        place = locate(archive, limits, Report())
        text = place.home.text(place.template)
        return as_map(load_yaml(text, path=place.home.path(place.template), limits=limits))


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    state = hashlib.sha256()
    while piece := file.read(CHUNK):
        state.update(piece)
    return state.hexdigest()


class _Reading:
    """One package being read; each step adds to the report."""

    def __init__(self, archive: ZipReader, limits: Limits, digests: Policy) -> None:
        self.archive = archive
        self.limits = limits
        self.digests: Policy = digests
        self.report = Report()

    def run(self, file: BinaryIO, size: int) -> PackageInfo:
        """All steps: cheap ones first, so that a bad package costs little."""
        place = locate(self.archive, self.limits, self.report)
        package = place.package
        manifest = parse_manifest(package.text(place.manifest), path=place.manifest)
        self._check_manifest(manifest)
        template = self._template(place)
        charts = self._charts(package)
        app_class = self._app_class(manifest, charts, template)
        if app_class == "container" and not charts:
            refuse("chart_missing")
        requirements = read_requirements(template, app_class)
        image_list = package.first(IMAGE_LIST)
        images = self._images(package, image_list, charts, requirements, app_class)
        self._verify_inner(place)
        files = self._verify_all(package)
        deployable = [*(chart.path for chart in charts), self._template_file(place)]
        deployable += [name for name in package.files if name.casefold().startswith("image/")]
        manifest = DigestCheck(
            {one.path: one.sha256 for one in files}, package.digest, self.digests, self.report
        ).verify(manifest, deployable)
        said = manifest.metadata
        return PackageInfo(
            name=said["app_product_name"],
            version=said["app_package_version"],
            provider=said.get("app_provider_id") or self._provider(template, manifest),
            description=said.get("app_package_description", ""),
            app_class=app_class,
            released_at=said.get("app_release_data_time", ""),
            sha256=_sha256(file),
            size=size,
            layout=place.layout,
            manifest=manifest,
            requirements=requirements,
            template_metadata=template.metadata,
            images=images,
            charts=charts,
            checks=self.report.checks,
            files=files,
        )

    def _check_manifest(self, manifest: Manifest) -> None:
        for key in ("app_product_name", "app_package_version"):
            if not manifest.metadata.get(key):
                refuse("manifest_incomplete", manifest.path, key=key)
        for key, limit in MAX_VALUE.items():
            if len(manifest.metadata.get(key, "")) > limit:
                refuse("manifest_value_long", manifest.path, key=key, limit=limit)

    def _provider(self, template: Template, manifest: Manifest) -> str:
        self.report.warning(
            "manifest_no_provider",
            N_("The manifest “%(path)s” does not state app_provider_id; the template's is used."),
            manifest.path,
        )
        nodes = (as_map(node.get("properties")) for _, node in template.of_type("nfv.vnf"))
        return next((as_text(one.get("provider")) for one in nodes), "")[:255]

    def _template(self, place: Located) -> Template:
        home, name = place.home, place.template
        path, text = home.path(name), home.text(name)
        document = load_yaml(text, path=path, limits=self.limits)
        if not isinstance(document, dict) or not as_map(document.get("topology_template")):
            refuse("template_malformed", path)
        template = Template(document, path=path, report=self.report)
        for node, file in template.named_files():
            if not HAS_SCHEME.match(file) and not _is_there(file, place):
                line = line_of(text, file) or 1
                refuse(
                    "template_names_missing_file",
                    path,
                    other=file[:200],
                    node=node[:100],
                    line=line,
                )
        for file in template.imports():
            if file and not HAS_SCHEME.match(file) and not _is_there(file, place):
                self.report.info(
                    "import_missing",
                    N_("“%(path)s” imports “%(other)s”, which the package does not contain."),
                    path,
                    line=line_of(text, file),
                    other=file,
                )
        self.report.ok("template_read", N_("The service template “%(path)s” was read."), path)
        return template

    def _charts(self, package: Folder) -> tuple[ChartInfo, ...]:
        found = []
        for name, entry in sorted(package.files.items()):
            if CHART.fullmatch(name):
                stream = self.archive.stream(entry.name)
                found.append(
                    read_chart(stream, path=name, limits=self.limits, report=self.report)
                )
                # Only now: what was read first is no bomb.
                render_chart(b"".join(self.archive.stream(entry.name)), name, self.report)
        return tuple(found)

    def _app_class(
        self, manifest: Manifest, charts: tuple[ChartInfo, ...], template: Template
    ) -> AppClass:
        """What the manifest says, else what the content shows."""
        stated = manifest.metadata.get("app_class", "").casefold()
        if stated in ("container", "vm"):
            found: AppClass = "vm" if stated == "vm" else "container"
            if charts and found == "vm":
                self.report.warning(
                    "chart_unused",
                    N_("The package is for a virtual machine; its chart “%(path)s” is not used."),
                    charts[0].path,
                )
            return found
        has_machine = any(True for _ in template.of_type("vdu.compute"))
        found = "vm" if has_machine and not charts else "container"
        self.report.warning(
            "app_class_inferred",
            N_(
                "The manifest “%(path)s” states no app_class “container” or “vm”; from the content "
                "it is “%(found)s”."
            ),
            manifest.path,
            found=found,
        )
        return found

    def _images(
        self,
        package: Folder,
        image_list: str | None,
        charts: tuple[ChartInfo, ...],
        requirements: Requirements,
        app_class: AppClass,
    ) -> tuple[ImageRef, ...]:
        names = dict.fromkeys(name for unit in requirements.compute for name in unit.images)
        if image_list is None:
            self.report.warning(
                "image_list_missing",
                N_("There is no “%(path)s”; the images were taken from chart or template."),
                "Image/SwImageDesc.json",
            )
            references = [one for chart in charts for one in chart.images]
            return images_without_list(references, names, app_class)
        images = parse_image_list(
            package.text(image_list),
            path=image_list,
            kind=app_class,
            files=package.files,
            report=self.report,
        )
        known = {image.name for image in images}
        for name in names:
            if images and name not in known:
                self.report.add(
                    "warning" if app_class == "vm" else "info",
                    "image_not_listed",
                    N_("The template uses the image “%(name)s”, which “%(path)s” does not list."),
                    image_list,
                    name=name,
                )
        return images

    def _verify_inner(self, place: Located) -> None:
        """Every byte inside the APPD zips, the one in use and any other."""
        for name in appd_zips(place.package):
            if place.package.path(name) != place.home.archive.where:
                _verify(open_inner(place.package, name))
        if place.home is not place.package:
            _verify(place.home)

    def _verify_all(self, package: Folder) -> tuple[FileInfo, ...]:
        """Unpack every entry once, to nowhere: its size, its checksum and its SHA-256."""
        sums = {
            name: self.archive.digest(name)
            for name, entry in self.archive.entries.items()
            if not entry.is_folder
        }
        return tuple(
            FileInfo(name, entry.size, sums[entry.name])
            for name, entry in sorted(package.files.items())
        )

    def _template_file(self, place: Located) -> str:
        if place.home is place.package:
            return place.template
        return place.home.archive.where


def _verify(folder: Folder) -> None:
    for name in folder.files:
        folder.digest(name)


def _is_there(file: str, place: Located) -> bool:
    """Whether a file that the template names exists: beside it, above it, or in the package."""
    beside = posixpath.join(posixpath.dirname(place.template), file)
    inside = {posixpath.normpath(one) for one in (beside, file)}
    return bool(inside & set(place.home.files)) or posixpath.normpath(file) in place.package.files
