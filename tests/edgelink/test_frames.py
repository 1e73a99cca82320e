"""The frames of a line: what was packed comes out, and nonsense is refused."""

from __future__ import annotations

import random
import struct

import pytest

from apps.edgelink import frames
from apps.edgelink.frames import AnswerHead, Frame, Kind, Malformed, RequestHead

HEAD = RequestHead(
    "POST",
    "/lcmcontroller/v1/tenants/%C3%A9?a=1&b=%20",
    ((b"Authorization", b"Bearer x"), (b"x-name", "caf\xe9".encode("latin-1")), (b"x-name", b"")),
)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("number", [0, 1, 2**32 - 1])
def test_frame_comes_out_as_it_went_in(kind, number):
    payload = {Kind.DATA: b"\x00\xff" * 9, Kind.CREDIT: frames.pack_credit(7)}.get(kind, b"")
    frame = Frame(kind, number, payload)
    assert frames.decode(frames.encode(frame)) == frame


def test_heads_come_out_as_they_went_in():
    assert frames.unpack_request(frames.pack_request(HEAD)) == HEAD
    answer = AnswerHead(404, HEAD.headers)
    assert frames.unpack_answer(frames.pack_answer(answer)) == answer
    assert frames.unpack_credit(frames.pack_credit(2**32 - 1)) == 2**32 - 1


@pytest.mark.parametrize("seed", range(20))
def test_interleaved_bodies_come_out_whole_and_apart(seed):
    """However the frames of several exchanges mix, each body arrives as it was sent."""
    chance = random.Random(seed)
    bodies = {
        number: chance.randbytes(chance.choice([0, 1, frames.PIECE, frames.PIECE * 3 + 17]))
        for number in range(1, chance.randint(2, 9))
    }
    waiting = {number: frames.pieces(body) for number, body in bodies.items()}
    arrived = dict.fromkeys(bodies, b"")
    while waiting:
        number = chance.choice(list(waiting))
        if not waiting[number]:
            del waiting[number]
            continue
        message = frames.encode(Frame(Kind.DATA, number, waiting[number].pop(0)))
        frame = frames.decode(message)
        arrived[frame.number] += frame.payload
    assert arrived == bodies


@pytest.mark.parametrize("size", [0, 1, frames.PIECE, frames.PIECE + 1, frames.PIECE * 2])
def test_pieces_are_the_body_and_fit_a_frame(size):
    body = random.Random(size).randbytes(size)
    cut = frames.pieces(body)
    assert b"".join(cut) == body
    assert all(0 < len(piece) <= frames.PIECE for piece in cut)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        "text",
        struct.pack("!BI", 0, 1),
        struct.pack("!BI", 9, 1),
        struct.pack("!BI", Kind.END, 1) + b"x",
        struct.pack("!BI", Kind.CREDIT, 1) + b"12345",
        struct.pack("!BI", Kind.OPEN, 1) + b"x" * (frames.MOST_HEAD + 1),
        struct.pack("!BI", Kind.DATA, 1) + b"x" * (frames.MOST_PIECE + 1),
    ],
)
def test_what_is_no_frame_is_refused(message):
    with pytest.raises(Malformed):
        frames.decode(message)


def test_frame_that_carries_too_much_is_not_made():
    with pytest.raises(Malformed):
        frames.encode(Frame(Kind.DATA, 1, b"x" * (frames.MOST_PIECE + 1)))


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{", b"\xff", b"null", b"[]", b'["GET"]', b'["GET","/",{}]', b'[1,"/",[]]',
        b'["GET","/",[["a"]]]', b'["GET","/",[["a",1]]]', b'["GET","/",[["a","b\\r\\nc: d"]]]',
        b'["GET","/",[["a\\n","b"]]]', '["GET","/",[["a","\u4e2d"]]]'.encode(),
    ],
)
def test_what_is_no_head_of_a_request_is_refused(payload):
    with pytest.raises(Malformed):
        frames.unpack_request(payload)


@pytest.mark.parametrize(
    "payload", [b"[]", b"200", b'["200",[]]', b"[99,[]]", b"[101,[]]", b"[600,[]]", b"[200,{}]"]
)
def test_what_is_no_head_of_an_answer_is_refused(payload):
    with pytest.raises(Malformed):
        frames.unpack_answer(payload)


@pytest.mark.parametrize("payload", [b"", b"123", b"12345"])
def test_what_is_no_credit_is_refused(payload):
    with pytest.raises(Malformed):
        frames.unpack_credit(payload)


@pytest.mark.parametrize("seed", range(50))
def test_random_bytes_are_refused_or_read_but_never_anything_else(seed):
    chance = random.Random(seed)
    for _ in range(200):
        message = chance.randbytes(chance.randint(0, 40))
        try:
            frame = frames.decode(message)
            for unpack in (frames.unpack_request, frames.unpack_answer, frames.unpack_credit):
                unpack(frame.payload)
        except Malformed:
            continue
