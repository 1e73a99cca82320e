"""Images as Glance and Nova tell them, where the cloud of the tests is never so."""

from __future__ import annotations

import uuid

import pytest

from apps.vim.contract import VimRefused, VimUnreachable
from apps.vim.images import NewImage, VimImage, same_content
from apps.vim.openstack import glance, names

HOST = uuid.uuid4()
NEW = NewImage(key=uuid.uuid4(), name="disk", package_id=uuid.uuid4())


class Cloud:
    """A cloud that keeps images in memory.  ``odd`` says in what it is unlike others."""

    def __init__(self, **odd):
        self.odd, self.rows, self.content = odd, {}, {}

    def ask(self, service, method, path, **more):
        return getattr(self, f"_{method.lower()}")(path, **more)

    def find(self, service, path, **more):
        if service == "compute":
            return {"server": {"name": "web", "image": ""}}
        row = self.rows.get(path.split("/")[2])
        return row and dict(row)

    def delete(self, service, path):
        self.ask(service, "DELETE", path)
        return True

    def pages(self, service, kind, tag="", **_):
        return iter([row for row in self.rows.values() if not tag or tag in row["tags"]])

    def stream(self, service, path, *, start):
        content = self.content[path.split("/")[2]]
        return Answer(content[0 if self.odd.get("whole") else start:],
                      200 if self.odd.get("whole") else 206)

    def _post(self, path, json):
        key = f"image-{len(self.rows)}"
        self.rows[key] = {"id": key, "status": "queued", "size": None, **json}
        return self.rows[key]

    def _put(self, path, data, **_):
        key = path.split("/")[2]
        pieces = [*data]
        self.content[key] = b"" if self.odd.get("resent") else b"".join(pieces)
        self.rows[key] |= {"status": self.odd.get("status", "active"),
                           "size": len(self.content[key])}

    def _delete(self, path):
        del self.rows[path.split("/")[2]]


class Answer:
    """The body of an answer in two pieces."""

    def __init__(self, content, status_code):
        self.content, self.status_code, self.closed = content, status_code, False

    def iter_content(self, _):
        yield self.content[:3]
        yield self.content[3:]

    def close(self):
        self.closed = True


def test_no_image_is_made_of_a_server_that_runs_from_a_volume():
    """Q-62: what Nova would make has no bytes."""
    with pytest.raises(VimRefused) as caught:
        glance._ordered(Cloud(), HOST, "id", NEW)
    assert caught.value.code == "runs_from_volume"
    assert "“web” runs from a volume" in str(caught.value)


@pytest.mark.parametrize("offset", [0, 1, 3, 4, 9])
@pytest.mark.parametrize("whole", [True, False])
def test_store_that_cannot_begin_in_the_middle_is_read_from_its_beginning(offset, whole):
    cloud = Cloud(whole=whole)
    made = glance.upload(cloud, HOST, NEW, [b"0123", b"456789"])
    assert b"".join(glance.read(cloud, made.id, offset)) == b"0123456789"[offset:]


def test_answer_is_closed_when_its_reader_leaves():
    answer = Answer(b"0123456789", 200)
    pieces = glance._pieces(answer, 0)
    next(pieces)
    pieces.close()
    assert answer.closed


def test_upload_that_was_sent_a_second_time_without_its_bytes_is_not_taken():
    cloud = Cloud(resent=True)
    with pytest.raises(VimUnreachable, match="has 0 bytes of the image, and 4 were sent"):
        glance.upload(cloud, HOST, NEW, [b"0123"])
    assert cloud.rows == {}


def test_image_that_the_cloud_kills_is_refused_and_taken_away():
    cloud = Cloud(status="killed")
    with pytest.raises(VimRefused, match="killed"):
        glance.upload(cloud, HOST, NEW, [b"0123"])
    assert cloud.rows == {}


def test_list_knows_which_images_are_of_this_host():
    cloud = Cloud()
    for number in range(5):
        new = NewImage(key=uuid.uuid4(), name=str(number))
        glance.upload(cloud, HOST if number % 2 else uuid.uuid4(), new, [b"x"])
    found = glance.images(cloud, HOST)
    assert [(one.name, one.ours) for one in found] == [
        ("0", False), ("1", True), ("2", False), ("3", True), ("4", False)]


def test_tags_say_whose_an_image_is():
    key, package = uuid.uuid4(), uuid.uuid4()
    tags = names.image_tags(HOST, key, package, None)
    assert names.image_of(tags) == str(key)
    assert names.instance_of(tags) == ""
    assert f"mecm-package-{package}" in tags


def test_same_content_is_that_of_the_oldest_active_image_with_the_checksum():
    images = [VimImage("b", "x", "active", checksum="aa"), VimImage("a", "x", "active",
              checksum="aa"), VimImage("c", "x", "killed", checksum="bb")]
    assert same_content(images, "AA").id == "a"
    assert same_content(images, "bb") is None
    assert same_content([VimImage("d", "x", "active")], "") is None
