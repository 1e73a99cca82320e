"""The main job in a real browser, at a running center: upload, run, watch it come alive, end it."""

from __future__ import annotations

import shutil

import httpx
import pytest

from examples.packages import build
from tests.mep.conftest import service_info
from tests.stories.patience import (
    CLOSE_SECONDS,
    LAUNCH_SECONDS,
    Hangs,
    at_most,
    children,
    end,
)
from tests.stories.running import new_name

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.world,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",  # small in containers, and a browser that fills it stands still
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def chromium():
    """A browser of its own for each test: one that hangs takes no other with it."""
    before = children()
    try:
        with at_most(LAUNCH_SECONDS, "starting the browser"):
            driver = playwright.sync_playwright().start()
            browser = driver.chromium.launch(
                executable_path=CHROMIUM, args=ARGUMENTS, timeout=1000 * LAUNCH_SECONDS
            )
    except Hangs:
        end(children() - before)
        raise
    own = children() - before  # the rest of its processes end with these
    yield browser
    try:
        with at_most(CLOSE_SECONDS, "closing the browser"):
            browser.close()
            driver.stop()
    except (Hangs, playwright.Error):
        end(own)  # what the test found out stands, however its browser ends


@pytest.fixture
def page(chromium):
    """A tab that reports what goes wrong in it and asks nobody but the site."""
    with at_most(LAUNCH_SECONDS, "opening a page"):
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
        context.set_default_timeout(10_000)
        context.set_default_navigation_timeout(15_000)
        tab = context.new_page()
    tab.troubles = []
    tab.on("pageerror", lambda error: tab.troubles.append(str(error)))
    tab.on("console", lambda line: line.type == "error" and tab.troubles.append(line.text))
    yield tab  # closed with its browser


def sign_in(page, world, name, site="center"):
    place = world.demo["center"] if site == "center" else world.demo["edges"][0]
    user = place["users"][name]
    page.goto(f"{place['url']}/login/")
    page.fill("[name=username]", user["username"])
    page.fill("[name=password]", user["password"])
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{place['url']}/")
    return place["url"]


def test_tenant_runs_a_package_and_sees_it_come_alive_without_reloading(world, page, tmp_path):
    name = new_name("seen")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class="container")
    url = sign_in(page, world, "tenant")
    page.goto(f"{url}/packages/upload/")
    page.set_input_files("input[type=file]", str(path))
    page.click("main form button.btn-primary")
    page.wait_for_selector(f"h1:has-text('{name}')")

    watcher = page.context.new_page()
    watcher.goto(f"{url}/topology/")
    watcher.wait_for_selector("table")
    loaded = watcher.evaluate("performance.timeOrigin")

    page.click("text=New instance")
    page.check("input[name=host] >> nth=0")
    page.fill("[name=app_name]", name)
    page.click("button[name=start]")
    page.wait_for_selector("text=Instantiated", timeout=15_000)
    watcher.wait_for_selector(f"tr:has-text('{name}'):has-text('Instantiated')", timeout=5_000)
    assert watcher.evaluate("performance.timeOrigin") == loaded

    page.click("text=Terminate")
    page.click("dialog[open] .btn-sure")
    watcher.wait_for_selector(
        f"tr:has-text('{name}'):has-text('Instantiated')", state="detached", timeout=15_000
    )
    assert page.troubles == []


def test_page_says_when_its_socket_is_lost_and_resumes(world, page):
    url = sign_in(page, world, "admin")
    page.goto(f"{url}/instances/")
    chip = page.locator("#live-chip")
    page.wait_for_timeout(500)
    assert chip.is_hidden()
    world.site("stop", "center")
    chip.wait_for(state="visible", timeout=10_000)
    world.site("start", "center")
    chip.wait_for(state="hidden", timeout=30_000)


@pytest.mark.parametrize(("language", "word"), [("en", "Packages"), ("zh-hans", "应用包")])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_languages_and_themes_are_whole(world, page, language, word, theme):
    url = sign_in(page, world, "admin")
    page.click(f"button[name=language][value={language}]")
    page.click(f"button[name=theme][value={theme}]")
    for path in ("/", "/packages/", "/instances/", "/hosts/", "/topology/"):
        page.goto(url + path)
        assert page.locator("html").get_attribute("data-bs-theme") == theme, path
        assert page.locator("html").get_attribute("lang") == language, path
        assert word in page.inner_text("nav"), path
    page.click("button[name=language][value=en]")
    assert page.troubles == []


def test_edge_portal_runs_a_package_while_the_center_is_gone(world, page, tmp_path):
    name = new_name("edge")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class="vm")
    world.site("stop", "center")
    try:
        url = sign_in(page, world, "admin", site="edge")
        page.goto(f"{url}/packages/upload/")
        page.set_input_files("input[type=file]", str(path))
        page.click("main form button.btn-primary")
        page.wait_for_selector(f"h1:has-text('{name}')")
        page.click("text=New instance")
        page.check("input[name=host] >> nth=0")
        page.fill("[name=app_name]", name)
        page.click("button[name=start]")
        page.wait_for_selector("text=Instantiated", timeout=15_000)
        page.click("text=Terminate")
        page.click("dialog[open] .btn-sure")
        page.wait_for_function("!document.body.innerText.includes('Instantiated')", timeout=15_000)
    finally:
        world.site("start", "center")
    assert page.troubles == []


def test_suspended_service_shows_at_the_edge_and_at_the_center_without_reloading(world, page):
    name = new_name("heard")
    edge = world.demo["edges"][0]
    test_app = edge["mp1_test_app"]
    headers = {"Authorization": f"Bearer {test_app['token']}"}
    base = f"{edge['mp1_url']}/mec_service_mgmt/v1/applications/{test_app['app_instance_id']}"
    center = page.context.new_page()
    url = sign_in(center, world, "admin")
    center.goto(f"{url}/hosts/")
    center.click("main tbody th a >> nth=0")
    url = sign_in(page, world, "admin", site="edge")
    page.goto(f"{url}/platform/services/?q={name}")
    loaded = page.evaluate("performance.timeOrigin")
    made = httpx.post(f"{base}/services", headers=headers,
                      json=service_info(serName=name, livenessInterval=5))
    liveness = f"{edge['url']}{made.json()['_links']['liveness']['href']}"
    try:
        row = f"tr:has-text('{name}')"
        page.wait_for_selector(f"{row}:has-text('ACTIVE')", timeout=5_000)
        page.wait_for_selector(f"{row}:has-text('SUSPENDED')", timeout=12_000)
        center.wait_for_selector(f"{row}:has-text('SUSPENDED')", timeout=10_000)
        assert httpx.patch(liveness, headers=headers, json={"state": "ACTIVE"}).status_code == 200
        page.wait_for_selector(f"{row}:has-text('SUSPENDED')", state="detached", timeout=5_000)
        page.wait_for_selector(f"{row}:has-text('ACTIVE')", timeout=5_000)
        assert page.evaluate("performance.timeOrigin") == loaded
    finally:
        httpx.delete(f"{base}/services/{made.json()['serInstanceId']}", headers=headers)
    assert page.troubles == []
