"""How a container image gets into the registry of its host, and whether it is there.

The registry is not ours: others use it too.  Nothing in it is deleted, and a tag that another
tenant's package has there is not given other content.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext_noop as N_

from apps.common import outward
from apps.common.errors import Conflict, DomainError, NotOffered, Upstream, UpstreamTimeout
from apps.common.guard import Guard
from apps.common.secrets import Secret
from apps.hosts.driver_settings import settings_of
from apps.hosts.models import AppRepo, AppStore
from apps.images.models import HostImage
from apps.images.references import Reference, registry_of
from apps.images.registry import (
    TROUBLE,
    Manifest,
    NoSuchImage,
    Place,
    SeveralImages,
    Skopeo,
    Tell,
)
from apps.images.sources import Measured, opened
from apps.images.states import ImageState
from apps.vim.images import ACTIVE, VimImage
from apps.vim.settings import Registry

Learn = Callable[[int | None], None]
RESOLVE_SECONDS: Final = 10.0
_log = logging.getLogger("mecm.images")


def bring(row: HostImage, tell: Tell, learn: Learn) -> tuple[VimImage, str]:
    """Have an image in the registry of its host; returns it, and the SHA-256 of its manifest.

    ``tell`` hears how many bytes were sent, and ``learn`` how many there are as soon as that is
    known.  What either raises ends the copy.
    """
    forget(row)
    with _attempt(row, tell) as attempt:
        there = attempt.there()
        if there is not None and attempt.is_same(there):
            return _made(row, there, ours=False)
        _require_free(row, there)
        return _made(row, attempt.copy(learn), ours=True)


def is_there(row: HostImage) -> bool:
    """Whether the registry of the host still has the image that was brought."""
    with _attempt(row, lambda _: None) as attempt:
        found = attempt.there()
    return found is not None and found.digest == f"sha256:{row.sha256}"


def forget(row: HostImage) -> None:
    """Take away what attempts that were killed have left of an image at this site."""
    for left in Path(settings.FILE_UPLOAD_TEMP_DIR).glob(f"image-{row.pk}-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _attempt(row: HostImage, tell: Tell) -> Iterator[_Attempt]:
    """One attempt, and a private directory for it."""
    name = f"image-{row.pk}-{secrets.token_hex(8)}"
    path = Path(settings.FILE_UPLOAD_TEMP_DIR) / name
    path.mkdir(mode=0o700)
    try:
        yield _Attempt(row, path, tell)
    finally:
        shutil.rmtree(path, ignore_errors=True)


class _Attempt:
    """An image on its way from where it is to the registry of its host."""

    def __init__(self, row: HostImage, folder: Path, tell: Tell) -> None:
        registry = settings_of(row.host).registry
        if registry is None:
            raise NotOffered(
                N_("“%(name)s” has no registry of images."), code="no_registry", name=row.host.name
            )
        self._row, self._folder, self._tell = row, folder, tell
        self._target = Place(row.vim_id, registry)
        self._skopeo = Skopeo(folder, tell, limit=settings.IMAGES["max_bytes"])

    def there(self) -> Manifest | None:
        """What the registry has under the image's name."""
        return self._skopeo.manifest(self._target)

    def is_same(self, there: Manifest) -> bool:
        """Whether that is the image; also where nobody can compare them."""
        if not self._row.reference:
            return True
        try:
            source = self._source()
            if self._row.archive:
                return there.is_list or self._skopeo.config_of(source) == there.config
            wanted = self._skopeo.manifest(source)
        except DomainError as error:
            _log.info("%s is taken as it is: %s", self._row.vim_id, error)
            return True
        return wanted is None or wanted.digest == there.digest

    def copy(self, learn: Learn) -> Manifest:
        """Copy it, then look at what arrived."""
        if not self._row.reference:
            raise NoSuchImage(
                N_("The registry %(where)s has no image “%(name)s”, and the package does not say"
                   " where to get it."),
                where=self._target.where, name=self._target.name,
            )
        source = self._source()
        if self._row.archive:
            learn(Path(source.name).stat().st_size)
            self._skopeo.copy(source, self._target)
        else:
            self._copy_named(source, learn)
        return _required(self._skopeo.manifest(self._target), self._target)

    def _copy_named(self, source: Place, learn: Learn) -> None:
        wanted = _required(self._skopeo.manifest(source), source)
        learn(wanted.size)
        try:
            self._skopeo.copy(source, self._target, every=wanted.is_list, exact=True)
        except NoSuchImage:
            if not wanted.is_list:
                raise
            # Lists may name architectures that their registry was never given.
            self._skopeo.copy(source, self._target)
        except Upstream as error:
            if error.code != TROUBLE:
                raise
            # Old registries do not take every form that there is.
            self._skopeo.copy(source, self._target, every=wanted.is_list)

    def _source(self) -> Place:
        return self._unpacked() if self._row.archive else _named(self._row)

    def _unpacked(self) -> Place:
        """The archive as a file of this attempt, unpacked once."""
        row, path = self._row, self._folder / "image.tar"
        if not path.exists():
            with opened(row) as source, path.open("wb") as file:
                # What counts is what is sent.
                for piece in Measured(row, source, lambda _: self._tell(0)):
                    file.write(piece)
        place = Place(str(path), label=row.reference)
        try:
            self._skopeo.config_of(place)
        except SeveralImages:
            return replace(place, member=row.name)
        return place


def _required(found: Manifest | None, place: Place) -> Manifest:
    if found is None:
        raise NoSuchImage(
            N_("The registry %(where)s has no image “%(name)s”."),
            where=place.where, name=place.name,
        )
    return found


def _made(row: HostImage, found: Manifest, *, ours: bool) -> tuple[VimImage, str]:
    image = VimImage(
        id=row.vim_id, name=row.name, status=ACTIVE, size=found.size,
        key=str(row.pk) if ours else "",
    )
    return image, found.digest.removeprefix("sha256:")


def _require_free(row: HostImage, there: Manifest | None) -> None:
    """No tenant changes what another one's instances are started from."""
    others = HostImage.objects.filter(vim_id=row.vim_id, state=ImageState.ACTIVE)
    if there is not None and others.exclude(tenant=row.tenant).exists():
        raise Conflict(
            N_("“%(name)s” is in use by another tenant, with other content; give the image another"
               " name or tag."),
            code="image_taken", name=row.vim_id,
        )


def _named(row: HostImage) -> Place:
    """A registry that an administrator entered is trusted; others have to be public ones."""
    reference = Reference.parse(row.reference)
    known = _registered(row, reference.registry)
    if known is None:
        _guard(reference.registry)
    return Place(reference.exact, known)


def _registered(row: HostImage, registry: str) -> Registry | None:
    """What this site knows of a registry: the host's own, a repository, or that of a store."""
    own = settings_of(row.host).registry
    if own is not None and registry_of(own.address) == registry:
        return own
    repos = AppRepo.objects.values_list("endpoint", "user_name", "password")
    stores = AppStore.objects.values_list("repo", "repo_user_name", "repo_password")
    for address, user_name, password in (*repos, *stores):
        if registry_of(address) == registry:
            opens = password.reveal() if isinstance(password, Secret) else str(password)
            return Registry(registry, user_name, opens)
    return None


def _guard(registry: str) -> None:
    """Refuse a registry that is inside, by its name or by what the name leads to."""
    guard = Guard.from_text(settings.IMAGES["networks"])
    refused = guard.check(f"https://{registry}/")
    if refused is not None:
        raise outward.ForbiddenAddress(refused.text, code=refused.code, **refused.params)
    host, _, port = registry.partition(":")

    async def look() -> None:
        async with asyncio.timeout(RESOLVE_SECONDS):
            await outward.resolve(guard, host, int(port or 443))

    try:
        asyncio.run(look())
    except TimeoutError:
        raise UpstreamTimeout(N_("%(where)s did not answer in time."), where=registry) from None
