"""Reads a full copy page by page, the next one while one is taken.

Both sites work at the same time then, and the way between them costs nothing.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Self

from django.db import connection

from apps.edgelink.client import EdgeClient
from apps.sync import working
from apps.sync.files import FileFeed

Page = dict[str, Any]


class Pages:
    """The pages of a copy from ``client``, in their order; use as a context manager.

    Without ``ahead`` each is fetched when it is asked for.
    """

    def __init__(self, client: EdgeClient | FileFeed, *, limit: int, ahead: bool) -> None:
        self._client, self._limit = client, limit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead") if ahead else None
        self._coming: Future[Page] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            with working.waiting():
                self._thread.shutdown(cancel_futures=True)

    def read(self, kind: str, after: str) -> Page:
        """The page after the row ``after`` of a kind; later ones are where the last one said."""
        coming, self._coming = self._coming, None
        if coming is None:
            page = self._fetch(kind, after)
        else:
            with working.waiting():
                page = coming.result()
        if self._thread is not None and page["next"]:
            self._coming = self._thread.submit(copy_context().run, self._fetch_there, *page["next"])
        return page

    def _fetch(self, kind: str, after: str) -> Page:
        return self._client.copy(kind=kind, after=after, limit=self._limit)

    def _fetch_there(self, kind: str, after: str) -> Page:
        try:
            return self._fetch(kind, after)
        finally:
            connection.close()  # a new token is signed with a key out of the database
