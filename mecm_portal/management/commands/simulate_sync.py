"""``manage.py simulate_sync``: both sites in one process under seeded schedules of trouble."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from mecm_portal.simulation.runner import Report, play_all

TELL_EVERY_SECONDS = 30.0


class Command(BaseCommand):
    """Plays runs, prints what they reached, and fails when something was not as promised."""

    help = "Play seeded runs of center and edge with everything that can go wrong between them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which runs, how long, in how many processes."""
        parser.add_argument("--seed", type=int, default=1, help="the first seed")
        parser.add_argument("--seeds", type=int, default=100, help="how many runs")
        parser.add_argument("--steps", type=int, default=100, help="steps of each run")
        parser.add_argument("--jobs", type=int, default=1, help="processes that share the runs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play them."""
        if min(options["seeds"], options["steps"], options["jobs"]) < 1:
            raise CommandError("--seeds, --steps and --jobs are at least 1.")
        seeds = range(options["seed"], options["seed"] + options["seeds"])
        connections.close_all()
        report, told = Report(), time.monotonic()
        for report in play_all(seeds, options["steps"], jobs=options["jobs"]):
            if time.monotonic() - told > TELL_EVERY_SECONDS:
                told = time.monotonic()
                self.stdout.write(report.line())
                self.stdout.flush()
        if report.tally["seeds"] < options["seeds"]:
            raise CommandError("A process ended before its runs were played.")
        for number, outcome in enumerate(report.failed):
            if number == 0:
                self.stdout.write("\n".join(outcome.trace))
            self.stdout.write(f"seed {outcome.seed}: {outcome.violation}")
        self.stdout.write(report.line())
        if report.failed:
            first = report.failed[0]
            raise CommandError(
                f"{len(report.failed)} of {options['seeds']} runs broke a promise; play the first "
                f"again with --seed {first.seed} --seeds 1 --steps {options['steps']}"
                f" (trace {first.digest})."
            )
