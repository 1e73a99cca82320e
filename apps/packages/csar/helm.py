"""Finds in the text of a Helm template what Helm will refuse, and what ties it to one cluster.

Not a template engine: a lexer for actions and a line scan for what lies between them.  It reports
only what is certain; a template without remarks may still fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Go's text/template refuses these in an action outside of strings and comments.
NOT_IN_ACTIONS: Final = frozenset("[]{}&!@#%^*;<>?/~\\")
OPENERS: Final = frozenset({"if", "range", "with", "define", "block"})
WORD: Final = re.compile(r"[A-Za-z]+")
WRONG_VALUES: Final = re.compile(r"(?<![\w.)\]$])\.(Value|values|value)\.\w")
KIND: Final = re.compile(r"kind:[ \t]*['\"]?([A-Za-z]{1,64})['\"]?[ \t]*(?:#.*)?")
NAME: Final = re.compile(r"(?:  |    )name:[ \t]*(.{1,253}?)[ \t]*(?:[ \t]#.*)?")
NAMESPACE: Final = re.compile(
    r"[ \t]+namespace:[ \t]*['\"]?([a-z0-9][-a-z0-9]{0,62})['\"]?[ \t]*(?:#.*)?"
)
NODE_PORT: Final = re.compile(r"[ \t-]*nodePort:[ \t]*['\"]?([0-9]{1,5})['\"]?[ \t]*(?:#.*)?")
PORT: Final = re.compile(
    r"[ \t]*(-?)[ \t]+(port|targetPort|nodePort|protocol):[ \t]*['\"]?([A-Za-z0-9-]{1,15})['\"]?"
    r"[ \t]*(?:#.*)?"
)
PRIVILEGED: Final = re.compile(r"[ \t-]*(privileged|hostNetwork|hostPID):[ \t]*true[ \t]*(?:#.*)?")
IMAGE: Final = re.compile(
    r"[ \t-]*image:[ \t]*['\"]?([\w.\-/:@]{1,255})['\"]?[ \t]*(?:#.*)?", re.ASCII
)
MAX_LINE: Final = 1000


@dataclass(frozen=True)
class Finding:
    """Something at a line (from 1): ``kind`` is a key of the callers' sentences."""

    kind: str
    line: int
    text: str = ""
    other: str = ""


def syntax_problems(text: str) -> Iterator[Finding]:
    """What Helm's engine refuses: bad characters, unclosed actions, unbalanced blocks."""
    open_blocks: list[tuple[str, int]] = []
    for action, line, problem in _actions(text):
        if problem:
            yield Finding(problem, line, _excerpt(action))
            if problem == "template_unclosed":
                return
            continue
        word = WORD.match(action)
        keyword = word[0] if word else ""
        if keyword in OPENERS:
            open_blocks.append((keyword, line))
        elif keyword in {"end", "else"} and not open_blocks:
            yield Finding("template_unopened", line, keyword)
        elif keyword == "end":
            open_blocks.pop()
    for keyword, line in open_blocks:
        yield Finding("template_unended", line, keyword)


def _actions(text: str) -> Iterator[tuple[str, int, str]]:
    """Each ``{{ action }}`` trimmed, its line, and what is wrong with it ("" for nothing)."""
    position, counted, line = 0, 0, 1
    while (start := text.find("{{", position)) >= 0:
        line += text.count("\n", counted, start)
        counted = start
        inside = start + 2
        if text.startswith("- ", inside) or text.startswith("-\n", inside):
            inside += 2
        if text.startswith("/*", inside):
            close = text.find("*/", inside + 2)
            position = text.find("}}", close) + 2 if close >= 0 else 1
            if position < 2:
                yield text[start : start + 80], line, "template_unclosed"
                return
            continue
        end, bad = _end_of_action(text, inside)
        if end < 0:
            yield text[start : start + 80], line, "template_unclosed"
            return
        body = text[inside:end].strip().removesuffix("-").strip()
        problem_line = line + text.count("\n", start, bad) if bad >= 0 else line
        yield body, problem_line, "template_bad_character" if bad >= 0 else ""
        position = end + 2


def _end_of_action(text: str, position: int) -> tuple[int, int]:
    """Where "}}" stands (-1: nowhere) and the first bad character before it (-1: none)."""
    bad = -1
    while position < len(text):
        char = text[position]
        if text.startswith("}}", position):
            return position, bad
        if char in "\"'`":
            position = _end_of_string(text, position)
            if position < 0:
                return -1, bad
        elif char in NOT_IN_ACTIONS and bad < 0:
            bad = position
        position += 1
    return -1, bad


def _end_of_string(text: str, position: int) -> int:
    """Where the string that opens at ``position`` closes; -1 where it does not."""
    quote = text[position]
    position += 1
    while position < len(text):
        if text[position] == quote:
            return position
        if quote != "`" and text[position] == "\n":
            return -1
        position += 2 if quote != "`" and text[position] == "\\" else 1
    return -1


def _excerpt(action: str) -> str:
    return " ".join(action.split())[:80]


def remarks(text: str) -> Iterator[Finding]:
    """What ties or misleads: misspelt .Values, fixed namespaces and ports, privileges."""
    for number, line in enumerate(text.splitlines(), 1):
        line = line[:MAX_LINE]
        if "{{" in line and (wrong := WRONG_VALUES.search(line)):
            yield Finding("template_wrong_values", number, "." + wrong[1])
        if match := NAMESPACE.fullmatch(line):
            yield Finding("chart_namespace", number, match[1])
        if match := NODE_PORT.fullmatch(line):
            yield Finding("chart_node_port", number, match[1])
        if match := PRIVILEGED.fullmatch(line):
            yield Finding("chart_privileged", number, match[1])


def objects(text: str) -> Iterator[Finding]:
    """The objects that a template seems to make: kind in ``text``, name in ``other``."""
    kind, line = "", 0
    for number, row in enumerate([*text.splitlines(), "---"], 1):
        row = row[:MAX_LINE]
        if row.startswith("---"):
            if kind:
                yield Finding("object", line, kind)
            kind = ""
        elif match := KIND.fullmatch(row):
            kind, line = match[1], number
        elif kind and (match := NAME.fullmatch(row)):
            yield Finding("object", line, kind, match[1].strip("'\""))
            kind = ""


def service_ports(text: str) -> dict[int, list[dict[str, str]]]:
    """The ports of the Services that a template seems to make, by the line of their ``kind``.

    Each port is what stands there as plain numbers and words: port, targetPort, nodePort, protocol.
    """
    found: dict[int, list[dict[str, str]]] = {}
    line = 0
    for number, row in enumerate(text.splitlines(), 1):
        row = row[:MAX_LINE]
        if row.startswith("---"):
            line = 0
        elif (match := KIND.fullmatch(row)) and match[1] == "Service":
            line = number
        elif line and (match := PORT.fullmatch(row)):
            ports = found.setdefault(line, [])
            if match[1] or not ports:
                ports.append({})
            ports[-1][match[2]] = match[3]
    return {at: [one for one in ports if "port" in one] for at, ports in found.items()}


def images(text: str) -> Iterator[str]:
    """The image references that are written out in full, without a template action."""
    for row in text.splitlines():
        if match := IMAGE.fullmatch(row[:MAX_LINE]):
            yield match[1]
