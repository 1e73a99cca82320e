"""Signs requests as mep-auth wants them: SDK-HMAC-SHA256, one stage, three signed headers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote_plus, unquote, urlsplit

ALGORITHM = "SDK-HMAC-SHA256"
DATE_HEADER = "x-sdk-date"
CONTENT_TYPE = "application/json"


def signed_headers(
    *, method: str, url: str, host: str, ak: str, sk: str, moment: datetime, body: bytes = b""
) -> dict[str, str]:
    """The headers of a signed request; ``host`` is what the server will read as its Host header."""
    date = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": CONTENT_TYPE, "host": host, DATE_HEADER: date}
    request = canonical_request(method=method, url=url, headers=headers, body=body)
    proof = signature(sk, string_to_sign(date, request))
    names = signed_names(headers)
    headers["authorization"] = f"{ALGORITHM} Access={ak}, SignedHeaders={names}, Signature={proof}"
    return headers


def canonical_request(*, method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """The one spelling of a request that both sides compute."""
    parts = urlsplit(url)
    lines = sorted(f"{name.lower()}:{value.strip()}\n" for name, value in headers.items())
    return "\n".join(
        [
            method.upper(),
            canonical_path(parts.path),
            canonical_query(parts.query),
            "".join(lines),
            signed_names(headers),
            hashlib.sha256(body).hexdigest(),
        ]
    )


def canonical_path(path: str) -> str:
    """Each segment escaped, dots and empty ones dropped, with a slash at both ends."""
    segments = [unquote(part) for part in path.split("/")]
    kept = [quote_plus(part) for part in segments if part not in ("", ".", "..")]
    return "/" + "".join(f"{part}/" for part in kept)


def canonical_query(query: str) -> str:
    """The parameters escaped and in order; empty when there are none."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(sorted(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs))


def signed_names(headers: Mapping[str, str]) -> str:
    """The names of the headers under the signature, as the Authorization header has them."""
    return ";".join(sorted(name.lower() for name in headers))


def string_to_sign(date: str, request: str) -> str:
    """What the key is applied to."""
    return f"{ALGORITHM}\n{date}\n{hashlib.sha256(request.encode()).hexdigest()}"


def signature(sk: str, text: str) -> str:
    """The proof, in 64 hex digits, that whoever wrote ``text`` has the key."""
    return hmac.new(sk.encode(), text.encode(), hashlib.sha256).hexdigest()
