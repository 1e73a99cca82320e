#!/usr/bin/env python3
"""Command line of the project: `manage.py help` lists what there is."""

import sys

try:
    from mecm_portal.runtime.command_line import main
except ImportError as error:
    if sys.version_info < (3, 11):
        sys.exit("Python 3.11 or newer is needed; “make run” finds it and installs everything.")
    sys.exit(f"{error}. Run “make run” first, then use .venv/bin/python manage.py.")

if __name__ == "__main__":
    sys.exit(main(sys.argv))
