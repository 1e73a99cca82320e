"""The pages of images: of an instance's machines and of a host, at an edge, at a center with a host
of its own, and at a center whose host is at an edge."""

from __future__ import annotations

import re

import pytest
from django.template.defaultfilters import filesizeformat as size

from apps.common import clock
from apps.images.models import HostImage
from apps.journal.models import Entry
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.orchestration.test_remote import Pair
from tests.portal.conftest import _strict, browser
from tests.portal.looks import MachineLook
from tests.portal.test_pages import FRAGMENT, Page


class ImageLook(MachineLook):
    """Looks at images."""

    def __init__(self, stage):
        super().__init__(stage)
        self.images = f"{self.page}images/"
        self.host_images = f"/hosts/{stage.host.pk}/images/"
        self.stranger = make.user(make.tenant("blue"))

    def settle(self):
        """The center learns of what its edge has seen."""
        self.stage.work(1)

    def there(self, look):
        """What ``look`` says at the site that has the host."""
        if not isinstance(self.stage, Pair):
            return look()
        with self.stage.sites.inside():
            return look()

    def take(self, who=None):
        """Press the button of the machine; the answer, and what is said then."""
        people = browser(who or self.user)
        answer = people.post(f"{self.page}servers/{self.server.id}/image/")
        self.said = people.get(self.page).content.decode()
        return answer

    def made(self):
        """An image that is whole; its row."""
        assert self.take().status_code == 302
        self.stage.now.advance(seconds=5)
        self.stage.work(1)
        return self.row()

    def row(self):
        """The image as the site that has the host knows it."""
        return self.there(lambda: HostImage.objects.filter(source="snapshot").first())

    def end(self):
        """The instance ends, and leaves its image."""
        self.stage.terminate(self.instance)
        assert self.stage.work(30, until="gone")[-1] == "gone"


@pytest.fixture(params=["house", "edge_house", "far"])
def look(request, edge_database, db):
    """Where the pages are looked at.  The edge's database is made while no test is in another."""
    if request.param == "far":
        _strict(request.getfixturevalue("house"))
        pair = Pair(request.getfixturevalue("now"), request.getfixturevalue("two_sites"), "vm")
        yield ImageLook(pair)
        return
    _strict(request.getfixturevalue(request.param))
    with clock.frozen() as now:
        yield ImageLook(Stage(now, make.host(name="quay"), app_class="vm"))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_page_renders_for_whom_it_is_meant_and_holds_to_the_policy(look, language):
    row = look.made()
    changers, everybody = (look.user, look.admin), (look.user, look.admin, look.guest)
    pages = {
        look.images: changers,
        f"{look.images}{row.pk}/delete/": changers,
        look.host_images: everybody,
        f"{look.host_images}{row.pk}/delete/": changers,
    }
    for url, readers in pages.items():
        for who in everybody:
            status = 200 if who in readers else 403
            found = Page(look.read(url, who=who, language=language, status=status))
            assert not found.inline
            assert len(found.ids) == len(set(found.ids)), url
            assert found.headings == 1


def test_instance_page_fetches_its_images_for_who_may_have_them(look):
    wanted = f'hx-get="{look.images}" hx-trigger="load"'
    assert wanted in look.read(look.page)
    assert wanted not in look.read(look.page, who=look.guest)
    assert f"servers/{look.server.id}/image/" in look.read(look.page)
    assert f"servers/{look.server.id}/image/" not in look.read(look.page, who=look.guest)


def test_image_is_made_with_a_button_and_followed_until_it_is_whole(look):
    answer = look.take()
    assert (answer.status_code, answer["Location"]) == (302, look.page)
    assert f"An image of “{look.server.name}” is being made." in look.said
    text = look.read(look.images, headers=FRAGMENT)
    assert "<html" not in text
    assert "Being made" in text
    assert 'hx-trigger="every 5s"' in text
    assert "Download" not in text
    look.stage.now.advance(seconds=5)
    look.stage.work(1)
    row, text = look.row(), look.read(look.images, headers=FRAGMENT)
    assert "every 5s" not in text
    for told in (row.name, row.checksum, size(row.size), "Active", f"{look.images}{row.pk}/file/"):
        assert told in text, told


def test_download_is_the_image_and_goes_on_by_a_range(look):
    row = look.made()
    for page in (look.images, look.host_images):
        answer = browser(look.user).get(f"{page}{row.pk}/file/")
        whole = b"".join(answer.streaming_content)
        assert (len(whole), answer["ETag"]) == (row.size, f'"{row.checksum}"')
        assert str(row.pk) in answer["Content-Disposition"]
        rest = browser(look.user).get(
            f"{page}{row.pk}/file/", headers={"range": f"bytes={row.size - 7}-"})
        assert (rest.status_code, b"".join(rest.streaming_content)) == (206, whole[-7:])


def test_question_before_the_end_of_an_image_says_what_it_is(look):
    row = look.made()
    look.stage.now.advance(hours=3)
    text = look.read(f"{look.images}{row.pk}/delete/?next={look.images}")
    for told in (row.name, row.checksum, "camera", "3\xa0hours", "cannot be undone"):
        assert told in text, told
    assert look.row().state == "active"
    answer = browser(look.user).post(f"{look.images}{row.pk}/delete/?next={look.images}")
    assert (answer.status_code, answer["Location"]) == (302, look.images)
    assert "Deleting" in look.read(look.images)
    look.stage.work(2)
    assert look.row() is None
    assert "No image was made of its machines." in look.read(look.images)


def test_image_whose_instance_is_gone_is_on_the_page_of_its_host(look):
    row = look.made()
    look.end()
    look.read(look.images, status=404)
    assert f'href="{look.host_images}"' in look.read(look.page)
    assert f'href="{look.host_images}"' in look.read(f"/hosts/{look.stage.host.pk}/")
    text = look.read(look.host_images)
    for told in (row.name, row.checksum, "Snapshot", f'<a href="{look.page}">camera</a>'):
        assert told in text, told
    assert look.read(look.host_images, data={"q": row.checksum}).count("<tr>") == 2
    delete = f"{look.host_images}{row.pk}/delete/"
    assert re.search(f'href="{delete}[^"]*"[^>]*data-confirm', text)
    assert "camera" in look.read(delete)
    browser(look.user).post(delete)
    look.stage.work(2)
    assert look.row() is None
    assert row.name not in look.read(look.host_images)


def test_others_see_nothing_of_it_and_delete_nothing(look):
    row = look.made()
    look.end()
    assert row.name not in look.read(look.host_images, who=look.stranger)
    for who, status in ((look.stranger, 404), (look.guest, 403)):
        for what in ("file", "delete"):
            look.read(f"{look.host_images}{row.pk}/{what}/", who=who, status=status)
        answer = browser(who).post(f"{look.host_images}{row.pk}/delete/")
        assert answer.status_code in (status, 302)
    look.stage.work(2)
    assert look.row().state == "active"
    text = look.read(look.host_images, who=look.guest)
    assert row.name in text
    assert "/delete/" not in text.replace(f"/hosts/{look.stage.host.pk}/delete/", "")


def test_guest_makes_none(look):
    assert look.take(look.guest).status_code == 403
    assert look.take(look.stranger).status_code == 404
    assert look.row() is None


@pytest.mark.parametrize("look", ["far"], indirect=True)
def test_edge_that_is_gone_is_said_with_a_way_to_try_again(look):
    row = look.made()
    look.stage.sites.wire.down = True
    for url in (look.images, look.host_images):
        text = look.read(url)
        assert "cannot be reached" in text
        assert "Try again" in text
    assert look.take().status_code == 302
    assert "cannot be reached" in look.said
    look.read(f"{look.images}{row.pk}/delete/", status=502)
    look.read(f"{look.images}{row.pk}/file/", status=502)


def test_activity_says_who_had_an_image_made_and_deleted(look):
    row = look.made()
    browser(look.user).post(f"{look.images}{row.pk}/delete/")
    text = look.read("/activity/")
    verbs = Entry.objects.filter(actor_name=look.user.username).values_list("verb", flat=True)
    assert {verb.rpartition(".")[2] for verb in verbs} >= {"ordered", "removing"}
    assert "the end of the image" in text
    assert row.name in text
