"""Images of servers over HTTP: at an edge, and at a center through it, while the instance lives and
after it."""

from __future__ import annotations

import uuid
from dataclasses import replace

import httpx
import pytest

from apps.common import clock
from apps.common.errors import Upstream
from apps.images.models import HostImage
from apps.journal.models import Entry
from apps.orchestration.snapshots import snapshots_at
from apps.tenants.roles import Role
from apps.vim.image_lines import Snapshot
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.orchestration.shots import (
    CHUNK,
    content,
    end,
    entries,
    made,
    send,
    settle,
    take,
    there,
    told,
)
from tests.orchestration.test_remote import Pair, run

EITHER_WAY = True


@pytest.fixture
def site(edge_house):
    """An edge with an instance of one virtual machine that runs."""
    edge_house.IMAGES = {**edge_house.IMAGES, "chunk_bytes": CHUNK}
    with clock.frozen() as now:
        stage = Stage(now, app_class="vm")
        stage.instantiate(stage.create())
        stage.work(until="Instantiated")
        yield settle(stage, "/lcmcontroller/v1")


@pytest.fixture
def far(now, two_sites, settings):
    """A center with the same at its edge."""
    settings.IMAGES = {**settings.IMAGES, "chunk_bytes": CHUNK}
    pair = Pair(now, two_sites, app_class="vm")
    run(pair)
    pair.work(until="Instantiated")
    pair.work(1)
    return settle(pair, "/appo/v1")


@pytest.fixture(params=["site", "far"])
def either(request, edge_database, db):
    """At the edge that has the server, and at its center."""
    return request.getfixturevalue(request.param)


# --- while the instance lives ------------------------------------------------------------------


def test_image_is_taken_followed_and_told(either):
    image_id = take(either).json()["imageId"]
    found = told(either, f"{either.url}/{image_id}")
    assert (found["status"], found["sumChunkNum"], found["size"]) == ("saving", 0, None)
    either.now.advance(seconds=5)
    either.work(1)
    found = told(either, f"{either.url}/{image_id}")
    whole = content(either)
    assert (found["status"], found["size"], found["chunkSize"]) == ("active", len(whole), CHUNK)
    assert found["sumChunkNum"] == -(-len(whole) // CHUNK) > 2
    assert (found["appInstanceId"], found["appInstanceName"]) == (
        str(either.instance.pk), "camera")
    assert found["checksum"] == there(
        either, lambda: HostImage.objects.get(source="snapshot").checksum) != ""
    assert found["imageName"].startswith(either.name)
    assert told(either, either.url) == [found]
    assert told(either, f"{either.at_host}/{image_id}") == found


def test_images_of_an_instance_are_paged_with_the_newest_first(either):
    ids = [made(either), made(either)]
    assert [one["imageId"] for one in told(either, either.url)] == ids[::-1]
    assert [one["imageId"] for one in told(either, f"{either.url}?limit=1&offset=1")] == ids[:1]
    assert send(either, "GET", f"{either.url}?limit=x").status_code == 400


def test_chunks_in_any_order_and_the_whole_are_byte_for_byte_the_image(either):
    url = f"{either.url}/{made(either)}"
    whole = content(either)
    count = told(either, url)["sumChunkNum"]
    parts = {}
    for number in reversed(range(count)):
        answer = send(either, "GET", f"{url}/file", chunk_num=str(number))
        parts[number] = make.content_of(answer)
        assert (answer.status_code, answer["Content-Length"]) == (200, str(len(parts[number])))
    assert b"".join(parts[number] for number in range(count)) == whole
    answer = send(either, "GET", f"{url}/file")
    assert (answer.status_code, make.content_of(answer)) == (200, whole)
    assert answer["ETag"] == f'"{told(either, url)["checksum"]}"'
    head = send(either, "HEAD", f"{url}/file")
    assert (head["Content-Length"], head.content) == (str(len(whole)), b"")
    assert send(either, "GET", f"{url}/file", chunk_num=str(count)).status_code == 404
    assert send(either, "GET", f"{url}/file", chunk_num="one").status_code == 400


@pytest.mark.parametrize(("asked", "start", "end"), [
    ("bytes=0-0", 0, 1), (f"bytes=5-{CHUNK + 5}", 5, CHUNK + 6), (f"bytes={2 * CHUNK}-",
     2 * CHUNK, None), ("bytes=-3", -3, None)])
def test_range_is_answered_with_just_that(either, asked, start, end):
    url = f"{either.at_host}/{made(either)}/file"
    whole = content(either)
    answer = send(either, "GET", url, range=asked)
    assert (answer.status_code, make.content_of(answer)) == (206, whole[start:end])
    first = start if start >= 0 else len(whole) + start
    last = first + len(whole[start:end]) - 1
    assert answer["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"


def test_range_past_the_end_is_a_416(either):
    answer = send(either, "GET", f"{either.url}/{made(either)}/file", range="bytes=99999999-")
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{len(content(either))}"


def test_image_is_deleted_where_it_is(either):
    url = f"{either.url}/{made(either)}"
    answer = send(either, "DELETE", url)
    assert (answer.status_code, answer.content) == (200, b"null")
    assert told(either, url)["status"] == "pending_delete"
    assert send(either, "GET", f"{url}/file").status_code == 409
    assert send(either, "DELETE", url).status_code == 200
    either.work(2)
    assert send(either, "GET", url).status_code == 404
    assert there(either, lambda: HostImage.objects.filter(source="snapshot").count()) == 0


def test_same_order_with_the_same_key_makes_one(either):
    first, second = (take(either, **{"idempotency-key": "k1"}) for _ in range(2))
    assert first.json() == second.json()
    assert len(told(either, either.url)) == 1


def test_guest_is_told_nothing_and_strangers_find_nothing(either):
    image_id = made(either)
    guest = make.user(either.tenant, role=Role.GUEST)
    stranger = make.user(make.tenant("blue"))
    for base in (either.url, either.at_host):
        for method, url in (("GET", f"{base}/{image_id}"), ("GET", f"{base}/{image_id}/file"),
                            ("DELETE", f"{base}/{image_id}")):
            assert send(either, method, url, who=guest).status_code == 403
            assert send(either, method, url, who=stranger).status_code == 404
    for who, status in ((guest, 403), (stranger, 404)):
        assert send(either, "GET", either.url, who=who).status_code == status
        order = send(either, "POST", either.url, {"vmId": either.server_id}, who=who)
        assert order.status_code == status
    assert told(either, either.at_host, who=stranger) == []
    assert len(told(either, either.url)) == 1


@pytest.mark.parametrize("image_id", [str(uuid.UUID(int=7)), "no-id", "%2e%2e"])
def test_image_that_is_none_is_not_found(either, image_id):
    for base in (either.url, either.at_host):
        for method, url in (("GET", f"{base}/{image_id}"), ("GET", f"{base}/{image_id}/file"),
                            ("DELETE", f"{base}/{image_id}")):
            assert send(either, method, url).status_code == 404


def test_image_of_a_package_is_nobodys_to_download_or_delete(either):
    row = there(either, lambda: HostImage.objects.get(source="package"))
    for method, more in (("GET", ""), ("GET", "/file"), ("DELETE", "")):
        url = f"{either.at_host}/{row.pk}{more}"
        assert send(either, method, url, who=make.admin()).status_code == 404


def test_machine_of_nobody_has_no_image_made(either):
    for vm_id, status in ((str(uuid.uuid4()), 404), ("x", 400)):
        assert send(either, "POST", either.url, {"vmId": vm_id}).status_code == status
    assert told(either, either.url) == []
    assert entries() == []


# --- over the link -----------------------------------------------------------------------------


def requests_of(far, monkeypatch):
    """What the center asks of its edge from now on."""
    seen = []
    monkeypatch.setattr(far.sites.wire, "on_request", seen.append)
    return seen


def test_center_holds_no_more_than_one_chunk_at_a_time(far, monkeypatch):
    url, size = f"{far.url}/{made(far)}/file", len(content(far))
    seen = requests_of(far, monkeypatch)
    answer = send(far, "GET", url)
    asked = [one.headers["range"] for one in seen if "range" in one.headers]
    assert asked == [f"bytes=0-{CHUNK - 1}"], "the others when they are wanted"
    lengths = [len(piece) for piece in answer.streaming_content]
    assert max(lengths) == CHUNK
    assert sum(lengths) == size
    assert sum("range" in one.headers for one in seen) == len(lengths)


def test_chunk_is_one_request_for_bytes(far, monkeypatch):
    url = f"{far.url}/{made(far)}/file"
    seen = requests_of(far, monkeypatch)
    make.content_of(send(far, "GET", url, chunk_num="1"))
    assert [one.headers["range"] for one in seen if "range" in one.headers] == [
        f"bytes={CHUNK}-{2 * CHUNK - 1}"]


def test_edge_that_hands_out_larger_chunks_is_asked_for_no_more_than_fits_here(
    far, settings, monkeypatch,
):
    url = f"{far.url}/{made(far)}"
    settings.IMAGES = {**settings.IMAGES, "chunk_bytes": CHUNK // 2}
    found = told(far, url)
    # Both sites of this process have the same settings; the edge is told to have others.
    monkeypatch.setattr(
        type(snapshots_at(far.host, actor=far.actor)), "one",
        lambda *_: replace(real, chunk_bytes=CHUNK))
    real = Snapshot.from_json(found)
    answer = send(far, "GET", f"{url}/file", chunk_num="0")
    assert [len(piece) for piece in answer.streaming_content] == [CHUNK // 2] * 2


def test_download_is_cut_where_the_edge_goes_away_and_resumed_by_a_range(far):
    url, whole = f"{far.url}/{made(far)}/file", content(far)
    answer = send(far, "GET", url)
    pieces = iter(answer.streaming_content)
    got = next(pieces) + next(pieces)
    far.sites.wire.down = True
    with pytest.raises(Upstream):
        next(pieces)
    far.sites.wire.down = False
    rest = send(far, "GET", url, range=f"bytes={len(got)}-", **{"if-range": answer["ETag"]})
    assert rest.status_code == 206
    assert got + make.content_of(rest) == whole


def test_link_that_is_down_is_a_problem(far):
    image_id = made(far)
    far.sites.wire.down = True
    before = entries()
    for base in (far.url, far.at_host):
        for method, url in (("GET", base), ("GET", f"{base}/{image_id}"),
                            ("GET", f"{base}/{image_id}/file"), ("DELETE", f"{base}/{image_id}")):
            answer = send(far, method, url)
            assert (answer.status_code, answer["Content-Type"]) == (
                502, "application/problem+json")
    assert take(far).status_code == 502
    assert entries() == before, "an order that reached nobody was not given"


@pytest.mark.parametrize("spoil", [
    lambda answer: httpx.Response(206, headers=answer.headers, content=answer.content[:-1]),
    lambda answer: httpx.Response(200, headers=answer.headers, content=answer.content),
    lambda answer: httpx.Response(
        206, headers={**answer.headers, "etag": '"other"'}, content=answer.content),
])
def test_anything_but_the_part_that_was_asked_for_is_not_passed_on(far, monkeypatch, spoil):
    url = f"{far.url}/{made(far)}/file"
    real = far.sites.answer

    def answer(request):
        right = real(request)
        return spoil(right) if "range" in request.headers else right

    monkeypatch.setattr(far.sites, "answer", answer)
    assert send(far, "GET", url).status_code == 502


def test_both_sites_record_who_ordered_it(far):
    url = f"{far.url}/{made(far)}"
    send(far, "DELETE", url)
    name = far.owner.username
    assert entries() == [(name, "ordered"), (name, "removing")]
    with far.sites.inside():
        assert [one for one in entries("images.image.") if one[0] == name] == [
            (name, "ordered"), (name, "arrived"), (name, "removing")]
    assert set(Entry.objects.filter(verb__startswith="images.snapshot.").values_list(
        "kind", "subject_id", "tenant_id")) == {
        ("appinstance", str(far.instance.pk), far.tenant.pk)}


def test_order_whose_answer_is_lost_is_recorded_with_the_reason(far):
    far.sites.wire.lose_replies = 1
    assert take(far).status_code == 504
    assert Entry.objects.get(verb="images.snapshot.ordered").data["reason"]
    assert len(told(far, far.url)) == 1


# --- after the instance ------------------------------------------------------------------------


def test_image_outlives_its_instance_and_is_had_and_deleted_at_the_host(either):
    image_id = made(either)
    whole = content(either)
    end(either)
    assert send(either, "GET", f"{either.url}/{image_id}").status_code == 404
    (line,) = [one for one in told(either, either.at_host) if one["source"] == "snapshot"]
    assert (line["id"], line["instance"], line["instance_name"]) == (
        image_id, str(either.instance.pk), "camera")
    url = f"{either.at_host}/{image_id}"
    assert told(either, url)["appInstanceName"] == "camera"
    assert make.content_of(send(either, "GET", f"{url}/file")) == whole
    assert send(either, "DELETE", url).status_code == 200
    either.work(2)
    assert send(either, "GET", url).status_code == 404
    assert [one for one in told(either, either.at_host) if one["source"] == "snapshot"] == []


def test_image_without_its_instance_stays_behind_the_wall_of_its_tenant(either):
    url = f"{either.at_host}/{made(either)}"
    end(either)
    stranger = make.user(make.tenant("blue"))
    guest = make.user(either.tenant, role=Role.GUEST)
    for who, status in ((stranger, 404), (guest, 403)):
        for method, more in (("GET", ""), ("GET", "/file"), ("DELETE", "")):
            assert send(either, method, f"{url}{more}", who=who).status_code == status
    assert told(either, either.at_host, who=stranger) == []
    assert told(either, url)["status"] == "active"
    boss = make.admin()
    assert told(either, url, who=boss)["status"] == "active"
    assert send(either, "DELETE", url, who=boss).status_code == 200


def test_center_records_the_end_of_an_image_without_its_instance_for_its_owner(far):
    url = f"{far.at_host}/{made(far)}"
    end(far)
    boss = make.admin()
    assert send(far, "DELETE", url, who=boss).status_code == 200
    entry = Entry.objects.get(verb="images.snapshot.removing")
    assert (entry.kind, entry.subject_id, entry.tenant_id) == (
        "mechost", str(far.host.pk), far.tenant.pk)
    assert entry.data["image"].startswith(far.name)


def test_images_of_a_host_are_the_same_here_and_at_the_center(far):
    made(far)
    at_center = told(far, far.at_host)
    with far.sites.inside():
        at_edge = make.Api(make.admin()).send(
            "GET", f"/lcmcontroller/v1/hosts/{far.host.ip}/images").json()
    assert at_center == at_edge
    assert {one["source"] for one in at_center} == {"package", "snapshot"}
    assert [one["source"] for one in told(far, f"{far.at_host}?sort=-size&limit=1")] == [
        "snapshot"]
    assert send(far, "GET", f"{far.at_host}?sort=colour").status_code == 400
