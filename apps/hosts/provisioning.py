"""Source repositories that the environment names, taken into the inventory as the site starts.

``SOURCE_REPOS`` has entries separated by ``|``; in each, ``key=value`` fields stand in this order:
endpoint, user, password.  What is there already is left as it is.  No value is ever logged.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.core.exceptions import ValidationError

from apps.common.errors import DomainError
from apps.common.fields import ENDPOINT, NAME
from apps.hosts import stores
from apps.hosts.models import AppRepo
from apps.hosts.specs import RepoSpec
from apps.tenants.actors import SYSTEM

MOST = 20
_FIELDS = (("endpoint", 255), ("user", 128), ("password", 128))
_log = logging.getLogger("mecm.inventory")


def provision(text: str) -> int:
    """Register the repositories that ``text`` names and that are new; returns how many.

    An entry that cannot be read is told by its number and left out; more than ``MOST`` are refused
    together, since nobody could say which were meant.
    """
    entries = [entry.strip() for entry in text.split("|") if entry.strip()]
    if len(entries) > MOST:
        _log.error("SOURCE_REPOS names %s repositories; at most %s are taken", len(entries), MOST)
        return 0
    return sum(_registered(number, spec) for number, spec in _read(entries))


def _read(entries: list[str]) -> Iterator[tuple[int, RepoSpec]]:
    for number, entry in enumerate(entries, start=1):
        values = [field.partition("=")[2] for field in entry.split()]
        wrong = _wrong(values)
        if wrong:
            _log.error("SOURCE_REPOS: entry %s is left out: %s", number, wrong)
        else:
            yield number, RepoSpec(endpoint=values[0], user_name=values[1], password=values[2])


def _wrong(values: list[str]) -> str:
    """What is wrong with an entry, without its values; empty when nothing is."""
    if len(values) != len(_FIELDS):
        return f"it has {len(values)} fields, and not {len(_FIELDS)}"
    for (name, most), value in zip(_FIELDS, values, strict=True):
        if not value or len(value) > most:
            return f"its {name} is empty or too long"
    for check, value, name in ((ENDPOINT, values[0], "endpoint"), (NAME, values[1], "user")):
        try:
            check(value)
        except ValidationError:
            return f"its {name} is not one"
    return ""


def _registered(number: int, spec: RepoSpec) -> bool:
    if AppRepo.objects.filter(endpoint=spec.endpoint).exists():
        return False
    try:
        stores.register(AppRepo, actor=SYSTEM, spec=spec)
    except DomainError as error:
        if error.code != "duplicate":  # another process of this site was first
            _log.error("SOURCE_REPOS: entry %s is left out: %s", number, error)
        return False
    return True
