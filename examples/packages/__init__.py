"""Example packages of every layout and of every flaw, for tests and demo.  Nothing real in them."""

from __future__ import annotations

from examples.packages.builder import LAYOUTS, Request, build, package_files
from examples.packages.flaws import ENFORCED, FLAWS, INNER_FLAWS

__all__ = [
    "ENFORCED",
    "FLAWS",
    "INNER_FLAWS",
    "LAYOUTS",
    "Request",
    "build",
    "package_files",
]
