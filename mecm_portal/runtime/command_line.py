"""The commands of ``manage.py``.  ``up`` and ``site`` load no Django settings: they stay small."""

from __future__ import annotations

import os

from django.core.management import execute_from_command_line

from mecm_portal.runtime import lifeline, up

WITHOUT_DJANGO = {"up": up.main, "site": up.site_main}


def main(arguments: list[str]) -> int:
    """Run one command; ``arguments`` is the whole command line."""
    lifeline.hold()
    command = WITHOUT_DJANGO.get("".join(arguments[1:2]))
    if command is not None:
        return command(arguments[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")
    execute_from_command_line(arguments)
    return 0
