"""The promise of drivers that keep images, kept by the simulated site."""

from __future__ import annotations

import errno
import uuid

import pytest

from apps.common import clock
from apps.vim.contract import Credentials, VimRefused, VimUnreachable
from apps.vim.images import KeepsImages
from apps.vim.registry import driver_for
from apps.vim.simulated_images import Shelf
from tests.contract.test_vim_driver import order
from tests.images import promise


@pytest.fixture
def site(tmp_path):
    """A way to a simulated site, on a clock that stands still."""
    host_id = uuid.uuid4()

    def driver(body="seed: 3"):
        held = Credentials("simulated", f"simulated: {{{body}}}".encode())
        return driver_for("simulated", host_id=host_id, credentials=held, state_dir=tmp_path)

    with clock.frozen() as driver.now:
        yield driver


def test_it_is_a_driver_that_keeps_images(site):
    assert isinstance(site(), KeepsImages)
    assert site().images() == ()


def test_what_was_sent_is_there_and_can_be_taken_away(site):
    made = promise.uploads_and_reads(site())
    assert site().image(made.id) == made, "another process sees it too"
    promise.takes_away(site(), made)


def test_nothing_is_left_of_an_upload_that_breaks(site):
    promise.leaves_nothing_of_a_broken_upload(site())


def test_half_image_of_a_process_that_died_is_replaced(site, monkeypatch):
    def leave_half(wanted):
        with monkeypatch.context() as patch:
            # A process that is killed cleans nothing up.
            patch.setattr(Shelf, "remove", lambda *_: True)
            with pytest.raises(promise.BrokeOff):
                site().upload_image(wanted, promise.breaking())
        assert site().images("resumed")[0].status != "active"

    promise.replaces_what_an_attempt_left(site(), leave_half)


def test_snapshot_of_a_server_becomes_active(site):
    spec = order("vm")
    site().install(spec)
    site.now.advance(seconds=5)
    server = site().status(spec.instance_id).servers[0]
    wait = lambda is_so: (is_so(), site.now.advance(seconds=5))  # noqa: E731 - time is told to pass
    made = promise.makes_one_snapshot_of_a_key(site(), server.id, wait)
    assert made.status == "active"


def test_snapshot_is_saving_at_first_and_has_no_bytes_then(site):
    spec = order("vm")
    site().install(spec)
    server = site().status(spec.instance_id).servers[0]
    made = site().snapshot_server(server.id, promise.new())
    assert (made.status, made.size, made.checksum) == ("saving", None, "")
    with pytest.raises(VimRefused) as caught:
        site().read_image(made.id)
    assert caught.value.retryable


def test_server_that_there_is_not_is_refused(site):
    with pytest.raises(VimRefused, match="no server"):
        site().snapshot_server(str(uuid.uuid4()), promise.new())


def test_image_that_there_is_not_is_refused(site):
    with pytest.raises(VimRefused) as caught:
        site().read_image("../secret")
    assert not caught.value.retryable


def test_site_that_does_not_answer_keeps_no_images_either(site):
    away = site("faults: [{kind: unreachable}]")
    asks = (away.images, lambda: away.image("x"), lambda: away.remove_image("x"),
            lambda: away.read_image("x"), lambda: away.snapshot_server("x", promise.new()),
            lambda: away.upload_image(promise.new(), promise.pieces()))
    for ask in asks:
        with pytest.raises(VimUnreachable):
            ask()


def test_full_disk_is_told_in_words_and_leaves_nothing(site, monkeypatch, tmp_path):
    monkeypatch.setattr(Shelf, "_bytes", lambda self, image_id: _Full(tmp_path / image_id))
    with pytest.raises(VimRefused, match="No space left on device"):
        site().upload_image(promise.new("big"), promise.pieces())
    assert site().images("big") == ()


class _Full:
    """A file on a disk without room."""

    def __init__(self, path):
        self.path = path

    def open(self, mode):
        raise OSError(errno.ENOSPC, "No space left on device")

    def unlink(self, missing_ok):
        self.path.unlink(missing_ok=missing_ok)
