"""Who ordered what at an edge, kept also where nobody knows whether the order arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from apps.common.errors import Upstream
from apps.common.words import Reason


@contextmanager
def noted(keep: Callable[[Reason | None], None]) -> Iterator[None]:
    """Call ``keep`` once the order in the block is given, or may have been, then with the reason.

    One that was refused, or that reached nobody, is not kept.
    """
    try:
        yield
    except Upstream as error:
        if error.retryable and error.sent:
            keep(error.reason)
        raise
    keep(None)
