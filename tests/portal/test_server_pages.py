"""The pages of servers and of a host's resources: who sees what, in each state."""

from __future__ import annotations

import re
import uuid

import pytest

from apps.common import clock
from apps.common.errors import Upstream
from apps.portal.quota_view import donut_of
from apps.portal.views import resources as resource_page
from apps.portal.views import servers as server_page
from apps.vim.errors import VimUnreachable
from apps.vim.resources import (
    CloudFlavor,
    CloudResources,
    Network,
    Quota,
    QuotaName,
    ResourceKind,
    SecurityGroup,
)
from apps.vim.simulated_vim import SimulatedVim
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.portal.conftest import _strict, browser
from tests.portal.looks import MachineLook
from tests.portal.test_pages import FRAGMENT, Page

EVIL = "<script>alert(1)</script>"
LINK = "https://cloud.example/vnc_lite.html?token=7d1c-of-the-screen"
SILENT = VimUnreachable("The cloud did not answer in time.")


class ServerLook(MachineLook):
    """Looks at servers."""

    def __init__(self, stage):
        super().__init__(stage)
        self.server_page = f"{self.page}servers/{self.server.id}/"
        self.resources = f"/hosts/{stage.host.pk}/resources/"

    def act(self, action, who=None):
        """Press a button."""
        return browser(who or self.user).post(f"{self.server_page}{action}/")

    def status(self):
        """What the VIM says of the server."""
        self.instance.refresh_from_db()
        return self.instance.seen.servers[0].status


@pytest.fixture(params=["house", "edge_house"])
def look(request, db):
    """At a center and at an edge."""
    _strict(request.getfixturevalue(request.param))
    with clock.frozen() as now:
        yield ServerLook(Stage(now, make.host(name="quay"), app_class="vm"))


def pages(look):
    """Every page of these, and who may see it."""
    everybody, admins = (look.user, look.guest, look.admin), (look.admin,)
    kinds = [f"{look.resources}{kind}/" for kind in ResourceKind if kind != "quotas"]
    return {
        look.page: everybody,
        look.server_page: everybody,
        f"{look.server_page}stop/": (look.user, look.admin),
        look.resources: admins,
        **dict.fromkeys(kinds, admins),
    }


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_page_renders_for_whom_it_is_meant_and_holds_to_the_policy(look, language):
    for url, readers in pages(look).items():
        for who in (look.user, look.guest, look.admin):
            status = 200 if who in readers else 403
            text = look.read(url, who=who, language=language, status=status)
            found = Page(text)
            assert not found.inline
            assert len(found.ids) == len(set(found.ids)), url
            assert found.headings == 1


def test_instance_page_has_the_buttons_that_the_state_allows(look):
    def buttons():
        text = look.read(look.page)
        return {one for one in ("start", "stop", "reboot_hard", "pause", "createConsole")
                if f'servers/{look.server.id}/{one}/' in text}

    assert buttons() == {"stop", "reboot_hard", "pause", "createConsole"}
    assert look.act("stop").status_code == 302
    assert buttons() == {"start", "reboot_hard"}
    assert "Shut off" in look.read(look.page)
    assert f"logs/?of={look.server.name}" in look.read(look.page)


def test_console_text_of_a_server_is_on_the_page_of_logs(look):
    text = look.read(f"{look.page}logs/", data={"of": look.server.name})
    assert f'<option value="{look.server.name}" selected>' in text
    assert 'class="log-line"' in text


def test_what_ends_something_is_asked_first_and_done_by_answering(look):
    for action, warning in (("stop", "What runs on it ends"), ("reboot_hard", "is lost")):
        assert re.search(f'servers/{look.server.id}/{action}/[^>]*data-confirm',
                         look.read(look.page))
        assert warning in look.read(f"{look.server_page}{action}/")
        assert look.status() == "ACTIVE"
    look.act("stop")
    assert look.status() == "SHUTOFF"


def test_refusal_is_a_message_with_the_reason(look):
    look.act("start")
    assert "is not possible while the state is" in look.read(look.page)


def test_guest_has_buttons_that_say_why_not_and_presses_nothing(look):
    text = look.read(look.page, who=look.guest)
    assert f"servers/{look.server.id}/stop/" not in text
    assert "A guest may look at instances, but not change them." in text
    assert look.act("stop", look.guest).status_code == 403
    assert look.status() == "ACTIVE"


def test_strangers_and_unknown_actions_find_nothing(look):
    stranger = make.user(make.tenant("blue"))
    look.read(look.server_page, who=stranger, status=404)
    assert look.act("stop", stranger).status_code == 404
    assert look.act("explode").status_code == 404
    look.read(f"{look.server_page}pause/", status=404)
    for unknown in (uuid.uuid4(), "web", "..%2F"):
        look.read(f"{look.page}servers/{unknown}/", status=404)
    assert look.status() == "ACTIVE"


def test_screen_opens_in_a_tab_of_its_own_with_a_link_that_is_made_then(look, monkeypatch):
    monkeypatch.setattr(SimulatedVim, "screen", lambda *_: LINK)
    assert re.search(f'servers/{look.server.id}/createConsole/" target="_blank"',
                     look.read(look.page))
    answer = look.act("createConsole")
    assert answer["Refresh"] == f"0; url={LINK}"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert f'href="{LINK}"' in answer.content.decode()
    assert LINK not in look.read(look.page)


def test_server_without_a_screen_says_so(look):
    answer = look.act("createConsole")
    assert "Refresh" not in answer
    assert "A simulated server has no screen." in answer.content.decode()


def test_cloud_that_does_not_answer_is_said_with_a_way_to_try_again(look, monkeypatch):
    def silent(*_, **__):
        raise SILENT

    monkeypatch.setattr(server_page.servers, "server_of", silent)
    monkeypatch.setattr(resource_page, "resources_of", silent)
    for url, who in ((look.server_page, look.user), (look.resources, look.admin)):
        text = look.read(url, who=who)
        assert "The cloud did not answer in time." in text
        assert "Try again" in text


# --- resources --------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch):
    """What the cloud tells from now on."""

    def tell(kind, *rows):
        monkeypatch.setattr(
            resource_page, "resources_of",
            lambda *_, **__: CloudResources(kind, clock.now(), rows))

    return tell


def test_host_page_leads_to_the_resources_for_administrators_alone(look):
    address = f"/hosts/{look.stage.host.pk}/"
    assert f'href="{look.resources}"' in look.read(address, who=look.admin)
    text = look.read(address)
    assert f'href="{look.resources}"' not in text
    assert "Only an administrator may see all resources of a host." in text


@pytest.mark.parametrize(("used", "limit", "tone", "figures"), [
    (0, 10, "ok", "0 of 10"), (49, 100, "ok", "49 of 100"), (50, 100, "warn", "50 of 100"),
    (80, 100, "warn", "80 of 100"), (81, 100, "bad", "81 of 100"), (12, 10, "bad", "12 of 10"),
    (0, 0, "ok", "0 of 0"), (1, 0, "bad", "1 of 0"), (3, -1, "unknown", "3, no limit"),
    (None, 10, "unknown", "unknown of 10"), (None, None, "unknown", "unknown"),
])
def test_ring_has_the_colour_of_its_share_and_its_figures_as_words(used, limit, tone, figures):
    found = donut_of(Quota(QuotaName.INSTANCES, used, limit))
    assert (found.tone, found.figures) == (tone, figures)
    assert 0 <= found.drawn <= 100


def test_memory_is_in_gib():
    assert donut_of(Quota(QuotaName.RAM, 1536, 51200)).figures == "1.5 GiB of 50 GiB"


def test_nine_rings_with_the_legend(look):
    text = look.read(look.resources, who=look.admin)
    assert text.count('class="donut-box"') == 9
    assert "under 50 % used" in text
    assert "as of" in text


def test_table_is_searched_sorted_and_paged(look, told):
    told(ResourceKind.FLAVORS, *(
        CloudFlavor(f"f{n}", f"{n}c-small", n, 1024 * n, 10) for n in range(1, 41)))
    url = f"{look.resources}flavors/"

    def names(**query):
        text = look.read(url, who=look.admin, data=query, headers=FRAGMENT)
        assert "<html" not in text
        return re.findall(r"(\d+)c-small", text)

    assert len(names()) == 25
    assert names(sort="-vcpus")[:3] == ["40", "39", "38"]
    assert names(sort="vcpus", page="2")[0] == "26"
    assert names(q="F40") == ["40"]
    assert names(q="nothing") == []
    assert "Nothing matches" in look.read(url, who=look.admin, data={"q": "nothing"})


def test_what_is_not_known_stands_last_either_way_up(look, told):
    told(ResourceKind.NETWORKS, Network("1", "b", ""), Network("2", "a", "ACTIVE"),
         Network("3", "c", "DOWN"))
    for sort, wanted in (("status", "acb"), ("-status", "cab")):
        text = look.read(f"{look.resources}networks/", who=look.admin, data={"sort": sort})
        assert "".join(re.findall(r'<th scope="row">(.)<', text)) == wanted


def test_server_of_an_instance_leads_to_it(look):
    text = look.read(f"{look.resources}servers/", who=look.admin)
    assert f'href="{look.page}"' in text
    assert look.instance.app_name in text


def test_names_of_others_are_text(look, told):
    told(ResourceKind.SECURITY_GROUPS, SecurityGroup("1", EVIL, EVIL))
    assert EVIL not in look.read(f"{look.resources}securityGroups/", who=look.admin)


def test_empty_list_says_so_and_unknown_kind_is_not_there(look, told):
    told(ResourceKind.IMAGES)
    assert "The cloud has none of these" in look.read(f"{look.resources}images/", who=look.admin)
    look.read(f"{look.resources}planets/", who=look.admin, status=404)


def test_edge_of_the_host_that_is_gone_is_said(look, monkeypatch):
    def gone(*_, **__):
        raise Upstream("%(where)s cannot be reached (%(why)s).", where="edge-1", why="refused")

    monkeypatch.setattr(resource_page, "resources_of", gone)
    assert "edge-1 cannot be reached" in look.read(look.resources, who=look.admin)
