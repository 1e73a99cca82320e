"""Log lines cannot be forged and tell no secret."""

from __future__ import annotations

import io
import logging
import sys
import time

import pytest
from django.conf import settings

from apps.common.logs import MASK, OneLineFormatter, masked, one_line

CANARY = "c4n4ry-0f-a-s3cr3t"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize("character", [
    "\n", "\r", "\r\n", "\0", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\x9b", "\u2028",
    "\u2029", "\u202e", "\u202a", "\u2066", "\u2069", "\u200f", "\u061c", "\ud800", "\udfff",
])
def test_character_that_ends_a_line_or_moves_a_terminal_is_written_out(character):
    line = one_line(f"before{character}after")
    assert line == "before" + "".join(f"\\x{ord(one):02x}" for one in character) + "after"
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    line.encode()


@pytest.mark.parametrize("text", ["plain", "a\tb", "定位服务 — “é” 🙂", "", "back\\slash \\n"])
def test_text_of_any_language_stays_as_it_is(text):
    assert one_line(text) == masked(text) == text


SECRET_TEXTS = [
    f"Authorization: Bearer {CANARY}", f"authorization: bearer   {CANARY}", f"Bearer {JWT}", JWT,
    "Basic Y2FuYXJ5OmNhbmFyeQ==",
    f"SDK-HMAC-SHA256 Access=AK, SignedHeaders=a;b, Signature={CANARY}",
    f"http://user:{CANARY}@host/x", f"http://{CANARY}@host", f"https://{CANARY}:x@host:1/y",
    f"http://h/x?token={CANARY}&a=1", f"http://h/?a=1&access_token={CANARY}",
    f"http://h/?X-Amz-Signature={CANARY}", f"http://h/?api_key={CANARY}", f"?apikey={CANARY}",
    f"http://h/?key={CANARY}", f"http://h/?sig={CANARY}", f"http://h/cb#access_token={CANARY}",
    f"http://h/?next=%2Fx%3Ftoken%3D{CANARY}", f"http://h/?a=b;auth={CANARY}",
    f'{{"secretKey": "{CANARY}"}}', f"{{'secretKey': '{CANARY}'}}", f"secret_key={CANARY}",
    f'{{\\"secretKey\\": \\"{CANARY}\\"}}', f'"password": "{CANARY} with blanks {CANARY}"',
    f"SK={CANARY}", f"sk: {CANARY}", f"refresh_token={CANARY}", f"client_secret={CANARY}",
    f"access-token: {CANARY}", f"passwd={CANARY}", f"X-Csrf-Token: {CANARY}",
    f"secret_key={CANARY}, other=1", f"token={CANARY} token={CANARY}",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_secret_is_masked_and_the_rest_is_left(text):
    found = masked(f"before {text} after")
    assert CANARY not in found
    assert JWT not in found
    assert "Y2FuYXJ5OmNhbmFyeQ" not in found
    assert MASK in found
    assert found.startswith("before ")
    assert found.endswith(" after")


@pytest.mark.parametrize("text", [
    "service “tokens 1.0” was registered", "http://host:8080/path?name=value&page=2",
    "the access token has expired", "the token endpoint is missing", "/mep/token 401",
    "user@example.com signed in",
    "tokenEndpoint is missing", "monkey=1", "the key of the map",
])
def test_text_without_a_secret_is_left_alone(text):
    assert masked(text) == text


def test_masking_takes_no_long_time_for_hostile_text():
    began = time.perf_counter()
    for text in ("://" * 20_000, "token=" * 10_000, "eyJ" * 20_000, "?" * 60_000, "a." * 30_000,
                 "secret\\\\\\\"'" * 5_000, "bearer " * 8_000):
        masked(text)
    assert time.perf_counter() - began < 2


# --- the formatter that the settings name --------------------------------------------------------
@pytest.fixture
def log():
    """A logger with the formatter of the settings, and what it has written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    about = dict(settings.LOGGING["formatters"]["line"])
    assert about.pop("()") == "apps.common.logs.OneLineFormatter"
    handler.setFormatter(OneLineFormatter(about["format"], about["datefmt"]))
    logger = logging.Logger("mecm.test")
    logger.addHandler(handler)
    logger.written = lambda: stream.getvalue().removesuffix("\n").split("\n")
    return logger


def test_message_is_one_line_whatever_is_in_it(log):
    log.warning("a %s b", "x\n12:00:00 INFO    forged\r\u2028\x1b[2J")
    (line,) = log.written()
    assert line.endswith("a x\\x0a12:00:00 INFO    forged\\x0d\\x2028\\x1b[2J b")


def test_stack_is_indented_line_by_line_and_tells_no_secret(log):
    try:
        raise ValueError(f"no\n12:00:00 INFO    forged\rthing http://u:{CANARY}@h?token={CANARY}")
    except ValueError:
        log.exception("it failed for %s", f"Bearer {CANARY}")
    first, *rest = log.written()
    assert "it failed for Bearer" in first
    assert len(rest) >= 4
    assert all(line.startswith("    ") for line in rest)
    assert CANARY not in "\n".join((first, *rest))
    assert any("forged\\x0dthing" in line for line in rest)


def test_stack_that_another_handler_has_written_before_is_masked_all_the_same(log):
    try:
        raise ValueError(f"token={CANARY}")
    except ValueError:
        record = log.makeRecord("x", logging.ERROR, "f", 1, "failed", (), exc_info=sys.exc_info())
    plain = logging.Formatter().format(record)
    assert CANARY in plain
    log.handle(record)
    assert CANARY not in "\n".join(log.written())
    assert CANARY in record.exc_text


def test_stack_of_a_record_from_elsewhere_and_one_without_an_exception_are_indented(log):
    record = log.makeRecord("x", logging.ERROR, "f", 1, "failed", (), None)
    record.exc_text = f"Traceback\nforged token={CANARY}"
    record.stack_info = f"Stack\npassword={CANARY}"
    log.handle(record)
    _, *rest = log.written()
    assert len(rest) == 4
    assert all(line.startswith("    ") for line in rest)
    assert CANARY not in "".join(rest)
