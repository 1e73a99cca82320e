"""An EdgeGallery application store, as a site reads it.  Writes nothing but the file asked for.

Calls go through the guard of outward calls, to the registered address of the store and nowhere
else; the caller's token stays here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import re
import ssl
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from django.conf import settings
from django.utils.translation import gettext_noop as N_

from apps.common import clock, outward
from apps.common.errors import NotFound, Upstream, UpstreamTimeout
from apps.common.guard import Guard

T = TypeVar("T")
Progress = Callable[[int, int | None], None]
BASE = "/mec/appstore/v1/apps"
LIST_BYTES = 8 * 1024 * 1024
READ_SECONDS = 20.0
LIST_SECONDS = 25.0
DOWNLOAD_SECONDS = 600.0
AT_ONCE = 8
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")
_SILENT = N_("%(where)s did not answer in time.")
_ANSWERED = N_("%(where)s answered with status %(status)s.")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file as it arrived."""

    size: int
    sha256: str


class AppStoreClient:
    """The store at one address; use as a context manager, in one thread."""

    def __init__(self, base_url: str) -> None:
        self.where = httpx.URL(base_url).netloc.decode()
        self._base = base_url.rstrip("/")
        self._loop = asyncio.Runner()
        guard = Guard.from_text(settings.APP_STORES["networks"])
        options: dict[str, Any] = {"verify": _trust(settings.APP_STORES["ca_file"])}
        options |= {"read_seconds": READ_SECONDS, "connections": AT_ONCE}
        self._lists = outward.async_client(guard, body_bytes=LIST_BYTES, **options)
        # One byte more than is allowed tells too long from just long enough.
        most = settings.PACKAGE_MAX_BYTES + 1
        self._files = outward.async_client(guard, body_bytes=most, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._loop:
            self._loop.run(self._lists.aclose())
            self._loop.run(self._files.aclose())

    def packages(self) -> list[dict[str, Any]]:
        """Everything that the store offers; an application that is gone meanwhile is left out."""
        return self._run(self._packages(), LIST_SECONDS)

    def package(self, app_id: uuid.UUID, package_id: uuid.UUID) -> dict[str, Any]:
        """What the store says of one package; NotFound when it has none of these ids."""
        url = f"{BASE}/{app_id.hex}/packages/{package_id.hex}"
        found = self._run(self._read(url, dict), READ_SECONDS)
        return dict(found)

    def download(
        self, app_id: uuid.UUID, package_id: uuid.UUID, *, to: Path, tell: Progress
    ) -> Fetched:
        """Write the file of a package and return what arrived; ``tell`` hears how far it is.

        Upstream when it is cut off, is not what its digest says, or takes too long.
        """
        url = f"{self._base}{BASE}/{app_id.hex}/packages/{package_id.hex}/action/download"
        request = self._files.build_request("GET", url)
        answer = self._run(self._files.send(request, stream=True), READ_SECONDS)
        try:
            if answer.status_code != 200:
                raise self._refused(answer.status_code)
            return self._take(answer, to, tell)
        finally:
            self._loop.run(answer.aclose())

    def _take(self, answer: httpx.Response, to: Path, tell: Progress) -> Fetched:
        """Write the body piece by piece.  Between two pieces no loop runs: there rows are written.

        A body that ends before its announced length is an error of the client below.
        """
        total, size, digest = _length(answer), 0, hashlib.sha256()
        deadline = clock.monotonic() + DOWNLOAD_SECONDS
        pieces = answer.aiter_raw()
        with to.open("wb") as file:
            while piece := self._run(anext(pieces, b""), READ_SECONDS + 1):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
                if clock.monotonic() > deadline:
                    raise UpstreamTimeout(_SILENT, where=self.where)
                tell(size, total)
        _compare(answer.headers.get("Repr-Digest", ""), digest.digest(), self.where)
        return Fetched(size, digest.hexdigest())

    async def _packages(self) -> list[dict[str, Any]]:
        apps = await self._read(BASE, list)
        turn = asyncio.Semaphore(AT_ONCE)

        async def of(app: Any) -> list[Any]:
            key = app.get("appId") if isinstance(app, dict) else None
            if not isinstance(key, str) or not re.fullmatch(r"[0-9a-f]{32}", key):
                raise self._stranger()
            async with turn:
                try:
                    rows: list[Any] = await self._read(f"{BASE}/{key}/packages", list)
                except NotFound:
                    return []
            return rows

        told = await asyncio.gather(*map(of, apps))
        rows = [row for each in told for row in each]
        if not all(isinstance(row, dict) for row in rows):
            raise self._stranger()
        return rows

    async def _read(self, path: str, shape: type[T]) -> T:
        answer = await self._lists.get(f"{self._base}{path}")
        if answer.status_code != 200:
            raise self._refused(answer.status_code)
        try:
            found = json.loads(answer.content)
        except (ValueError, RecursionError):
            raise self._stranger() from None
        if not isinstance(found, shape):
            raise self._stranger()
        return found

    def _run(self, work: Awaitable[T], seconds: float) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(seconds):
                return await work

        try:
            return self._loop.run(bounded())
        except TimeoutError:
            raise UpstreamTimeout(_SILENT, where=self.where) from None

    def _refused(self, status: int) -> NotFound | Upstream:
        if status == 404:
            return NotFound(
                N_("%(where)s has no such package."), where=self.where, message="Record not found"
            )
        again = status >= 500 or status in (408, 423, 429)
        return Upstream(_ANSWERED, retryable=again, where=self.where, status=status)

    def _stranger(self) -> Upstream:
        text = N_("What answers at %(where)s is not an application store.")
        return Upstream(text, retryable=False, where=self.where, code="not_a_store")


def _length(answer: httpx.Response) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _compare(said: str, found: bytes, where: str) -> None:
    """Refuse a file that is not the one whose digest was announced (RFC 9530)."""
    told = _DIGEST.search(said)
    if told is None:
        return
    try:
        right = base64.b64decode(told[1], validate=True) == found
    except binascii.Error:
        right = False
    if not right:
        raise Upstream(
            N_("The file from %(where)s does not have the digest that was announced for it."),
            retryable=False, code="digest_differs", where=where,
        )


@lru_cache(maxsize=4)
def _trust(ca_file: str) -> ssl.SSLContext | None:
    """Whom to believe who a store is: the usual authorities, or those of one file."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else None
