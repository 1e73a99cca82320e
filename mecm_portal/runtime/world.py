"""Inside a site's environment: prepares its database and demo data, and tells the demo story.

Run by the supervisor as ``python -m mecm_portal.runtime.world prepare|story``.  Standard output
carries JSON and nothing else; log lines go to standard error.  The demo data itself is the
portal's (``apps.portal.demo``): ``prepare_site(role)`` answers who this site is, ``meet(world)``
hears who the others are, ``story(world)`` plays packages and instances through the real API.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError

from mecm_portal.runtime import lifeline
from mecm_portal.runtime.demo_file import NOTHING_TO_TELL

DEMO = "apps.portal.demo"
_log = logging.getLogger("mecm.world")


def main(arguments: list[str]) -> int:
    """Do what the supervisor asked for; the exit code says whether it worked."""
    lifeline.hold()
    answers, sys.stdout = sys.stdout, sys.stderr  # before logging is set up
    django.setup()
    if arguments == ["story"]:
        return _tell_story(json.loads(sys.stdin.readline()))
    try:
        call_command("migrate", interactive=False, verbosity=0)
        introduction = _hook("prepare_site")(settings.ROLE.name)
    except OperationalError as error:
        _log.error(
            "The database cannot be written (%s); free some space or check its owner.", error
        )
        return 1
    answers.write(json.dumps(introduction or {}) + "\n")
    answers.flush()
    world = sys.stdin.readline()
    if not world:
        return 1
    _hook("meet")(json.loads(world))
    return 0


def _tell_story(world: dict[str, Any]) -> int:
    story = _hook("story")
    story(world)
    return NOTHING_TO_TELL if story is _nothing else 0


def _hook(name: str) -> Callable[[Any], Any]:
    """The demo's function of that name; one that does nothing where there is no demo."""
    if importlib.util.find_spec(DEMO) is None:
        return _nothing
    found: Callable[[Any], Any] = getattr(importlib.import_module(DEMO), name, _nothing)
    return found


def _nothing(_: Any) -> None:
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
