"""What must be true, in the words of the promise; it knows nothing of how the sites keep it.

An edit that somebody was told had worked stands over what its author saw there.  In the end each
field has the one value over which nothing stands; two that nobody compared are an edit that was
lost in silence.  A thing is there until somebody who may says that it is to go, and then it is
gone.  What a site did after the moment that a backup brings it back to is void, unless the other
site knows, and goes on knowing until it is itself brought back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, ...]
AT_CENTER, AT_EDGE = "center", "edge"
NOTHING = "null"


class Violation(Exception):
    """Something that must be true is not."""


@dataclass(eq=False, slots=True)
class Edit:
    """One value that somebody gave a field at a site, who ``saw`` another there.

    ``over`` is all that it stands over.
    """

    number: int
    site: str
    value: str
    over: frozenset[Edit] = frozenset()
    saw: str = ""
    void: bool = False
    kept_by: str = ""


@dataclass(eq=False, slots=True)
class Choice:
    """A person saw both and chose."""

    number: int
    site: str
    winner: Edit
    losers: frozenset[Edit]
    void: bool = False


@dataclass(eq=False, slots=True)
class Removal:
    """Somebody was told that it will go."""

    number: int
    site: str
    void: bool = False


@dataclass(eq=False, slots=True)
class Order:
    """Somebody was told that an instance will run, from now on from ``package`` on ``host``."""

    number: int
    site: str
    kind: str
    package: str
    host: str
    void: bool = False


@dataclass(eq=False, slots=True)
class Thing:
    """A row with a life: where it was born, whose it is, who ordered what of it, and who wanted it
    gone.  ``wanted`` is when each site last asked for it."""

    kind: str
    id: str
    site: str
    number: int
    tenant: str = ""
    void: bool = False
    kept_by: str = ""
    removals: list[Removal] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    wanted: dict[str, int] = field(default_factory=dict)

    @property
    def removed(self) -> bool:
        """Whether somebody whose word counts wants it gone.

        What the center owns it brings back when only the edge removed it.
        """
        owned = self.site == AT_CENTER and self.kind in _CENTER_OWNS
        counts = (AT_CENTER,) if owned else (AT_CENTER, AT_EDGE)
        return any(
            one.site in counts and not one.void and one.number > self.wanted.get(one.site, 0)
            for one in self.removals
        )

    @property
    def touched(self) -> bool:
        """Whether anybody ever wanted it gone, also where that does not count."""
        return bool(self.removals)

    @property
    def may_be_gone(self) -> bool:
        """Whether somebody whose word counts ever wanted it gone, also one who forgot it with a
        backup: the word was on its way.  Of what the center forgot the edge may say it alone."""
        owned = self.site == AT_CENTER and self.kind in _CENTER_OWNS and not self.kept_by
        return any(one.site == AT_CENTER or not owned for one in self.removals)


_CENTER_OWNS = frozenset({"host", "package"})


class Model:
    """The record of one run."""

    def __init__(self) -> None:
        self.number, self.restores = 0, 0
        # Instances that ran at an edge that was set back to before they were instantiated.
        self.forgotten: set[str] = set()
        self.fields: dict[Key, list[Edit]] = {}
        self.choices: dict[Key, list[Choice]] = {}
        self.things: dict[tuple[str, str], Thing] = {}
        # What a field has at the center, for what an edge removes with its own edits.
        self.at_center: Callable[[Key], Any] = lambda key: None

    # --- what happens ---------------------------------------------------------------------------

    def edited(
        self, site: str, key: Key, before: Any, after: Any, *also: Any
    ) -> None:
        """A field was given another value over the one that was there, and over ``also``."""
        over: set[Edit] = set()
        for value in (before, *also):
            over |= self._seen(key, value, at=site)
        self.fields.setdefault(key, []).append(
            Edit(self._next(), site, plain(after), frozenset(over), plain(before))
        )

    def chosen(self, site: str, key: Key, winner: Any, *losers: Any) -> None:
        """A person preferred one value of a field to the others that were shown."""
        won, lost = self._edit(key, winner), frozenset[Edit]()
        for value in losers:
            lost |= self._seen(key, value)
        rows = self.choices.setdefault(key, [])
        for former in rows:
            former.losers -= {won}
        rows.append(Choice(self._next(), site, won, lost - self._seen(key, winner)))

    def born(self, site: str, kind: str, key: str, tenant: str = "") -> None:
        """A thing was made, or one that was there is asked for again."""
        number = self._next()
        thing = self.things.setdefault((kind, key), Thing(kind, key, site, number, tenant))
        thing.wanted[site] = number

    def ordered(self, site: str, kind: str, instance: str, package: str, host: str) -> None:
        """A site took the word that an instance is to run (``instantiate``), or another package
        (``upgrade``), which its host has to have for it."""
        thing = self.things.get(("instance", instance))
        if thing is not None:
            thing.orders.append(Order(self._next(), site, kind, package, host))
        there = self.things.get(("distribution", f"{package} {host}"))
        if there is not None:
            there.wanted[site] = self.number

    def removal(self, site: str, kind: str, key: str) -> None:
        """A site took the word that a thing is to go."""
        if kind == "distribution":
            # It may have been made in passing, for an instance.
            self.born(site, kind, key)
        thing = self.things.get((kind, key))
        if thing is None:
            return
        thing.removals.append(Removal(self._next(), site))
        if site == AT_EDGE and thing.site == AT_CENTER and kind == "host":
            self._forsake(kind, key)

    def set_back(
        self, site: str, number: int, known: Callable[[Key], tuple[Iterable[Any], Iterable[Any]]],
        there: Callable[[str, str], tuple[bool, bool]],
    ) -> None:
        """``site`` is again as it was at ``number``.

        ``known(field)`` tells the values of a field that the other site knows, and those in the
        backup; ``there(kind, id)`` whether either of them has a thing.
        """
        self.restores += 1
        for key, edits in self.fields.items():
            values = known(key)
            # That there is nothing at the other site tells nothing of what was removed here since.
            removed = frozenset(
                one for one in edits
                if one.value == NOTHING and one.site == site and _is_late(one, site, number)
            )
            there_too, here = (self._under(key, some, without=removed) for some in values)
            for edit in edits if not values[0] else ():
                # The other site has the thing no more: the backup is all that is known of it.
                edit.void = edit.void or edit not in here
            late = [one for one in edits if _is_late(one, site, number)]
            late_choices = [one for one in self.choices.get(key, ()) if one.number > number]
            if not late and not late_choices:
                continue
            for edit in late:
                # Its own is younger than the backup, whatever looks like it in there.
                heard = there_too if edit.site == site else there_too | here
                # That there is nothing tells nobody that there was something before.
                is_known = edit in heard and (edit.site != site or edit.value != NOTHING)
                edit.void = edit.void or not is_known
                edit.kept_by = _other(site) if edit in there_too else site
            for choice in late_choices:
                is_own = choice.site == site
                choice.void = choice.void or (is_own and choice.winner not in there_too)
        for thing in self.things.values():
            is_there, is_here = there(thing.kind, thing.id)
            if _is_late(thing, site, number):
                thing.void = thing.void or not (is_there or is_here)
                thing.kept_by = _other(site) if is_there else site
            for removal in thing.removals:
                if removal.number > number and removal.site == site:
                    removal.void = removal.void or is_there or is_here
            for order in thing.orders:
                order.void = order.void or (order.number > number and order.site == site)

    # --- what must be true ----------------------------------------------------------------------

    def heads(self, key: Key, value: str = "") -> list[Edit]:
        """The edits of a field over which nothing stands.

        That of the ``value`` that the field has is one of them, although a backup forgot it: it was
        on its way just then, and arrived.
        """
        edits = [one for one in self.fields.get(key, ()) if not one.void or one.value == value]
        under: set[Edit] = set()
        for edit in edits:
            under |= edit.over
        for choice in self._valid_choices(key):
            under |= choice.losers
        found = [one for one in edits if one not in under]
        return [one for one in found if not any(_was_seen(one, other) for other in found)]

    def wrong_with(self, key: Key, value: Any) -> str:
        """What is wrong with a field that has ``value`` at both sites; empty when nothing is."""
        told = sorted({one.value for one in self.heads(key, plain(value))})
        name = "/".join(key)
        if len(told) > 1:
            return f"{name}: {' and '.join(told)} were never compared by anybody"
        told = told or self._last_choice(key)
        if told and plain(value) not in told:
            return f"{name} is {plain(value)} although {' or '.join(told)} was the last word"
        return ""

    def _last_choice(self, key: Key) -> list[str]:
        """The value that was chosen last, where it was preferred to what stood over it; and what
        did, for it may be a later edit of the same value than the one that was shown."""
        choices = self._valid_choices(key)
        if not choices:
            return []
        last = choices[-1]
        over = {one.value for one in last.losers if last.winner in one.over}
        return sorted({last.winner.value, *over})

    def _valid_choices(self, key: Key) -> list[Choice]:
        return [one for one in self.choices.get(key, ()) if not one.void]

    def is_touched(self, key: tuple[str, str]) -> bool:
        """Whether anybody ever wanted a thing gone, or a site forgot it with a backup."""
        thing = self.things.get(key)
        return thing is not None and (thing.touched or thing.void or bool(thing.kept_by))

    # --- inside ---------------------------------------------------------------------------------

    def _forsake(self, kind: str, thing: str) -> None:
        """It comes back as the center has it, who alone knows it by now: what only the edge had
        made of it is gone."""
        for key, edits in self.fields.items():
            if key[:2] == (kind, thing):
                known = self._seen(key, self.at_center(key))
                for edit in edits:
                    edit.void = edit.void or (edit.site == AT_EDGE and edit not in known)
                    edit.kept_by = AT_CENTER

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _edit(self, key: Key, value: Any) -> Edit:
        """The edit that a value at a site comes from; that there was nothing needs none."""
        text = plain(value)
        edits = self.fields.setdefault(key, [])
        found = [one for one in edits if one.value == text]
        if not found:
            if text != NOTHING:
                raise Violation(f"{'/'.join(key)} was {text}, which nobody gave it")
            edits.insert(0, Edit(0, "", text))
            return edits[0]
        return found[-1]

    def _under(
        self, key: Key, values: Iterable[Any], *, without: frozenset[Edit]
    ) -> set[Edit]:
        return {edit for value in values for edit in self._seen(key, value, without=without)}

    def _seen(
        self, key: Key, value: Any, *, at: str = "", without: frozenset[Edit] = frozenset()
    ) -> frozenset[Edit]:
        """All that is under a value, itself included.

        Of nothing there is only one kind, but for that which the site has lost with a backup: what
        is seen ``at`` a site is not that.  It is none ``without`` which it is looked for.
        """
        text = plain(value)
        self._edit(key, value)
        found: set[Edit] = set()
        for one in self.fields[key]:
            is_lost = text == NOTHING and one.void and one.kept_by == at
            if one.value == text and not is_lost and one not in without:
                found |= {one, *one.over}
        return frozenset(found)


def _was_seen(nothing: Edit, other: Edit) -> bool:
    """Whether ``nothing`` is that, and ``other`` began where there was nothing: of nothing there is
    only one kind, so that it saw this one."""
    if nothing.value != NOTHING or nothing.saw == NOTHING:
        return False
    return any(one.saw == NOTHING and one not in nothing.over for one in (other, *other.over))


def _is_late(one: Edit | Thing, site: str, number: int) -> bool:
    """Whether a site that goes back to ``number`` may lose it: its own, or what it alone kept."""
    return one.number > number if one.site == site else one.kept_by == site


def _other(site: str) -> str:
    return AT_EDGE if site == AT_CENTER else AT_CENTER


def plain(value: Any) -> str:
    """A value as text, the same for the same."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
