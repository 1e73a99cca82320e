"""The agent against our own platform, through cuts, restarts, kills and tokens that expire.

``MECM_TEST_AGENT_SECONDS`` says for how long; the default is what a test run has time for.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
import uuid

import httpx
import psutil
import pytest

from tests.stories.platform import Platform
from tests.stories.running import ROOT, eventually, free_port

pytestmark = [pytest.mark.world, pytest.mark.endurance]
SECONDS = float(os.environ.get("MECM_TEST_AGENT_SECONDS", "8"))
SERVICES = ("positioning", "video-analytics", "traffic-lights")
CONFIG = """serAvailabilityNotificationSubscriptions:
  - callbackReference: http://127.0.0.1:9/told
""" + "serviceInfoPosts:\n" + "".join(
    f"""  - serName: {name}
    version: "1.0"
    state: ACTIVE
    serializer: JSON
    livenessInterval: {interval}
    transportInfo:
      id: rest
      name: REST
      type: REST_HTTP
      protocol: HTTP
      version: "2.0"
      endpoint: {{addresses: [{{host: 127.0.0.1, port: 9000}}]}}
      security: {{}}
"""
    for interval, name in enumerate(SERVICES, start=1)
)


class Wire(threading.Thread):
    """What lies between agent and platform: a proxy that can be cut."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.port, self.is_cut = target, free_port(), False
        self._open = set()
        self._loop = asyncio.new_event_loop()

    def run(self):
        self._loop.run_until_complete(self._serve())

    async def _serve(self):
        server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        await server.serve_forever()

    async def _carry(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self.target)
            pair = (writer, there[1])
            self._open |= set(pair)
            await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
            self._open -= set(pair)
        writer.close()

    def cut(self):
        """Nothing passes, and what was open is gone."""
        self.is_cut = True
        for writer in list(self._open):
            self._loop.call_soon_threadsafe(writer.transport.abort)

    def mend(self):
        """Everything passes again."""
        self.is_cut = False


async def _pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
def platform(tmp_path):
    """A platform whose tokens live for ten seconds."""
    made = Platform(tmp_path / "site", MECM_MEP_TOKEN_SECONDS="10")
    made.start()
    yield made
    made.end()


@pytest.fixture
def agent(platform, tmp_path):
    """A running agent behind a wire: its process, the wire, its keys and its log."""
    password = platform.run("manage.py", "reset_admin").split()[-1]
    base = f"http://127.0.0.1:{platform.port}"
    signed = httpx.post(f"{base}/auth/v1/token",
                        json={"username": "admin", "password": password}).json()
    key, ak = str(uuid.uuid4()), base64.b64encode(secrets.token_bytes(15)).decode()
    sk = base64.b64encode(secrets.token_bytes(48)).decode()
    stored = httpx.put(
        f"{base}/mep/appMng/v1/applications/{key}/confs",
        headers={"Authorization": f"Bearer {signed['access_token']}"},
        json={"authInfo": {"credentials": {"accessKeyId": ak, "secretKey": sk}}},
    )
    assert stored.status_code == 200, stored.text
    wire = Wire(platform.port)
    wire.start()
    config, log = tmp_path / "app.yaml", tmp_path / "agent.log"
    config.write_text(CONFIG)
    environment = os.environ | {
        "AK": ak, "SK": sk, "APPINSTID": key, "MEP_IP": "127.0.0.1", "EG_PROTOCOL": "http",
        "MEP_APIGW_PORT": str(wire.port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "apps.agent", "--config", str(config),
         "--listen", f"127.0.0.1:{free_port()}"],
        cwd=ROOT, env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT,
    )
    yield process, wire, (ak, sk), log
    process.kill()
    process.wait()


def states(platform):
    """State by name, as the platform's database has it."""
    return dict(platform.rows("SELECT ser_name, state FROM mep_mecservice"))


ALL_ACTIVE = dict.fromkeys(SERVICES, "ACTIVE")


def test_services_come_back_from_every_trouble_and_the_log_can_be_read(platform, agent):
    process, wire, keys, log = agent
    eventually(lambda: states(platform) == ALL_ACTIVE, seconds=15)
    chance, troubles, end = random.Random(11), [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        troubles.append(trouble(platform, wire, chance))
        # A restarted platform gives everybody time, so being ACTIVE at once says nothing.
        eventually(
            lambda: stay_active(platform, 4.0),
            seconds=75,
            otherwise=lambda: f"{troubles}: {platform.described()}\n{log.read_text()[-3000:]}",
        )
        assert process.poll() is None
    assert len(platform.rows("SELECT id FROM mep_mecservice")) == len(SERVICES), "none twice"
    assert len(platform.rows("SELECT id FROM mep_subscription")) == 1
    assert psutil.Process(process.pid).memory_info().rss < 60 * 1024 * 1024
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    eventually(lambda: states(platform) == {}, seconds=5)
    check_log(log.read_text(), keys, len(troubles))


def trouble(platform, wire, chance):
    """Do one thing to platform or wire and take it back."""
    kind = chance.choice(["cut", "stop", "kill", "forget"])
    if kind == "cut":
        wire.cut()
        time.sleep(chance.uniform(2, 6))
        wire.mend()
    elif kind == "forget":  # the platform loses its services while it is down
        platform.kill(signal.SIGTERM)
        platform.forget_services()
        platform.start()
    else:
        platform.kill(signal.SIGTERM if kind == "stop" else signal.SIGKILL)
        time.sleep(chance.uniform(0, 3))
        platform.start()
    return kind


def stay_active(platform, seconds):
    """Whether all services are ACTIVE for longer than any of them may be silent."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if states(platform) != ALL_ACTIVE:
            return False
        time.sleep(0.1)
    return True


def check_log(text, keys, troubles):
    """Few lines, each of them whole, and no secret in any."""
    for secret in keys:
        assert secret not in text
    assert "eyJ" not in text
    lines = text.splitlines()
    assert all(re.match(r"\S.* \S", line) for line in lines)
    assert len(lines) < 30 + 40 * troubles, "\n".join(lines[-60:])
