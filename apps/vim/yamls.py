"""YAML of strangers read safely: no aliases, no bombs, one document.  Says what is wrong where."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason

# The parser's time grows with the square of the depth, and with each entry; an access file has few.
MAX_BRACKETS: Final = 500
MAX_DEPTH: Final = 100
MAX_EVENTS: Final = 20_000
# YAML 1.1 reads 1:59:59 as a number to the base of 60; a long one costs the square of its length.
LONG_NUMBER: Final = re.compile(r"[-+0-9_:.]{100,}")
# libyaml, where PyYAML was built with it, is ten times faster.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NOT_YAML = N_("“%(field)s” is not valid YAML.")


class Unreadable(Exception):
    """A document that cannot be read; ``reason`` is about the field ``file``."""

    def __init__(self, text: str, **params: Any) -> None:
        self.reason = Reason(text, "field", {"field": "file", **params})
        super().__init__(text)


def load(content: bytes, *, most: int, brackets: int = MAX_BRACKETS) -> Any:
    """The one document in ``content``, of at most ``most`` bytes; raises Unreadable.

    ``brackets`` are the most that it may have in all, in its texts too.
    """
    if len(content) > most:
        raise Unreadable(N_("“%(field)s” is larger than %(limit)s bytes."), limit=most)
    try:
        text = content.decode("utf-8")
        if text.count("[") + text.count("{") > brackets:
            raise Unreadable(NOT_YAML)
        _look_through(text)
        return yaml.load(text, _LOADER)  # noqa: S506 - a safe loader
    except UnicodeDecodeError:
        raise Unreadable(N_("“%(field)s” is not UTF-8 text.")) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        text = N_("“%(field)s” is not valid YAML, see line %(line)s.")
        raise Unreadable(text, line=line) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise Unreadable(NOT_YAML) from None


def _look_through(text: str) -> None:
    """Refuse what would cost more to load than an access file can be worth."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, _LOADER)):
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(N_("“%(field)s” must not contain YAML aliases."))
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or number > MAX_EVENTS:
            raise Unreadable(N_("“%(field)s” has more entries than an access file has."))
        if isinstance(event, yaml.ScalarEvent) and LONG_NUMBER.fullmatch(event.value):
            raise Unreadable(NOT_YAML)
