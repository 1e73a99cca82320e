"""Keys rotate at either side: no gap, nobody is left behind, and no old key brings a new one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common.errors import Conflict, Denied, Invalid, Unauthenticated
from apps.sync import joining, rotation
from apps.sync.models import Center, JoinStep
from apps.tenants import keys, statements, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import KeyHolder, SigningKey
from tests import factories as make
from tests.sites import CENTER, EDGE


@pytest.fixture
def edge(strangers):
    """An edge that joined."""
    return strangers.joined()


def rotate(hours=24):
    """A new key at this site."""
    return rotation.rotate(actor=SYSTEM, keep=timedelta(hours=hours))


def test_what_the_old_key_signed_is_believed_until_it_retires(house, now):
    boss = make.admin()
    old = tokens.refresh_token(boss)
    first = keys.own_key()
    second = rotate(hours=2)
    assert keys.own_key() == second != first
    new = tokens.refresh_token(boss)
    assert tokens.read(old, use="refresh") == tokens.read(new, use="refresh")
    now.advance(seconds=2 * 3600)
    assert tokens.read(new, use="refresh")
    with pytest.raises(Unauthenticated):
        tokens.read(old, use="refresh")


def test_an_edge_that_was_not_told_yet_is_reached_all_the_same(strangers, edge):
    rotate()
    assert strangers.pull(edge)["came"] == "ok"
    strangers.now.advance(seconds=30 * 24 * 3600)  # long after the old key retired here
    assert strangers.pull(edge)["came"] == "ok"


def test_an_edge_is_told_and_believes_the_new_key_and_for_a_while_the_old(strangers, edge):
    old, new = keys.own_key(), rotate(hours=3)
    assert rotation.tell_site(edge.site_id) is True
    holder = KeyHolder.objects.get(pk=edge.site_id)
    assert holder.key == new
    assert strangers.pull(edge)["came"] == "ok"
    with strangers.inside():
        held = SigningKey.objects.get(pk=new.kid)
        assert (held.purpose, bool(held.private_key)) == ("people", False)
        assert keys.active_key(old.kid)
        strangers.now.advance(seconds=3 * 3600 + 5)
        assert keys.active_key(old.kid) is None
        assert keys.active_key(new.kid)
    assert JoinStep.objects.filter(step="key_told").count() == 1


def test_an_edge_that_is_away_is_told_when_it_is_back_and_it_is_shown_until_then(strangers, edge):
    rotate()
    strangers.wire.down = True
    assert rotation.tell_site(edge.site_id) is False
    assert keys.untold().get().why.code == "unreachable"
    strangers.wire.down = False
    strangers.now.advance(seconds=40 * 24 * 3600)
    assert rotation.tell_site(edge.site_id) is True
    assert not keys.untold().exists()


def test_a_lost_reply_does_no_harm_not_even_over_several_rotations(strangers, edge):
    rotate(hours=0)
    strangers.wire.lose_replies = 1
    assert rotation.tell_site(edge.site_id) is False
    strangers.now.advance(seconds=3600)
    third = rotate(hours=0)
    strangers.now.advance(seconds=3600)
    assert rotation.tell_site(edge.site_id) is True
    assert KeyHolder.objects.get().key == third
    assert strangers.pull(edge)["came"] == "ok"


def test_an_edge_that_missed_several_keys_gets_the_last(strangers, edge):
    for _ in range(3):
        newest = rotate(hours=1)
        strangers.now.advance(seconds=2 * 3600)
    assert rotation.tell_site(edge.site_id) is True
    with strangers.inside():
        assert keys.active_key(newest.kid)


def test_the_private_part_of_a_retired_key_is_dropped_once_nobody_needs_it(strangers, edge):
    old = keys.own_key()
    rotate(hours=1)
    strangers.now.advance(seconds=2 * 3600)
    assert keys.forget_private_parts() == 0  # the edge has nothing newer
    rotation.tell_site(edge.site_id)
    assert not SigningKey.objects.get(pk=old.pk).private_key


def test_a_new_key_of_the_edge_is_told_to_the_center_and_stays_a_key_of_the_link(strangers, edge):
    with strangers.inside():
        center = Center.objects.get().site_id
        new = rotate()
        before = tokens.link_token(audience=center)
        assert rotation.tell_site(center) is True
        after = tokens.link_token(audience=center)
        boss = make.admin("edge-boss")
        forged = tokens.site_token(boss.actor, audience=center)
    assert tokens.read_link(before) == tokens.read_link(after) == edge.site_id
    assert SigningKey.objects.get(pk=new.kid).purpose == "link"
    with pytest.raises(Unauthenticated):
        tokens.read(forged)
    assert JoinStep.objects.filter(step="key_rotated").count() == 1
    with strangers.inside():
        assert joining.greet(joining.current())


def test_an_edge_that_was_registered_by_hand_is_told_too(two_sites):
    edge = make.edge(name="by-hand")
    from_hand = keys.own_key()
    with rotation.EdgeClient(edge) as client:
        client.headers()  # the first contact pins it
    edge.refresh_from_db()
    rotate()
    assert KeyHolder.objects.get().key == from_hand
    assert rotation.tell_site(edge.site_id) is True


def statement_of(strangers, key, new, **changes):
    """What somebody with ``key`` would tell the edge."""
    content = {"kid": new.kid, "public_key": new.public_key, "keep": 60} | changes
    return statements.make(statements.NEW_KEY, content, audience=str(strangers.site_id), key=key)


def test_a_key_that_was_succeeded_brings_no_other_key(strangers, edge):
    first, second = keys.own_key(), rotate()
    kept = statement_of(strangers, first, second)
    rotation.tell_site(edge.site_id)
    third = rotate()
    with strangers.inside():
        with pytest.raises(Conflict):
            rotation.learn(statement_of_outside(strangers, first, third))
        # Told again, an old statement changes nothing.
        rotation.learn(kept)
        assert SigningKey.objects.get(pk=second.kid).retires_at is None


def statement_of_outside(strangers, key, new):
    """The same, written while the edge is at work."""
    with strangers.outside():
        return statement_of(strangers, key, new)


@pytest.mark.parametrize("wrong", ["use", "audience", "signer", "kid", "keep", "nonsense", "own"])
def test_a_statement_that_does_not_hold_is_refused(strangers, edge, wrong):
    first, second = keys.own_key(), rotate()
    content = {"kid": second.kid, "public_key": second.public_key, "keep": 60}
    use, audience, key = statements.NEW_KEY, str(strangers.site_id), first
    if wrong == "use":
        use = statements.WELCOME
    elif wrong == "audience":
        audience = str(keys.this_site().site_id)
    elif wrong == "signer":
        key = second
    elif wrong == "kid":
        content["kid"] = first.kid
    elif wrong == "keep":
        content["keep"] = -1
    text = statements.make(use, content, audience=audience, key=key)
    if wrong == "nonsense":
        text = "x.y.z"
    with strangers.inside():
        if wrong == "own":
            text = statements.make(use, content, audience=audience, key=keys.own_key())
        with pytest.raises((Unauthenticated, Invalid)):
            rotation.learn(text)
        assert not SigningKey.objects.filter(pk=second.kid).exists()


def test_a_token_of_the_link_is_no_statement_and_a_statement_no_token(strangers, edge):
    first, second = keys.own_key(), rotate()
    text = statement_of(strangers, first, second)
    with strangers.inside():
        for reader in (tokens.read, tokens.read_link):
            with pytest.raises(Unauthenticated):
                reader(text)
    token = tokens.site_token(SYSTEM, audience=strangers.site_id)
    with strangers.inside(), pytest.raises(Unauthenticated):
        rotation.learn(token)


def test_only_administrators_of_the_site_rotate_and_within_bounds(house):
    with pytest.raises(Denied):
        rotation.rotate(actor=make.user(make.tenant("red")).actor)
    for hours in (-1, 24 * 91):
        with pytest.raises(Invalid):
            rotate(hours=hours)
    api = make.Api(make.admin())
    assert api.send("POST", "/sync/v1/keys", {"keep_hours": 5}).status_code == 201
    told = api.send("GET", "/sync/v1/keys")
    assert len(told.json()) == 2
    assert "PRIVATE" not in told.content.decode()
    assert api.send("PUT", "/sync/v1/keys", {"statement": "x"}).status_code == 401
    assert make.Api().send("POST", "/sync/v1/keys", {}).status_code == 401


def test_either_kind_of_site_goes_on_telling_and_an_edge_goes_on_greeting():
    for role in (CENTER, EDGE):
        assert role.beat["apps.sync.tasks.tell_keys"] <= 60
    assert "apps.sync.greeting.watch_center" in EDGE.watches
