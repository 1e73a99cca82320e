"""What is no proof: every token that must be answered with 401 and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from datetime import timedelta

import jwt
import pytest
from django.test import Client

from apps.common import clock
from apps.tenants import keys, services, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import SigningKey
from apps.tenants.roles import Role
from tests import factories as make
from tests.security.world import ForeignSite

STRANGER = "5e0a31a5-0000-4000-8000-000000000001"  # nobody's id; the same in every process
DOORS = {"center": "/auth/v1/me", "edge": "/lcmcontroller/v1/hosts"}


@pytest.fixture(params=["center", "edge"])
def door(request, db):
    """An address that needs a token, at a site of each role."""
    request.getfixturevalue("house" if request.param == "center" else "edge_house")
    return DOORS[request.param]


def knock(door, token):
    """The status for somebody who shows ``token``."""
    return Client().get(door, headers={"authorization": f"Bearer {token}"}).status_code


def own_token(**claims):
    """A token by this site's own key with other claims than it would make."""
    somebody = make.admin()
    held = jwt.decode(tokens.access_token(somebody), options={"verify_signature": False})
    key = keys.own_key()
    return jwt.encode(
        {name: value for name, value in (held | claims).items() if value is not None},
        key.private_key.reveal(), algorithm="EdDSA", headers={"kid": key.kid},
    )


def test_token_of_this_site_opens_the_door(door):
    assert knock(door, tokens.access_token(make.admin())) == 200
    assert knock(door, own_token()) == 200


def test_token_of_a_trusted_center_opens_the_door(door):
    assert knock(door, ForeignSite().believed().token()) == 200


def test_token_in_the_header_of_edgegallery_opens_the_door(door):
    token = tokens.access_token(make.admin())
    for name in ("access_token", "access-token"):
        assert Client().get(door, headers={name: token}).status_code == 200
        assert Client().get(door, headers={name: "x"}).status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": STRANGER},
        {"aud": None},
        {"iss": STRANGER},
        {"iss": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": STRANGER},
        {"sub": "nobody"},
        {"stamp": "0" * 16},
        {"stamp": None},
        {"use": "refresh"},
        {"use": "site"},
        {"use": None},
    ],
    ids=str,
)
def test_own_token_with_a_wrong_claim_answers_401(door, claims):
    assert knock(door, own_token(**claims)) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": STRANGER},
        {"aud": None},
        {"iss": STRANGER},
        {"use": "access"},
        {"use": "refresh"},
        {"use": None},
        {"authorities": []},
        {"authorities": None},
        {"authorities": ["ROLE_ADMIN", "SYSTEM"]},
        {"authorities": ["ROLE_MECM_SYSTEM"]},
        {"tenant_id": "not-a-tenant"},
        {"exp": None},
        {"sub": None},
    ],
    ids=str,
)
def test_token_of_a_trusted_center_with_a_wrong_claim_answers_401(door, claims):
    assert knock(door, ForeignSite().believed().token(**claims)) == 401


def test_token_of_a_center_claiming_to_be_this_site_answers_401(door):
    center = ForeignSite().believed()
    assert knock(door, center.token(iss=str(keys.this_site().site_id))) == 401


def test_token_by_an_unknown_key_answers_401(door):
    assert knock(door, ForeignSite().token()) == 401


def test_token_by_an_unknown_key_under_a_known_name_answers_401(door):
    known, unknown = ForeignSite().believed(), ForeignSite()
    assert knock(door, known.token(key=unknown.private)) == 401
    assert knock(door, unknown.token(kid=known.kid)) == 401
    assert knock(door, unknown.token(kid=keys.own_key().kid)) == 401


def test_token_by_a_key_that_is_not_trusted_any_more_answers_401(door):
    center = ForeignSite().believed()
    SigningKey.objects.filter(kid=center.kid).update(active=False)
    assert knock(door, center.token()) == 401


def test_token_after_its_time_answers_401_and_says_so(door):
    token = tokens.access_token(make.admin())
    with clock.frozen() as now:
        now.advance(minutes=59)
        assert knock(door, token) == 200
        now.advance(minutes=2)
        answer = Client().get(door, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:mecm:problem:token_expired"


def test_site_token_after_two_minutes_answers_401(door):
    token = ForeignSite().believed().token()
    with clock.frozen() as now:
        now.advance(seconds=119)
        assert knock(door, token) == 200
        now.advance(seconds=2)
        assert knock(door, token) == 401


def test_refresh_token_as_access_token_answers_401_and_the_other_way_round_too(door):
    somebody = make.admin()
    assert knock(door, tokens.refresh_token(somebody)) == 401
    for token, status in (
        (tokens.refresh_token(somebody), 200),
        (tokens.access_token(somebody), 401),
        (ForeignSite().believed().token(use="refresh"), 401),
        (ForeignSite().believed().token(), 401),
    ):
        answer = make.Api().send("POST", "/auth/v1/token/refresh", {"refresh_token": token})
        assert answer.status_code == status


def encoded(data):
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "HS512"])
def test_token_that_chooses_its_own_algorithm_answers_401(door, algorithm):
    key = keys.own_key()
    somebody = make.admin()
    claims = jwt.decode(tokens.access_token(somebody), options={"verify_signature": False})
    signed = f"{encoded({'alg': algorithm, 'typ': 'JWT', 'kid': key.kid})}.{encoded(claims)}"
    # The public key as the secret of a symmetric algorithm: what confused verifiers accept.
    digest = hashlib.sha512 if algorithm.endswith("512") else hashlib.sha256
    mac = hmac.new(key.public_key.encode(), signed.encode(), digest).digest()
    signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    for end in ("", signature):
        assert knock(door, f"{signed}.{end}") == 401


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c", "..", "e30.e30.e30", "é", "Bearer", "null", "a" * 5000, '{"kid": []}'],
)
def test_rubbish_answers_401(door, token):
    assert Client().get(door, headers={"authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize("kid", [[], {}, 7, None, "x" * 300])
def test_token_with_an_odd_key_name_answers_401(door, kid):
    token = f"{encoded({'alg': 'EdDSA', 'kid': kid})}.{encoded({'sub': '1'})}.{encoded('x')}"
    assert knock(door, token) == 401


def test_altered_token_answers_401(door):
    head, body, signature = tokens.access_token(make.user(make.tenant())).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["authorities"] = ["ROLE_MECM_ADMIN"]
    assert knock(door, f"{head}.{encoded(claims)}.{signature}") == 401


def test_another_scheme_answers_401(door):
    token = tokens.access_token(make.admin())
    for value in (f"Basic {token}", token, "Bearer", "Bearer "):
        assert Client().get(door, headers={"authorization": value}).status_code == 401


def test_token_of_a_user_who_was_switched_off_answers_401(door):
    somebody = make.admin()
    token, renewal = tokens.access_token(somebody), tokens.refresh_token(somebody)
    services.set_user_active(actor=SYSTEM, user_id=somebody.pk, active=False)
    assert knock(door, token) == 401
    answer = make.Api().send("POST", "/auth/v1/token/refresh", {"refresh_token": renewal})
    assert answer.status_code == 401


def test_tokens_of_before_another_password_answer_401(door):
    somebody = make.admin()
    before, renewal = make.Api(somebody), tokens.refresh_token(somebody)
    body = {"old_password": make.PASSWORD, "new_password": "another-horse-8"}
    fresh = before.send("PUT", "/auth/v1/password", body).json()
    assert knock(door, before.token) == 401
    answer = make.Api().send("POST", "/auth/v1/token/refresh", {"refresh_token": renewal})
    assert answer.status_code == 401
    assert knock(door, fresh["access_token"]) == 200


def test_tokens_of_a_guest_answer_401_once_guests_are_not_wanted(house):
    guest = make.user(make.tenant(), role=Role.GUEST)
    token, renewal = tokens.access_token(guest), tokens.refresh_token(guest)
    assert knock("/auth/v1/me", token) == 200
    house.GUEST_ACCESS = False
    assert knock("/auth/v1/me", token) == 401
    answer = make.Api().send("POST", "/auth/v1/token/refresh", {"refresh_token": renewal})
    assert answer.status_code == 401


def test_site_token_of_a_center_for_another_edge_answers_401(two_sites):
    elsewhere = tokens.site_token(SYSTEM, audience=uuid.uuid4())
    here = tokens.site_token(SYSTEM, audience=two_sites.site_id)
    with two_sites.inside():
        assert knock(DOORS["edge"], elsewhere) == 401
        assert knock(DOORS["edge"], here) == 200
    assert knock(DOORS["center"], here) == 401, "a token for the edge is none for the center itself"


def test_user_token_of_the_center_at_an_edge_answers_401(two_sites):
    token = tokens.access_token(make.admin())
    with two_sites.inside():
        assert knock(DOORS["edge"], token) == 401


def test_token_carries_what_clients_of_edgegallery_read(house):
    red = make.tenant("red")
    somebody = make.user(red)
    claims = jwt.decode(tokens.access_token(somebody), options={"verify_signature": False})
    assert claims["userId"] == str(red.pk)
    assert claims["user_name"] == somebody.username
    assert claims["sub"] == str(somebody.pk)
    assert claims["authorities"] == ["ROLE_MECM_TENANT"]
    assert claims["exp"] - claims["iat"] == timedelta(hours=1).total_seconds()


def test_session_without_its_form_token_reads_and_does_not_write(house):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make.admin())
    assert browser.get("/auth/v1/me").status_code == 200
    answer = browser.post(
        "/auth/v1/tenants", {"name": "sneaked"}, content_type="application/json"
    )
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:mecm:problem:csrf"
