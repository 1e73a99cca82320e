"""What travels on a line that an edge opened: HTTP messages in frames, many at once.  No I/O.

One message of the websocket is one frame: a byte of kind, four of the exchange's number, and what
that kind carries.  The center opens exchanges and the edge answers them:

    OPEN    →   method, target and headers of a request
    HEAD     ←  status and headers of its answer
    DATA    ↔   a piece of a body
    END     ↔   the body is whole
    CREDIT  ↔   so many more bytes may come
    CANCEL  ↔   nothing more of this exchange is wanted, or can come
    PING    ↔   is anybody there?  PONG says yes

Whoever sends a body may have ``WINDOW`` bytes under way that were not read on the other side, so
that a large file neither fills memory nor keeps small messages waiting.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum

SUBPROTOCOL = "mecm.link.v1"
PIECE = 64 * 1024  # of a body, as we send it
MOST_PIECE = 256 * 1024  # as we take it
WINDOW = 512 * 1024
MOST_HEAD = 64 * 1024
_PREFIX = struct.Struct("!BI")
_CREDIT = struct.Struct("!I")
MOST_MESSAGE = _PREFIX.size + MOST_PIECE

Headers = tuple[tuple[bytes, bytes], ...]


class Malformed(ValueError):
    """The other side does not speak as agreed."""


class Kind(IntEnum):
    """What a frame is for."""

    OPEN = 1
    HEAD = 2
    DATA = 3
    END = 4
    CREDIT = 5
    CANCEL = 6
    PING = 7
    PONG = 8


_MOST = {
    Kind.OPEN: MOST_HEAD,
    Kind.HEAD: MOST_HEAD,
    Kind.DATA: MOST_PIECE,
    Kind.CREDIT: _CREDIT.size,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; ``number`` is that of its exchange, 0 for the line itself."""

    kind: Kind
    number: int = 0
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request; ``target`` is path and query as they stand on the wire."""

    method: str
    target: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """The head of an answer."""

    status: int
    headers: Headers


def encode(frame: Frame) -> bytes:
    """The frame as one message; Malformed when it carries more than its kind may."""
    if len(frame.payload) > _MOST.get(frame.kind, 0):
        raise Malformed(f"{len(frame.payload)} bytes are too many for {frame.kind.name}")
    return _PREFIX.pack(frame.kind, frame.number) + frame.payload


def decode(message: bytes | str) -> Frame:
    """The frame in a message; raises Malformed."""
    if isinstance(message, str) or len(message) < _PREFIX.size:
        raise Malformed("not a frame")
    kind, number = _PREFIX.unpack_from(message)
    payload = bytes(message[_PREFIX.size :])
    if kind not in Kind.__members__.values():
        raise Malformed(f"frame of unknown kind {kind}")
    if len(payload) > _MOST.get(Kind(kind), 0):
        raise Malformed(f"{len(payload)} bytes are too many for {Kind(kind).name}")
    return Frame(Kind(kind), number, payload)


def pack_request(head: RequestHead) -> bytes:
    """What OPEN carries."""
    return _packed([head.method, head.target, _texts(head.headers)])


def unpack_request(payload: bytes) -> RequestHead:
    """The request that OPEN announces; raises Malformed."""
    match _unpacked(payload):
        case [str(method), str(target), list(lines)]:
            return RequestHead(method, target, _headers(lines))
    raise Malformed("not the head of a request")


def pack_answer(head: AnswerHead) -> bytes:
    """What HEAD carries."""
    return _packed([head.status, _texts(head.headers)])


def unpack_answer(payload: bytes) -> AnswerHead:
    """The answer that HEAD begins; raises Malformed."""
    match _unpacked(payload):
        case [int(status), list(lines)] if 200 <= status <= 599:
            return AnswerHead(status, _headers(lines))
    raise Malformed("not the head of an answer")


def pack_credit(size: int) -> bytes:
    """What CREDIT carries: how many bytes more may come."""
    return _CREDIT.pack(size)


def unpack_credit(payload: bytes) -> int:
    """How many bytes more may be sent; raises Malformed."""
    if len(payload) != _CREDIT.size:
        raise Malformed("not a credit")
    size: int = _CREDIT.unpack(payload)[0]
    return size


def pieces(body: bytes) -> list[bytes]:
    """The body in pieces that fit a frame each."""
    return [body[start : start + PIECE] for start in range(0, len(body), PIECE)]


def _packed(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _unpacked(payload: bytes) -> object:
    try:
        found: object = json.loads(payload)
    except ValueError:
        raise Malformed("the head of a message is not JSON") from None
    return found


def _texts(headers: Headers) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _headers(lines: list[object]) -> Headers:
    found = []
    for line in lines:
        match line:
            case [str(name), str(value)]:
                found.append((_field(name), _field(value)))
            case _:
                raise Malformed("not a header")
    return tuple(found)


def _field(text: str) -> bytes:
    """One side of a header; a line break in it would begin another header."""
    try:
        field = text.encode("latin-1")
    except UnicodeEncodeError:
        raise Malformed("a header outside Latin-1") from None
    if any(byte in field for byte in b"\r\n\0"):
        raise Malformed("a line break in a header")
    return field
