"""Strict readers of the small text forms in a package: YAML, JSON, key and value blocks.

YAML scalars stay as written: a version 1.10 must not become the number 1.1, nor a date an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from apps.packages.csar.limits import Limits
from apps.packages.csar.refusals import refuse

TAG = "tag:yaml.org,2002:"
# Each alternative also ends at the end of the text, or unclosed ones would cost quadratic time.
STRING = r'"(?:\\(?:.|\Z)|[^"\\])*(?:"|\Z)'
COMMENT_OR_STRING = re.compile(STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
TRAILING_COMMA = re.compile(STRING + r"|,(?=\s*[\]}])", re.DOTALL)


class _Bomb(yaml.YAMLError):
    """The document expands to more than the limits allow; ``line`` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__("expands to too much")
        self.line = line


class _Words(BaseResolver):
    """Tells null and merge keys apart from text, and nothing else."""


_Words.add_implicit_resolver(
    f"{TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_Words.add_implicit_resolver(f"{TAG}merge", re.compile(r"^(?:<<)$"), ["<"])


class _Loader(Reader, Scanner, Parser, Composer, SafeConstructor, _Words):
    """A safe loader that counts what aliases stand for, as if they were written out."""

    yaml_constructors: ClassVar[dict[Any, Any]] = {
        f"{TAG}null": SafeConstructor.construct_yaml_null,
        f"{TAG}map": lambda loader, node: loader.construct_mapping(node, deep=True),
        f"{TAG}seq": lambda loader, node: loader.construct_sequence(node, deep=True),
        **{
            f"{TAG}{kind}": lambda loader, node: loader.construct_scalar(node)
            for kind in ("str", "int", "float", "bool", "timestamp")
        },
        None: SafeConstructor.construct_undefined,
    }

    def __init__(self, text: str, limits: Limits) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        _Words.__init__(self)
        self._limits = limits
        self._nodes = 0
        self._depth = 0
        self._weights: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose as usual; refuse too many nodes, too deep ones, and aliases of themselves."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        is_alias = isinstance(event, yaml.AliasEvent)
        before = self._nodes
        self._depth += 1
        self._nodes += 1
        if self._nodes > self._limits.max_yaml_nodes or self._depth > self._limits.max_yaml_depth:
            raise _Bomb(line)
        node = super().compose_node(parent, index)
        if is_alias:
            # An anchor without a weight is still being composed: it contains this alias.
            weight = self._weights.get(id(node))
            if weight is None or self._nodes + weight > self._limits.max_yaml_nodes:
                raise _Bomb(line)
            self._nodes += weight
        else:
            self._weights[id(node)] = self._nodes - before
        self._depth -= 1
        return node


def load_yaml(text: str, *, path: str, limits: Limits) -> Any:
    """The one document in ``text`` as dicts, lists, strings and None; refused when malformed.

    Tabs at the end of a line are forgiven, as Helm's and most TOSCA readers forgive them.
    """
    if len(text) > limits.max_yaml_bytes:
        refuse("text_too_big", path, limit=limits.max_yaml_bytes)
    try:
        return _load(text, limits)
    except _Bomb as bomb:
        refuse("yaml_bomb", path, line=bomb.line)
    except (yaml.YAMLError, ValueError) as error:
        if "\t" in text:
            without = "\n".join(line.rstrip("\t \r") for line in text.split("\n"))
            if without != text:
                return load_yaml(without, path=path, limits=limits)
        line, problem = _problem(error)
        refuse("yaml_malformed", path, line=line, problem=problem)


def _load(text: str, limits: Limits) -> Any:
    loader = _Loader(text, limits)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _problem(error: Exception) -> tuple[int, str]:
    """The line, from 1, and the words of a YAML error."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    return (mark.line + 1 if mark else 1), str(words)[:120]


def load_json(text: str, *, path: str) -> Any:
    """The JSON in ``text``, forgiving // and /* */ comments and trailing commas."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        plain = COMMENT_OR_STRING.sub(_keep_strings(_blank), text)
        plain = TRAILING_COMMA.sub(_keep_strings(lambda _: ""), plain)
    try:
        return json.loads(plain)
    except json.JSONDecodeError as error:
        refuse("json_malformed", path, line=error.lineno, problem=error.msg)
    except (ValueError, RecursionError):
        refuse("json_malformed", path, line=1, problem="too deep or too large a number")


def _keep_strings(other: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    return lambda match: match[0] if match[0].startswith('"') else other(match[0])


def _blank(comment: str) -> str:
    """Line ends only, so that lines keep their numbers."""
    return "\n" * comment.count("\n")


def decode_text(data: bytes, *, path: str) -> str:
    """``data`` as UTF-8 with or without a byte order mark; refused with ``not_text`` otherwise."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse("not_text", path)
    if "\0" in text:
        refuse("not_text", path)
    return text


def parse_blocks(text: str) -> list[dict[str, str]]:
    """The blocks of ``Key: value`` lines of a .meta file; keys in lower case, the first wins."""
    blocks: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        if not line.strip():
            blocks.append({})
            continue
        key, colon, value = line.partition(":")
        if colon:
            blocks[-1].setdefault(key.strip().casefold(), unquoted(value.strip()))
    return [block for block in blocks if block]


def unquoted(value: str) -> str:
    """``value`` without the pair of quotes around it."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def line_of(text: str, needle: str) -> int | None:
    """The first line, from 1, that contains ``needle``."""
    at = text.find(needle) if needle else -1
    return None if at < 0 else text.count("\n", 0, at) + 1
