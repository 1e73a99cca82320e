"""An openrc file read as text: variables by name.  Nothing of it is ever run.

The file is a shell script, and people edit it.  What it assigns is read; of the rest, what the
files that OpenStack's dashboard offers contain is passed over; anything else is refused by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.errors import CredentialsInvalid

_ASSIGNMENT: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
# What the dashboard's file has beside assignments: a question for the password, and its guards.
_PASSED_OVER: Final = re.compile(
    r"unset\s+[\w\s]+"
    r"|echo\s+(?:\"[^\"`]*\"|'[^']*')"
    r"|read\s+-sr?\s+\w+"
    r"|if\s+\[\s+-z\s+\"?\$\w+\"?\s+\];\s*then\s+unset\s+\w+;\s*fi"
)
_REFERENCE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# Part of a word: quoted in one way or the other, escaped, or neither.
_TOKEN: Final = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\;&|<>()]+""")
_ESCAPED: Final = re.compile(r"""\\([$`"'\\ #])""")
_PEM: Final = re.compile(
    r"^-----BEGIN CERTIFICATE-----$.*?^-----END CERTIFICATE-----$", re.DOTALL | re.MULTILINE
)

NOT_READ = N_("Line %(line)s is not an assignment; commands of an access file are never run.")
NOT_CLOSED = N_("Line %(line)s opens a quotation mark that it does not close.")
WOULD_RUN = N_("Line %(line)s would run a command to get “%(name)s”; write its value instead.")
UNKNOWN_NAME = N_(
    "Line %(line)s takes “%(name)s” from $%(other)s, which the file does not set; write its value"
    " instead, in single quotes where it contains a $."
)
ASKS = N_(
    "The file asks for the password when it is run, which it is not; write"
    " export OS_PASSWORD='…' instead of line %(line)s."
)


@dataclass(slots=True)
class Openrc:
    """The variables of a file and the certificates at its end, in PEM form."""

    values: Mapping[str, str] = field(repr=False)
    certificates: str = ""


def read_openrc(text: str) -> Openrc:
    """The variables that the file assigns.  Raises CredentialsInvalid, naming the line."""
    certificates = "\n".join(_PEM.findall(text))
    # As many lines as before, so that the others keep their numbers.
    rest = _PEM.sub(lambda found: "\n" * found[0].count("\n"), text)
    values: dict[str, str] = {}
    asked: set[str] = set()
    for number, line in _lines(rest):
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment is not None:
            name = assignment[1]
            values[name] = _Line(number, name, values, asked).value(assignment[2])
        elif _PASSED_OVER.fullmatch(line) is None:
            raise _wrong(NOT_READ, number)
        elif line.startswith("read"):
            asked.add(line.split()[-1])
    return Openrc(values, certificates)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, numbered from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield number, line


def _wrong(text: str, line: int, **params: str) -> CredentialsInvalid:
    return CredentialsInvalid.of({"file": Reason(text, "field", {"line": line, **params})})


@dataclass(frozen=True, slots=True)
class _Line:
    """One assignment, and what the lines before it have set and asked for."""

    number: int
    name: str
    values: Mapping[str, str]
    asked: set[str]

    def value(self, text: str) -> str:
        """One word of the shell without its quotation marks; only a comment may stand behind it."""
        parts: list[str] = []
        rest = text
        while token := _TOKEN.match(rest):
            rest = rest[token.end() :]
            parts.append(self._plain(token[0]))
        rest = rest.strip(" \t;")
        if rest.startswith(("'", '"')):
            raise _wrong(NOT_CLOSED, self.number)
        if rest and not rest.startswith("#"):
            raise _wrong(NOT_READ, self.number)
        return "".join(parts)

    def _plain(self, token: str) -> str:
        if token.startswith("'"):
            return token[1:-1]
        inner = token[1:-1] if token.startswith('"') else token
        pieces = _ESCAPED.split(inner)
        # Every second one is a character that was escaped.
        return "".join(
            piece if at % 2 else self._expand(piece) for at, piece in enumerate(pieces)
        )

    def _expand(self, text: str) -> str:
        """Variables that the file has set put in; everything else that would be run is refused."""
        if "`" in text or "$(" in text:
            raise _wrong(WOULD_RUN, self.number, name=self.name)
        return _REFERENCE.sub(self._value_of, text)

    def _value_of(self, reference: re.Match[str]) -> str:
        other = reference[1] or reference[2]
        if other in self.asked:
            raise _wrong(ASKS, self.number)
        if other not in self.values:
            raise _wrong(UNKNOWN_NAME, self.number, name=self.name, other=other)
        return self.values[other]
