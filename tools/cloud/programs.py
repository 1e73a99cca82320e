"""The programs of a cloud and the databases that they begin with: there, or prepared now.

Needs no package, so that ``python3 -m tools.cloud.programs`` prepares them before anything is
installed.  See README.md.
"""

from __future__ import annotations

import sys

from tools.builds import Missing, report
from tools.cloud import databases, install
from tools.cloud.install import Programs
from tools.processes import NotUp


def find() -> Programs:
    """The programs; what is not there yet is prepared.  Raises Missing."""
    programs = install.find()
    try:
        databases.prepared(programs)
    except NotUp as error:
        raise Missing(str(error))
    return programs


def main() -> int:
    """Prepare what is not there yet, and say what there is."""
    return report(find, lambda one: f"OpenStack (Nova {one.release}): {one.environment}")


if __name__ == "__main__":
    sys.exit(main())
