"""A three-way merge of content that two sites changed while they were apart.  Pure; no rows.

Content maps a field to its value; a field that is not there has no value at that site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Content = Mapping[str, Any]
# By field, where a side has a value: what was agreed last ("base"), and what both made of it.
Contest = Mapping[str, Mapping[str, Any]]
NOTHING: Contest = MappingProxyType({})
MOST_SENT = 50
# In place of an ancestor that cannot be known: it is like no value that anybody gives a field.
UNKNOWN = None
# Content that went to the other side without an answer: by field its value in a list, and an empty
# list where it was to lose the field.
Sent = Mapping[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Merged:
    """What we have from now on, what they are known to have, and what a person has to choose."""

    content: dict[str, Any]
    agreed: dict[str, Any]
    contested: dict[str, dict[str, Any]]

    @property
    def is_owed(self) -> bool:
        """Whether the other side has to be told of something."""
        return to_deliver(self.content, self.contested) != self.agreed


def merge(
    *, agreed: Content, ours: Content, theirs: Content, contested: Contest = NOTHING
) -> Merged:
    """Take what only one side changed from that side; keep both where both changed it.

    What was ``contested`` before stays so while the two differ, unless they took theirs back.  What
    they had then and is not ``agreed`` any more was lost there: beside a value from after that it
    is kept as the third.
    """
    merged = Merged({}, dict(theirs), {})
    for name in sorted({*agreed, *ours, *theirs}):
        had = _side("theirs", name, contested)
        base = agreed
        if name in contested:
            is_lost = had and not _same(name, agreed, had)
            base = had if is_lost else _side("base", name, contested)
        if name in contested and (_same(name, theirs, agreed) or _same(name, theirs, had)):
            _keep(name, ours, contested, merged)
        elif _same(name, ours, theirs) or _same(name, theirs, base):
            _copy(name, ours, merged.content)
        elif _same(name, ours, base):
            _copy(name, theirs, merged.content)
        else:
            _contest(name, merged, base=base, ours=ours, theirs=theirs)
    return merged


def ancestor(agreed: Content, sent: Sequence[Sent], theirs: Content) -> Content:
    """What to merge with while it is not known what of ``sent`` has arrived.

    Where they have what was sent once, they have it from us: what we made of it since stands.
    Where they have neither that nor what was agreed, or nothing, nobody can tell over which of
    them they wrote.
    """
    found = dict(agreed)
    for name in {name for one in sent for name in one}:
        values = [one[name] for one in sent if name in one]
        had, has = ([side[name]] if name in side else [] for side in (agreed, theirs))
        if has in values:
            found.pop(name, None)
            _copy(name, theirs, found)
        elif (has != had or not has) and any(value != had for value in values):
            found[name] = UNKNOWN
    return found


def alike(sent: Sequence[Sent]) -> dict[str, Any]:
    """What of several contents is the same in all of them."""
    first, *others = sent
    same = {name: has for name, has in first.items() if all(o.get(name) == has for o in others)}
    return {name: has[0] for name, has in same.items() if has}


def with_sent(sent: Sequence[Sent], content: Content, agreed: Content) -> list[Sent]:
    """One more that is on its way to a side that had ``agreed``, or something of ``sent``."""
    known = {*agreed, *(name for one in sent for name in one)}
    new = {name: [content[name]] if name in content else [] for name in sorted({*known, *content})}
    return [*(one for one in sent if one != new), new][-MOST_SENT:]


def merge_set_back(
    *, ours: Content, theirs: Content, contested: Contest = NOTHING, is_touched: bool
) -> Merged:
    """Merge with a side that was restored from a backup and has an old word again.

    An old word does not undo a newer one: what they have not touched since is owed to them as it
    is here.  Of what they have touched since (``is_touched``) there is no common ancestor, and a
    person chooses wherever the two differ.  What waited for a choice already is not lost with the
    backup: it goes on waiting, and where they have a third value by now, all three are kept.
    """
    merged = Merged({}, dict(theirs), {})
    for name in sorted({*ours, *theirs, *contested}):
        lost = _side("theirs", name, contested)
        is_old = not is_touched or _same(name, theirs, _side("base", name, contested))
        is_ours = _same(name, ours, theirs)
        if name in contested and (is_old or is_ours or _same(name, theirs, lost)):
            _keep(name, ours, contested, merged)
        elif is_ours or not is_touched:
            _copy(name, ours, merged.content)
        else:
            _contest(name, merged, base=lost or {name: UNKNOWN}, ours=ours, theirs=theirs)
    return merged


def settle(merged: Merged, *, keep_theirs: Iterable[str], keep_ours: Iterable[str]) -> Merged:
    """A person chose: each named field has the chosen value."""
    content, contested = dict(merged.content), dict(merged.contested)
    theirs = set(keep_theirs)
    for name in theirs | set(keep_ours):
        if name in theirs:
            content.pop(name, None)
            _copy(name, _side("theirs", name, contested), content)
        del contested[name]
    return Merged(content, dict(merged.agreed), contested)


def to_deliver(content: Content, contested: Contest) -> dict[str, Any]:
    """What the other side is to have now: ours, and its own where nobody has chosen yet."""
    found = {name: value for name, value in content.items() if name not in contested}
    return found | {name: one["theirs"] for name, one in contested.items() if "theirs" in one}


def _same(name: str, one: Content, other: Content) -> bool:
    if name in one and name in other:
        return bool(one[name] == other[name])
    return (name in one) is (name in other)


def _copy(name: str, source: Content, target: dict[str, Any]) -> None:
    if name in source:
        target[name] = source[name]


def _side(side: str, name: str, contested: Contest) -> Content:
    """A contested field as one side has, or had, it."""
    one = contested.get(name, {})
    return {name: one[side]} if side in one else {}


def _contest(name: str, merged: Merged, **sides: Content) -> None:
    """A person has to choose; until then it is here as it was."""
    merged.contested[name] = {side: one[name] for side, one in sides.items() if name in one}
    _copy(name, sides["ours"], merged.content)


def _keep(name: str, ours: Content, contested: Contest, merged: Merged) -> None:
    """Go on waiting for a choice, unless it was made here meanwhile."""
    if _same(name, ours, _side("theirs", name, contested)):
        _copy(name, ours, merged.content)
    else:
        sides = {side: _side(side, name, contested) for side in ("base", "theirs")}
        _contest(name, merged, ours=ours, **sides)
