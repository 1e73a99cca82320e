"""``python -m tools.cluster``: bring a cluster up and keep it until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tools.builds import Missing
from tools.cluster.plane import control_plane
from tools.processes import NotUp


def main() -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="tools.cluster", description=__doc__)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--state", type=Path, help="an empty directory (default: a temporary one)")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
            return keep(options.state or Path(folder), options.nodes)
    except (Missing, NotUp) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def keep(state: Path, nodes: int) -> int:
    """Bring a cluster up and wait to be told to stop."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it tidily
    with control_plane(state, nodes=nodes) as plane:
        sys.stdout.write(
            f"Kubernetes {plane.release}, {nodes} nodes, up in {time.monotonic() - began:.1f} s\n"
            f"  export KUBECONFIG={plane.file}\n"
        )
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            sys.stdout.write("stopping …\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
