"""The signature, against the vector that EdgeGallery's own signer gives."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from apps.agent import signing
from tests.agent.fake_mep import AK, SK

URL = "https://mep.example:8443/mep/token"
HOST = "mep.example:8443"
SIGNATURE = "7efe262bf59474c14b31ec92284b3310b0272fdd8455370cd88747c14ac480ab"


def headers_at(moment):
    return signing.signed_headers(method="POST", url=URL, host=HOST, ak=AK, sk=SK, moment=moment)


def test_the_canonical_request_of_the_vector():
    headers = {
        "Host": HOST,
        "Content-Type": " application/json ",
        "X-Sdk-Date": "20210625T100000Z",
    }
    request = signing.canonical_request(method="post", url=URL, headers=headers, body=b"")
    assert (
        hashlib.sha256(request.encode()).hexdigest()
        == "d83e6bc92d2aef9e439ceafe0faea8abd2fa17678099f0b33fb6b28144ba2468"
    )


def test_the_authorization_header_of_the_vector():
    headers = headers_at(datetime(2021, 6, 25, 10, 0, 0, tzinfo=UTC))
    assert headers["x-sdk-date"] == "20210625T100000Z"
    assert headers["authorization"] == (
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=content-type;host;x-sdk-date, "
        f"Signature={SIGNATURE}"
    )


def test_the_date_is_in_utc_wherever_the_agent_is():
    shanghai = datetime(2021, 6, 25, 18, 0, 0, tzinfo=timezone(timedelta(hours=8)))
    assert headers_at(shanghai)["authorization"].endswith(SIGNATURE)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [("", "/"), ("/", "/"), ("/a//b/./../c d/", "/a/b/c+d/"), ("/a%2Fb", "/a%2Fb/")],
)
def test_paths(path, canonical):
    assert signing.canonical_path(path) == canonical


def test_query_parameters_are_sorted_and_escaped():
    assert signing.canonical_query("b=2&a=x y&a=%2F&c=") == "a=%2F&a=x+y&b=2&c="
