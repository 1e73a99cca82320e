"""What one site tells another under its signature, and is true whenever it is read.

A statement is a JSON Web Token without an end: joining is bound to a token of one use, and a new
key that is told twice changes nothing.  No statement is a proof of who asks; see ``tokens.py``.
"""

from __future__ import annotations

from typing import Any

import jwt
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Unauthenticated
from apps.tenants.keys import this_site
from apps.tenants.models import SigningKey

ALGORITHM = "EdDSA"
JOIN, WELCOME, NEW_KEY = "join", "welcome", "new_key"
LONGEST = 16 * 1024


def make(use: str, content: dict[str, Any], *, audience: str, key: SigningKey) -> str:
    """A statement of this site for one reader, signed with one of its keys."""
    claims = {**content, "iss": str(this_site().site_id), "aud": audience, "use": use}
    return jwt.encode(
        claims, key.private_key.reveal(), algorithm=ALGORITHM, headers={"kid": key.kid}
    )


def read(text: str, use: str, *, audience: str, public_key: str, issuer: str) -> dict[str, Any]:
    """What ``text`` states; Unauthenticated unless that key signed it, for this use and reader."""
    try:
        claims = jwt.decode(
            text,
            public_key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            options={"require": ["aud", "iss", "use"]},
        )
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise _refused() from None
    if claims["use"] != use:
        raise _refused()
    return claims


def signer(text: str) -> str:
    """The ``kid`` under which a statement says that it is signed; empty when it says none."""
    try:
        return str(jwt.get_unverified_header(text).get("kid", ""))
    except (jwt.InvalidTokenError, ValueError, TypeError):
        return ""


def _refused() -> Unauthenticated:
    return Unauthenticated(N_("The signature does not hold."), code="signature")
