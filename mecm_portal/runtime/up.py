"""``manage.py up``: checks what can be checked beforehand, then hands over to the supervisor."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mecm_portal.runtime import control, demo_file
from mecm_portal.runtime.console import Console
from mecm_portal.runtime.control import SupervisorLock
from mecm_portal.runtime.plan import Plan, data_directory, make_plan
from mecm_portal.runtime.supervisor import Supervisor
from mecm_portal.runtime.trouble import Trouble, from_os_error

LEAST_FREE_BYTES = 200 * 1024 * 1024
USAGE = """usage: manage.py up

Starts one center and its edges, with demo data, and keeps them running until Ctrl-C.
  MECM_DATA_DIR     where everything is kept (.data)
  MECM_CENTER_PORT  port of the center (8000)
  MECM_EDGE_PORT    port of the edges (8100)
  MECM_STORE_PORT   port of the demo application store (200 above the center)
  MECM_EDGES        number of edges (1); edge n listens on 127.0.0.n where the system allows it
  MECM_LINK         which side opens the links: center (default) or edge
  RESET=1           asks, deletes the data and starts over; RESET=yes does not ask
"""


def main(arguments: list[str]) -> int:
    """Run the world; the exit code is 0 after Ctrl-C and 1 after a sentence about what is wrong."""
    if arguments:
        sys.stdout.write(USAGE)
        return 0 if arguments[0] in ("-h", "--help") else 2
    try:
        _up(os.environ)
    except OSError as error:
        trouble = from_os_error(error)
        if trouble is None:
            raise
        sys.stderr.write(f"{trouble}\n")
        return 1
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    return 0


def _up(environment: Mapping[str, str]) -> None:
    plan = make_plan(environment)
    plan.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shutil.disk_usage(plan.data).free < LEAST_FREE_BYTES:
        raise Trouble(
            f"The disk that holds {plan.data} is full (less than 200 MB free);"
            " free some space or set MECM_DATA_DIR to another disk."
        )
    lock = SupervisorLock(plan.data)
    address = lock.take()
    try:
        if environment.get("RESET", "") not in ("", "0", "no"):
            reset(plan, answer=environment["RESET"], ask=_ask)
        (plan.data / demo_file.NAME).unlink(missing_ok=True)
        console = Console([site.name for site in plan.sites])
        asyncio.run(Supervisor(plan, lock, console).run(address))
    finally:
        lock.release()


def reset(plan: Plan, *, answer: str, ask: Callable[[str], str]) -> None:
    """Delete the world's data after a typed yes; Trouble when nobody says so.

    Only what sites made is deleted, whatever else the directory holds.
    """
    own = [path for path in plan.data.iterdir() if (path / "site.key").exists()]
    if own and answer != "yes":
        names = ", ".join(sorted(path.name for path in own))
        if ask(f"This deletes all data of {names} in {plan.data}.  Type yes to go on: ") != "yes":
            raise Trouble("Nothing was deleted; RESET needs the answer “yes” (RESET=yes gives it).")
    for path in own:
        shutil.rmtree(path)
    for name in (demo_file.NAME, demo_file.STORY_MARK):
        (plan.data / name).unlink(missing_ok=True)


def site_main(arguments: list[str]) -> int:
    """``manage.py site stop|start|status NAME``: ask the running supervisor."""
    verbs = ("stop", "start", "status")
    if not arguments or arguments[0] not in verbs or len(arguments) > 2:
        sys.stdout.write("usage: manage.py site stop|start|status NAME\n")
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    name = arguments[1] if len(arguments) == 2 else ""
    try:
        if not name and arguments[0] != "status":
            raise Trouble(f"Which site?  manage.py site {arguments[0]} NAME")
        data: Path = data_directory(os.environ)
        sys.stdout.write(control.call(data, arguments[0], name) + "\n")
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    return 0


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        return ""
    try:
        return input(question).strip()
    except EOFError:
        return ""
