"""Finds in the text of a Helm template what it seems to make, and what ties it to one cluster.

Not a template engine: a line scan for what lies between the actions.  What Helm says of a template
is in :mod:`apps.packages.csar.rendering`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

KIND: Final = re.compile(r"kind:[ \t]*['\"]?([A-Za-z]{1,64})['\"]?[ \t]*(?:#.*)?")
NAME: Final = re.compile(r"(?:  |    )name:[ \t]*(.{1,253}?)[ \t]*(?:[ \t]#.*)?")
NODE_PORT: Final = re.compile(r"[ \t-]*nodePort:[ \t]*['\"]?([0-9]{1,5})['\"]?[ \t]*(?:#.*)?")
PORT: Final = re.compile(
    r"[ \t]*(-?)[ \t]+(port|targetPort|nodePort|protocol):[ \t]*['\"]?([A-Za-z0-9-]{1,15})['\"]?"
    r"[ \t]*(?:#.*)?"
)
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


def remarks(text: str) -> Iterator[Finding]:
    """What ties a chart to one cluster: fixed ports."""
    for number, line in enumerate(text.splitlines(), 1):
        line = line[:MAX_LINE]
        if match := NODE_PORT.fullmatch(line):
            yield Finding("chart_node_port", number, match[1])


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
