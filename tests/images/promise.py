"""What every driver that keeps images has to do, asserted by outcome; for each of them."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from apps.vim.images import NewImage

CONTENT = hashlib.shake_256(b"content").digest(3 * 1024 * 1024 + 7)
MIB = 1024 * 1024


class BrokeOff(Exception):
    """The source of an image ended in the middle."""


def new(name="promise", **fields):
    """An image to be made."""
    return NewImage(key=uuid.uuid4(), name=name, package_id=uuid.uuid4(), **fields)


def pieces(content=CONTENT):
    """The content as it travels."""
    return (content[at:at + MIB] for at in range(0, len(content), MIB))


def breaking():
    """A source that ends after its first piece."""
    yield CONTENT[:MIB]
    raise BrokeOff


def uploads_and_reads(driver):
    """What was sent is there under its name, whole, and can be read from anywhere."""
    order = new(f"promise-{uuid.uuid4().hex[:8]}", min_disk_gb=1, min_ram_mb=64)
    made = driver.upload_image(order, pieces())
    assert (made.name, made.status, made.size) == (order.name, "active", len(CONTENT))
    assert made.checksum == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    assert (made.disk_format, made.min_disk_gb, made.min_ram_mb) == ("raw", 1, 64)
    assert made.key == str(order.key) and made.ours
    assert made.created_at is not None
    assert driver.image(made.id) == made
    assert [one.id for one in driver.images(order.name)] == [made.id]
    assert made.id in [one.id for one in driver.images()]
    assert driver.images(f"{order.name}-2") == ()
    for offset in (0, 1, MIB, MIB + 1, len(CONTENT) - 1):
        assert b"".join(driver.read_image(made.id, offset)) == CONTENT[offset:]
    assert b"".join(driver.read_image(made.id, len(CONTENT))) == b""
    return made


def takes_away(driver, made):
    """What is taken away is gone, and asking again does no harm."""
    assert driver.remove_image(made.id) is True
    assert driver.image(made.id) is None
    assert driver.remove_image(made.id) is False


def leaves_nothing_of_a_broken_upload(driver):
    """A source that fails is heard of, and no half image stays."""
    with pytest.raises(BrokeOff):
        driver.upload_image(new("broken"), breaking())
    assert driver.images("broken") == ()


def replaces_what_an_attempt_left(driver, leave_half):
    """The image of a process that died is replaced by the next attempt of the same key."""
    order = new("resumed")
    leave_half(order)
    assert len(driver.images("resumed")) == 1
    made = driver.upload_image(order, pieces())
    assert [one.id for one in driver.images("resumed")] == [made.id]
    assert b"".join(driver.read_image(made.id)) == CONTENT
    driver.remove_image(made.id)


def makes_one_snapshot_of_a_key(driver, server_id, wait):
    """Ordered twice it is made once; active after ``wait``, and then it has bytes."""
    order = NewImage(key=uuid.uuid4(), name="shot", instance_id=uuid.uuid4())
    first = driver.snapshot_server(server_id, order)
    again = driver.snapshot_server(server_id, order)
    assert (first.id, first.key) == (again.id, str(order.key))
    assert [one.id for one in driver.images("shot")] == [first.id]
    wait(lambda: driver.image(first.id).status == "active")
    made = driver.image(first.id)
    assert made.size == len(b"".join(driver.read_image(made.id)))
    return made
