"""Where the bytes of an image come from: a package of this site, or an address.  In pieces.

Nothing is written here, so a full disk of the site cannot be in the way.
"""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeVar

import httpx
from django.conf import settings
from django.utils.translation import gettext_noop as N_

from apps.common import outward
from apps.common.errors import Conflict, Upstream, UpstreamTimeout
from apps.common.guard import Guard
from apps.images.models import HostImage
from apps.vim.images import PIECE_BYTES

T = TypeVar("T")
READ_SECONDS: Final = 30.0
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes to be read once; ``size`` is None where nobody says before how many they are."""

    size: int | None
    pieces: Iterator[bytes]


@contextmanager
def opened(image: HostImage) -> Iterator[Source]:
    """The source of an image; Conflict or Upstream say why it cannot be read."""
    source = _member if image.archive else _download
    with source(image) as found:
        if found.size is not None:
            _require_size(image.name, found.size)
        yield found


class Measured:
    """Pieces on their way: counted, compared with what was stated, and digested.

    What is wrong is raised before the last byte has been passed on, so that whoever takes the
    pieces never has the whole of a wrong image.
    """

    def __init__(self, image: HostImage, source: Source, tell: Progress) -> None:
        self._image, self._source, self._tell = image, source, tell
        self._md5, self._sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has passed so far, in hex."""
        return self._sha256.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        held = b""
        for piece in self._source.pieces:
            self.size += len(piece)
            _require_size(self._image.name, self.size)
            self._md5.update(piece)
            self._sha256.update(piece)
            if held:
                yield held
                self._tell(self.size - len(piece))
            held = piece
        self._check()
        if held:
            yield held
        self._tell(self.size)

    def _check(self) -> None:
        stated = self._image.wanted_checksum
        found = self.sha256 if len(stated) == 64 else self._md5.hexdigest()
        if stated and stated != found:
            raise Conflict(
                N_("The image “%(name)s” has the checksum %(found)s, and %(stated)s is stated for"
                   " it."),
                code="checksum_differs", name=self._image.name, found=found, stated=stated,
            )


def _require_size(name: str, size: int) -> None:
    limit = settings.IMAGES["max_bytes"]
    if size > limit:
        raise Conflict(
            N_("The image “%(name)s” is larger than the %(limit)s bytes that this site takes."),
            code="image_too_large", name=name, limit=limit,
        )


# --- from a package --------------------------------------------------------------------------


@contextmanager
def _member(image: HostImage) -> Iterator[Source]:
    """A file of a package, or of a zip in it; the package was read strictly when it came."""
    path = Path(settings.PACKAGE_DIR) / image.archive
    with ExitStack() as stack:
        with _told(image):
            outer = stack.enter_context(zipfile.ZipFile(path))
            archive, name = outer, image.reference
            if name not in outer.namelist():
                head, _, inner = name.partition(".zip/")
                folder = stack.enter_context(outer.open(f"{head}.zip"))
                archive, name = stack.enter_context(zipfile.ZipFile(folder)), inner
            size = archive.getinfo(name).file_size
            file = stack.enter_context(archive.open(name))
        yield Source(size, _read(file, image))


def _read(file: IO[bytes], image: HostImage) -> Iterator[bytes]:
    while True:
        with _told(image):
            piece = file.read(PIECE_BYTES)
        if not piece:
            return
        yield piece


@contextmanager
def _told(image: HostImage) -> Iterator[None]:
    """What can be wrong with a zip, or with the file of a package, in words."""
    try:
        yield
    except KeyError:
        raise Conflict(
            N_("The package does not have the image “%(path)s”."),
            code="image_not_in_package", path=image.reference,
        ) from None
    # RuntimeError: it is encrypted.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError,
            RuntimeError) as error:
        raise Conflict(
            N_("The image “%(path)s” cannot be read from its package: %(said)s"),
            code="image_unreadable", path=image.reference, said=str(error)[:200],
        ) from error


# --- from an address -------------------------------------------------------------------------


@contextmanager
def _download(image: HostImage) -> Iterator[Source]:
    """The body of an answer, through the guard of outward calls."""
    guard = Guard.from_text(settings.IMAGES["networks"])
    with asyncio.Runner() as loop:
        # One byte more than is allowed tells too long from just long enough.
        client = outward.async_client(
            guard, read_seconds=READ_SECONDS, body_bytes=settings.IMAGES["max_bytes"] + 1
        )
        try:
            request = _request(client, image)
            where = request.url.netloc.decode()
            answer = _wait(loop, client.send(request, stream=True), where)
            try:
                _require_success(answer, where)
                yield Source(_length(answer), _body(loop, answer, where))
            finally:
                loop.run(answer.aclose())
        finally:
            loop.run(client.aclose())


def _request(client: httpx.AsyncClient, image: HostImage) -> httpx.Request:
    try:
        return client.build_request("GET", image.reference)
    except httpx.InvalidURL as error:
        raise Conflict(
            N_("“%(address)s” is not an address: %(said)s"),
            code="address", address=image.reference[:200], said=str(error),
        ) from None


def _body(loop: asyncio.Runner, answer: httpx.Response, where: str) -> Iterator[bytes]:
    """Its pieces.  Between two of them no loop runs: there rows are written.

    A body that ends before its announced length is an error of the client below.
    """
    pieces = answer.aiter_raw()
    while piece := _wait(loop, anext(pieces, b""), where):
        yield piece


def _wait(loop: asyncio.Runner, work: Awaitable[T], where: str) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(READ_SECONDS + 1):
            return await work

    try:
        return loop.run(bounded())
    except TimeoutError:
        raise UpstreamTimeout(N_("%(where)s did not answer in time."), where=where) from None


def _require_success(answer: httpx.Response, where: str) -> None:
    status = answer.status_code
    if status != 200:
        raise Upstream(
            N_("%(where)s answered with status %(status)s."),
            retryable=status >= 500 or status in (408, 423, 429), where=where, status=status,
        )


def _length(answer: httpx.Response) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
