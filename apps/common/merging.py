"""A three-way merge of content that two sites changed while they were apart.  Pure; no rows.

Content maps a field to its value; a field that is not there has no value at that site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Content = Mapping[str, Any]
# By field, where a side has a value: what was agreed last ("base"), and what both made of it.
Contest = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Merged:
    """What we have from now on, what both agree on, and what a person has to choose."""

    content: dict[str, Any]
    agreed: dict[str, Any]
    contested: Contest

    @property
    def is_owed(self) -> bool:
        """Whether the other side has to be told of something that only we changed."""
        return is_owed(self.content, self.agreed, self.contested)


def merge(*, base: Content, ours: Content, theirs: Content) -> Merged:
    """Take what only one side changed from that side; keep both where both changed it."""
    content: dict[str, Any] = {}
    agreed: dict[str, Any] = {}
    contested: Contest = {}
    for name in sorted({*base, *ours, *theirs}):
        if _same(name, ours, theirs):
            _copy(name, ours, content)
            _copy(name, ours, agreed)
        elif _same(name, theirs, base):
            _copy(name, ours, content)
            _copy(name, base, agreed)
        elif _same(name, ours, base):
            _copy(name, theirs, content)
            _copy(name, theirs, agreed)
        else:
            _copy(name, ours, content)
            _copy(name, base, agreed)
            sides = (("base", base), ("ours", ours), ("theirs", theirs))
            contested[name] = {side: one[name] for side, one in sides if name in one}
    return Merged(content, agreed, contested)


def base_of(
    agreed: Content, theirs: Content, edge_version: int, *, forked_at: int | None
) -> Content:
    """The ancestor to merge with.

    An edge that was restored from a backup at ``forked_at`` has an old word on what it has not
    touched since, which must not undo the newer one; of what it has touched since there is no
    common ancestor, and a person chooses wherever the two differ.
    """
    if forked_at is None:
        return agreed
    return theirs if edge_version < forked_at else {}


def settle(merged: Merged, *, keep_theirs: Iterable[str], keep_ours: Iterable[str]) -> Merged:
    """A person chose: each named field has the chosen value, and both sides are known to differ
    from the former ancestor no more."""
    content, agreed = dict(merged.content), dict(merged.agreed)
    contested = dict(merged.contested)
    theirs = set(keep_theirs)
    for name in theirs | set(keep_ours):
        other = contested.pop(name)
        agreed.pop(name, None)
        if "theirs" in other:
            agreed[name] = other["theirs"]
        if name in theirs:
            content.pop(name, None)
            _copy(name, agreed, content)
    return Merged(content, agreed, contested)


def to_deliver(content: Content, contested: Contest) -> dict[str, Any]:
    """What the other side is to have now: ours, and its own where nobody has chosen yet."""
    found = {name: value for name, value in content.items() if name not in contested}
    return found | {name: one["theirs"] for name, one in contested.items() if "theirs" in one}


def agreed_by_delivery(sent: Content, agreed: Content, contested: Contest) -> dict[str, Any]:
    """What both have in common once the other side took ``sent``.

    Of what nobody has chosen yet the ancestor stays: that the other side has its own value there is
    no agreement.
    """
    found = {name: value for name, value in sent.items() if name not in contested}
    return found | {name: agreed[name] for name in contested if name in agreed}


def is_owed(content: Content, agreed: Content, contested: Contest) -> bool:
    """Whether anything uncontested differs from what both sides agreed on last."""
    names = {*content, *agreed} - set(contested)
    return any(not _same(name, content, agreed) for name in names)


def _same(name: str, one: Content, other: Content) -> bool:
    if name in one and name in other:
        return bool(one[name] == other[name])
    return (name in one) is (name in other)


def _copy(name: str, source: Content, target: dict[str, Any]) -> None:
    if name in source:
        target[name] = source[name]

