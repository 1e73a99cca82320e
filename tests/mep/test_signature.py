"""The signature of the first token request: the published vector, and what breaks it."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from apps.mep import signature as sign
from apps.mep.signature import Message, Signed, Stale, WrongSignature

ACCESS_KEY = "ABCDEFGHIJ0123456789"
SECRET_KEY = "0123456789abcdef" * 4
DATE = "20210625T100000Z"
AT = datetime(2021, 6, 25, 10, tzinfo=UTC)
SIGNATURE = "7efe262bf59474c14b31ec92284b3310b0272fdd8455370cd88747c14ac480ab"
THREE = ("content-type", "host", "x-sdk-date")
LIST = "content-type;host;x-sdk-date"
HEADERS = (
    ("Content-Type", "application/json"),
    ("Host", "mep.example:8443"),
    ("X-Sdk-Date", DATE),
)
VECTOR = Message("POST", "/mep/token", HEADERS)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def authorization(access_key=ACCESS_KEY, headers=LIST, signature=SIGNATURE):
    """The header as the original clients write it."""
    return f"SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={headers}, Signature={signature}"


def signed(message, names=THREE, secret=SECRET_KEY, date=DATE):
    """What a client with the key says about this message."""
    request = sign.canonical_request(message, names)
    return Signed(ACCESS_KEY, tuple(names), sign.signature(secret, date, request))


def changed(header, value):
    """The headers of the vector with another value of one of them."""
    return tuple((key, value if key == header else old) for key, old in HEADERS)


def test_published_vector():
    request = sign.canonical_request(VECTOR, THREE)
    assert request == (
        "POST\n/mep/token/\n\ncontent-type:application/json\nhost:mep.example:8443\n"
        f"x-sdk-date:{DATE}\n\ncontent-type;host;x-sdk-date\n{EMPTY}"
    )
    digest = "d83e6bc92d2aef9e439ceafe0faea8abd2fa17678099f0b33fb6b28144ba2468"
    assert hashlib.sha256(request.encode()).hexdigest() == digest
    assert sign.signature(SECRET_KEY, DATE, request) == SIGNATURE


def test_vector_verifies_and_names_its_one_use():
    said = sign.parse_authorization(authorization())
    assert said == Signed(ACCESS_KEY, THREE, SIGNATURE)
    nonce = sign.verify(said, SECRET_KEY, VECTOR, AT)
    assert nonce == f"{ACCESS_KEY}:{DATE}:{SIGNATURE}"
    assert sign.verify(said, SECRET_KEY, VECTOR, AT + timedelta(minutes=1)) == nonce


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer abc",
        "SDK-HMAC-SHA256",
        authorization().replace("SDK-HMAC-SHA256", "AWS4-HMAC-SHA256"),
        authorization().replace("SDK-HMAC-SHA256", "sdk-hmac-sha256"),
        authorization(access_key=ACCESS_KEY[:-1]),
        authorization(access_key=ACCESS_KEY + "0"),
        authorization(access_key="ABCDEFGHIJ012345678 "),
        authorization(access_key="ABCDEFGHIJ012345678é"),
        authorization(headers=""),
        authorization(headers="content-type;;host;x-sdk-date"),
        authorization(headers="Content-Type;Host;X-Sdk-Date"),
        authorization(headers="content-type;host"),
        authorization(headers="content-type;x-sdk-date"),
        authorization(headers="host;host;x-sdk-date"),
        authorization(headers="content-type;host;x-sdk-date;"),
        authorization(headers="a;" * 200 + "host;x-sdk-date"),
        authorization(signature=SIGNATURE[:-1]),
        authorization(signature=SIGNATURE + "0"),
        authorization(signature=SIGNATURE.upper()),
        authorization(signature="g" * 64),
        authorization() + ", Extra=1",
        authorization() + "\nX: y",
        authorization().replace(", Signature", "; Signature"),
        "x" * 100_000,
    ],
)
def test_malformed_header_is_told_apart_from_a_wrong_signature(text):
    with pytest.raises(ValueError, match=r"form|twice|signed"):
        sign.parse_authorization(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (authorization().replace(", ", ","), THREE),
        ("  " + authorization() + " ", THREE),
        (authorization(headers="x-sdk-date;host"), ("host", "x-sdk-date")),
        (authorization(access_key="abcdefghijklm_+/012="), THREE),
    ],
)
def test_other_spellings_of_a_header_are_understood(text, names):
    assert sign.parse_authorization(text).signed_headers == names


@pytest.mark.parametrize(
    "difference",
    [
        {"method": "PUT"},
        {"path": "/mep/tokens"},
        {"query": (("a", "b"),)},
        {"body": b"{}"},
        {"headers": changed("Host", "mep.example")},
        {"headers": changed("Host", "mep.example:443")},
        {"headers": changed("Content-Type", "text/plain")},
        {"headers": changed("X-Sdk-Date", "20210625T100001Z")},
        {"headers": (*HEADERS, ("host", "other.example"))},
    ],
)
def test_whatever_is_changed_on_the_way_breaks_the_signature(difference):
    said = sign.parse_authorization(authorization())
    with pytest.raises(WrongSignature):
        sign.verify(said, SECRET_KEY, dataclasses.replace(VECTOR, **difference), AT)


def test_key_of_somebody_else_or_a_guessed_signature_is_wrong():
    with pytest.raises(WrongSignature):
        sign.verify(signed(VECTOR), SECRET_KEY[::-1], VECTOR, AT)
    with pytest.raises(WrongSignature):
        sign.verify(Signed(ACCESS_KEY, THREE, "0" * 64), SECRET_KEY, VECTOR, AT)


@pytest.mark.parametrize(
    "difference",
    [
        {"path": "mep//token/"},
        {"path": "/./mep/../token"},
        {"method": "post"},
        {"headers": changed("Content-Type", "  application/json \t")},
        {"headers": tuple(reversed(HEADERS))},
        {"headers": (*HEADERS, ("X-Forwarded-For", "10.0.0.1"))},
    ],
)
def test_what_both_sides_write_alike_does_not(difference):
    message = dataclasses.replace(VECTOR, **difference)
    said = sign.parse_authorization(authorization())
    assert sign.verify(said, SECRET_KEY, message, AT).endswith(SIGNATURE)


def test_query_and_path_are_escaped_and_sorted():
    message = Message(
        "GET",
        "/a b/c+d/ü/~x_.-/",
        (("host", "h"), ("x-sdk-date", DATE)),
        query=(("z", "1"), ("a", "x y"), ("a", "=&"), ("é", ""), ("Z", "*")),
    )
    lines = sign.canonical_request(message, ("x-sdk-date", "host")).split("\n")
    assert lines[1] == "/a+b/c%2Bd/%C3%BC/~x_.-/"
    assert lines[2] == "%C3%A9=&Z=%2A&a=%3D%26&a=x+y&z=1"
    assert lines[3:7] == ["host:h", f"x-sdk-date:{DATE}", "", "host;x-sdk-date"]


def test_root_and_repeated_headers():
    headers = (("host", "h"), ("X-Tag", " b "), ("x-sdk-date", DATE), ("x-tag", "a"))
    lines = sign.canonical_request(Message("GET", "/", headers), ("host", "x-tag")).split("\n")
    assert lines[1] == "/"
    assert lines[4] == "x-tag:a,b"


@pytest.mark.parametrize(("minutes", "fresh"), [(15, True), (-15, True), (15.1, False)])
def test_date_counts_for_fifteen_minutes_each_way(minutes, fresh):
    said = signed(VECTOR)
    for sign_of in (1, -1):
        now = AT + sign_of * timedelta(minutes=minutes)
        if fresh:
            assert sign.verify(said, SECRET_KEY, VECTOR, now)
            continue
        with pytest.raises(Stale):
            sign.verify(said, SECRET_KEY, VECTOR, now)


def test_wrong_signature_with_an_old_date_is_a_wrong_signature():
    with pytest.raises(WrongSignature):
        sign.verify(signed(VECTOR), "other", VECTOR, AT + timedelta(days=1))


@pytest.mark.parametrize(
    "headers",
    [
        HEADERS[:2],
        (*HEADERS, ("x-sdk-date", DATE)),
        changed("X-Sdk-Date", ""),
        changed("X-Sdk-Date", "2021-06-25T10:00:00Z"),
        changed("X-Sdk-Date", "20210625T100000"),
        changed("X-Sdk-Date", "20211325T100000Z"),
        changed("X-Sdk-Date", "20210625T100000+0000"),
        changed("X-Sdk-Date", "２０２１0625T100000Z"),
        HEADERS[1:],
    ],
)
def test_missing_header_or_date_of_another_form_is_malformed(headers):
    message = dataclasses.replace(VECTOR, headers=headers)
    with pytest.raises(ValueError, match=r"needed|missing|does not match"):
        sign.verify(sign.parse_authorization(authorization()), SECRET_KEY, message, AT)


def test_nonce_outlives_the_longest_life_of_a_request():
    assert timedelta(seconds=sign.NONCE_SECONDS) >= 2 * sign.WINDOW
