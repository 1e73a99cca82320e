"""Writes every example package into a folder: ``python -m examples.packages OUTDIR``."""

from __future__ import annotations

import sys
from pathlib import Path

from examples.packages import FLAWS, INNER_FLAWS, LAYOUTS, build


def write_all(folder: Path) -> int:
    """Write the good packages and the flawed ones; returns how many there are."""
    good, flawed = folder / "good", folder / "flawed"
    for one in (good, flawed):
        one.mkdir(parents=True, exist_ok=True)
    count = 0
    for layout in LAYOUTS:
        for app_class in ("container", "vm"):
            for top in ("", "package"):
                name = f"{app_class}-{layout}{'-nested' if top else ''}.csar"
                build(good / name, layout=layout, app_class=app_class, top=top)
                count += 1
    for more in ("pair", "heat"):
        build(good / f"vm-{more}.csar", app_class="vm", **{more: True})
        count += 1
    for code, make in FLAWS.items():
        make(flawed / f"{code}.csar")
    for name, (_, make) in INNER_FLAWS.items():
        make(flawed / f"{name.replace(' ', '-')}.csar")
    return count + len(FLAWS) + len(INNER_FLAWS)


def main(arguments: list[str]) -> int:
    """Exit status 0 when the packages are written, 2 when no folder is named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m examples.packages OUTDIR\n")
        return 2
    count = write_all(Path(arguments[0]))
    sys.stdout.write(f"{count} packages written to {arguments[0]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
