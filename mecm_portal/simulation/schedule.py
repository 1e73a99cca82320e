"""One run: a seeded schedule of people, workers, time and trouble, then healing and judgement."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from apps.common.errors import DomainError
from apps.instances import operations
from apps.journal import services as journal
from apps.rules import work as rule_work
from apps.sync import acks, copying, puller, runs, taking
from mecm_portal.simulation import counting, heal, work
from mecm_portal.simulation.carrying import Carrier
from mecm_portal.simulation.model import Violation
from mecm_portal.simulation.set_back import set_back
from mecm_portal.simulation.site import Site, SiteDied
from mecm_portal.simulation.standins import swapped
from mecm_portal.simulation.watch import Watch
from mecm_portal.simulation.wire import CALM, DOWN, HALF_OPEN, MOODS, USUAL
from mecm_portal.simulation.world import World

Step = Callable[[], str]
SECONDS = (0.5, 0.5, 2, 2, 5, 5, 20, 20, 70, 130)
LONG = (1000, 4000, 90_000, 8_000_000)
# By how many seconds one of the clocks is wrong.
WRONG = (0, 0, 0, -1, 3, -40, 100, -4000, 4000, -80_000, 80_000)


@dataclass
class Outcome:
    """How a run ended: the violated sentence or nothing, and what it did."""

    seed: int
    violation: str = ""
    trace: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """The same for the same run."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


class Schedule:
    """A run in progress."""

    def __init__(self, world: World, seed: int) -> None:
        world.begin(seed)
        self.world, self.dice, self.tally = world, world.dice, world.tally
        self.outcome = Outcome(seed)
        self.watch = Watch(world)
        # How many acts there were: of people, workers and trouble, also while others wait.
        self.depth, self.taken = 0, 0
        world.wire.meanwhile, world.wire.trace = self._meanwhile, self._note
        self._carrier = Carrier(world)
        self._table = self._steps()
        self._weights = [weight for weight, _, _ in self._table]

    def go(self, steps: int) -> Outcome:
        """Take at least ``steps`` steps, heal, and judge."""
        with swapped(*counting.places(self.tally)):
            return self._go(steps)

    def _go(self, steps: int) -> Outcome:
        self.world.wire.mood = USUAL
        self._set_clocks()
        for site in self.world.sites:
            self.world.back_up(site)
        try:
            while self.taken < steps:
                number = self.taken
                self._note(f"{number} {self._one()}")
                self.watch.look()
            self._let_late_arrive()
            heal.heal(self.world, self.watch, self._note)
        except Violation as violation:
            self._broken(str(violation))
        except Exception as error:
            self.outcome.trace += traceback.format_exc().splitlines()
            self._broken(f"a worker stumbled over its own feet: {error!r}")
        finally:
            self.world.wire.mood = CALM
        self.tally["steps"] += self.taken
        self.tally["seeds"] += 1
        return self.outcome

    def _set_clocks(self) -> None:
        """A clock that is wrong stays wrong, also while all heals."""
        site, seconds = self.dice.choice(self.world.sites), self.dice.choice(WRONG)
        site.skew = timedelta(seconds=seconds)
        self.tally["clocks set wrong"] += bool(seconds)
        self._note(f"the clock of the {site.name} is {seconds:+} s off")

    def _broken(self, promise: str) -> None:
        self.outcome.violation = promise
        self.tally["violations"] += 1

    def _note(self, line: str) -> None:
        self.outcome.trace.append(line)

    # --- taking a step --------------------------------------------------------------------------

    def _one(self) -> str:
        """One step, during which a site may die."""
        doomed = self.dice.choice(self.world.sites) if self.dice.random() < 0.12 else None
        if doomed:
            doomed.arm(self.dice.randrange(30))
        name = ""
        try:
            name, step = self._next()
            return f"{name}: {step()}"
        except SiteDied as died:
            self.tally[f"crashes of the {died.site.name}"] += 1
            died.site.restart()
            return f"{name}: {died.site.name} died"
        finally:
            if doomed:
                doomed.disarm()

    def _next(self) -> tuple[str, Step]:
        self.taken += 1
        (_, name, step), = self.dice.choices(self._table, self._weights)
        return name, step

    def _meanwhile(self) -> None:
        """While a worker of the center waits for an answer, the world goes on."""
        if self.depth:
            return
        self.depth += 1
        outside = self.world.wire.mood
        try:
            for _ in range(self.dice.choice((1, 1, 2, 3))):
                name, step = self._next()
                self._note(f"    meanwhile {name}: {self._unless_dead(step)}")
        finally:
            self.depth -= 1
            self.world.wire.mood = outside

    def _unless_dead(self, step: Step) -> str:
        try:
            return step()
        except SiteDied as died:
            if died.site is self.world.center:
                raise
            self.tally["crashes of the edge"] += 1
            died.site.restart()
            return "edge died"

    # --- the steps ------------------------------------------------------------------------------

    def _steps(self) -> list[tuple[float, str, Step]]:
        found: list[tuple[float, str, Step]] = [
            (14, "pull", self._pull),
            (10, "time", self._time),
            (4, "mood", self._mood),
            (6, "late", self._late),
            (1, "long", self._long),
            (1, "purge", self._purge),
            (1, "back up", self._back_up),
            (1, "restore", self._restore),
            (1, "restart", self._restart),
            (3, "carry", self._carry),
        ]
        for site in self.world.sites:
            found += [
                (10, f"{site.name} job", self._at(site, self._job)),
                (6, f"{site.name} all", self._at(site, self._all)),
            ]
            found += list(self._deeds(site))
        found.append((3, "edge look", self._at(self.world.edge, self._look)))
        return found

    def _deeds(self, site: Site) -> Iterator[tuple[float, str, Step]]:
        people = self.world.people[site.name]
        table: list[tuple[float, Step]] = [
            (1, people.add_host), (4, people.change_host), (1, people.set_host),
            (0.5, people.remove_host), (1, people.upload), (1.5, people.distribute),
            (1, people.withdraw), (0.5, people.remove_package), (4, people.instantiate),
            (2, people.upgrade), (2, people.terminate), (3, people.change_rules),
            (1, people.remove_rule), (0.5, people.remove_rules),
        ]
        if site is self.world.center:
            table += [(1.5, people.settle_host), (1.5, people.settle_rules)]
        else:
            table += [
                (1, people.add_service), (1, people.change_service), (0.5, people.remove_service)
            ]
        for weight, deed in table:
            yield weight, f"{site.name} {deed.__name__}", self._at(site, deed)

    def _at(self, site: Site, step: Step) -> Step:
        def there() -> str:
            with site.inside():
                try:
                    return step()
                except DomainError as error:
                    return f"refused, {error.code}"

        return there

    def _pull(self) -> str:
        dice = self.dice
        with (
            self._sizes(dice.choice((1, 2, 3, 5, 200)), dice.choice((1, 2, 100))),
            self.world.center.inside(),
        ):
            return str(puller.pull(self.world.edge_id))

    @contextmanager
    def _sizes(self, page: int, chunk: int) -> Iterator[None]:
        with swapped(
            (puller, "PAGE", page), (copying, "COPY_PAGE", page), (taking, "CHUNK", chunk)
        ):
            yield

    def _carry(self) -> str:
        # A worker of the center that waits for an answer reads the same feed just now.
        return "" if self.depth else self._carrier.carry()

    def _job(self) -> str:
        found = list(work.jobs())
        if not found:
            return ""
        name, job = self.dice.choice(found)
        return f"{name} {job()}"

    def _all(self) -> str:
        # Each of these jobs is a step like one that is done alone.
        count = work.do_all()
        self.taken += max(0, count - 1)
        return str(count)

    def _look(self) -> str:
        found = list(work.looks())
        if not found:
            return ""
        name, job = self.dice.choice(found)
        return f"{name} {job()}"

    def _time(self) -> str:
        seconds = self.dice.choice(SECONDS)
        self.world.pass_time(seconds)
        return f"{seconds} s"

    def _long(self) -> str:
        seconds = self.dice.choice(LONG)
        self.world.pass_time(seconds)
        return f"{seconds} s"

    def _mood(self) -> str:
        mood = self.world.wire.mood = self.dice.choice(MOODS)
        self.tally["cut links"] += mood is DOWN
        self.tally["half-open links"] += mood is HALF_OPEN
        return str(mood)

    def _late(self) -> str:
        return self.world.wire.deliver_late() if self.world.wire.late else ""

    def _let_late_arrive(self) -> None:
        self.world.wire.mood = CALM
        while self.world.wire.late:
            self._note(f"late at last: {self.world.wire.deliver_late()}")
            self.watch.look()

    def _purge(self) -> str:
        site = self.dice.choice(self.world.sites)
        with site.inside():
            gone = acks.purge_tombstones() | journal.purge()
            gone["operations"] = operations.purge()
            gone["tasks"], gone["runs"] = rule_work.purge(), runs.purge()
        return f"{site.name} {gone}"

    def _restart(self) -> str:
        # Who waits for an answer at the center would be gone with it.
        site = self.world.edge if self.depth else self.dice.choice(self.world.sites)
        site.restart()
        return site.name

    def _back_up(self) -> str:
        site = self.dice.choice(self.world.sites)
        self.world.back_up(site)
        return site.name

    def _restore(self) -> str:
        # An edge more often: its hardware is the weaker.
        which = (self.world.center, self.world.edge, self.world.edge)
        site = self.world.edge if self.depth else self.dice.choice(which)
        kept = self.world.backups[site.name]
        if not kept:
            return ""
        backup = self.dice.choice(kept)
        self.tally[f"restores of the {site.name}"] += 1
        set_back(self.world, site, backup)
        self.watch.set_back(site.name)
        return f"{site.name} as at {backup.number}"
