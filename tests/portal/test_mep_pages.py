"""The pages of the MEC platform: for every role, in both languages, whole and in pieces."""

from __future__ import annotations

import re

import pytest

from tests.portal.test_pages import FRAGMENT, Page

EVERYBODY = {"admin", "tenant", "other", "guest"}
THEIRS = {"admin", "tenant", "guest"}
READERS = {
    "/": EVERYBODY,
    "/platform/": EVERYBODY,
    "/platform/services/": EVERYBODY,
    "/platform/subscriptions/": EVERYBODY,
    "/platform/applications/": EVERYBODY,
    "/platform/topology/": EVERYBODY,
    "/platform/topology/table/": EVERYBODY,
    "/platform/services/{alive}/": THEIRS,
    "/platform/services/{silent}/": THEIRS,
    "/platform/services/{off}/": THEIRS,
    "/platform/services/{plain}/": {"admin", "other"},
    "/platform/services/{nobodys}/": {"admin"},
    "/platform/subscriptions/{by_name}/": THEIRS,
    "/platform/subscriptions/{own_end}/": THEIRS,
    "/platform/subscriptions/{to_all}/": {"admin", "other"},
    "/platform/subscriptions/{by_name}/delete/": {"admin"},
    "/platform/applications/{mine}/": THEIRS,
    "/platform/applications/{theirs}/": {"admin", "other"},
    "/platform/applications/{free}/": {"admin"},
    "/platform/applications/{mine}/credentials/": {"admin"},
    "/platform/applications/{mine}/credentials/delete/": {"admin"},
}
_SERVICE = {"state", "heartbeat", "strips", "record", "consumers", "calls", "events"}
PIECES = {
    "/platform/": {"tiles", "events", "troubles", "calls", "heartbeats"},
    "/platform/services/{alive}/": _SERVICE,
    "/platform/services/{plain}/": _SERVICE,
    "/platform/subscriptions/{by_name}/": {"state", "about", "deliveries"},
    "/platform/subscriptions/{to_all}/": {"state", "about", "deliveries"},
    "/platform/applications/{mine}/": {"state", "about", "services", "subscriptions"},
}


def filled(url, world):
    """The address of a page of the platform."""
    names = ("alive", "silent", "off", "plain", "nobodys", "by_name", "to_all", "own_end")
    keys = {name: getattr(world, name).pk for name in names}
    return url.format(mine=world.mine.id, theirs=world.theirs.id, free=world.free.id, **keys)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_each_page_renders_for_whom_it_is_meant(platform, visit, who, language):
    client = visit(who, language)
    for url, readers in READERS.items():
        address = filled(url, platform)
        answer = client.get(address)
        text = answer.content.decode()
        assert answer.status_code in ((200,) if who in readers else (403, 404)), address
        assert not re.findall("⁉.{0,60}⁉", text), address
        found = Page(text)
        assert not found.inline, (address, found.inline)
        assert len(found.ids) == len(set(found.ids)), (address, sorted(found.ids))
        if "/table/" not in address:
            assert found.headings == 1, address
            assert f'<html lang="{language}"' in text, address


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_a_piece_comes_alone_for_those_who_see_the_page(platform, visit, who):
    client = visit(who)
    for url, parts in PIECES.items():
        for part in parts:
            address = f"{filled(url, platform)}?part={part}"
            answer = client.get(address, headers=FRAGMENT)
            text = answer.content.decode()
            if who in READERS[url]:
                assert answer.status_code == 200, address
                assert f'id="{part}"' in text, address
                assert "<html" not in text, address
                assert "⁉" not in text, address
            else:
                assert answer.status_code == 404, address
                assert f'id="{part}"' not in text, address
