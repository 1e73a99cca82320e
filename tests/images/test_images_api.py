"""Images over an edge's API: made, looked at, downloaded in parts and deleted."""

from __future__ import annotations

import uuid

import pytest

from apps.common import clock
from apps.common.errors import Conflict, Upstream
from apps.hosts.drivers import driver_of
from apps.images import work
from apps.images.models import HostImage
from apps.packages import distribution
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.images import promise
from tests.orchestration.conftest import Stage

CHUNK = 1024 * 1024


class Site(Stage):
    """An edge with an instance whose machine runs, and its tenant as a client."""

    def __init__(self, now):
        super().__init__(now, app_class="vm")
        self.instance = self.create()
        self.instantiate(self.instance)
        self.work(30, until="Instantiated")
        self.owner = make.Api(make.user(self.tenant))
        self.url = (f"/lcmcontroller/v1/tenants/{self.tenant.pk}/app_instances/"
                    f"{self.instance.pk}/images")

    @property
    def driver(self):
        """The driver of the host."""
        return driver_of(self.host)

    @property
    def vm_id(self):
        """The VIM's id of the instance's machine."""
        return self.driver.status(self.instance.pk).servers[0].id

    def order(self, **more):
        """Ask for an image of the machine."""
        return self.owner.send("POST", self.url, {"vmId": self.vm_id}, **more)

    def made(self):
        """An image that is ready; its address."""
        image_id = self.order().json()["imageId"]
        self.now.advance(seconds=5)
        for one in work.due():
            work.work_on(one)
        return f"{self.url}/{image_id}"

    def content(self):
        """The bytes as the VIM has them."""
        row = HostImage.objects.get(source="snapshot")
        return b"".join(self.driver.read_image(row.vim_id))

    def get(self, url, **headers):
        """Read, with headers."""
        return self.owner.send("GET", url, headers=headers)


@pytest.fixture
def site(edge_house):
    """An edge on a clock that stands still, which hands images out in chunks of 1 MiB."""
    edge_house.IMAGES = {**edge_house.IMAGES, "chunk_bytes": CHUNK}
    with clock.frozen() as now:
        yield Site(now)


# --- made and looked at ----------------------------------------------------------------------


def test_image_of_a_machine_is_made_and_its_status_followed(site):
    answer = site.order()
    assert answer.status_code == 200
    assert answer.json().keys() == {"imageId"}
    url = f"{site.url}/{answer.json()['imageId']}"
    told = site.get(url).json()
    assert (told["status"], told["sumChunkNum"], told["chunkSize"]) == ("saving", 0, CHUNK)
    assert told["appInstanceId"] == str(site.instance.pk)
    site.now.advance(seconds=5)
    site.work(1)
    told = site.get(url).json()
    size = len(site.content())
    assert (told["status"], told["size"]) == ("active", size)
    assert told["sumChunkNum"] == size // CHUNK + 1
    assert told["checksum"] == site.driver.images(told["imageName"])[0].checksum
    name = site.driver.status(site.instance.pk).servers[0].name
    assert told["imageName"].startswith(f"{name}-{site.now():%Y%m%d}")


def test_same_call_with_the_same_key_makes_one_image(site):
    first, second = (site.order(headers={"idempotency-key": "k"}) for _ in range(2))
    assert first.json() == second.json()
    assert HostImage.objects.filter(source="snapshot").count() == 1


def test_machine_of_another_instance_does_not_exist_here(site):
    other = site.create(name="other")
    site.instantiate(other)
    site.work(30)
    theirs = site.driver.status(other.pk).servers[0].id
    for vm_id in (theirs, str(uuid.uuid4())):
        answer = site.owner.send("POST", site.url, {"vmId": vm_id})
        assert answer.status_code == 404
    assert not HostImage.objects.filter(source="snapshot").exists()


def test_image_of_another_instance_of_the_tenant_is_not_found_below_this_one(site):
    url = site.made()
    other = site.create(name="other")
    image_id = url.rpartition("/")[2]
    elsewhere = site.url.replace(str(site.instance.pk), str(other.pk))
    assert site.get(f"{elsewhere}/{image_id}").status_code == 404
    assert site.get(f"{site.url}/{uuid.uuid4()}").status_code == 404
    assert site.get(f"{site.url}/no-id").status_code == 404


def test_vim_that_refuses_is_told_at_once_and_nothing_is_kept(site, monkeypatch):
    def refuse(*_):
        raise Conflict("No room for an image.", code="over_quota")

    vm_id = site.vm_id
    monkeypatch.setattr(type(site.driver), "snapshot_server", refuse)
    answer = site.owner.send("POST", site.url, {"vmId": vm_id})
    assert (answer.status_code, answer.json()["detail"]) == (502, "No room for an image.")
    assert not HostImage.objects.filter(source="snapshot").exists()


def test_snapshot_that_the_vim_loses_is_killed_and_says_why(site):
    image_id = site.order().json()["imageId"]
    site.driver.remove_image(HostImage.objects.get(pk=image_id).vim_id)
    site.now.advance(seconds=5)
    site.work(1)
    told = site.get(f"{site.url}/{image_id}").json()
    assert (told["status"], told["sumChunkNum"]) == ("killed", 0)
    assert "could not make the image" in told["reason"]
    assert site.get(f"{site.url}/{image_id}/file").status_code == 409


def test_image_is_deleted_at_the_vim(site):
    url = site.made()
    answer = site.owner.send("DELETE", url)
    assert (answer.status_code, answer.content) == (200, b"null")
    assert site.get(url).json()["status"] == "pending_delete"
    assert site.owner.send("DELETE", url).status_code == 200
    assert site.get(f"{url}/file").status_code == 409
    site.work(1)
    assert site.get(url).status_code == 404
    assert len(site.driver.images()) == 1, "that of the package stays"


# --- downloaded ------------------------------------------------------------------------------


def test_chunks_in_any_order_make_the_whole(site):
    url, whole = site.made(), site.content()
    count = site.get(url).json()["sumChunkNum"]
    parts = {}
    for number in reversed(range(count)):
        answer = site.get(f"{url}/file", chunk_num=str(number))
        assert answer.status_code == 200
        parts[number] = make.content_of(answer)
        assert answer["Content-Length"] == str(len(parts[number]))
        assert answer["Content-Type"] == "application/octet-stream"
    assert b"".join(parts[number] for number in range(count)) == whole
    assert [len(parts[number]) for number in range(count - 1)] == [CHUNK] * (count - 1)


@pytest.mark.parametrize("text", ["-1", "one", "1.0", "", "٣", "9" * 11])
def test_chunk_that_is_no_number_is_a_400(site, text):
    answer = site.get(f"{site.made()}/file", chunk_num=text)
    assert answer.status_code == 400
    assert "chunk_num" in answer.json()["errors"]


def test_chunk_past_the_end_is_a_404(site):
    url = site.made()
    count = site.get(url).json()["sumChunkNum"]
    assert site.get(f"{url}/file", chunk_num=str(count)).status_code == 404
    assert site.get(f"{url}/file", chunk_num=str(count - 1)).status_code == 200


def test_whole_image_can_be_had_at_once_and_asked_for_without_its_bytes(site):
    url, whole = site.made(), site.content()
    answer = site.get(f"{url}/file")
    assert (answer.status_code, make.content_of(answer)) == (200, whole)
    head = site.owner.send("HEAD", f"{url}/file")
    for name in ("Content-Length", "ETag", "Accept-Ranges", "Content-Type"):
        assert head[name] == answer[name]
    assert (head.status_code, head.content) == (200, b"")
    assert answer["ETag"] == f'"{site.get(url).json()["checksum"]}"'
    assert answer["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-1048577", 5, 1048578), ("bytes=7-", 7, None),
     ("bytes=-3", -3, None), ("bytes=1-99999999999", 1, None), ("bytes=-99999999999", 0, None)],
)
def test_range_answers_206_with_just_that(site, asked, start, end):
    url, whole = site.made(), site.content()
    answer = site.get(f"{url}/file", range=asked)
    wanted = whole[start:end]
    assert (answer.status_code, make.content_of(answer)) == (206, wanted)
    first = start if start >= 0 else len(whole) + start
    assert answer["Content-Range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(whole)}"
    assert answer["Content-Length"] == str(len(wanted))


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_range_past_the_end_answers_416_with_the_size(site, asked):
    url, size = site.made(), len(site.content())
    answer = site.get(f"{url}/file", range=asked)
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{size}")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("asked", ["bytes=3-1", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "x"])
def test_range_that_is_none_is_ignored(site, asked):
    url, whole = site.made(), site.content()
    answer = site.get(f"{url}/file", range=asked)
    assert (answer.status_code, make.content_of(answer)) == (200, whole)


def test_range_of_another_state_of_the_image_answers_with_the_whole(site):
    url = site.made()
    tag = site.get(f"{url}/file")["ETag"]
    for if_range, status in ((tag, 206), ('"other"', 200)):
        headers = {"range": "bytes=0-4", "if-range": if_range}
        answer = site.owner.send("GET", f"{url}/file", headers=headers)
        assert answer.status_code == status


def test_image_that_is_still_made_has_no_bytes(site):
    image_id = site.order().json()["imageId"]
    assert site.get(f"{site.url}/{image_id}/file").status_code == 409


# --- what a host has -------------------------------------------------------------------------


@pytest.fixture
def listed(site):
    """The images of the host, as whoever asks with ``query`` sees them."""

    def ask(query="", who=None):
        answer = (who or site.owner).send(
            "GET", f"/lcmcontroller/v1/hosts/{site.host.ip}/images{query}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return ask


def test_list_has_images_of_machines_and_of_containers_and_what_was_there(site, listed):
    boxes = make.package(site.tenant, name="boxes")
    more = make.package(site.tenant, name="boxes", version="1.10")
    for package in (boxes, more):
        distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[site.host.pk])
    stranger = site.driver.upload_image(promise.new("base"), promise.pieces())
    shelf = site.driver._shelf._description(stranger.id)
    shelf.write_text(shelf.read_text().replace(stranger.key, ""))
    site.made()
    found = listed()
    kinds = [(one["kind"], one["source"]) for one in found]
    assert sorted(kinds) == [("container", "package"), ("vm", "found"), ("vm", "package"),
                             ("vm", "snapshot")]
    box = next(one for one in found if one["kind"] == "container")
    assert box["packages"] == sorted(str(one.pk) for one in (boxes, more))
    shot = next(one for one in found if one["source"] == "snapshot")
    assert (shot["instance"], shot["status"]) == (str(site.instance.pk), "active")


def test_list_is_filtered_sorted_and_paged(site, listed):
    site.made()
    assert [one["source"] for one in listed("?sort=-size")] == ["snapshot", "package"]
    assert [one["source"] for one in listed("?sort=size")] == ["package", "snapshot"]
    assert [one["source"] for one in listed("?name=GATEWAY-linux")] == ["package"]
    assert listed("?kind=container") == []
    assert len(listed("?status=active")) == 2
    assert [one["source"] for one in listed("?sort=size&limit=1&offset=1")] == ["snapshot"]
    for wrong in ("?sort=colour", "?kind=box", "?limit=0"):
        path = f"/lcmcontroller/v1/hosts/{site.host.ip}/images{wrong}"
        assert site.owner.send("GET", path).status_code == 400


def test_other_tenants_see_nothing_of_it(site, listed):
    site.made()
    other = make.Api(make.user(make.tenant("blue")))
    assert listed(who=other) == []
    assert len(listed(who=make.Api(make.admin()))) == 2


def test_order_stands_while_the_vim_does_not_answer(site, monkeypatch):
    vm_id, driver = site.vm_id, type(site.driver)
    real = driver.snapshot_server

    def away(*_):
        raise Upstream("Nobody is there.", code="vim_unreachable")

    monkeypatch.setattr(driver, "snapshot_server", away)
    image_id = site.owner.send("POST", site.url, {"vmId": vm_id}).json()["imageId"]
    told = site.get(f"{site.url}/{image_id}").json()
    assert (told["status"], told["reason"]) == ("queued", "Nobody is there.")
    monkeypatch.setattr(driver, "snapshot_server", real)
    site.work(10)
    assert site.get(f"{site.url}/{image_id}").json()["status"] == "active"
