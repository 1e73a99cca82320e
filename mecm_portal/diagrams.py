"""The generated parts of the documents: what the code's own tables say, as Markdown."""

from __future__ import annotations

import re

from apps.images.states import IMAGE
from apps.instances.states import INSTANCE, OPERATION, ROLLOUT, ROLLOUT_ITEM
from apps.mep.states import DELIVERY, SERVICE
from apps.packages.states import DISTRIBUTION, STORE_SYNC
from apps.rules.states import TASK
from apps.tenants.roles import PERMISSIONS, Role
from apps.vim.servers import SERVER
from mecm_portal.wiring import WIRING

MACHINES = (
    INSTANCE, OPERATION, ROLLOUT, ROLLOUT_ITEM, TASK, DISTRIBUTION, STORE_SYNC, IMAGE, SERVICE,
    DELIVERY, SERVER,
)
PAGE = "docs/architecture.md"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def refreshed(page: str) -> str:
    """The page with each ``<!-- generated: name -->`` part written anew."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", page)


def _machines() -> str:
    charts = [
        f"**{machine.name}**\n\n```mermaid\n{machine.mermaid()}\n```"
        for machine in MACHINES
    ]
    return "\n" + "\n\n".join(charts) + "\n"


def _roles() -> str:
    people = (Role.GUEST, Role.TENANT, Role.ADMIN)
    rows = []
    for name in sorted(PERMISSIONS[Role.ADMIN]):
        marks = ["yes" if name in PERMISSIONS[role] else "–" for role in people]
        rows.append(f"| `{name}` | {' | '.join(marks)} |")
    head = "| permission | " + " | ".join(role.value for role in people) + " |\n|---|---|---|---|"
    return "\n".join(["", head, *rows, ""])


def _wiring() -> str:
    rows = [f"| `{prefix or '(everything)'}` | `{path}` |" for prefix, path in WIRING]
    return "\n".join(["", "| news | is heard by |", "|---|---|", *rows, ""])


PARTS = {"machines": _machines, "roles": _roles, "wiring": _wiring}
