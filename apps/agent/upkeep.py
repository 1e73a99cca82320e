"""Keeps one thing alive at the MEP: made when it is not there, looked after while it is."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, NoReturn

from apps.agent.client import Answer, MepClient, Unreachable
from apps.agent.pace import Pace

RARELY = 60.0  # seconds between tries of what the MEP says is wrong
LOOK = 30.0  # seconds between looks at what has no heartbeat


class State(StrEnum):
    """How the thing stands with the MEP."""

    PENDING = "pending"
    REGISTERED = "registered"
    REFUSED = "refused"
    LOST = "lost"


class Event(StrEnum):
    """What a try came to."""

    ACCEPTED = "accepted"  # the MEP has it now
    KEPT = "kept"  # the MEP still has it
    FAILED = "failed"  # no answer, or one that says nothing about it
    REFUSED = "refused"  # the MEP will not have it as it is
    MISSING = "missing"  # the MEP does not know it any more


# What is not in the table changes nothing.
TABLE: dict[tuple[State, Event], State] = {
    (State.PENDING, Event.ACCEPTED): State.REGISTERED,
    (State.PENDING, Event.REFUSED): State.REFUSED,
    (State.REFUSED, Event.ACCEPTED): State.REGISTERED,
    (State.REFUSED, Event.FAILED): State.PENDING,
    (State.REGISTERED, Event.MISSING): State.LOST,
    (State.LOST, Event.ACCEPTED): State.REGISTERED,
    (State.LOST, Event.REFUSED): State.REFUSED,
}


class Unclear(Exception):
    """The MEP did not tell whether it has the thing; says what it answered."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.wait = answer.wait


class Outcome(NamedTuple):
    """What a try came to, and why in words."""

    event: Event
    why: str = ""
    wait: float = 0.0  # seconds for which the MEP asked not to be asked again


class Upkeep(ABC):
    """One thing at the MEP.  Kinds of things say how it is made, kept and removed."""

    label = ""
    missed = "is not known to the MEP any more; registering it again"

    def __init__(
        self,
        *,
        client: MepClient,
        pace: Pace,
        say: Callable[[str], None],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._pace = pace
        self._say = say
        self._lost = lost
        self._poked = asyncio.Event()
        self._failures = 0
        self._wait = 0.0
        self._said = ""
        self.state = State.PENDING
        self.registered = asyncio.Event()

    async def run(self) -> NoReturn:
        """Do what the state asks for, for ever; ends only by cancellation."""
        while True:
            began = self._pace.monotonic()
            self._enter(await self._try())
            # Counted from the beginning: a slow answer must not make the next beat late.
            spent = self._pace.monotonic() - began
            delay = max(self._delay(), self._pace.asked(self._wait))
            await self._pace.wait(delay - spent, self._poked)

    def forget(self) -> None:
        """The MEP has it no more, or must be told again: make it anew."""
        self._enter(Outcome(Event.MISSING))
        self.poke()

    def poke(self) -> None:
        """Do the next step now."""
        self._poked.set()

    @abstractmethod
    async def remove(self) -> None:
        """Take it away from the MEP; raises Unreachable."""

    @abstractmethod
    async def _make(self) -> Outcome:
        """See to it that the MEP has it, once; raises Unreachable."""

    async def _keep(self) -> Outcome:
        """Tell the MEP that it is still wanted, or look whether it is there; raises Unreachable."""
        return Outcome(Event.KEPT)

    def _rhythm(self) -> float:
        """Seconds from one ``_keep`` to the next."""
        return LOOK

    def _described(self) -> str:
        """What people read when the MEP has it."""
        return "is registered"

    async def _try(self) -> Outcome:
        try:
            return await (self._keep() if self.state is State.REGISTERED else self._make())
        except Unreachable:
            return Outcome(Event.FAILED)  # said already, once for everything
        except Unclear as error:
            return Outcome(Event.FAILED, str(error), error.wait)
        except Exception as error:
            # Whatever the server sent to cause this, everything else must go on.
            return Outcome(Event.FAILED, f"{type(error).__name__}: {error}")

    def _enter(self, outcome: Outcome) -> None:
        """Go where the table says."""
        before, event = self.state, outcome.event
        self.state = TABLE.get((before, event), before)
        self._failures = self._failures + 1 if event is Event.FAILED else 0
        self._wait = outcome.wait
        if self.state is State.REGISTERED:
            self.registered.set()
        else:
            self.registered.clear()
        self._tell(before, outcome)
        if self.state is State.LOST and before is State.REGISTERED:
            self._lost()

    def _tell(self, before: State, outcome: Outcome) -> None:
        """Say what is new, and nothing twice in a row."""
        said = self._said
        match outcome.event:
            case Event.ACCEPTED:
                said = self._described()
            case Event.REFUSED:
                said = f"is refused ({outcome.why}); trying again every {RARELY:g} s"
            case Event.MISSING if before is State.REGISTERED:
                said = self.missed
            case Event.FAILED if outcome.why:
                said = f"has trouble ({outcome.why}); trying on"
            case Event.KEPT if said.startswith("has trouble"):
                said = "is well again"
        if said and said != self._said:
            self._say(f"{self.label} {said}")
        self._said = said

    def _delay(self) -> float:
        if self.state is State.LOST and not self._failures:
            return 0.0
        if self.state is State.REFUSED:
            return RARELY
        if self.state is State.REGISTERED:
            rhythm = self._rhythm()
            return min(rhythm, self._pace.after(self._failures)) if self._failures else rhythm
        return self._pace.after(self._failures)


def told(answer: Answer) -> Answer:
    """An answer to the question what the MEP has: something, or 404 for nothing; else Unclear."""
    if not answer.fine and answer.status != 404:
        raise Unclear(answer)
    return answer


def judged(answer: Answer) -> Outcome:
    """What an answer to an attempt to make something means."""
    if answer.fine:
        return Outcome(Event.ACCEPTED)
    # Ours to correct, or somebody's who decides: asking often helps nobody.
    refused = answer.status in (400, 403, 409, 411, 413, 415, 422)
    return Outcome(Event.REFUSED if refused else Event.FAILED, str(answer), answer.wait)


def kept(answer: Answer) -> Outcome:
    """What an answer to a heartbeat or a look means."""
    if answer.status in (404, 410):
        return Outcome(Event.MISSING)
    if answer.fine or answer.status == 409:  # EdgeGallery's word for an INACTIVE service
        return Outcome(Event.KEPT)
    return Outcome(Event.FAILED, str(answer), answer.wait)
