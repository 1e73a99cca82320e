"""YAML of strangers read safely: no aliases, no bombs, one document.  Says what is wrong where."""

from __future__ import annotations

from typing import Any

import yaml
from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason

# The parser's time grows with the square of the depth.
MAX_BRACKETS = 500
NOT_YAML = N_("“%(field)s” is not valid YAML.")


class Unreadable(Exception):
    """A document that cannot be read; ``reason`` is about the field ``file``."""

    def __init__(self, text: str, **params: Any) -> None:
        self.reason = Reason(text, "field", {"field": "file", **params})
        super().__init__(text)


def load(content: bytes, *, most: int) -> Any:
    """The one document in ``content``, of at most ``most`` bytes; raises Unreadable."""
    if len(content) > most:
        raise Unreadable(N_("“%(field)s” is larger than %(limit)s bytes."), limit=most)
    try:
        text = content.decode("utf-8")
        if text.count("[") + text.count("{") > MAX_BRACKETS:
            raise Unreadable(NOT_YAML)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise Unreadable(N_("“%(field)s” must not contain YAML aliases."))
        return yaml.safe_load(text)
    except UnicodeDecodeError:
        raise Unreadable(N_("“%(field)s” is not UTF-8 text.")) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        text = N_("“%(field)s” is not valid YAML, see line %(line)s.")
        raise Unreadable(text, line=line) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise Unreadable(NOT_YAML) from None
