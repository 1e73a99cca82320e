"""Secrets are sealed in the database, and in no body, no repr, no log and no journal entry."""

from __future__ import annotations

import logging

import pytest
from django.db import connection

from apps.hosts.models import HostCredential
from apps.journal.models import Entry
from apps.tenants import keys
from tests import factories as make
from tests.security.world import file

MARKS = (make.TOKEN, make.PASSWORD)


def every_row():
    """The text of everything that is stored at this site."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names from the database
            for row in cursor.fetchall():
                yield table, " ".join(map(str, row))


@pytest.fixture
def busy_site(house, caplog):
    """A site at which secrets were stored through the API, with everything logged."""
    caplog.set_level(logging.DEBUG)
    boss = make.Api(make.admin())
    make.edge()
    host = make.host("10.1.0.9", access="", applcm_ip="10.9.0.1")
    stored = boss.send(
        "POST", f"/inventory/v1/mechosts/{host.ip}/k8sconfig",
        form={"file": file("config", make.ACCESS.encode())},
    )
    made = boss.send(
        "POST", "/auth/v1/users",
        {"username": "newcomer", "role": "admin", "password": make.PASSWORD},
    )
    signed = make.Api().send(
        "POST", "/auth/v1/token", {"username": "newcomer", "password": make.PASSWORD}
    )
    source = boss.send("POST", "/inventory/v1/apprepos", {
        "repoEndPoint": "r.example", "repoName": "r", "repoUserName": "u",
        "repoPassword": make.TOKEN})
    assert source.status_code == 200
    refused = boss.send(
        "POST", f"/inventory/v1/mechosts/{host.ip}/k8sconfig",
        form={"file": file("config", f"simulated: {{token: {make.TOKEN}, nodes: many}}".encode())},
    )
    assert [r.status_code for r in (stored, made, signed, refused)] == [200, 201, 200, 400]
    return boss, host, (stored, made, signed, refused)


def test_secrets_sent_to_the_api_never_come_back(busy_site):
    boss, host, answers = busy_site
    seen = [*answers, *(boss.send("GET", url) for url in (
        "/inventory/v1/apprepos", "/inventory/v1/mechosts", f"/inventory/v1/mechosts/{host.ip}",
        "/auth/v1/users", "/api/v1/topology"))]
    for answer in seen:
        assert not [mark for mark in MARKS if mark in answer.content.decode()]


def test_secrets_sent_to_the_api_lie_sealed_in_the_database(busy_site):
    credential = HostCredential.objects.get()
    assert make.TOKEN in credential.content.reveal()
    found = [table for table, text in every_row() if any(mark in text for mark in MARKS)]
    assert found == []


def test_private_keys_lie_sealed_in_the_database(house):
    secret = keys.own_key().private_key.reveal().splitlines()[1]
    assert [table for table, text in every_row() if secret in text] == []


def test_secrets_sent_to_the_api_are_neither_logged_nor_recorded(busy_site, caplog):
    assert not [mark for mark in MARKS if mark in caplog.text]
    entries = " ".join(f"{e.verb} {e.subject_name} {e.data}" for e in Entry.objects.all())
    assert "hosts.host.credentials_stored" in entries
    assert not [mark for mark in MARKS if mark in entries]


def test_rows_with_secrets_do_not_show_them(busy_site):
    credential = HostCredential.objects.get()
    key = keys.own_key()
    for thing in (credential, credential.content, key, key.private_key, credential.__dict__):
        for text in (repr(thing), str(thing), f"{thing}", f"{thing!r}"):
            assert make.TOKEN not in text
            assert "PRIVATE KEY" not in text
