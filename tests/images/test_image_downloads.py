"""Images that come from an address: through the guard of outward calls, and in pieces."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from apps.images.models import HostImage
from tests.images.conftest import DISK, md5


class Server:
    """A web server on loopback that answers as ``behaviour`` says."""

    def __init__(self):
        self.asked, self.status, self.length, self.body = 0, 200, len(DISK), DISK
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(outer.status)
                if outer.length is not None:
                    self.send_header("Content-Length", str(outer.length))
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/download?imageId=disk"
        self.thread = threading.Thread(target=self.http.serve_forever)


@pytest.fixture
def server(settings):
    """A server that the site may call."""
    settings.IMAGES = {**settings.IMAGES, "networks": "127.0.0.0/8"}
    made = Server()
    made.thread.start()
    yield made
    made.http.shutdown()
    made.thread.join()
    made.http.server_close()


def failed(bench, row, code):
    """It failed for this reason and left nothing; returns the sentence."""
    now = HostImage.objects.get(pk=row.pk)
    assert (now.state, now.fault_reason.code) == ("failed", code), str(now.fault_reason)
    assert bench.driver.images() == ()
    return str(now.fault_reason)


@pytest.mark.parametrize("length", [len(DISK), None])
def test_image_at_an_address_is_brought(bench, server, length):
    server.length = length
    row = bench.want(reference=server.url, checksum=md5(DISK))
    assert row.source == "url"
    bench.work()
    row = bench.fresh(row)
    assert (row.state, row.size, bench.read(row)) == ("active", len(DISK), DISK)


def test_what_is_there_already_is_not_asked_for(bench, server):
    bench.want(checksum=md5(DISK))
    bench.work()
    row = bench.want(reference=server.url, checksum=md5(DISK))
    bench.work()
    assert (bench.fresh(row).state, server.asked) == ("active", 0)


@pytest.mark.parametrize("status", [404, 403, 302])
def test_answer_without_the_image_fails_in_words(bench, server, status):
    server.status = status
    row = bench.want(reference=server.url)
    bench.work()
    assert f"status {status}" in failed(bench, row, "upstream")


def test_address_in_a_network_that_is_not_allowed_is_never_called(bench, server, settings):
    settings.IMAGES = {**settings.IMAGES, "networks": ""}
    row = bench.want(reference=server.url)
    bench.work()
    failed(bench, row, "forbidden_address")
    assert server.asked == 0


def test_address_that_is_none_fails_in_words(bench):
    row = bench.want(reference="http://exa mple:port/")
    bench.work()
    assert bench.fresh(row).state == "failed"


def test_body_that_is_cut_off_is_asked_for_again_and_leaves_no_half_image(bench, server):
    server.body = DISK[:-1]
    row = bench.want(reference=server.url)
    bench.work()
    now = bench.fresh(row)
    assert (now.state, now.fault_reason.code) == ("waiting", "unreachable")
    assert bench.driver.images() == ()
    server.body = DISK
    bench.work(3)
    assert bench.read(bench.fresh(row)) == DISK


def test_server_that_is_not_there_is_tried_so_often_and_given_up(bench, server):
    row = bench.want(reference="http://127.0.0.1:9/disk")
    bench.work(120)
    assert "127.0.0.1" in failed(bench, row, "unreachable")


@pytest.mark.parametrize("length", [len(DISK), None])
def test_image_that_is_too_large_is_not_taken(bench, server, settings, length):
    settings.IMAGES = {**settings.IMAGES, "max_bytes": len(DISK) - 1}
    server.length = length
    row = bench.want(reference=server.url)
    bench.work()
    failed(bench, row, "image_too_large")


def test_wrong_checksum_leaves_nothing(bench, server):
    row = bench.want(reference=server.url, checksum=md5(b"other"))
    bench.work()
    failed(bench, row, "checksum_differs")
