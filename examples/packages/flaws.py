"""Packages with one flaw each, keyed by the code under which the reader refuses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from examples.packages import content, entries
from examples.packages.archives import (
    DEFLATED,
    TarEntry,
    ZipEntry,
    tgz,
    tgz_bytes,
    zip_bytes,
    zipped,
)
from examples.packages.builder import Request, chart_path, package_files, template_path
from examples.packages.chart import chart_files

Flaw = Callable[[Path], Path]
MIB = 1024 * 1024
PLAIN = Request()
UNPACKED = Request(layout="unpacked")
MANIFEST = f"{PLAIN.short}.mf"
META = "TOSCA-Metadata/TOSCA.meta"
IMAGES = "Image/SwImageDesc.json"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _bytes(data: Callable[[], bytes]) -> Flaw:
    return lambda path: _write(path, data())


def _files(change: Callable[[dict[str, bytes]], object], request: Request = PLAIN) -> Flaw:
    """A package whose files are changed after its manifest was made."""

    def make(path: Path) -> Path:
        files = package_files(request)
        change(files)
        return _write(path, zipped(files))

    return make


def _extra(**options: Any) -> Flaw:
    """A package built from other options, its manifest right."""
    return lambda path: _write(path, zipped(package_files(Request(**options))))


def _with(files: dict[str, bytes | None], **options: Any) -> Flaw:
    return _extra(extra=files, **options)


def _valid() -> bytes:
    return zipped(package_files(PLAIN))


def _plus(more: Callable[[], list[ZipEntry]]) -> Flaw:
    """A valid package with entries added behind its own."""

    def make(path: Path) -> Path:
        own = [ZipEntry(name, data) for name, data in package_files(PLAIN).items()]
        return _write(path, zip_bytes([*own, *more()]))

    return make


def _overlap() -> bytes:
    """Two entries of the table share one place in the file, as in a bomb without nesting."""
    data = bytearray(zip_bytes([ZipEntry("docs/a.txt", b"a" * 64), ZipEntry("docs/b.txt", b"b")]))
    second = data.rindex(b"PK\1\2")
    data[second + 42 : second + 46] = (20).to_bytes(4, "little")
    return bytes(data)


def _many_large() -> bytes:
    """Images that only state their size: more in all than is accepted."""
    packed = bytes(3 * MIB)
    return zip_bytes(
        ZipEntry(f"Image/{n}.img", size=500 * MIB, packed=packed, crc=0, method=DEFLATED)
        for n in range(5)
    )


def _too_big(path: Path) -> Path:
    """One byte more than 512 MiB; sparse, so that it costs no disk."""
    with path.open("wb") as file:
        file.truncate(512 * MIB + 1)
    return path


def _missing_artifact() -> dict[str, Any]:
    document = content.appd(PLAIN.title, PLAIN.version, PLAIN.provider, "container")
    node = document["topology_template"]["node_templates"]["logic"]
    node["artifacts"] = {"image": {"type": "tosca.artifacts.nfv.SwImage", "file": "Image/no.tar"}}
    return document


def _chart(change: Callable[[dict[str, bytes]], object]) -> bytes:
    files = chart_files(PLAIN.title, PLAIN.version)
    change(files)
    return tgz(files)


def _chart_entries(more: list[TarEntry], *, behind: bytes = b"") -> bytes:
    own = [TarEntry(name, data) for name, data in chart_files(PLAIN.title, PLAIN.version).items()]
    return tgz_bytes([*own, *more], behind=behind)


def _with_chart(chart: Callable[[], bytes]) -> Flaw:
    return lambda path: _with({chart_path(PLAIN): chart()})(path)


def _appd(more: list[ZipEntry]) -> bytes:
    document = content.appd(PLAIN.title, PLAIN.version, PLAIN.provider, "container")
    template = ZipEntry("Definition/MainServiceTemplate.yaml", content.dump(document))
    meta = b"Entry-Definitions: Definition/MainServiceTemplate.yaml\n"
    return zip_bytes([ZipEntry("TOSCA_VNFD.meta", meta), template, *more])


def _set(name: str, data: bytes) -> Callable[[dict[str, bytes]], object]:
    return lambda files: files.__setitem__(name, data)


def _drop(name: str) -> Callable[[dict[str, bytes]], object]:
    return lambda files: files.pop(name)


def _edit(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], object]:
    return lambda files: files.__setitem__(name, files[name].replace(old, new))


FLAWS: dict[str, Flaw] = {
    "wrong_extension": lambda path: _write(path.with_suffix(".zip"), _valid()),
    "empty": _bytes(bytes),
    "archive_too_big": _too_big,
    "not_a_zip": _bytes(lambda: b"This is a text and no archive.\n" * 9),
    "truncated": _bytes(lambda: _valid()[:-400]),
    "archive_ambiguous": _bytes(lambda: b"#!/bin/sh\n" + _valid()),
    "no_entries": _bytes(lambda: zip_bytes([])),
    "overlap": _bytes(_overlap),
    "total_too_big": _bytes(_many_large),
    **{code: _plus(more) for code, more in entries.zip_flaws().items()},
    "metadata_missing": _files(_drop(META)),
    "metadata_ambiguous": lambda path: _write(
        path, zipped({f"{top}/{META}": b"Entry-Definitions: x\n" for top in ("a", "b")})
    ),
    "manifest_missing": _files(_drop(MANIFEST)),
    "manifest_incomplete": _files(_edit(MANIFEST, b"app_product_name", b"app_title")),
    "manifest_value_long": _extra(provider="Labs " * 60),
    "entry_undefined": _files(
        lambda files: (files.pop(template_path(PLAIN)), files.update({META: b"CSAR-Version: 1\n"}))
    ),
    "template_missing": _files(_drop(template_path(PLAIN))),
    "template_malformed": _with({template_path(UNPACKED): b"description: x\n"}, layout="unpacked"),
    "template_names_missing_file": lambda path: _extra(template=_missing_artifact())(path),
    "not_text": _files(_set(MANIFEST, b"metadata:\napp_product_name: Caf\xe9\n")),
    "text_too_big": _files(_set(MANIFEST, entries.noise(MIB).hex().encode())),
    "yaml_malformed": _with({template_path(UNPACKED): b"a: [1, 2\nb: }\n"}, layout="unpacked"),
    "yaml_bomb": _with({template_path(UNPACKED): LAUGHS.encode()}, layout="unpacked"),
    "json_malformed": _with({IMAGES: b'[{"name": "gauge",\n "size": }]'}),
    "json_shape": _with({IMAGES: b'[{"image": "gauge"}]'}),
    "chart_missing": _with({chart_path(PLAIN): None}),
    "chart_not_tgz": _with({chart_path(PLAIN): b"apiVersion: v1\n"}),
    "chart_truncated": _with_chart(lambda: _chart(dict[str, bytes].copy)[:-40]),
    "chart_trailing": _with_chart(lambda: _chart_entries([], behind=b"hidden")),
    "chart_without_chart_yaml": _with_chart(
        lambda: _chart(_drop(f"{PLAIN.short}/Chart.yaml")),
    ),
    "chart_several": _with_chart(lambda: _chart(_set("other/Chart.yaml", b"name: other\n"))),
    "hard_link": _with_chart(lambda: _chart_entries(entries.tar_flaws()["hard_link"]())),
    "digest_mismatch": _files(_set(IMAGES, content.image_list("Other", "2", "container"))),
    "digest_missing_file": _files(_drop(IMAGES)),
    "digest_algorithm": _files(_edit(MANIFEST, b"SHA-256", b"CRC-32")),
    "digest_none": _extra(digests=False),
    "digest_uncovered": _files(_edit(MANIFEST, b"Source: Image", b"# Image")),
}


# These are remarks under the policy "warn", and refusals under "enforce".
ENFORCED = frozenset(code for code in FLAWS if code.startswith("digest_"))


def _inner() -> dict[str, tuple[str, Flaw]]:
    """The flaws of entries again, inside the APPD zip and inside the chart."""
    found: dict[str, tuple[str, Flaw]] = {}
    for code, more in entries.zip_flaws().items():
        found[f"{code} in appd"] = (
            code,
            lambda path, more=more: _with({template_path(PLAIN): _appd(more())})(path),  # type: ignore[misc]
        )
    for code, parts in entries.tar_flaws().items():
        found[f"{code} in chart"] = (
            code,
            lambda path, parts=parts: _with_chart(lambda: _chart_entries(parts()))(path),  # type: ignore[misc]
        )
    return found


INNER_FLAWS: dict[str, tuple[str, Flaw]] = _inner()
