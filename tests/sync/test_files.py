"""The feed as a file that somebody carries: the same rows, signed, and harmless when read again."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from apps.common.errors import Denied, Invalid
from apps.hosts import services as hosts
from apps.hosts.models import AppLcm, MecHost
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.journal.models import Entry
from apps.sync import acks, files, puller
from apps.sync.models import Peer, Reader
from apps.tenants import keys
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.sync.lives import counts, life


@pytest.fixture
def carry(follower, tmp_path):
    """Writes the edge's feed, and reads it at the center."""
    class Carry:
        """A stick in somebody's pocket."""

        def __init__(self):
            self.number = 0
            with follower.sites.inside():
                self.kid = keys.own_key().kid

        def write(self):
            """At the edge."""
            self.number += 1
            path = tmp_path / f"{self.number}.feed"
            follower.at_edge(files.export_feed, path)
            return path

        def read(self, path):
            """At the center."""
            head, rows = files.read(path, trusted=self.kid)
            return puller.pull(follower.edge.pk, file=files.FileFeed(head, rows))

    follower.wire.down = True
    AppLcm.objects.update(site_id=follower.sites.site_id)
    return Carry()


def test_file_brings_what_the_link_would_bring(follower, carry):
    born = follower.at_edge(life)
    report = carry.read(carry.write())
    assert (report["came"], report["held"]) == ("ok", 0)
    assert counts() == (1, 1, 1, 1, 1)
    assert AppInstance.objects.get().pk == born["instance"].pk


def test_file_that_is_read_twice_brings_nothing_the_second_time(follower, carry):
    follower.at_edge(life)
    path = carry.write()
    carry.read(path)
    before = (AppInstance.objects.values().get(), Entry.objects.count())
    assert carry.read(path)["came"] == "ok"
    assert (AppInstance.objects.values().get(), Entry.objects.count()) == before


def test_old_file_after_a_newer_one_does_no_harm(follower, carry):
    born = follower.at_edge(life)
    old = carry.write()
    follower.at_edge(instances.forget, actor=SYSTEM, instance_id=born["instance"].pk)
    follower.at_edge(lambda: hosts.update_host(
        actor=SYSTEM, host_id=born["host"].pk,
        spec=make.host_spec(born["host"].ip, name="local-host", city="Gouda")))
    carry.read(carry.write())
    assert carry.read(old)["came"] == "old"
    assert MecHost.objects.get().city == "Gouda"
    assert not AppInstance.objects.exists()


def test_link_goes_on_where_the_file_ended(follower, carry):
    follower.at_edge(life)
    carry.read(carry.write())
    follower.at_edge(make.tenant, "later")
    follower.wire.down = False
    assert follower.pull() == {"came": "ok", "rows": 1, "held": 0}


def test_file_is_no_sign_of_life(follower, carry):
    follower.at_edge(life)
    carry.read(carry.write())
    edge, peer = AppLcm.objects.get(), Peer.objects.get()
    assert (edge.reachable, edge.last_seen, peer.heard_at, peer.last_ok) == (None,) * 4


def test_receipt_tells_the_edge_what_does_not_wait_any_more(follower, carry, tmp_path):
    follower.at_edge(life)
    carry.read(carry.write())
    edge, path = AppLcm.objects.get(), tmp_path / "receipt"
    files.export_receipt(edge, path)

    def take():
        head, _ = files.read(path)
        return files.take_receipt(head)

    assert follower.at_edge(take) == edge.cursor
    assert follower.at_edge(lambda: Reader.objects.get().acked) == edge.cursor


def test_receipt_for_another_site_is_refused(follower, carry, tmp_path):
    AppLcm.objects.update(site_id=make.tenant().pk)
    path = tmp_path / "receipt"
    files.export_receipt(AppLcm.objects.get(), path)
    with pytest.raises(Invalid):
        follower.at_edge(lambda: files.take_receipt(files.read(path)[0]))
    assert follower.at_edge(Reader.objects.count) == 0


# --- who wrote it, and whether it is whole -------------------------------------------------------


def test_file_of_an_unknown_key_is_refused_until_somebody_vouches_for_it(follower, carry):
    follower.at_edge(life)
    path = carry.write()
    with pytest.raises(Denied):
        files.read(path)
    with pytest.raises(Denied):
        files.read(path, trusted="0" * 32)
    assert files.read(path, trusted=carry.kid)
    assert files.read(path), "from then on it is known"


@pytest.mark.parametrize("spoil", [
    lambda lines: [lines[0], *lines[2:]],
    lambda lines: lines[:-1],
    lambda lines: lines[: len(lines) // 2],
    lambda lines: [lines[0].replace(b'"newest"', b'"Newest"'), *lines[1:]],
    lambda lines: [*lines, lines[-1]],
    lambda lines: [lines[0], lines[1].replace(b"local", b"other"), *lines[2:]],
    lambda lines: [b"{}\n", *lines[1:]],
    lambda lines: [b"[]\n"],
    lambda lines: [],
    lambda lines: [b"\x00\xff\n" * 5],
], ids=["row", "tail", "half", "head", "more", "changed", "empty", "list", "nothing", "noise"])
def test_file_that_was_changed_or_cut_is_refused_whole(follower, carry, spoil):
    follower.at_edge(life)
    path = carry.write()
    path.write_bytes(b"".join(spoil(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises((Invalid, Denied)):
        files.read(path, trusted=carry.kid)
    assert counts() == (0, 0, 0, 0, 0)


def test_key_of_another_site_does_not_sign_for_this_one(follower, carry):
    follower.at_edge(life)
    path = carry.write()
    files.read(path, trusted=carry.kid)
    lines = path.read_bytes().splitlines(keepends=True)
    head = json.loads(lines[0]) | {"site_id": str(make.tenant().pk)}
    path.write_bytes(json.dumps(head).encode() + b"\n" + b"".join(lines[1:]))
    with pytest.raises(Denied):
        files.read(path, trusted=carry.kid)


# --- the command ---------------------------------------------------------------------------------


def test_commands_carry_there_and_back(follower, carry, tmp_path, capsys):
    follower.at_edge(life)
    path, back = tmp_path / "feed", tmp_path / "receipt"
    follower.at_edge(call_command, "sync", "export", str(path))
    assert carry.kid in capsys.readouterr().out
    AppLcm.objects.update(site_id=None)
    call_command("sync", "import", str(path), "--edge", "far", "--trust", carry.kid)
    assert "0 held back" in capsys.readouterr().out
    assert counts() == (1, 1, 1, 1, 1)
    call_command("sync", "export", str(back), "--edge", "far")
    follower.at_edge(call_command, "sync", "import", str(back))
    assert "has everything up to" in capsys.readouterr().out
    reader = follower.at_edge(Reader.objects.get)
    with follower.sites.inside():
        assert not acks.unacknowledged_dead(reader, ["appinstance"]).exists()


@pytest.mark.parametrize("arguments", [
    ("export", "{}/x"), ("export", "{}/x", "--edge", "nobody"), ("import", "{}/missing"),
    ("import", "{}"),
])
def test_command_says_what_is_wrong(follower, tmp_path, arguments):
    with pytest.raises(CommandError):
        call_command("sync", *(one.format(tmp_path) for one in arguments))
