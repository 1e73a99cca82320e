"""``manage.py up`` for ``help`` and ``call_command``; the command line itself needs no Django."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from mecm_portal.runtime import up


class Command(BaseCommand):
    """Runs one center and its edges with demo data."""

    help = "Start one center and its edges with demo data and keep them running until Ctrl-C."
    requires_system_checks: list[str] = []  # the sites are other processes

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the world."""
        sys.exit(up.main([]))
