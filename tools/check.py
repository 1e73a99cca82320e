#!/usr/bin/env python3
"""`make check`: every check, or those that are named on the command line.

Each prints file, line and what to do.  Prints one line per check and fails when one of them does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django

from tools import source_rules, template_rules, translations
from tools.findings import ROOT, Finding

BIN = Path(sys.executable).parent
SITE_ROLES = ("center", "edge")
Outcome = tuple[bool, str]


def command(*words: str, **environment: str) -> Outcome:
    """Run a program in the project's root; whether it was content, and what it wrote."""
    finished = subprocess.run(
        words, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    return finished.returncode == 0, finished.stdout + finished.stderr


def findings(found: list[Finding]) -> Outcome:
    """No finding is good news."""
    return not found, "".join(f"{finding}\n" for finding in found)


def manage(*words: str, **environment: str) -> Outcome:
    """A management command on a site of its own."""
    with tempfile.TemporaryDirectory() as site:
        return command(sys.executable, "manage.py", *words, MECM_SITE_DIR=site, **environment)


def both_roles() -> Outcome:
    """Django's own checks, as in production, for each role."""
    outcomes = [
        manage(
            "check",
            "--deploy",
            "--fail-level",
            "WARNING",
            MECM_ROLE=role,
            MECM_SITE_URL="https://mecm.example",
        )
        for role in SITE_ROLES
    ]
    return all(good for good, _ in outcomes), "".join(said for _, said in outcomes)


def templates() -> Outcome:
    """The rules of templates need Django's settings."""
    with tempfile.TemporaryDirectory() as site:
        os.environ.setdefault("MECM_SITE_DIR", site)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")
        django.setup()
        return findings(template_rules.check(ROOT))


CHECKS: dict[str, Callable[[], Outcome]] = {
    "types": lambda: command(str(BIN / "mypy")),
    "lint": lambda: command(
        str(BIN / "ruff"), "check", "--quiet", "--output-format", "concise", "."
    ),
    "floors": lambda: command(str(BIN / "lint-imports"), "--no-logo"),
    "source": lambda: findings(source_rules.check(ROOT)),
    "migrations": lambda: manage("makemigrations", "--check", "--dry-run"),
    "diagrams": lambda: manage("diagrams", "--check"),
    "templates": templates,
    "translations": lambda: findings(translations.check(ROOT)),
    "settings": both_roles,
}


def main(names: list[str]) -> int:
    """Run the checks, two at a time; 1 when one of them failed."""
    unknown = set(names) - set(CHECKS)
    if unknown:
        sys.stdout.write(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}\n")
        return 2
    with ThreadPoolExecutor(max_workers=2) as pool:
        running = {name: pool.submit(_timed, CHECKS[name]) for name in names or CHECKS}
        results = {name: future.result() for name, future in running.items()}
    for name, (good, said, _) in results.items():
        if not good:
            sys.stdout.write(f"--- {name}\n{said.rstrip()}\n\n")
    for name, (good, _, seconds) in results.items():
        sys.stdout.write(f"{'ok    ' if good else 'FAILED'} {name:<14} {seconds:5.1f} s\n")
    return 0 if all(good for good, _, _ in results.values()) else 1


def _timed(check: Callable[[], Outcome]) -> tuple[bool, str, float]:
    began = time.monotonic()
    good, said = check()
    return good, said, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
