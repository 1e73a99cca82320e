#!/usr/bin/env python3
"""Copies the third-party front-end files that pages use from node_modules to .assets/vendor.

This is the one list of them.  Source map references are cut: the maps are not served.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / ".assets" / "vendor"

FILES: dict[str, tuple[str, ...]] = {
    "htmx": ("htmx.org/dist/htmx.min.js", "htmx.org/LICENSE"),
    "idiomorph": ("idiomorph/dist/idiomorph-ext.min.js", "idiomorph/LICENSE"),
    "tabler": (
        "@tabler/core/dist/css/tabler.min.css",
        "@tabler/core/package.json",
    ),
    "cytoscape": ("cytoscape/dist/cytoscape.min.js", "cytoscape/LICENSE"),
}
_SOURCE_MAP = re.compile(rb"(/\*|//)# sourceMappingURL=[^\n*]*(\*/)?\s*\Z")


def copy_all(modules: Path = MODULES, vendor: Path = VENDOR) -> int:
    """Copy every listed file; returns how many."""
    shutil.rmtree(vendor, ignore_errors=True)
    for name, sources in FILES.items():
        folder = vendor / name
        folder.mkdir(parents=True)
        for source in sources:
            content = (modules / source).read_bytes()
            (folder / Path(source).name).write_bytes(_SOURCE_MAP.sub(b"", content))
    return sum(map(len, FILES.values()))


if __name__ == "__main__":
    sys.stdout.write(f"{copy_all()} files copied to {VENDOR}\n")
