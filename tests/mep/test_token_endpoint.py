"""``POST /mep/token``: one use per signed request, and a lock that shuts out nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from apps.common import clock
from apps.mep import applications, signature
from apps.tenants.actors import SYSTEM
from tests.mep.conftest import App

AK, SK = "A" * 19 + "=", "b" * 64


@pytest.fixture
def keyed(app):
    """An application with an AK/SK pair."""
    applications.configure(
        actor=SYSTEM, application=app.row, access_key=AK, secret_key=SK, required_services=[]
    )
    return app


def ask(*, sk=SK, ak=AK, address="10.0.0.1", seconds=0.0):
    """A signed request from an address, dated ``seconds`` from now."""
    date = (clock.now() + timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%SZ")
    pairs = [("host", "testserver"), ("x-sdk-date", date)]
    names = [name for name, _ in pairs]
    message = signature.Message("POST", "/mep/token", pairs)
    signed = signature.signature(sk, date, signature.canonical_request(message, names))
    headers = {
        "x-sdk-date": date, "host": "testserver",
        "authorization": f"{signature.ALGORITHM} Access={ak}, SignedHeaders={';'.join(names)}, "
                         f"Signature={signed}",
    }
    return Client().generic("POST", "/mep/token", headers=headers, REMOTE_ADDR=address)


def test_token_speaks_for_its_application_and_its_request_is_good_once(keyed):
    with clock.frozen():
        first = ask()
        assert first.status_code == 200, first.content
        assert first.json()["token_type"] == "Bearer"
        assert ask().status_code == 401, "the same request once more"
    keyed.api.token = first.json()["access_token"]
    assert keyed.send("GET", keyed.services).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "status"), [(-890, 200), (890, 200), (-1000, 401), (1000, 401)]
)
def test_date_has_to_be_within_a_quarter_of_an_hour(keyed, seconds, status):
    assert ask(seconds=seconds).status_code == status


def test_guesser_is_locked_and_shuts_nobody_else_out(keyed):
    wrong = "c" * 64
    assert [ask(sk=wrong).status_code for _ in range(5)] == [401, 401, 401, 403, 403]
    assert ask(sk=wrong, address="10.0.0.2").status_code == 401, "another address is not locked"
    assert ask().status_code == 200, "the owner behind the same address is not shut out"


def test_unknown_key_is_refused_like_a_wrong_signature(keyed):
    assert ask(ak="Z" * 20).json()["detail"] == ask(sk="c" * 64).json()["detail"]


def test_tokens_end_with_their_keys(keyed, django_capture_on_commit_callbacks):
    keyed.api.token = ask().json()["access_token"]
    assert keyed.send("GET", keyed.services).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        App.boss().send("DELETE", f"/mep/appMng/v1/applications/{keyed.id}/confs")
    assert keyed.send("GET", keyed.services).status_code == 401
