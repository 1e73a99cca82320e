"""The HTTP client for other systems: time-outs always, problems become domain errors."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

import httpx
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, DomainError, Invalid, NotFound, Upstream, UpstreamTimeout
from apps.common.words import Reason

CONNECT_SECONDS = 2.0
READ_SECONDS = 20.0
_BY_STATUS: dict[int, type[DomainError]] = {
    400: Invalid,
    404: NotFound,
    409: Conflict,
    412: Conflict,
}


def client(base_url: str, *, read_seconds: float = READ_SECONDS) -> httpx.Client:
    """A client that never waits for ever, never follows redirects and ignores proxy variables."""
    timeout = httpx.Timeout(read_seconds, connect=CONNECT_SECONDS)
    return httpx.Client(
        base_url=base_url,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        verify=authorities(),
    )


@lru_cache(maxsize=1)
def authorities() -> ssl.SSLContext:
    """What TLS is checked against.  Reading all of it takes longer than most requests."""
    return httpx.create_ssl_context(trust_env=False)


def send(
    session: httpx.Client, method: str, url: str, *, called: str = "", **options: Any
) -> httpx.Response:
    """Send and return the response; raise Upstream, UpstreamTimeout or what the problem names.

    ``called`` is what people call the other system, for sentences that must not tell its address.
    """
    where = called or str(session.base_url).rstrip("/")
    try:
        response = session.request(method, url, **options)
    except httpx.HTTPError as error:
        raise _failure(error, where) from None
    if response.is_success:
        return response
    problem = _problem(response, where)
    problem.answer = _document(response)
    raise problem


def _failure(error: httpx.HTTPError, where: str) -> Upstream:
    failure: Upstream
    if isinstance(error, httpx.TimeoutException):
        failure = UpstreamTimeout(N_("%(where)s did not answer in time."), where=where)
    else:
        failure = Upstream(
            N_("%(where)s cannot be reached (%(why)s)."),
            where=where,
            why=str(error) or repr(error),
            code="unreachable",
        )
    failure.sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return failure


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _problem(response: httpx.Response, where: str) -> DomainError:
    said = _sentence(response)
    kind = _BY_STATUS.get(response.status_code)
    if kind is not None:
        return kind(
            N_("%(where)s refused: %(said)s"), code="upstream_refused", where=where, said=said
        )
    return Upstream(
        N_("%(where)s answered %(status)s: %(said)s"),
        retryable=_may_help_later(response.status_code),
        where=where,
        status=response.status_code,
        said=said,
    )


def _may_help_later(status: int) -> bool:
    """Whether asking again can help: what is not offered (501) will not be offered then either."""
    return (status >= 500 and status != 501) or status in (408, 423, 429)


def _sentence(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return response.text[:300]
    if isinstance(body, dict):
        if isinstance(body.get("reason"), dict):
            return str(Reason.from_json(body["reason"]))
        if isinstance(body.get("errors"), dict) and body["errors"]:
            return "; ".join(f"{name}: {text}" for name, text in body["errors"].items())[:300]
        return str(body.get("detail") or body.get("message") or body)[:300]
    return str(body)[:300]
