"""``serve.py MODULE PORT [ARGUMENT…]``: one API of OpenStack on loopback, in this process.

Runs with the services' own Python.  Its directory is thereby on their path, where Neutron finds
the mechanism driver ``binds_everything``.
"""

from __future__ import annotations

import importlib
import sys

import waitress

THREADS = 8
# The services have limits of their own.
MOST_BYTES = 1024**4
# Keystone 30 judges a request now and then by the scope of another thread's, and refuses it.
ONE_THREAD = ("keystone",)


def main(module: str, port: str, *rest: str) -> None:
    """Serve ``MODULE:application`` until the process is ended."""
    sys.argv = [module.split(".")[0], *rest]  # where oslo.config looks for --config-file
    application = importlib.import_module(module).application
    threads = 1 if sys.argv[0] in ONE_THREAD else THREADS
    waitress.serve(
        application, listen=f"127.0.0.1:{port}", threads=threads, ident=None,
        max_request_body_size=MOST_BYTES,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
