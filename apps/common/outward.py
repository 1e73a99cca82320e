"""Calls to addresses that others give us, such as the callback of a subscription.

An address is looked at twice: at its text when it is given (``Guard.check``), and at what its name
resolves to when it is called.  The connection goes to the very address that was looked at, so that
a name whose answer changes in between gains nothing, while TLS still verifies the name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Upstream, UpstreamTimeout
from apps.common.guard import FORBIDDEN, NO_HOST, Address, Guard, literal_addresses

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

BODY_BYTES = 64 * 1024
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
BUDGET_SECONDS = 10.0

_UNREACHABLE = N_("%(where)s cannot be reached (%(why)s).")
_SILENT = N_("%(where)s did not answer in time.")

# Threads of their own: a name server that never answers may hold up outward calls, nothing else.
_resolving = ThreadPoolExecutor(max_workers=16, thread_name_prefix="outward-dns")


class ForbiddenAddress(Upstream):
    """The guard refuses the address; asking again helps only once its name leads elsewhere."""

    default_code = "forbidden_address"

    def __init__(self, text: str, /, **params: Any) -> None:
        super().__init__(text, retryable=False, **params)


async def ask_system(host: str, port: int) -> list[str]:
    """The addresses that the resolver of this machine knows for a name; OSError when none."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_resolving, ask)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def resolve(guard: Guard, host: str, port: int, ask: Resolver = ask_system) -> list[Address]:
    """The addresses to connect to; raises ForbiddenAddress, or Upstream when there are none.

    One forbidden answer among several condemns the name: an honest name does not lead both outside
    and inside, and one that does would be tried until it happens to lead inside.
    """
    try:
        literal = literal_addresses(host)
        answers = literal or [ip_address(text.partition("%")[0]) for text in await ask(host, port)]
    except (OSError, ValueError) as error:  # ValueError: a name that IDNA cannot encode
        raise Upstream(_UNREACHABLE, where=host, why=str(error), code="unreachable") from None
    if literal:  # "localhost" is both 127.0.0.1 and ::1; either may be allowed alone
        answers = [address for address in literal if guard.permits(address)]
    elif not answers:
        raise Upstream(_UNREACHABLE, where=host, why="no address", code="unreachable")
    if not answers or not all(guard.permits(address) for address in answers):
        raise ForbiddenAddress(FORBIDDEN, host=host)
    return answers


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only.  TLS above it still verifies the name."""

    def __init__(self, guard: Guard, ask: Resolver) -> None:
        self._guard = guard
        self._ask = ask
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check, and connect to the first address that answers."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await resolve(self._guard, host, port, self._ask)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"{host} was not resolved in time") from None
        share = timeout and timeout / len(addresses)
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    str(address), port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(host)


class _Body(httpx.AsyncByteStream):
    """The body of an answer, up to a limit."""

    def __init__(self, answer: httpcore.Response, where: str, limit: int) -> None:
        self._answer = answer
        self._where = where
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        with _house_errors(self._where):
            async for part in self._answer.aiter_stream():
                size += len(part)
                if size > self._limit:
                    raise Upstream(
                        N_("%(where)s answered with more than %(limit)s bytes."),
                        retryable=False,
                        code="answer_too_large",
                        where=self._where,
                        limit=self._limit,
                    )
                yield part

    async def aclose(self) -> None:
        """Leave the connection; what was not read is not waited for."""
        await self._answer.aclose()


class _Transport(httpx.AsyncBaseTransport):
    """Sends what the guard lets through, and speaks of failures in the errors of the house.

    Built on httpcore's public pool: were it httpx's own transport with its pool exchanged, the
    next release of httpx could go around the guard unseen.
    """

    def __init__(self, guard: Guard, pool: httpcore.AsyncConnectionPool, body_bytes: int) -> None:
        self._guard = guard
        self._pool = pool
        self._body_bytes = body_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check, send, and return the answer with its body still to be read."""
        url = request.url
        reason = self._guard.check(str(url.copy_with(raw_path=b"/")))
        if reason is not None:
            raise ForbiddenAddress(reason.text, code=reason.code, **reason.params)
        outgoing = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _house_errors(url.host):
            answer = await self._pool.handle_async_request(outgoing)
        # Nobody asked for a compressed body; unpacking one could make much out of little.
        headers = [(k, v) for k, v in answer.headers if k.lower() != b"content-encoding"]
        return httpx.Response(
            answer.status,
            headers=headers,
            stream=_Body(answer, url.host, self._body_bytes),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


@contextmanager
def _house_errors(where: str) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException:
        raise UpstreamTimeout(_SILENT, where=where) from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        why = str(error) or repr(error)
        raise Upstream(_UNREACHABLE, where=where, why=why, code="unreachable") from None


def async_client(
    guard: Guard,
    *,
    ask: Resolver = ask_system,
    verify: ssl.SSLContext | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float = READ_SECONDS,
    body_bytes: int = BODY_BYTES,
    connections: int = 100,
) -> httpx.AsyncClient:
    """A client that reaches only what the guard permits; no redirects, no proxies.

    It raises ForbiddenAddress, UpstreamTimeout or Upstream.  Its time-outs are per step: whoever
    calls it other than with :func:`post` gives the whole call a budget.
    """
    pool = httpcore.AsyncConnectionPool(
        ssl_context=verify or httpx.create_ssl_context(trust_env=False),
        max_connections=connections,
        keepalive_expiry=5.0,
        network_backend=_GuardedBackend(guard, ask),
    )
    return httpx.AsyncClient(
        transport=_Transport(guard, pool, body_bytes),
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
        follow_redirects=False,
        trust_env=False,
    )


async def post(
    client: httpx.AsyncClient,
    uri: str,
    content: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    budget: float = BUDGET_SECONDS,
) -> int:
    """Send and return the status; the body is dropped.  Ends after ``budget`` seconds at most.

    Once there is a status the call has happened: a body that never ends, or is cut off, does not
    turn it into a failure, which would be sent again.
    """
    status: int | None = None
    try:
        async with asyncio.timeout(budget):
            async with client.stream("POST", uri, content=content, headers=headers) as response:
                status = response.status_code
                async for _ in response.aiter_raw():
                    pass  # read to its end so that the connection can serve again
                return status
    except httpx.InvalidURL:
        raise ForbiddenAddress(NO_HOST.text) from None
    except (TimeoutError, Upstream) as error:
        if status is not None:
            return status
        if isinstance(error, Upstream):
            raise
        raise UpstreamTimeout(_SILENT, where=httpx.URL(uri).host) from None
