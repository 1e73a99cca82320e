"""Verified tokens in memory: ended with what they stand for, and few of each application."""

from __future__ import annotations

import time

from apps.mep import grants
from apps.mep.notify.matching import ALL
from apps.mep.subscriptions import Kind, subscribe
from apps.tenants.actors import SYSTEM

LATER = time.time() + 3600


def test_token_that_was_revoked_while_it_was_verified_is_not_kept(app):
    marked = grants.mark()
    grants.revoke(app.row.pk)
    grants.remember(b"Bearer one", app.row, LATER, marked)
    assert grants.find(b"Bearer one") is None


def test_application_keeps_its_newest_tokens_only(app):
    for number in range(20):
        grants.remember(b"Bearer %d" % number, app.row, LATER, grants.mark())
    kept = [number for number in range(20) if grants.find(b"Bearer %d" % number)]
    assert kept == list(range(20 - grants.MOST_EACH, 20))
    grants.revoke(app.row.pk)
    assert not any(grants.find(b"Bearer %d" % number) for number in range(20))


def test_subscription_is_named_without_what_may_be_its_secret(app):
    row = subscribe(
        actor=SYSTEM, application=app.row, kind=Kind.AVAILABILITY, criteria={},
        callback="https://hooks.example:8443/T00/s3cr3tXYZ?t=abc",
    )
    assert str(row) == "https://hooks.example:8443"
    assert row.keys.get().key == ALL
