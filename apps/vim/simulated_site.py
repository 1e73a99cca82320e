"""The simulated site as its YAML describes it: size, timing, faults.  No state of the world."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.errors import CredentialsInvalid
from apps.vim.yamls import Unreadable, load

MAX_BYTES = 64 * 1024
FAULT_KINDS = (
    "slow",
    "refuse",
    "die",
    "lie",
    "unreachable",
    "uninstall_hangs",
    "uninstall_refuses",
)
LIES = ("Ready", "Absent", "Installing", "Failed")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, for the applications whose name (or instance id) fits ``app``.

    slow               Ready comes ``seconds`` later
    refuse             install is refused with ``says`` as the VIM's words
    die                ``after`` seconds from the order all but ``survivors`` fail with ``cause``
    lie                status claims ``says``; with ``every``, lie and truth take turns (seconds)
    unreachable        nothing answers
    uninstall_hangs    removal starts and never ends
    uninstall_refuses  removal is refused with ``says``

    ``since`` and ``lasts`` (seconds) bound the time in which it is active; absent, always.
    """

    kind: str
    app: str = "*"
    seconds: float = 5.0
    after: float | None = None
    cause: str = "CrashLoopBackOff"
    survivors: int | None = None
    says: str = ""
    every: float = 0.0
    since: datetime | None = None
    lasts: float | None = None

    def active(self, now: datetime) -> bool:
        """Whether the fault has begun and has not passed."""
        if self.since is None:
            return True
        over = None if self.lasts is None else self.since + timedelta(seconds=self.lasts)
        return self.since <= now and (over is None or now < over)

    def fits(self, *names: str) -> bool:
        """Whether it is about an application or instance of one of these names."""
        return any(fnmatchcase(name, self.app) for name in names)

    def as_json(self) -> dict[str, Any]:
        """The fault as it stands in YAML and in the world's file, without what is left open."""
        named = {name: getattr(self, name) for name in _FAULT_FIELDS}
        held = {name: value for name, value in named.items() if value not in (None, "")}
        if self.since is not None:
            held["since"] = self.since.isoformat()
        return held


@dataclass(frozen=True, slots=True)
class Site:
    """A simulated site.  Sizes are of each node; times in seconds."""

    seed: int = 1
    nodes: int = 3
    cpus: float = 16
    memory_mb: float = 65536
    storage_gb: float = 500
    architecture: str = "X86"
    capabilities: tuple[str, ...] = ()
    ready_after: float = 0.8
    remove_after: float = 0.4
    metrics: bool = True
    token: str = ""
    faults: tuple[Fault, ...] = ()

    def __repr__(self) -> str:
        return f"Site(seed={self.seed}, nodes={self.nodes})"


class _Wrong(Exception):
    """A value that does not fit its field."""

    def __init__(self, text: str, **params: Any) -> None:
        self.text, self.params = text, params
        super().__init__(text)

    def about(self, field: str) -> Reason:
        """The sentence with the field's name in it."""
        return Reason(self.text, "field", {"field": field, **self.params})


def _number(low: float, high: float, *, whole: bool = False) -> Any:
    def read(value: Any) -> float | int:
        right = isinstance(value, int) or (isinstance(value, float) and not whole)
        if not right or isinstance(value, bool) or not math.isfinite(value):
            text = (
                N_("“%(field)s” must be a whole number.")
                if whole
                else N_("“%(field)s” must be a number.")
            )
            raise _Wrong(text)
        if not low <= value <= high:
            raise _Wrong(
                N_("“%(field)s” must be between %(low)s and %(high)s."), low=low, high=high
            )
        return int(value) if whole else float(value)

    return read


def _text(limit: int = 200) -> Any:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.isprintable():
            raise _Wrong(N_("“%(field)s” must be a line of text."))
        if len(value) > limit:
            raise _Wrong(N_("“%(field)s” must have at most %(limit)s characters."), limit=limit)
        return value

    return read


def _choice(*known: str) -> Any:
    def read(value: Any) -> str:
        if value not in known:
            raise _Wrong(N_("“%(field)s” must be one of %(known)s."), known=", ".join(known))
        return str(value)

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(N_("“%(field)s” must be true or false."))
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 50:
        raise _Wrong(N_("“%(field)s” must be a list of at most %(limit)s entries."), limit=50)
    return tuple(_text(50)(item) for item in value)


def _moment(value: Any) -> datetime:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _Wrong(N_("“%(field)s” must be a time such as 2026-01-31T08:00:00Z.")) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_SITE_FIELDS: Mapping[str, Any] = {
    "seed": _number(0, 2**63, whole=True),
    "nodes": _number(1, 100, whole=True),
    "cpus": _number(0.1, 4096),
    "memory_mb": _number(1, 2**32),
    "storage_gb": _number(0, 2**32),
    "architecture": _choice("X86", "ARM64", "ARM32"),
    "capabilities": _texts,
    "ready_after": _number(0, 3600),
    "remove_after": _number(0, 3600),
    "metrics": _flag,
    "token": _text(),
}
_FAULT_FIELDS: Mapping[str, Any] = {
    "kind": _choice(*FAULT_KINDS),
    "app": _text(),
    "seconds": _number(0, 86400),
    "after": _number(0, 86400),
    "cause": _text(60),
    "survivors": _number(0, 10000, whole=True),
    "says": _text(),
    "every": _number(0, 86400),
    "since": _moment,
    "lasts": _number(0, 10**9),
}

Wrongs = dict[str, Reason]


def _fields(data: Any, known: Mapping[str, Any], at: str, wrongs: Wrongs) -> dict[str, Any]:
    """Read the known fields of a mapping, noting in ``wrongs`` what does not fit."""
    if not isinstance(data, Mapping):
        wrongs[at] = _Wrong(N_("“%(field)s” must be a mapping of names to values.")).about(at)
        return {}
    held: dict[str, Any] = {}
    for name, value in data.items():
        where = f"{at}.{name}"[:120]
        if name not in known:
            text = N_("“%(field)s” is not known here; known are %(known)s.")
            wrongs[where] = _Wrong(text, known=", ".join(known)).about(where)
            continue
        try:
            held[name] = known[name](value)
        except _Wrong as wrong:
            wrongs[where] = wrong.about(where)
    return held


def _fault(data: Any, at: str, wrongs: Wrongs) -> Fault | None:
    before = len(wrongs)
    held = _fields(data, _FAULT_FIELDS, at, wrongs)
    if len(wrongs) > before:
        return None
    if "kind" not in held:
        wrongs[f"{at}.kind"] = _Wrong(N_("“%(field)s” is missing.")).about(f"{at}.kind")
    elif held["kind"] == "lie" and held.setdefault("says", "Ready") not in LIES:
        text = N_("“%(field)s” must be one of %(known)s.")
        wrongs[f"{at}.says"] = _Wrong(text, known=", ".join(LIES)).about(f"{at}.says")
    elif "lasts" in held and "since" not in held:
        text = N_("“%(field)s” is needed where “lasts” is given.")
        wrongs[f"{at}.since"] = _Wrong(text).about(f"{at}.since")
    else:
        return Fault(**held)
    return None


def read_faults(data: Any, at: str, wrongs: Wrongs) -> tuple[Fault, ...]:
    """The faults of a list, noting in ``wrongs`` what does not fit."""
    if not isinstance(data, list) or len(data) > 100:
        text = N_("“%(field)s” must be a list of at most %(limit)s entries.")
        wrongs[at] = _Wrong(text, limit=100).about(at)
        return ()
    found = [_fault(item, f"{at}.{index}", wrongs) for index, item in enumerate(data)]
    return tuple(fault for fault in found if fault is not None)


def read_site(content: bytes) -> Site:
    """The site that a YAML document describes; CredentialsInvalid with a reason per field."""
    try:
        data = load(content, most=MAX_BYTES)
    except Unreadable as unreadable:
        raise CredentialsInvalid.of({"file": unreadable.reason}) from None
    if not isinstance(data, dict) or set(data) != {"simulated"}:
        text = N_("“%(field)s” must be a mapping with the single key “simulated”.")
        raise CredentialsInvalid.of({"file": _Wrong(text).about("file")})
    wrongs: Wrongs = {}
    body = data["simulated"] if data["simulated"] is not None else {}
    given = dict(body) if isinstance(body, dict) else body
    faults = given.pop("faults", None) if isinstance(given, dict) else None
    held = _fields(given, _SITE_FIELDS, "simulated", wrongs)
    found = read_faults(faults or [], "simulated.faults", wrongs)
    if wrongs:
        raise CredentialsInvalid.of(wrongs)
    return Site(**held, faults=found)
