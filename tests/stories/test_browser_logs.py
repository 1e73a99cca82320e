"""A log followed in a real browser at the center, while its edge goes away and comes back."""

from __future__ import annotations

import re

import pytest

from tests.stories.test_browser import CHROMIUM, chromium, page, sign_in

__all__ = ["chromium", "page"]
pytestmark = [
    pytest.mark.world,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
LINES = "document.querySelectorAll('#log .log-line').length"
NUMBER = re.compile(r"line (\d+)")


def until(page, expression, milliseconds):
    """Wait for a truth in the page; its policy lets the driver's own waiting evaluate nothing."""
    for _ in range(milliseconds // 200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"not within {milliseconds} ms: {expression}")


def numbers(page):
    """The numbers that stand in the lines on the page."""
    texts = page.locator("#log .log-line span").all_inner_texts()
    return [int(found[1]) for found in map(NUMBER.search, texts) if found]


def open_log(page, world):
    """The log of the tenant's first running instance."""
    url = sign_in(page, world, "tenant")
    page.goto(f"{url}/instances/?state=instantiated")
    page.click("#instances tbody th a:has-text('quay-camera')")
    page.click(".tabs >> text=Logs")
    page.wait_for_selector("#log .log-line")
    return url


def test_log_grows_survives_the_loss_of_its_edge_and_misses_no_line(world, page):
    open_log(page, world)
    before = page.evaluate(LINES)
    until(page, f"{LINES} > {before} + 1", 8_000)
    world.site("stop", "edge-1")
    try:
        page.wait_for_selector("#log-state[data-state=lost]", timeout=15_000)
        assert "The link is lost" in page.inner_text("#log-state")
    finally:
        world.site("start", "edge-1")
    page.wait_for_selector("#log-state[data-state=running]", timeout=40_000)
    until(page, f"{LINES} > {before} + 6", 10_000)
    seen = numbers(page)
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    page.troubles.clear()  # a browser tells of each answer that did not come


def test_reader_who_scrolls_up_stays_where_they_are_and_can_search_and_pause(world, page):
    open_log(page, world)
    until(page, f"{LINES} > 40", 60_000)
    page.set_viewport_size({"width": 1000, "height": 400})
    pane = "document.getElementById('log')"
    at_end = f"{pane}.scrollHeight - {pane}.scrollTop - {pane}.clientHeight < 12"
    until(page, at_end, 5_000)
    page.evaluate(f"{pane}.scrollTop = 30")
    count = page.evaluate(LINES)
    until(page, f"{LINES} > {count}", 8_000)
    assert page.evaluate(f"{pane}.scrollTop") == 30
    page.fill("#log-find", "nothing really runs")
    assert page.locator("#log .log-line:visible").count() == 1
    assert re.match(r"1 .*\d+", page.inner_text("#log-count"))
    page.fill("#log-find", "")
    page.uncheck("#log-follow")
    assert "Following is off" in page.inner_text("#log-state")
    page.wait_for_timeout(1500)
    count = page.evaluate(LINES)
    page.wait_for_timeout(2500)
    assert page.evaluate(LINES) == count
    page.check("#log-follow")
    until(page, f"{LINES} > {count}", 8_000)
    page.uncheck("#log-wrap")
    assert "is-unwrapped" in page.get_attribute("#log", "class")
    with page.expect_download() as download:
        page.click("text=Download")
    assert download.value.suggested_filename.endswith(".log")
    assert page.troubles == []


def test_log_and_events_work_without_scripts(world, chromium):
    context = chromium.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    open_log(page, world)
    assert page.locator("#log-tools").is_hidden()
    page.select_option("[name=tail]", "100")
    page.click("text=Show")
    assert "tail=100" in page.url
    assert page.locator("#log .log-line").count() > 0
    page.click(".tabs >> text=Events")
    assert "The container was started." in page.inner_text("main")
