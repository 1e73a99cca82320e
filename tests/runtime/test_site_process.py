"""The process of a real site: it answers, and ends within the promised time."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.world


def manage(*words: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *words]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The directory of a new site: both roles have the same schema."""
    directory = tmp_path_factory.mktemp("migrated") / "site"
    environment = os.environ | {"MECM_ROLE": "edge", "MECM_SITE_DIR": str(directory)}
    words = manage("migrate", "--verbosity", "0")
    subprocess.run(words, env=environment, check=True)
    return directory


@pytest.fixture(params=["center", "edge"])
def site(request, migrated, tmp_path):
    """A migrated site of each role, its process and its address."""
    shutil.copytree(migrated, tmp_path / "site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "MECM_ROLE": request.param,
        "MECM_SITE_NAME": "trial",
        "MECM_SITE_DIR": str(tmp_path / "site"),
        "MECM_SITE_URL": f"http://127.0.0.1:{port}",
    }
    command = manage("serve", "--port", str(port))
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    yield process, environment["MECM_SITE_URL"]
    process.kill()
    process.wait()
    process.stdout.close()


def until_it_answers(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:  # noqa: S310 - own site
                assert answer.status == 200
                return
        except OSError:
            assert time.monotonic() < deadline, "the site did not answer"
            time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_ends_in_time(site, number):
    process, url = site
    until_it_answers(url)
    began = time.monotonic()
    process.send_signal(number)
    said, _ = process.communicate(timeout=10)
    assert time.monotonic() - began < 5
    assert process.returncode == 0
    assert "Traceback" not in said
    assert said.rstrip().endswith("trial has stopped")
