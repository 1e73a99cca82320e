"""The plug is pulled: an edge works alone, and afterwards both sites have the same, row for row.

``MECM_STORY_CHANGES`` and ``MECM_STORY_KILLS`` make the same stories longer.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.stories.lone import LoneEdge
from tests.stories.running import ROOT, eventually

pytestmark = [pytest.mark.world, pytest.mark.endurance]
CHANGES = int(os.environ.get("MECM_STORY_CHANGES", "28"))
KILLS = int(os.environ.get("MECM_STORY_KILLS", "2"))
KINDS = 14
LCM_HOSTS = "/lcmcontroller/v1/hosts"
DIALLING = pytest.param("dialling", marks=pytest.mark.xdist_group("dialling"))


@pytest.fixture(params=["world", DIALLING])
def either(request):
    """A center and an edge, of whom the one or the other opens the link."""
    return request.getfixturevalue(request.param)


def compared(world):
    """What ``manage.py sync compare`` at the center prints, and whether both have the same."""
    done = subprocess.run(
        [sys.executable, "manage.py", "sync", "compare"],
        cwd=ROOT,
        env={**world.environment, "MECM_ROLE": "center",
             "MECM_SITE_DIR": str(world.directory / "center")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


def until_equal(world, seconds):
    """Wait until both sites have the same; what was printed then."""
    deadline = time.monotonic() + seconds
    while True:
        equal, said = compared(world)
        if equal:
            return said
        assert time.monotonic() < deadline, said
        time.sleep(1)


def test_edge_that_worked_alone_and_its_center_are_equal_row_for_row(either, tmp_path, capsys):
    lone = LoneEdge(either, tmp_path)
    either.site("stop", "center")
    try:
        done = lone.change(CHANGES)
        assert len(done) == KINDS
    finally:
        either.site("start", "center")
    began = time.monotonic()
    said = until_equal(either, 120)
    # In one of the two worlds edges are read by a second process of the center.
    is_apart = bool(either.pid_of("center", b"read_edges"))
    assert is_apart is ("MECM_READER_FROM" in either.environment)
    with capsys.disabled():
        print(f"\n{done.total()} changes of {len(done)} kinds, "  # noqa: T201 - quoted
              f"equal {time.monotonic() - began:.0f} s after the center was started\n{said}")


def test_sites_that_are_killed_during_a_sync_lose_nothing_and_stay_stuck_nowhere(either, capsys):
    dice = random.Random(6)
    churn = Churn(either.edge())
    with churn:
        for number in range(KILLS):
            site = ("center", "edge-1")[number % 2]
            old = eventually(lambda site=site: either.pid_of(site))
            eventually(lambda: _is_followed(either), seconds=60)
            churn.wait_for_more(3)
            time.sleep(dice.uniform(0, 0.5))
            either.kill(site)
            gone = (0, old)
            eventually(
                lambda site=site, gone=gone: either.pid_of(site) not in gone, seconds=30
            )
    said = until_equal(either, 120)
    there = {row["mechostIp"]: row["city"] for row in either.edge().ok("GET", LCM_HOSTS)}
    for ip, cities in churn.may_be.items():
        assert there[ip] in cities, (ip, there[ip], cities)
    with capsys.disabled():
        print(f"\n{KILLS} kills during {churn.count} changes\n{said}")  # noqa: T201 - quoted


def _is_followed(world):
    """Whether the center has begun to read the edge since it was started."""
    try:
        (edge,) = world.center("admin").ok("GET", "/inventory/v1/applcms")
    except (httpx.HTTPError, AssertionError):
        return False
    return edge["observed"]["reachable"]


class Churn:
    """Somebody who changes hosts at an edge without a pause, and knows what was promised."""

    def __init__(self, edge):
        self.edge, self.count, self.over = edge, 0, False
        # What a host may have: the last city that was answered for, and one still on its way.
        self.may_be = {}
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over = True
        self.thread.join()

    def wait_for_more(self, changes):
        """Until so many more were made."""
        wanted = self.count + changes
        eventually(lambda: self.count >= wanted, seconds=60)

    def _run(self):
        for number in itertools.count():
            if self.over:
                return
            ip, city = f"10.67.0.{number % 10 + 1}", f"city {number}"
            body = {
                "mechostIp": ip, "mechostName": f"churn-{number % 10}", "city": city,
                "address": "Quay 1", "coordinates": "4.36,52.01", "vim": "Simulated",
            }
            self.may_be.setdefault(ip, []).append(city)
            try:
                answer = self.edge("PUT", LCM_HOSTS, json=body)
            except httpx.HTTPError:
                time.sleep(0.1)
                continue
            assert answer.is_success, answer.text
            self.may_be[ip] = [city]
            self.count += 1
