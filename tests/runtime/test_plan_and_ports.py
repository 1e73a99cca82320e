"""Which sites there are, where they listen, and what is said when they cannot."""

from __future__ import annotations

import os
import socket

import pytest

from mecm_portal.runtime import demo_file, ports
from mecm_portal.runtime.plan import make_plan
from mecm_portal.runtime.trouble import Trouble


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def plan_of(tmp_path, *, can_listen=lambda ip: True, **variables):
    return make_plan({"MECM_DATA_DIR": str(tmp_path), **variables}, can_listen=can_listen)


def addresses(plan):
    return [(site.name, site.ip, site.port) for site in plan.sites]


def test_defaults_are_one_center_and_one_edge(tmp_path):
    plan = plan_of(tmp_path)
    assert addresses(plan) == [("center", "127.0.0.1", 8000), ("edge-1", "127.0.0.1", 8100)]
    assert plan.edges[0].directory == tmp_path / "edge-1"


def test_each_edge_has_an_address_of_its_own(tmp_path):
    plan = plan_of(tmp_path, MECM_EDGES="3", MECM_EDGE_PORT="9000")
    assert addresses(plan)[1:] == [
        ("edge-1", "127.0.0.1", 9000),
        ("edge-2", "127.0.0.2", 9000),
        ("edge-3", "127.0.0.3", 9000),
    ]


def test_edges_take_the_next_ports_where_there_is_one_address(tmp_path):
    plan = plan_of(tmp_path, can_listen=lambda ip: False, MECM_EDGES="3")
    assert [address[1:] for address in addresses(plan)[1:]] == [
        ("127.0.0.1", 8100),
        ("127.0.0.1", 8101),
        ("127.0.0.1", 8102),
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MECM_CENTER_PORT", "http"),
        ("MECM_EDGE_PORT", "0"),
        ("MECM_EDGES", "-1"),
        ("MECM_EDGES", "999"),
    ],
)
def test_a_senseless_variable_is_named(tmp_path, variable, value):
    with pytest.raises(Trouble, match=f"{variable} is “{value}”; it must be a whole number"):
        plan_of(tmp_path, **{variable: value})


def test_side_that_cannot_open_a_link_is_named(tmp_path):
    with pytest.raises(Trouble, match="MECM_LINK is “both”; it must be “center” or “edge”"):
        plan_of(tmp_path, MECM_LINK="both")


def test_two_sites_on_one_address_are_refused(tmp_path):
    with pytest.raises(Trouble, match="set MECM_EDGE_PORT to another port"):
        plan_of(tmp_path, MECM_CENTER_PORT="8100")


def test_a_site_knows_who_it_is_and_shares_no_engine(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere")
    environment = plan_of(tmp_path).edges[0].environment
    assert environment["MECM_SITE_NAME"] == "edge-1"
    assert environment["MECM_SITE_URL"] == "http://127.0.0.1:8100"
    assert "DATABASE_URL" not in environment


def test_a_taken_port_and_its_holder_are_found(taken):
    assert not ports.is_free("127.0.0.1", taken)
    assert ports.holder(taken).endswith(f"(process {os.getpid()})")


def test_a_free_port_has_no_holder(taken):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
    assert ports.is_free("127.0.0.1", free)
    assert ports.holder(free) == ""


def test_the_holder_is_unknown_where_nothing_can_be_read(tmp_path):
    assert ports.holder(80, proc=tmp_path) == ""


def test_demo_file_has_the_promised_shape_and_keeps_keys_to_the_sites(tmp_path):
    plan = plan_of(tmp_path)
    user = {"username": "admin", "password": "generated"}
    said = {name: {"users": {"admin": user}, "public_key": "…"} for name in ("center", "edge-1")}
    path = demo_file.write(plan, said)
    content = demo_file.json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert content == {
        "center": {"url": "http://127.0.0.1:8000", "users": {"admin": user}},
        "edges": [
            {
                "name": "edge-1",
                "url": "http://127.0.0.1:8100",
                "mp1_url": "http://127.0.0.1:8100/mep",
                "host_ip": "127.0.0.1",
                "users": {"admin": user},
            }
        ],
    }
    assert demo_file.world_of(plan, said)["edges"][0]["public_key"] == "…"
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo.json"]
