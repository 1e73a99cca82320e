"""``python -m tools.cloud``: bring a cloud up and keep it until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tools.builds import Missing
from tools.cloud.cloud import own_cloud
from tools.processes import NotUp


def main() -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="tools.cloud", description=__doc__)
    parser.add_argument("--state", type=Path, help="an empty directory (default: a temporary one)")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="cloud-") as folder:
            return keep(options.state or Path(folder))
    except (Missing, NotUp) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def keep(state: Path) -> int:
    """Bring a cloud up and wait to be told to stop."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it tidily
    with own_cloud(state) as cloud:
        took = time.monotonic() - began
        sys.stdout.write(f"OpenStack with Nova {cloud.release}, up in {took:.1f} s\n")
        for user in cloud.accounts:
            sys.stdout.write(f"  . {_write(state / f'openrc-{user}', cloud.openrc(user))}\n")
        clouds = _write(state / "clouds.yaml", cloud.clouds_yaml())
        sys.stdout.write(f"  export OS_CLIENT_CONFIG_FILE={clouds} OS_CLOUD=test\n")
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            sys.stdout.write("stopping …\n")
    return 0


def _write(file: Path, text: str) -> Path:
    file.touch(mode=0o600)
    file.write_text(text)
    return file


if __name__ == "__main__":
    sys.exit(main())
