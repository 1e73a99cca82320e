"""The same host changed at both sites while apart: a person chooses in a browser, and both agree.

``MECM_STORY_PICTURES`` names a directory for what was to be seen.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.stories.running import eventually, new_name
from tests.stories.test_browser import CHROMIUM, chromium, page, sign_in
from tests.stories.test_cut_off import until_equal

__all__ = ["chromium", "page"]
pytestmark = [
    pytest.mark.world,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
PICTURES = os.environ.get("MECM_STORY_PICTURES")


def picture(page, name):
    """Keep what is to be seen, where that was asked for."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.fixture
def contested(world):
    """A host of the edge: its city and address were changed at both sites, its name at one."""
    site, name = world.demo["edges"][0], new_name("contested")
    edge_ip = site["url"].split("//")[1].split(":")[0]
    host = {
        "mechostIp": "10.78.0.1", "mechostName": name, "city": "Delft", "address": "Quay 1",
        "coordinates": "4.36,52.01", "vim": "Simulated",
    }
    managers = {"applcmIp": edge_ip, "appRuleIp": edge_ip}
    url = f"/inventory/v1/mechosts/{host['mechostIp']}"
    admin = world.center("admin")
    admin.ok("POST", "/inventory/v1/mechosts", json=host | managers)
    eventually(lambda: admin.ok("GET", url)["delivery"]["delivered"])

    world.site("stop", "center")
    here = host | {"city": "Rotterdam", "address": "Quay 2"}
    world.edge().ok("PUT", "/lcmcontroller/v1/hosts", json=here)
    world.site("stop", "edge-1")
    world.site("start", "center")
    there = host | managers | {"city": "Den Haag", "address": "Quay 3"}
    world.center("admin").ok("PUT", url, json=there)
    world.site("start", "edge-1")
    return host | {"url": url}


def test_person_chooses_per_field_and_both_sites_agree(world, page, contested):
    url = sign_in(page, world, "admin")
    page.goto(f"{url}/synchronization/conflicts/")
    link = page.locator(f"a:has-text('{contested['mechostName']}')")
    link.wait_for(timeout=30_000)
    picture(page, "conflicts")
    link.click()
    page.wait_for_selector("text=Rotterdam")
    assert page.locator("text=Den Haag").count()
    assert page.locator("text=Delft").count()
    picture(page, "conflict")
    choices = page.locator("fieldset.contest")
    for number in range(choices.count()):
        side = "theirs" if "Rotterdam" in choices.nth(number).inner_text() else "ours"
        choices.nth(number).locator(f"input[value={side}]").check()
    page.click("text=Settle what is chosen")
    picture(page, "question")
    page.click("button:text-is('Settle')")
    page.wait_for_url(lambda now: "/settle" not in now and "/conflicts/mechost/" not in now)
    picture(page, "settled")

    until_equal(world, 30)
    admin, edge = world.center("admin"), world.edge()
    here = admin.ok("GET", contested["url"])
    (there,) = [
        row for row in edge.ok("GET", "/lcmcontroller/v1/hosts")
        if row["mechostIp"] == contested["mechostIp"]
    ]
    for site in (here, there):
        assert (site["city"], site["address"]) == ("Rotterdam", "Quay 3")
    assert page.troubles == []
