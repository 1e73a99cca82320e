"""The images of a package: from Image/SwImageDesc.json, else from chart or template.  No pixels."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, Literal

from django.utils.translation import gettext_noop as N_

from apps.packages.csar.checks import Report
from apps.packages.csar.info import ImageRef
from apps.packages.csar.refusals import refuse
from apps.packages.csar.shapes import as_int, as_map, as_text
from apps.packages.csar.texts import load_json

Kind = Literal["container", "vm"]


def parse_image_list(
    text: str, *, path: str, kind: Kind, files: Container[str], report: Report
) -> tuple[ImageRef, ...]:
    """The images in an image list; refused unless it is a list of objects with names."""
    data = load_json(text, path=path)
    items = data if isinstance(data, list) else [data]
    if any(not isinstance(item, dict) or not as_text(item.get("name")) for item in items):
        refuse("json_shape", path)
    images = tuple(_image(as_map(item), kind, files) for item in items)
    for item, image in zip(items, images, strict=True):
        if "supportedVirtualizationEnvironment" in item:
            report.info(
                "image_spelling",
                N_("“%(path)s” spells supportedVirtualisationEnvironment with a z; both are read."),
                path,
            )
        _check_place(image, files, path, report)
    if images:
        report.ok(
            "image_list",
            N_("The image list “%(path)s” was read; images: %(count)s."),
            path,
            count=len(images),
        )
    else:
        report.warning("image_list_empty", N_("“%(path)s” lists no image."), path)
    return images


def _image(item: dict[str, Any], kind: Kind, files: Container[str]) -> ImageRef:
    reference = as_text(item.get("swImage"))
    return ImageRef(
        name=as_text(item.get("name")),
        version=as_text(item.get("version")),
        reference=reference,
        kind=kind,
        architecture=as_text(item.get("architecture")),
        size=as_int(item.get("size")),
        disk_format=as_text(item.get("diskFormat")),
        min_disk_gb=as_int(item.get("minDisk")),
        min_ram=as_int(item.get("minRam")),
        checksum=as_text(item.get("checksum")),
        operating_system=as_text(item.get("operatingSystem")),
        embedded=reference if _embedded_in(reference, files) else None,
    )


def _embedded_in(reference: str, files: Container[str]) -> bool:
    """Whether the file itself, or the zip that it is in, is in the package."""
    head, mark, _ = reference.partition(".zip/")
    return reference in files or (bool(mark) and head + ".zip" in files)


def _check_place(image: ImageRef, files: Container[str], path: str, report: Report) -> None:
    if not image.reference:
        report.warning(
            "image_without_place",
            N_("The image “%(name)s” states no place to get it from (swImage)."),
            path,
            name=image.name,
        )
    elif image.reference.startswith("Image/") and image.embedded is None:
        report.warning(
            "image_not_in_package",
            N_(
                "The image “%(name)s” should be in the package at “%(other)s” and is not there; "
                "the edge must already have it."
            ),
            path,
            name=image.name,
            other=image.reference,
        )


def images_without_list(
    references: Iterable[str], names: Iterable[str], kind: Kind
) -> tuple[ImageRef, ...]:
    """What can be known without a list: written-out references of charts, else template names."""
    written = dict.fromkeys(references)
    if written:
        return tuple(_reference(one, kind, "chart") for one in written)
    return tuple(_reference(one, kind, "template") for one in dict.fromkeys(names))


def _reference(reference: str, kind: Kind, source: Literal["chart", "template"]) -> ImageRef:
    name = reference.rsplit("/", 1)[-1].split("@", 1)[0]
    version = name.partition(":")[2]
    return ImageRef(
        name=name,
        version=version,
        reference=reference,
        kind=kind,
        source=source,
    )
