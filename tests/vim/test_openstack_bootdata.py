"""What a machine is told when it boots.  No OpenStack."""

from __future__ import annotations

import os
import subprocess

import pytest

from apps.vim.contract import AppKeys
from tests.vim.openstack_templates import (
    definition,
    link,
    made,
    notes,
    port,
    profile,
    refusal,
    spec,
    stated,
    unit,
)

SCRIPT = "#!/bin/sh\necho $word$ > /root/x\n"
INPUTS = {"greeting": {"default": "hi"}, "count": {"type": "integer", "default": 2}}
PAIR = {name: {"type": "string", "default": ""} for name in ("ak", "sk")}


def boots(inputs=None, **bootdata):
    server = unit(bootdata={"config_drive": True, **bootdata})
    return definition(inputs=INPUTS | (inputs or {}), vdu=server, nic=port(), net=link())


def test_user_data_as_it_is():
    document = boots(user_data={"contents": SCRIPT})
    server = stated(document, "vdu")
    assert (server["user_data"], server["user_data_format"]) == (SCRIPT, "RAW")


def test_parameters_are_wrapped_in_dollars():
    params = {"word": {"get_input": "greeting"}, "$n$": {"get_input": "count"}, "fixed": 3}
    document = boots(user_data={"contents": SCRIPT, "params": params})
    assert stated(document, "vdu")["user_data"] == {
        "str_replace": {
            "template": SCRIPT,
            "params": {
                "$word$": {"get_param": "greeting"},
                "$n$": {"get_param": "count"},
                "$fixed$": 3,
            },
        }
    }


@pytest.mark.parametrize("contents", [None, "", {"get_input": "nothing"}])
def test_no_user_data(contents):
    document = boots({"nothing": {"default": ""}}, user_data={"contents": contents})
    assert "user_data" not in stated(document, "vdu")


def run(parts, tmp_path):
    """What the machine has in /root/init.txt once a shell has read the joined user data."""
    script = "".join(
        {"ak": "AK-1", "sk": "SK-1"}[part["get_param"]] if isinstance(part, dict) else part
        for part in parts
    )
    file = tmp_path / "init.txt"
    script = script.replace("/root/init.txt", str(file))
    subprocess.run(["sh", "-c", script], check=True, cwd=tmp_path, env=os.environ)
    return file


def test_a_script_gets_the_pair(tmp_path):
    document = boots(PAIR, user_data={"contents": "#!/bin/sh\ntrue"})
    server = stated(document, "vdu", spec(AppKeys("AK-1", "SK-1")))
    between, parts = server["user_data"]["list_join"]
    assert between == ""
    assert {"get_param": "sk"} in parts
    file = run(parts, tmp_path)
    assert file.read_text() == "ak=AK-1\nsk=SK-1\n"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("first", ["#!/bin/bash -e", "#!/usr/bin/env bash", "#! /bin/dash"])
def test_scripts_of_other_shells_get_it_too(first):
    document = boots(PAIR, user_data={"contents": f"{first}\ntrue\n"})
    assert "list_join" in stated(document, "vdu", spec(AppKeys("A", "S")))["user_data"]


@pytest.mark.parametrize("contents", ["#cloud-config\nusers: []\n", "#!/usr/bin/python3\npass\n"])
def test_what_is_no_shell_script_does_not_and_that_is_said(contents):
    document, order = boots(PAIR, user_data={"contents": contents}), spec(AppKeys("A", "S"))
    assert stated(document, "vdu", order)["user_data"] == contents
    assert notes(document, order) == {("keys_not_added", "vdu")}


@pytest.mark.parametrize("inputs", [{}, {"ak": PAIR["ak"]}, PAIR])
def test_without_both_inputs_and_a_pair_nothing_is_added(inputs):
    document = boots(inputs, user_data={"contents": SCRIPT})
    order = spec() if inputs == PAIR else spec(AppKeys("A", "S"))
    assert stated(document, "vdu", order)["user_data"] == SCRIPT
    assert notes(document, order) == set()


def test_config_drive_is_on_unless_it_is_said():
    assert stated(boots(), "vdu")["config_drive"] is True
    assert stated(boots(config_drive=False), "vdu")["config_drive"] is False
    assert stated(boots(config_drive=None), "vdu")["config_drive"] is True
    assert refusal(boots(config_drive="perhaps")).code == "value_invalid"


def test_metadata_is_text():
    document = boots(meta_data={"role": "edge", "ready": True, "n": {"get_input": "greeting"}})
    assert stated(document, "vdu")["metadata"] == {
        "role": "edge",
        "ready": "true",
        "n": {"get_param": "greeting"},
    }


def test_a_map_of_the_package_cannot_become_a_function():
    error = refusal(boots(meta_data={"get_file": "/etc/passwd"}))
    assert (error.code, error.reason.params["word"]) == ("key_reserved", "get_file")


def test_files_are_written_by_cloud_init_whatever_nova_takes():
    files = [
        {"path": "/etc/word", "contents": "$w$", "params": {"w": {"get_input": "greeting"}}},
        {"path": "/etc/mep.crt", "contents": {"get_input": "greeting"}, "is_cert": True},
    ]
    document = boots(personality=files, user_data={"contents": SCRIPT})
    resources = made(document)
    assert resources["vdu_FILES"]["type"] == "OS::Heat::CloudConfig"
    replaced = {"str_replace": {"template": "$w$", "params": {"$w$": {"get_param": "greeting"}}}}
    assert resources["vdu_FILES"]["properties"]["cloud_config"]["write_files"] == [
        {"path": "/etc/word", "content": replaced},
        {"path": "/etc/mep.crt", "content": {"get_param": "greeting"}},
    ]
    assert resources["vdu_BOOT"]["type"] == "OS::Heat::MultipartMime"
    assert resources["vdu_BOOT"]["properties"]["parts"] == [
        {"config": {"get_resource": "vdu_FILES"}},
        {"config": SCRIPT},
    ]
    assert stated(document, "vdu")["user_data"] == {"get_resource": "vdu_BOOT"}


def test_servers_of_a_unit_share_their_files():
    server = unit(
        vdu_profile=profile(2), bootdata={"personality": [{"path": "/x", "contents": "y"}]}
    )
    document = definition(vdu=server, nic=port(), net=link())
    for name in ("vdu_1", "vdu_2"):
        assert stated(document, name)["user_data"] == {"get_resource": "vdu_BOOT"}
    assert len(stated(document, "vdu_BOOT")["parts"]) == 1


def test_what_else_stands_there_is_said():
    document = boots(
        kernel="x", user_data={"contents": SCRIPT, "encoding": "b"},
        personality=[{"path": "/x", "contents": "y", "owner": "z"}],
    )  # fmt: skip
    assert notes(document) == {
        ("property_unread", "bootdata.kernel"),
        ("property_unread", "bootdata.user_data.encoding"),
        ("property_unread", "bootdata.personality.owner"),
    }
