#!/usr/bin/env python3
"""`make test`: the base tier, then every tier whose real counterpart is on this machine.

Says which ran and which did not, and why.  In CI a tier that could be installed fails where it
would be skipped elsewhere; so does one that was asked for by its name on the command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.builds import Missing
from tools.cloud import programs
from tools.cluster import binaries

ROOT = Path(__file__).resolve().parent.parent
NOTHING_COLLECTED = 5
HUNG = 124
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Tier:
    """Tests of one mark; ``missing`` says what is not there, or is empty when all is.

    ``beside`` names a tier during which it runs: one that mostly waits leaves the processors to it.
    ``by_name`` is one that CI runs only when it is named, since all that CI runs has to be over in
    25 minutes.
    """

    name: str
    mark: str
    missing: Callable[[], str]
    options: tuple[str, ...] = ()
    seconds: int = 900
    beside: str = ""
    by_name: bool = False


def no_chromium() -> str:
    """Why no browser can be driven."""
    if any(map(shutil.which, CHROMIUM_NAMES)):
        return ""
    return "there is no Chromium; install one (Debian: apt install chromium)"


def no_cluster() -> str:
    """Why there is no Kubernetes; its programs are built here when that has not been done yet."""
    return "" if os.environ.get("KUBECONFIG") else lacks(binaries.find)


def no_cloud() -> str:
    """Why there is no OpenStack; its programs are installed here when they have not been yet."""
    return "" if os.environ.get("OS_CLOUD") else lacks(programs.find)


def lacks(find: Callable[[], object]) -> str:
    """Why programs cannot be found; empty when they are."""
    try:
        find()
    except Missing as missing:
        return str(missing)
    return ""


BASE = "not browser and not endurance and not schema and not kubernetes and not openstack"
TIERS = (
    Tier(
        "base", BASE, lambda: "", ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"),
        seconds=1500,
    ),
    Tier("schema", "schema", lambda: "", ("-n", "2"), seconds=1200),
    Tier("kubernetes", "kubernetes", no_cluster, beside="schema"),
    Tier("openstack", "openstack", no_cloud, seconds=1800, by_name=True),
    Tier("endurance", "endurance", lambda: "", ("-n", "2", "--dist", "loadgroup")),
    Tier("browser", "browser", no_chromium, seconds=600, beside="endurance"),
)


def call(words: list[str], seconds: int, output: IO[str] | None) -> int:
    """The exit code of a command; HUNG when it had to be ended, with all that it started."""
    process = subprocess.Popen(
        words, cwd=ROOT, start_new_session=True, stdout=output, stderr=output and subprocess.STDOUT
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return HUNG
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        raise


def files_of(tier: Tier) -> list[str]:
    """The files that name the tier's mark: to collect the others takes longer than some tiers."""
    if not tier.mark.isidentifier():
        return []
    return sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if f"mark.{tier.mark}" in path.read_text()
    )


Outcome = tuple[bool, str]


def run(tier: Tier, *, must: bool, output: IO[str] | None = None) -> Outcome:
    """Run one tier; whether that is good, and a line for the summary."""
    missing = tier.missing()
    if missing:
        return not must, f"{'FAILED ' if must else 'skipped'} {tier.name}: {missing}"
    sys.stdout.write(f"=== {tier.name}\n")
    sys.stdout.flush()
    began = time.monotonic()
    words = [sys.executable, "-m", "pytest", "-m", tier.mark, *tier.options, *files_of(tier)]
    code = call(words, tier.seconds, output)
    if code == HUNG:
        sys.stdout.write(f"=== {tier.name} hung for {tier.seconds} s and is run once more\n")
        code = call(words, tier.seconds, output)
    took = f"{time.monotonic() - began:.0f} s"
    if code == NOTHING_COLLECTED:
        return True, f"skipped {tier.name}: it has no tests yet"
    return code == 0, f"{'passed ' if code == 0 else 'FAILED '} {tier.name} ({took})"


def run_with(tier: Tier, besides: list[Tier], *, must: bool) -> list[Outcome]:
    """Run a tier and others beside it, whose output is printed when all of them are done."""
    with ThreadPoolExecutor() as threads, ExitStack() as files:
        outputs = [files.enter_context(tempfile.TemporaryFile("w+")) for _ in besides]
        others = [
            threads.submit(run, one, must=must, output=output)
            for one, output in zip(besides, outputs, strict=True)
        ]
        found = [run(tier, must=must)]
        for one, other, output in zip(besides, others, outputs, strict=True):
            found.append(other.result())
            output.seek(0)
            sys.stdout.write(f"=== {one.name} said\n{output.read()}")
            sys.stdout.flush()
    return found


def run_all(tiers: list[Tier], *, must: bool) -> list[Outcome]:
    """Run tiers one after the other, and beside one those that are to run beside it."""
    names = {tier.name for tier in tiers}
    found: list[Outcome] = []
    for tier in tiers:
        if tier.beside not in names:
            besides = [one for one in tiers if one.beside == tier.name]
            found += run_with(tier, besides, must=must)
    return found


def main(names: list[str]) -> int:
    """Run all tiers, or those that are named, and summarize."""
    unknown = set(names) - {tier.name for tier in TIERS}
    if unknown:
        known = ", ".join(tier.name for tier in TIERS)
        sys.stdout.write(f"unknown: {', '.join(sorted(unknown))}; there are {known}\n")
        return 2
    in_ci = bool(os.environ.get("CI"))
    wanted = [one for one in TIERS if one.name in names or not (names or (in_ci and one.by_name))]
    outcomes = run_all(wanted, must=bool(names) or in_ci)
    sys.stdout.write("\n" + "\n".join(line for _, line in outcomes) + "\n")
    return 0 if all(good for good, _ in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
