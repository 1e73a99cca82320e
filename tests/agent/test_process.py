"""The agent as the process that it is: its memory, its end, its errors, its certificates."""

from __future__ import annotations

import asyncio
import datetime
import signal
import socket
import subprocess
import sys

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.agent import Agent, Settings
from apps.agent.serving import listening
from tests.agent.conftest import ROOT, until
from tests.agent.fake_mep import AK, APP, SK, FakeMep
from tests.agent.test_settings import SERVICE

MOST_MEGABYTES = 60


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "app_instance_info.yaml"
    path.write_text(SERVICE.replace("livenessInterval: 5", "livenessInterval: 1"))
    return str(path)


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, path):
    return httpx.get(f"http://127.0.0.1:{port}/mep-agent/v1{path}", timeout=5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_registers_beats_answers_and_deregisters(start, mep, environ, config, port, number):
    agent = start(
        "apps.agent", "--config", config, "--listen", f"127.0.0.1:{port}", environ=environ
    )
    until(lambda: any(len(beats) >= 2 for beats in mep.beats.values()))
    assert ask(port, "/token").json()["access_token"].endswith("canary")
    assert ask(port, "/endpoint/positioning").json()["addresses"]
    assert ask(port, "/health").json()["status"] == "up"
    assert agent.megabytes() < MOST_MEGABYTES
    code, seconds, output = agent.end(number)
    assert (code, mep.services) == (0, {})
    assert seconds < 3
    assert "is registered as" in output
    assert "Traceback" not in output
    assert not [one for one in (SK, "canary", "Signature") if one in output]


def test_it_ends_in_time_when_the_mep_hangs(start, mep, environ, config):
    agent = start("apps.agent", "--config", config, "--listen", "127.0.0.1:0", environ=environ)
    until(lambda: mep.services)
    mep.hangs = True
    code, seconds, output = agent.end(signal.SIGTERM)
    assert code == 0
    assert seconds < 5
    assert "the MEP could not be told" in output


def test_a_wrong_input_is_one_sentence_and_code_1(start, environ, config):
    environ["SK"] = "secret"
    agent = start("apps.agent", "--config", config, environ=environ)
    assert agent.process.wait(10) == 1
    output = agent.process.stdout.read()
    assert output == ("mep-agent: SK must have 64 characters, letters, digits and _ + / = only\n")


def test_a_port_in_use_is_told(start, environ, config, mep):
    environ["AGENT_LISTEN"] = f"127.0.0.1:{mep.port}"
    agent = start("apps.agent", "--config", config, environ=environ)
    assert agent.process.wait(10) == 1
    assert agent.process.stdout.read() == (
        f"mep-agent: cannot listen on 127.0.0.1:{mep.port}: Address already in use\n"
    )


def test_the_agent_needs_no_django():
    code = "import sys, apps.agent.program; print('django' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "False\n"


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for the name mep.example; gives its path and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mep.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mep.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "mep.pem", tmp_path / "mep.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return tuple(map(str, paths))


def test_only_a_certificate_that_is_trusted_and_has_the_name_is_good_enough(certificate):
    ca, key = certificate

    async def token(**tls):
        server = uvicorn.Server(
            uvicorn.Config(FakeMep(), ssl_certfile=ca, ssl_keyfile=key, log_level="critical")
        )
        bound = listening("127.0.0.1", 0)
        running = asyncio.create_task(server.serve(sockets=[bound]))
        address = f"https://127.0.0.1:{bound.getsockname()[1]}"
        async with Agent(Settings(address, APP, AK, SK, **tls)) as agent:
            while agent.token is None and agent.fault is None:
                await asyncio.sleep(0.01)
            found = agent.token is not None, agent.fault
        server.should_exit = True
        await running
        return found

    assert asyncio.run(token(ca_cert=ca, tls_name="mep.example")) == (True, None)
    for tls in ({}, {"tls_name": "mep.example"}, {"ca_cert": ca}):
        got, fault = asyncio.run(token(**tls))
        assert not got
        assert "CERTIFICATE_VERIFY_FAILED" in fault
