"""``python -m apps.agent``."""

from __future__ import annotations

import sys

from apps.agent.program import main

sys.exit(main())
