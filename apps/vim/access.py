"""What access files of every kind of VIM have in common: where they may lead, and a CA shown."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from apps.common.guard import Guard

# Private addresses and loopback are a VIM's usual ones.  Link-local ones and those at which a
# cloud hands out credentials to its guests stay closed, in whatever form they are written.
REACHED: Final = Guard.from_text(
    "10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, ::1"
)


def shown_ca(pem: bytes | None) -> dict[str, Any] | None:
    """What a person may see of a CA in PEM form; None where there is none."""
    if not pem:
        return None
    found = x509.load_pem_x509_certificates(pem)[0]
    return {
        "subject": found.subject.rfc4514_string(),
        "fingerprint": found.fingerprint(hashes.SHA256()).hex(),
        "expires": found.not_valid_after_utc.isoformat(),
    }
