"""Where things lie in a package: its top folder, TOSCA.meta, manifest and service template.

TOSCA.meta decides (TOSCA Simple Profile 1.2 clause 6.2); where it names what is not there, the
places that the circulating layouts use are tried, and the report says so.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from django.utils.translation import gettext_noop as N_

from apps.packages.csar.checks import Report
from apps.packages.csar.info import Layout
from apps.packages.csar.limits import Limits
from apps.packages.csar.refusals import refuse
from apps.packages.csar.texts import decode_text, parse_blocks
from apps.packages.csar.zips import ZipReader

TOSCA_META: Final = re.compile(r"(?:([^/]+)/)?TOSCA-Metadata/TOSCA\.meta", re.IGNORECASE)
VNFD_META: Final = re.compile(
    r"(?:[^/]+/)?(?:TOSCA_VNFD|TOSCA-Metadata/TOSCA)\.meta", re.IGNORECASE
)
APPD_ZIP: Final = re.compile(r"APPD/[^/]+\.zip", re.IGNORECASE)
LOOSE_TEMPLATES: Final = (
    re.compile(r"APPD/Definitions?/MainServiceTemplate\.ya?ml", re.IGNORECASE),
    re.compile(r"Definitions?/MainServiceTemplate\.ya?ml", re.IGNORECASE),
    re.compile(r"(?:APPD/)?Definitions?/(?![^/]*types)[^/]+\.ya?ml", re.IGNORECASE),
)
ANY_TEMPLATE: Final = re.compile(r"(?:.*/)?(?![^/]*types)[^/]+\.ya?ml", re.IGNORECASE)


class Folder:
    """The files of one archive below one folder, read as text within limits."""

    def __init__(self, archive: ZipReader, top: str, limits: Limits) -> None:
        self.archive = archive
        self.prefix = f"{top}/" if top else ""
        self.limits = limits
        self.files = {
            name.removeprefix(self.prefix): entry
            for name, entry in archive.entries.items()
            if name.startswith(self.prefix) and not entry.is_folder
        }

    def path(self, name: str) -> str:
        """The name as people read it: below the top folder, behind the archive that it is in."""
        return f"{self.archive.where}/{name}" if self.archive.where else name

    def text(self, name: str) -> str:
        """A file as text; refused when it is too long or not UTF-8."""
        data = self.archive.read(self.prefix + name, limit=self.limits.max_text_bytes)
        return decode_text(data, path=self.path(name))

    def digest(self, name: str, algorithm: str = "sha256") -> str:
        """The digest of a file in hex; verifies its size and checksum on the way."""
        return self.archive.digest(self.prefix + name, algorithm)

    def first(self, pattern: re.Pattern[str]) -> str | None:
        """The first file, by name, that matches ``pattern`` as a whole."""
        return next((name for name in sorted(self.files) if pattern.fullmatch(name)), None)


@dataclass(frozen=True)
class Located:
    """What was found: the folder of the package, its metadata, and the template's own folder."""

    package: Folder
    manifest: str
    home: Folder
    template: str
    layout: Layout


def package_folder(archive: ZipReader, limits: Limits, report: Report) -> tuple[Folder, str]:
    """The folder that holds TOSCA-Metadata, and TOSCA.meta's name in it."""
    metas = [name for name in archive.entries if TOSCA_META.fullmatch(name)]
    at_top = [name for name in metas if name.count("/") == 1]
    chosen = at_top or metas
    if not chosen:
        refuse("metadata_missing")
    if len(chosen) > 1:
        refuse("metadata_ambiguous", chosen[0], other=chosen[1])
    top = chosen[0].rsplit("/", 2)[0] if not at_top else ""
    folder = Folder(archive, top, limits)
    outside = sum(not entry.is_folder for entry in archive.entries.values()) - len(folder.files)
    if outside:
        report.warning(
            "files_outside",
            N_("Files outside of the package's folder “%(path)s” are ignored: %(count)s."),
            top,
            count=outside,
        )
    return folder, chosen[0].removeprefix(folder.prefix)


def locate(archive: ZipReader, limits: Limits, report: Report) -> Located:
    """Find manifest and template of a package; refused when one of them is missing."""
    folder, meta = package_folder(archive, limits, report)
    blocks = parse_blocks(folder.text(meta))
    header = {key: value for block in reversed(blocks) for key, value in block.items()}
    manifest = _manifest(folder, header.get("etsi-entry-manifest", ""), report)
    _check_named(folder, meta, blocks, report)
    stated = _plain(header.get("entry-definitions", ""))
    entry = _entry(folder, stated, meta, report)
    home, template = folder, entry
    if entry.casefold().endswith(".zip"):
        home = open_inner(folder, entry)
        template = _inner_template(home, report)
    kind: Literal["zip", "folder", "definitions"] = "folder"
    if home is not folder:
        kind = "zip"
    elif not entry.casefold().startswith("appd/"):
        kind = "definitions"
    layout = Layout(folder.prefix.rstrip("/"), kind, stated or entry, home.path(template))
    return Located(folder, manifest, home, template, layout)


def open_inner(folder: Folder, name: str) -> Folder:
    """An APPD zip of the package, read into memory, under the same rules as the package."""
    data = folder.archive.read(folder.prefix + name, limit=folder.limits.max_appd_bytes)
    place = folder.path(name)
    inner = ZipReader(io.BytesIO(data), len(data), where=place, label=place, limits=folder.limits)
    return Folder(inner, "", folder.limits)


def appd_zips(folder: Folder) -> list[str]:
    """The zip archives under APPD/, whether TOSCA.meta names them or not."""
    return [name for name in folder.files if APPD_ZIP.fullmatch(name)]


def _plain(name: str) -> str:
    return name.strip().removeprefix("./")


def _manifest(folder: Folder, stated: str, report: Report) -> str:
    found = sorted(
        name for name in folder.files if "/" not in name and name.casefold().endswith(".mf")
    )
    if _plain(stated) in found:
        return _plain(stated)
    if not found:
        refuse("manifest_missing")
    if len(found) > 1:
        report.warning(
            "manifests_many",
            N_("The package has several manifests; “%(path)s” was read."),
            found[0],
        )
    return found[0]


def _check_named(
    folder: Folder, meta: str, blocks: Iterable[dict[str, str]], report: Report
) -> None:
    """Files that a .meta file names and that are not there: no reader but us looks at them."""
    for name in (_plain(block["name"]) for block in blocks if block.get("name")):
        if name not in folder.files:
            report.warning(
                "meta_names_missing",
                N_("“%(path)s” names the file “%(other)s”, which is not there."),
                folder.path(meta),
                other=name,
            )


def _entry(folder: Folder, stated: str, meta: str, report: Report) -> str:
    """The file that Entry-Definitions names, else the usual one."""
    if stated in folder.files:
        return stated
    patterns = (APPD_ZIP, *LOOSE_TEMPLATES)
    found = next((name for one in patterns if (name := folder.first(one))), None)
    if found is None and stated:
        refuse("template_missing", folder.path(stated))
    if found is None:
        refuse("entry_undefined", folder.path(meta))
    report.warning(
        "entry_elsewhere",
        N_(
            "“%(path)s” names “%(other)s” as Entry-Definitions, which is not there; "
            "“%(found)s” was read instead."
        ),
        folder.path(meta),
        other=stated,
        found=found,
    )
    return found


def _inner_template(home: Folder, report: Report) -> str:
    """The service template of an APPD zip: what its own .meta names, else the only one there."""
    meta = home.first(VNFD_META)
    stated = ""
    if meta is not None:
        blocks = parse_blocks(home.text(meta))
        _check_named(home, meta, blocks, report)
        header = {key: value for block in reversed(blocks) for key, value in block.items()}
        written = _plain(header.get("entry-definitions", ""))
        for base in ("", posixpath.dirname(meta), posixpath.dirname(posixpath.dirname(meta))):
            if (name := posixpath.normpath(posixpath.join(base, written))) in home.files:
                return name
        stated = written
    usual = (home.first(one) for one in (*LOOSE_TEMPLATES, ANY_TEMPLATE))
    found = next((one for one in usual if one), None)
    if found is None:
        refuse("template_missing", home.path(stated or "Definition/MainServiceTemplate.yaml"))
    report.warning(
        "appd_entry_missing",
        N_("“%(path)s” does not say which template to read; “%(found)s” was read."),
        home.archive.where,
        found=found,
    )
    return found
