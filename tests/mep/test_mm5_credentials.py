"""AK/SK of an application over Mm5: stored, never told, and tokens that end with them."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from django.db import connection

from apps.mep.models import Application, Credential
from apps.tenants import tokens
from tests import factories as make
from tests.mep.mm5 import KEY, SECRET, Management, confs
from tests.mep.suite import refused


@pytest.fixture
def manager(app):
    """Management of the application of the test."""
    return Management(app.id)


def test_keys_are_stored_and_echoed_without_the_secret(app, manager):
    answer = manager.store_keys()
    assert answer.status_code == 200
    assert answer.json() == {"authInfo": {"credentials": {"accessKeyId": KEY}}}
    assert Credential.objects.get(application=app.row).secret_key.reveal() == SECRET


def test_secret_comes_back_from_nowhere_and_lies_sealed(app, manager):
    answers = [manager.store_keys(), manager.send("GET", manager.confs),
               manager.store_keys(key="x"),
               manager.send("GET", manager.appd), app.send("GET", app.services),
               manager.send("DELETE", manager.confs)]
    assert SECRET not in " ".join(answer.content.decode() for answer in answers)
    manager.store_keys()
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret_key FROM mep_credential")
        assert SECRET not in str(cursor.fetchall())


def test_what_is_stored_is_read_with_name_and_required_services(app, manager):
    manager.store_keys(appInfo={"appName": "shop", "requiredServices": ["location", "*"]})
    assert manager.send("GET", manager.confs).json() == {
        "app_ins_id": app.id, "ak": KEY, "app_name": "shop",
        "required_services": ["location", "*"],
    }


@pytest.mark.parametrize("body", [
    confs() | {"appInfo": {"appName": "named"}},
    {"authInfo": {"credentials": {"accessKeyId": KEY, "secretKey": SECRET, "appName": "named"}}},
])
def test_storing_keys_makes_the_application_with_its_name(mep, body):
    fresh = str(uuid.uuid4())
    assert Management(fresh).send("PUT", f"/mep/appMng/v1/applications/{fresh}/confs",
                                  body).status_code == 200
    assert Application.objects.get(pk=fresh).name == "named"


WRONG = [
    ({}, "authInfo"), ({"authInfo": {}}, "authInfo.credentials"),
    ({"authInfo": {"credentials": {"accessKeyId": KEY}}}, "authInfo.credentials.secretKey"),
    (confs(key="short"), "authInfo.credentials.accessKeyId"),
    (confs(key="x" * 21), "authInfo.credentials.accessKeyId"),
    (confs(key="-" * 20), "authInfo.credentials.accessKeyId"),
    (confs(key=KEY[:-1] + "\n"), "authInfo.credentials.accessKeyId"),
    (confs(key=7), "authInfo.credentials.accessKeyId"),
    (confs(secret="x" * 63), "authInfo.credentials.secretKey"),
    (confs(secret="x" * 65), "authInfo.credentials.secretKey"),
    (confs(secret="x" * 63 + " "), "authInfo.credentials.secretKey"),
    (confs(secret="x" * 64 + "\n"), "authInfo.credentials.secretKey"),
    (confs(appInfo={"requiredServices": "x"}), "appInfo.requiredServices"),
    (confs(appInfo={"appName": "a\nb"}), "appInfo.appName"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_keys_of_another_form_are_refused_by_name_and_leave_no_application_behind(
    mep, body, field
):
    fresh = str(uuid.uuid4())
    manager = Management(fresh)
    answer = manager.send("PUT", manager.confs, body)
    assert list(refused(answer, 400)["errors"]) == [field]
    assert not Application.objects.exists()
    text = json.dumps(body)
    secret = body.get("authInfo", {}).get("credentials", {}).get("secretKey")
    assert not secret or secret.strip() not in answer.content.decode() or len(text) < 40


def test_access_key_of_another_application_is_refused(app, other_app, manager):
    manager.store_keys()
    other = Management(other_app.id)
    told = refused(other.store_keys(secret="T" * 64), 400)
    assert list(told["errors"]) == ["authInfo.credentials.accessKeyId"]
    assert Credential.objects.get().application == app.row


@pytest.mark.parametrize("what", ["new keys", "no keys", "the end"])
def test_tokens_end_with_the_keys_that_they_were_made_with(app, manager, what):
    manager.store_keys()
    app.row.refresh_from_db()
    token = tokens.application_token(
        app.row.pk, stamp=app.row.stamp, lifetime=timedelta(hours=1), extra={}
    )
    held = make.Api(token=token)
    assert [held.send("GET", app.services).status_code for _ in range(2)] == [200, 200]
    if what == "new keys":
        manager.store_keys(key="B" * 20)
    else:
        manager.send("DELETE", manager.confs if what == "no keys" else manager.end)
    assert held.send("GET", app.services).status_code == 401


def test_removing_keys_answers_as_the_original_and_404_the_second_time(manager):
    manager.store_keys()
    answer = manager.send("DELETE", manager.confs)
    assert (answer.status_code, answer.json()) == (200, "Delete success.")
    refused(manager.send("DELETE", manager.confs), 404)
    refused(manager.send("GET", manager.confs), 404)


def test_keys_of_an_application_that_is_not_known_are_not_found(mep):
    manager = Management(uuid.uuid4())
    refused(manager.send("GET", manager.confs), 404)
    refused(manager.send("DELETE", manager.confs), 404)
    word = Management("word")
    refused(word.send("GET", word.confs), 404)
    refused(word.store_keys(), 400)
