"""Calls to addresses that others give us: what is refused, and where a call really ends up."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from contextlib import asynccontextmanager

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.common import outward
from apps.common.errors import Upstream, UpstreamTimeout
from apps.common.guard import Guard
from apps.common.outward import ForbiddenAddress

CLOSED = Guard()
LOOPBACK = Guard.from_text("127.0.0.0/8, ::1")
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def names(**known):
    """A resolver that knows these names; a list of lists answers differently each time."""

    async def ask(host, port):
        answers = known[host.replace(".", "_")]
        return answers.pop(0) if isinstance(answers[0], list) else answers

    return ask


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%eth0"],
        ["169.254.169.254"],
    ],
)
def test_name_with_any_forbidden_answer_is_refused(answers):
    with pytest.raises(ForbiddenAddress) as caught:
        asyncio.run(outward.resolve(CLOSED, "cb.example", 80, names(cb_example=answers)))
    assert (caught.value.code, caught.value.retryable) == ("forbidden_address", False)
    assert answers[-1] not in str(caught.value), "inner addresses are not told"


def test_name_with_public_answers_is_connected_to_just_those():
    answers = ["8.8.8.8", "2001:4860:4860::8888"]
    found = asyncio.run(outward.resolve(CLOSED, "cb.example", 80, names(cb_example=answers)))
    assert [str(address) for address in found] == answers


@pytest.mark.parametrize(
    "host", ["0177.0.0.1", "127.1", "0x7f000001", "::ffff:7f00:1", "localhost."]
)
def test_addresses_in_disguise_are_not_names(host):
    with pytest.raises(ForbiddenAddress):
        asyncio.run(outward.resolve(CLOSED, host, 80, unknown))


async def unknown(host, port):
    """A resolver that knows nothing."""
    raise OSError("Name or service not known")


async def nobody(host, port):
    """A resolver that knows the name, but no address of it."""
    return []


def test_localhost_is_not_asked_for_and_only_its_allowed_address_is_called():
    only_6 = Guard.from_text("::1")
    found = asyncio.run(outward.resolve(only_6, "localhost", 80, unknown))
    assert [str(address) for address in found] == ["::1"]


@pytest.mark.parametrize("ask", [unknown, nobody])
def test_name_without_address_is_unreachable_and_may_be_tried_again(ask):
    with pytest.raises(Upstream) as caught:
        asyncio.run(outward.resolve(CLOSED, "cb.example", 80, ask))
    assert (caught.value.code, caught.value.retryable) == ("unreachable", True)


class Server:
    """A server on loopback that keeps what it was sent and writes what it is told to."""

    def __init__(self, *parts, pause=0.0, repeat=1):
        self.parts = parts
        self.pause = pause
        self.repeat = repeat
        self.seen = []
        self.written = 0
        self.port = 0

    async def serve(self, reader, writer):
        """Answer every request of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (
                        int(line[15:])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length:")
                    ),
                    0,
                )
                self.seen.append((head.decode(), await reader.readexactly(length)))
                await self._write(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _write(self, writer):
        for part in self.parts:
            for _ in range(self.repeat if part is self.parts[-1] else 1):
                writer.write(part)
                await writer.drain()
                self.written += len(part)
                await asyncio.sleep(self.pause)

    @asynccontextmanager
    async def on(self, host="127.0.0.1", port=0, tls=None):
        """Listen while the block runs."""
        server = await asyncio.start_server(self.serve, host, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()


def test_server_on_loopback_is_reached_only_when_loopback_is_allowed():
    async def story():
        async with Server(OK).on() as server:
            uri = f"http://127.0.0.1:{server.port}/cb?a=b"
            async with outward.async_client(CLOSED) as client:
                with pytest.raises(ForbiddenAddress):
                    await outward.post(client, uri, b"{}")
            assert server.seen == []
            async with outward.async_client(LOOPBACK) as client:
                status = await outward.post(client, uri, b"{}", {"Content-Type": "text/x"})
            return status, server.seen[0]

    status, (head, body) = asyncio.run(story())
    assert (status, body) == (204, b"{}")
    assert head.startswith("POST /cb?a=b HTTP/1.1\r\n")
    assert "Content-Type: text/x" in head


def test_connection_goes_to_the_address_that_was_checked_and_a_changed_name_is_refused():
    guard = Guard.from_text("127.0.0.2")

    async def story():
        ask = names(cb_example=[["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"]])
        wanted, victim = Server(OK), Server(OK)
        async with wanted.on("127.0.0.2"), victim.on("127.0.0.1", wanted.port):
            uri = f"http://cb.example:{wanted.port}/"
            async with outward.async_client(guard, ask=ask) as client:
                assert await outward.post(client, uri, b"first") == 204
            async with outward.async_client(guard, ask=ask) as client:
                with pytest.raises(ForbiddenAddress):
                    await outward.post(client, uri, b"second")
        return wanted, victim

    wanted, victim = asyncio.run(story())
    assert [body for _, body in wanted.seen] == [b"first"]
    assert f"Host: cb.example:{wanted.port}" in wanted.seen[0][0], "the name stays in the request"
    assert victim.seen == []


def test_second_address_is_tried_when_nobody_listens_on_the_first():
    async def story():
        ask = names(cb_example=["127.0.0.3", "127.0.0.1"])
        async with (
            Server(OK).on() as server,
            outward.async_client(LOOPBACK, ask=ask) as client,
        ):
            return await outward.post(client, f"http://cb.example:{server.port}/", b"")

    assert asyncio.run(story()) == 204


def test_redirect_is_not_followed():
    async def story():
        async with Server(OK).on() as victim:
            away = f"HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:{victim.port}/\r\n"
            async with (
                Server(away.encode() + b"Content-Length: 0\r\n\r\n").on() as server,
                outward.async_client(LOOPBACK) as client,
            ):
                status = await outward.post(client, f"http://127.0.0.1:{server.port}/", b"x")
            return status, victim.seen

    assert asyncio.run(story()) == (307, [])


def test_proxies_of_the_environment_are_ignored(monkeypatch):
    async def story():
        async with Server(OK).on() as server, Server(OK).on() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with outward.async_client(LOOPBACK) as client:
                await outward.post(client, f"http://127.0.0.1:{server.port}/", b"")
            return len(server.seen), len(proxy.seen)

    assert asyncio.run(story()) == (1, 0)


def post_to(server, *, budget=5.0, **options):
    """What a post to this server comes to, with a budget."""

    async def story():
        async with (
            server.on(),
            outward.async_client(LOOPBACK, **options) as client,
        ):
            uri = f"http://127.0.0.1:{server.port}/"
            return await outward.post(client, uri, b"{}", budget=budget)

    return asyncio.run(story())


def test_server_that_drips_its_header_is_left_when_the_budget_is_spent():
    dripping = Server(b"HTTP/1.1 200 OK\r\nX: ", b"y", pause=0.02, repeat=1000)
    with pytest.raises(UpstreamTimeout) as caught:
        post_to(dripping, budget=0.3)
    assert caught.value.retryable
    assert dripping.written < 100


def test_server_that_drips_its_body_has_answered_and_is_left_too():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    dripping = Server(head, b"y", pause=0.02, repeat=1000)
    assert post_to(dripping, budget=0.3) == 200
    assert dripping.written < 200


def test_silent_server_is_left_after_the_time_for_one_step():
    with pytest.raises(UpstreamTimeout):
        post_to(Server(b"", pause=3.0), read_seconds=0.1)


def test_answer_without_end_is_read_only_in_part():
    endless = Server(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10000\r\n" + b"y" * 65536 + b"\r\n",
        repeat=10_000,
    )
    assert post_to(endless) == 200
    assert endless.written < 100 * 65536


def test_whoever_wants_the_body_gets_no_more_than_the_limit():
    async def story(limit):
        answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody"
        async with (
            Server(answer).on() as server,
            outward.async_client(LOOPBACK, body_bytes=limit) as client,
        ):
            return (await client.get(f"http://127.0.0.1:{server.port}/")).text

    assert asyncio.run(story(4)) == "body", "and nothing is unpacked"
    with pytest.raises(Upstream) as caught:
        asyncio.run(story(3))
    assert caught.value.code == "answer_too_large"


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 "])
def test_what_does_not_speak_http_is_unreachable(answer):
    class Hangs(Server):
        async def _write(self, writer):
            writer.write(answer)
            writer.close()

    with pytest.raises(Upstream) as caught:
        post_to(Hangs())
    assert (caught.value.code, caught.value.retryable) == ("unreachable", True)


def test_closed_port_is_unreachable():
    async def story():
        async with Server(OK).on() as server:
            port = server.port
        async with outward.async_client(LOOPBACK) as client:
            await outward.post(client, f"http://127.0.0.1:{port}/", b"")

    with pytest.raises(Upstream) as caught:
        asyncio.run(story())
    assert caught.value.code == "unreachable"


def test_name_server_that_is_silent_ends_with_the_time_to_connect():
    async def never(host, port):
        await asyncio.sleep(30)

    async def story():
        async with outward.async_client(LOOPBACK, ask=never, connect_seconds=0.1) as client:
            await outward.post(client, "http://cb.example/", b"")

    with pytest.raises(UpstreamTimeout):
        asyncio.run(story())


@pytest.mark.parametrize("uri", ["http://a b/", "ftp://x/", "http://u:p@cb.example/", "nothing"])
def test_address_that_was_never_checked_is_refused_when_it_is_called(uri):
    async def story():
        async with outward.async_client(LOOPBACK, ask=names(cb_example=["127.0.0.1"])) as client:
            await outward.post(client, uri, b"")

    with pytest.raises(ForbiddenAddress):
        asyncio.run(story())


def test_long_path_that_the_client_writes_longer_is_still_sent():
    async def story():
        async with Server(OK).on() as server, outward.async_client(LOOPBACK) as client:
            uri = f"http://127.0.0.1:{server.port}/" + "[" * 2000
            assert LOOPBACK.check(uri) is None
            return await outward.post(client, uri, b"")

    assert asyncio.run(story()) == 204


def certificate(folder, name):
    """A certificate for one name, signed by itself: the file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(("host", "outcome"), [("cb.example", 204), ("other.example", None)])
def test_tls_verifies_the_name_although_the_connection_goes_to_an_address(tmp_path, host, outcome):
    file = certificate(tmp_path, "cb.example")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    ask = names(cb_example=["127.0.0.1"], other_example=["127.0.0.1"])
    trust = ssl.create_default_context(cafile=file)

    async def story():
        async with (
            Server(OK).on(tls=tls) as server,
            outward.async_client(LOOPBACK, ask=ask, verify=trust) as client,
        ):
            return await outward.post(client, f"https://{host}:{server.port}/", b"")

    if outcome:
        assert asyncio.run(story()) == outcome
        return
    with pytest.raises(Upstream) as caught:
        asyncio.run(story())
    assert "ertificate" in str(caught.value)


def test_system_resolver_is_asked_for_names(monkeypatch):
    found = asyncio.run(outward.ask_system("localhost", 80))
    assert found
    assert all(ipaddress.ip_address(address).is_loopback for address in found)


def test_client_waits_for_bounded_times():
    client = outward.async_client(CLOSED)
    assert isinstance(client, httpx.AsyncClient)
    assert client.timeout.connect == outward.CONNECT_SECONDS
    assert client.timeout.read == outward.READ_SECONDS
    assert not client.follow_redirects
    assert not client.trust_env
