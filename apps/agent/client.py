"""Talks to the MEP: has the token, stays on its host, turns every answer into plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from apps.agent import signing
from apps.agent.pace import Pace
from apps.agent.settings import Settings
from apps.agent.tokens import NoToken, Token, Tokens
from apps.agent.voice import Voice

SECONDS = 5.0
MOST_BYTES = 2_000_000
_FIELDS = 3
TOKEN_PATH = "/mep/token"
SERVICES = "/mep/mec_service_mgmt/v1"
SUPPORT = "/mep/mec_app_support/v1"


class Unreachable(Exception):
    """No answer came; says why.  Whether the request had its effect is not known."""


@dataclass(frozen=True)
class Answer:
    """What the MEP answered; ``body`` is None when it is no JSON."""

    status: int
    body: Any = None
    location: str = ""
    wait: float = 0.0  # Retry-After in seconds

    @property
    def fine(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300

    def member(self, *names: str) -> Any:
        """The value at the end of a path of names, None where there is none."""
        value = self.body
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def items(self) -> list[dict[str, Any]]:
        """The objects of a list."""
        body = self.body if isinstance(self.body, list) else []
        return [item for item in body if isinstance(item, dict)]

    def __str__(self) -> str:
        """For people: the status and what the problem document says."""
        words = [self.member(name) for name in ("title", "detail")]
        fields = self.member("errors")
        if isinstance(fields, dict):  # which member is wrong, where the MEP says so
            words += [f"{name}: {why}" for name, why in list(fields.items())[:_FIELDS]]
        told = ": ".join(word for word in words if isinstance(word, str) and word)
        return f"{self.status} {told}".strip()


@dataclass
class Contact:
    """Whether the MEP can be reached; each change is said once."""

    voice: Voice
    where: str
    fault: str | None = field(default=None, init=False)

    def lost(self, why: str) -> None:
        """No answer came."""
        if self.fault is None:
            self.voice.say(f"the MEP at {self.where} cannot be reached ({why}); trying on")
        self.fault = why

    def made(self) -> None:
        """An answer came, whatever it says."""
        if self.fault is not None:
            self.voice.say(f"the MEP at {self.where} answers")
        self.fault = None


class MepClient:
    """One application instance's connection to its MEP.  ``tokens.run`` must be running."""

    def __init__(
        self,
        settings: Settings,
        *,
        pace: Pace,
        voice: Voice,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._pace = pace
        self._voice = voice
        self._http = httpx.AsyncClient(
            transport=transport,
            verify=settings.tls(),
            timeout=SECONDS,
            trust_env=False,  # the MEP is next door, and a token has no business with a proxy
            headers={"Accept-Encoding": "identity", "User-Agent": "mep-agent"},
        )
        self._extensions = {"sni_hostname": settings.tls_name} if settings.tls_name else {}
        self.contact = Contact(voice, settings.base_url)
        self.tokens = Tokens(fetch=self._fetch_token, pace=pace, say=voice.say)

    def own(self, api: str, *parts: str) -> str:
        """The path of something below this application instance."""
        names = [quote(part, safe="") for part in (self._settings.app_instance_id, *parts)]
        return f"{api}/applications/{'/'.join(names)}"

    async def call(
        self, method: str, link: str, body: Any = None, *, seconds: float = SECONDS
    ) -> Answer:
        """The MEP's answer; waits for a token and renews it once.  Raises Unreachable.

        ``link`` may be the server's: only its path is used, so that no other host sees the token.
        """
        token = await self.tokens.get()
        answer = await self._with(token, method, link, body, seconds)
        if answer.status == httpx.codes.UNAUTHORIZED:
            self.tokens.refuse(token)
            answer = await self._with(await self.tokens.get(), method, link, body, seconds)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _with(
        self, token: Token, method: str, link: str, body: Any, seconds: float
    ) -> Answer:
        headers = {
            "Authorization": f"Bearer {token.value}",
            "X-AppInstanceId": self._settings.app_instance_id,
        }
        content = b"" if body is None else json.dumps(body).encode()
        if content:
            headers["Content-Type"] = "application/json"
        return await self._send(method, path_of(link), headers, content, seconds)

    async def _send(
        self, method: str, path: str, headers: dict[str, str], content: bytes, seconds: float
    ) -> Answer:
        try:
            request = self._http.build_request(
                method,
                f"{self._settings.base_url}{path}",
                headers=headers,
                content=content,
                timeout=seconds,
                extensions=self._extensions,
            )
            try:
                answer = await self._exchange(request)
            except (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError):
                # Often a kept connection that the server closed just now.  A beat that waits for
                # its next turn is late; a POST may have had its effect and is not repeated here.
                if method == "POST":
                    raise
                answer = await self._exchange(request)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            why = str(error) or type(error).__name__
            self.contact.lost(why)
            raise Unreachable(why) from None
        self.contact.made()
        return answer

    async def _exchange(self, request: httpx.Request) -> Answer:
        response = await self._http.send(request, stream=True)
        try:
            raw = await _all_of(response)
        finally:
            await response.aclose()
        headers = response.headers
        wait = 0.0 if response.is_success else _seconds(headers.get("retry-after", ""))
        return Answer(response.status_code, _json(raw), headers.get("location", ""), wait)

    async def _fetch_token(self) -> Token:
        """Ask for a token with a signed request; raises NoToken."""
        url = f"{self._settings.base_url}{TOKEN_PATH}"
        headers = signing.signed_headers(
            method="POST",
            url=url,
            host=httpx.URL(url).netloc.decode(),
            ak=self._settings.ak,
            sk=self._settings.sk,
            moment=datetime.now(UTC),
        )
        self._voice.hide(headers["authorization"].rpartition("=")[2])
        born = self._pace.monotonic()
        try:
            answer = await self._send("POST", TOKEN_PATH, headers, b"", SECONDS)
        except Unreachable:
            raise NoToken("") from None  # said already
        if not answer.fine:
            raise NoToken(f"gets no token ({answer}); trying on", wait=answer.wait)
        token = _token(answer, born)
        self._voice.hide(token.value)
        return token


def path_of(link: str) -> str:
    """Path and query of a link that may be absolute; empty when it has none that begins with /."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    if not parts.path.startswith("/"):
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _seconds(text: str) -> float:
    """What a Retry-After asks for, as seconds or as a date; 0 for anything else."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _token(answer: Answer, born: float) -> Token:
    value, kind = answer.member("access_token"), answer.member("token_type") or "Bearer"
    lifetime = answer.member("expires_in")
    good = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    if not good or not value or not isinstance(kind, str):
        raise NoToken("gets no token (the answer has no usable access_token); trying on")
    if not isinstance(lifetime, int | float) or isinstance(lifetime, bool) or not lifetime > 0:
        raise NoToken("gets no token (the answer has no expires_in above 0); trying on")
    return Token(value, kind, born, float(lifetime))


async def _all_of(response: httpx.Response) -> bytes:
    """The body, unless it is larger than anything a MEP has to say."""
    raw = bytearray()
    async for piece in response.aiter_bytes():
        raw += piece
        if len(raw) > MOST_BYTES:
            raise httpx.ReadError("the answer is too large")
    return bytes(raw)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None
