"""What a machine is told when it boots: user data, files, metadata, and the pair for the MEP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused
from apps.vim.openstack.draft import Draft
from apps.vim.openstack.inputs import Inputs
from apps.vim.openstack.tosca import Entry, as_list, as_map

# A line of shell can be added to a script of a shell, and to nothing else.
SHELL: Final = re.compile(r"#!\s*\S*?(/env\s+)?\b(sh|ash|bash|dash|ksh|zsh)\b")
# Where machines of EdgeGallery look for their key pair.
KEYS_FILE: Final = "/root/init.txt"
BOOT: Final = ("config_drive", "meta_data", "user_data", "personality")
# A certificate is written into its file like any other text.
FILE: Final = ("path", "contents", "params", "is_cert")
# Functions of HOT 2018-08-31: a map of the package with one of these as its only key would be one.
FUNCTIONS: Final = frozenset(
    {
        "contains", "digest", "equals", "filter", "get_attr", "get_file", "get_param",
        "get_resource", "if", "list_concat", "list_concat_unique", "list_join", "make_url",
        "map_merge", "map_replace", "not", "and", "or", "repeat", "resource_facade",
        "str_replace", "str_replace_strict", "str_replace_vstrict", "str_split", "yaql",
    }
)  # fmt: skip


def boot_properties(draft: Draft, unit: Entry) -> dict[str, Any]:
    """The properties of each server of ``unit`` that come from its bootdata.

    Adds the resources that put files into the machine, once for all servers of the unit.
    """
    inputs, block = draft.inputs, as_map(unit.properties.get("bootdata"))
    draft.unread(unit.name, block, BOOT, "bootdata")
    text = _user_data(draft, unit, as_map(block.get("user_data")))
    files = [as_map(one) for one in as_list(block.get("personality"))]
    for one in files:
        draft.unread(unit.name, one, FILE, "bootdata.personality")
    return {
        "config_drive": inputs.truth(block.get("config_drive"), default=True),
        "user_data_format": "RAW",
        "user_data": _with_files(draft, unit, files, text) if files else text,
        "metadata": text_map(inputs, unit.name, as_map(block.get("meta_data"))),
    }


def text_map(inputs: Inputs, name: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """A map of texts with keys of the package's own choice."""
    for key in sorted(FUNCTIONS & set(block)):
        text = N_(
            "“%(name)s” has an entry called “%(word)s”, which is a function of Heat: rename it."
        )
        raise VimRefused(text, code="key_reserved", name=name, word=key)
    return {key: inputs.text(block[key]) for key in sorted(block)}


def _filled(inputs: Inputs, block: Mapping[str, Any]) -> Any:
    """Contents in which each parameter, written ``$name$``, is replaced."""
    contents, params = inputs.text(block.get("contents")), as_map(block.get("params"))
    if not params:
        return contents
    replaced = {f"${key.strip('$')}$": inputs.hot(params[key]) for key in sorted(params)}
    return {"str_replace": {"template": contents, "params": replaced}}


def _user_data(draft: Draft, unit: Entry, block: Mapping[str, Any]) -> Any:
    inputs = draft.inputs
    draft.unread(unit.name, block, ("contents", "params"), "bootdata.user_data")
    if not inputs.plain(block.get("contents")):
        return None
    text = _filled(inputs, block)
    if not (inputs.has("ak") and inputs.has("sk")):
        return text
    if not SHELL.match(str(inputs.plain(block["contents"]))):
        draft.note(
            N_("The user data of “%(name)s” is no shell script: the key pair is not added to it."),
            "keys_not_added",
            name=unit.name,
        )
        return text
    # Joined behind the text, since a placeholder could stand in the text already.
    before, between = "\n(umask 077; printf 'ak=%s\\nsk=%s\\n' '", "' '"
    pair = [before, {"get_param": "ak"}, between, {"get_param": "sk"}]
    return {"list_join": ["", [text, *pair, f"' >> {KEYS_FILE})\n"]]}


def _with_files(draft: Draft, unit: Entry, files: list[dict[str, Any]], text: Any) -> Any:
    """User data of several parts, the first of which writes the files.

    Nova takes files (personality) only below its microversion 2.57, and Heat refuses the property
    where Nova knows a later one; cloud-init writes files in any.
    """
    inputs = draft.inputs
    written = [
        {"path": inputs.text(one.get("path")), "content": _filled(inputs, one)} for one in files
    ]
    config = draft.add(
        f"{unit.name}_FILES", "OS::Heat::CloudConfig", {"cloud_config": {"write_files": written}}
    )
    parts = [{"config": config}, *([{"config": text}] if text else [])]
    return draft.add(f"{unit.name}_BOOT", "OS::Heat::MultipartMime", {"parts": parts})
