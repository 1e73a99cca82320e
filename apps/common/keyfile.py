"""The site's own key file, made at first start.  Not for tokens: those have key pairs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def site_key(path: Path) -> str:
    """The secret in ``path``; made with mode 600 when there is none yet.

    Several processes may start at once: the file appears whole, by a link that fails when another
    process was first.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
