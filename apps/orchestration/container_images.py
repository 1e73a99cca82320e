"""Container images where instances run: what a package needs in the registry of its host, and what
is told of it.  For hosts of this site."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.hosts.driver_settings import settings_of
from apps.hosts.models import MecHost
from apps.images.references import Reference
from apps.images.specs import WantedImage
from apps.images.states import ImageKind
from apps.packages.csar import ImageRef
from apps.packages.models import Package


def registry_address(host: MecHost) -> str:
    """The address of a host's registry; empty where its nodes fetch their images by themselves."""
    registry = settings_of(host).registry
    return registry.address if registry else ""


def wanted_of(package: Package, address: str) -> list[WantedImage]:
    """The images of containers that a package needs in the registry with this address.

    Conflict where two of them would be the same one there.
    """
    info = package.details
    top = f"{info.layout.top}/" if info.layout.top else ""
    places: dict[str, str] = {}
    found = []
    for one in _named(info.images):
        name = written(one)
        reference = Reference.parse(name)
        copy, place = reference.copy_in(address), one.embedded or reference.exact
        if places.setdefault(copy, place) != place:
            raise Conflict(
                N_("Two images of the package would both be “%(copy)s” in the registry of the host:"
                   " “%(one)s” and “%(other)s”."),
                code="image_twice", copy=copy, one=places[copy], other=place,
            )
        found.append(WantedImage(
            package_id=package.pk,
            tenant_id=package.tenant_id,
            kind=ImageKind.CONTAINER,
            name=name,
            copy=copy,
            version=one.version,
            archive=package.path.name if one.embedded else "",
            member=f"{top}{one.embedded}" if one.embedded else "",
            reference="" if _has_no_place(one) else name,
        ))
    return found


def _named(images: tuple[ImageRef, ...]) -> Iterator[ImageRef]:
    """Those that can be meant, each once; the template of a package only has names for people."""
    seen = set()
    for one in images:
        if one.kind == "container" and one.source != "template" and written(one) not in seen:
            seen.add(written(one))
            yield one


def _has_no_place(one: ImageRef) -> bool:
    """Whether the package does not say where to get it: the registry has to have it already."""
    return not one.reference or one.reference.startswith("Image/")


def written(one: ImageRef) -> str:
    """The reference by which the objects of a package name an image."""
    if one.reference and not _has_no_place(one):
        return one.reference
    has_tag = ":" in one.name.rpartition("/")[2]
    return one.name if has_tag or not one.version else f"{one.name}:{one.version}"
