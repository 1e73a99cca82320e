"""Faults of the original's authentication and trust, each shown to be absent."""

from __future__ import annotations

import jwt
import pytest

from apps.instances.models import LcmOperation
from apps.tenants import keys, tokens
from tests import factories as make


def resigned(token, **claims):
    """Our own token with other claims, rightly signed; None leaves one out."""
    said = jwt.decode(token, options={"verify_signature": False}) | claims
    key = keys.own_key()
    return jwt.encode(
        {name: value for name, value in said.items() if value is not None},
        key.private_key.reveal(), algorithm="EdDSA", headers={"kid": key.kid},
    )


@pytest.mark.parametrize("url", [
    "/inventory/v1/mechosts", "/appo/v1/tenants/{t}/app_instance_infos",
    "/apm/v1/tenants/{t}/packages",
])
def test_token_without_the_claim_of_its_tenant_or_with_nonsense_is_no_server_error(red, url):
    """Q1 Q2: what is wrong with a token is a 401 at the most."""
    user = make.user(red)
    token = tokens.access_token(user)
    url = url.format(t=red.pk)
    for claims in ({"userId": None}, {"userId": 7}, {"authorities": None}, {"authorities": "x"},
                   {"sub": None}, {"sub": "nobody"}, {"stamp": None}, {"exp": None}):
        answer = make.Api(token=resigned(token, **claims)).send("GET", url)
        assert answer.status_code in (200, 401), claims
    for wrong in ("", "x", "a.b.c", token[:-4], f"{token}x", "é.ü.ß", "." * 5000):
        answer = make.Api().send("GET", url, headers={"authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401, wrong[:20]


@pytest.mark.parametrize("url", [
    "/inventory/v1/tenants", "/appo/v1/tenants", "/apm/v1/tenants/", "/inventory/v1/tenants/x",
])
def test_address_that_ends_at_the_tenants_is_not_found(red, url):
    """Q2: an address that is too short is no server error."""
    assert make.Api(make.user(red)).send("GET", url).status_code == 404


def test_no_other_origin_is_invited_and_options_needs_a_token(red):
    """Q11: no wildcard for every method and header."""
    api = make.Api(make.user(red))
    for method in ("GET", "OPTIONS"):
        answer = api.send(method, "/inventory/v1/mechosts", headers={"origin": "http://evil.test"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert make.Api().send("OPTIONS", "/inventory/v1/mechosts").status_code == 401


def test_token_of_an_order_is_kept_nowhere(red, caplog):
    """Q10: neither in the row of the work nor in the log."""
    package, host = make.package(red), make.host("10.8.0.1")
    api = make.Api(make.user(red))
    caplog.set_level("DEBUG")
    body = {"appPackageId": package.package_id, "appId": package.app_id.hex, "appName": "camera",
            "appInstanceDescription": "one", "mecHost": host.ip}
    answer = api.send("POST", f"/appo/v1/tenants/{red.pk}/app_instances", body)
    assert answer.status_code == 202
    (row,) = LcmOperation.objects.values()
    signature = api.token.rpartition(".")[2]
    assert signature not in str(row)
    assert signature not in caplog.text
