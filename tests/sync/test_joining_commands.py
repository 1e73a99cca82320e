"""The same from the terminal: ``manage.py edge`` and ``manage.py keys``."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command

from apps.hosts.models import AppLcm
from apps.sync.models import Center, Invitation
from apps.tenants import keys
from tests.sync.strangers import CENTER_URL


def run(*words):
    """What a command writes."""
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_an_edge_is_invited_joins_is_shown_shut_out_and_leaves(strangers):
    said = run("edge", "invite", "--name", "far", "--hours", "2")
    token = re.search(r"--token (\S+)", said)[1]
    assert "--address IP:PORT" in said
    with strangers.inside():
        assert "No center" in run("edge", "center")
        told = run("edge", "join", "--center", CENTER_URL, "--token", token,
                   "--address", "10.9.0.1:8100")
        assert "Joined" in told
        assert CENTER_URL in run("edge", "center")
    assert "shut out since" in run("edge", "revoke", "--name", "far")
    assert AppLcm.objects.get().revoked_at
    with strangers.inside():
        assert "Left" in run("edge", "leave")
        assert Center.objects.get().left_at


def test_an_edge_that_dials_needs_no_address_in_its_command(strangers):
    assert "--address" not in run("edge", "invite", "--name", "far", "--dial-out")
    assert Invitation.objects.get().opened_by == "edge"


@pytest.mark.parametrize("words", [
    ("join", "--center", CENTER_URL, "--token", "x"), ("leave",), ("center",)])
def test_what_is_done_at_an_edge_is_refused_at_a_center(strangers, words):
    with pytest.raises(CommandError, match="at an edge"):
        run("edge", *words)


def test_what_is_done_at_a_center_is_refused_at_an_edge_and_wrong_words_are_told(strangers):
    with strangers.inside():
        with pytest.raises(CommandError, match="at a center"):
            run("edge", "invite", "--name", "x")
        with pytest.raises(CommandError, match="token"):
            run("edge", "join", "--center", CENTER_URL, "--token", "x")
        with pytest.raises(CommandError):
            run("edge", "leave")
    with pytest.raises(CommandError, match="0 edges"):
        run("edge", "revoke", "--name", "nobody")
    with pytest.raises(CommandError, match="hours"):
        run("edge", "invite", "--name", "x", "--hours", "999")


def test_keys_are_listed_and_rotated(strangers):
    strangers.joined()
    old = keys.own_key().kid
    said = run("keys", "rotate", "--keep", "5")
    assert f"{old}  believed until" in said
    assert f"{keys.own_key().kid}  signs now" in said
    assert "“far” does not have it yet" in said
    assert "PRIVATE" not in run("keys", "list")
    with pytest.raises(CommandError, match="hours"):
        run("keys", "rotate", "--keep", "-1")
