"""JSON Web Tokens of people and of the link between sites (RFC 7519).  Sessions are Django's."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Denied, Unauthenticated
from apps.tenants.actors import Actor
from apps.tenants.keys import active_key, key_for, own_key, this_site
from apps.tenants.models import SigningKey, User
from apps.tenants.roles import AUTHORITIES, Role

ALGORITHM = "EdDSA"
THROUGH = "mecm.through"
THROUGH_LIFETIME = timedelta(seconds=30)
NOTHING = timedelta(0)
_ROLE_OF = {authority: role for role, authority in AUTHORITIES.items()}


def access_token(user: User) -> str:
    """A token for this site's API, valid for ``ACCESS_TOKEN_LIFETIME``."""
    return _user_token(user, "access", settings.ACCESS_TOKEN_LIFETIME)


def refresh_token(user: User) -> str:
    """A token that buys new access tokens until the password changes or it expires."""
    return _user_token(user, "refresh", settings.REFRESH_TOKEN_LIFETIME)


def site_token(
    actor: Actor,
    *,
    audience: uuid.UUID,
    tenant_name: str = "",
    ahead: timedelta = NOTHING,
) -> str:
    """A short-lived token for another site, bound to it and naming the acting user.

    That site's clock, which alone judges it, is ``ahead`` of ours.
    """
    role = Role.ADMIN if actor.role == Role.SYSTEM else actor.role
    key = key_for(audience)  # one of ours, so that it tells who we are too
    claims = _claims(
        actor, role, "site", audience, settings.SITE_TOKEN_LIFETIME, ahead, issuer=key.site_id
    )
    return _sign(claims | {"tenant_name": tenant_name}, key)


def read(token: str, *, use: str = "access") -> Actor:
    """The actor that ``token`` speaks for; Unauthenticated for anything that does not verify."""
    key, claims, ours = _verified(token)
    if key.purpose != SigningKey.Purpose.PEOPLE:
        raise _refused()
    if ours:
        return _local_actor(claims, use)
    if claims.get("use") != "site" or use != "access":
        raise _refused()
    return _actor_of(claims, key.site_id)


def application_token(
    application_id: uuid.UUID, *, stamp: str, lifetime: timedelta, extra: dict[str, Any]
) -> str:
    """A token for Mp1 that speaks for one application; it dies with the ``stamp``."""
    moment = clock.now()
    site = str(this_site().site_id)
    claims = {
        "iss": site,
        "aud": site,
        "sub": str(application_id),
        "use": "mp1",
        "stamp": stamp,
        "iat": moment,
        "exp": moment + lifetime,
        "jti": uuid.uuid4().hex,
    }
    return _sign(claims | extra)


def application_claims(token: str) -> dict[str, Any] | None:
    """The claims of a token for Mp1 made here; None for one of another kind.

    Unauthenticated for anything that does not verify.
    """
    _, claims, ours = _verified(token)
    return claims if ours and claims.get("use") == "mp1" else None


def link_token(*, audience: uuid.UUID) -> str:
    """A short-lived token by which this site itself opens a link to another; no person's."""
    moment = clock.now()
    site = str(this_site().site_id)
    claims = {
        "iss": site,
        "aud": str(audience),
        "sub": site,
        "use": "link",
        "iat": moment,
        "exp": moment + settings.SITE_TOKEN_LIFETIME,
        "jti": uuid.uuid4().hex,
    }
    return _sign(claims, key_for(audience))


def read_link(token: str) -> uuid.UUID:
    """The site that opens a link with ``token``; Unauthenticated for any other token."""
    key, claims, _ = _verified(token)
    if key.purpose != SigningKey.Purpose.LINK or claims.get("use") != "link":
        raise _refused()
    return key.site_id


def through_token(edge_id: uuid.UUID) -> str:
    """Leads through this center to one edge that dialled in.  Signed with the site's secret key,
    so that the process which holds the line needs no database to judge it."""
    until = (clock.now() + THROUGH_LIFETIME).timestamp()
    return Signer(salt=THROUGH).sign_object([str(edge_id), until])


def opens_through(token: str, edge_id: uuid.UUID) -> bool:
    """Whether ``token`` leads through this center to that edge, now."""
    try:
        said, until = Signer(salt=THROUGH).unsign_object(token)
    except (BadSignature, ValueError, TypeError):
        return False
    return bool(said == str(edge_id) and clock.now().timestamp() < until)


def user_of(token: str, *, use: str) -> User:
    """The local user that ``token`` was given to."""
    return local_user(read(token, use=use))


def local_user(actor: Actor) -> User:
    """The row of an actor who signs in here; Denied for one who came over the link."""
    if actor.site_id is not None:
        raise Denied(N_("You sign in at another site, and your password is kept there."))
    return User.objects.select_related("tenant").get(pk=actor.actor_id)


def _user_token(user: User, use: str, lifetime: timedelta) -> str:
    site_id = this_site().site_id
    claims = _claims(user.actor, Role(user.role), use, site_id, lifetime, issuer=site_id)
    return _sign(claims | {"stamp": _stamp(user)})


def _claims(
    actor: Actor,
    role: Role,
    use: str,
    audience: uuid.UUID,
    lifetime: timedelta,
    ahead: timedelta = NOTHING,
    *,
    issuer: uuid.UUID,
) -> dict[str, Any]:
    moment = clock.now() + ahead
    return {
        "iss": str(issuer),
        "aud": str(audience),
        "sub": actor.actor_id,
        "user_name": actor.actor_name,
        "userId": str(actor.tenant_id) if actor.tenant_id else actor.actor_id,
        "tenant_id": str(actor.tenant_id) if actor.tenant_id else None,
        "authorities": [AUTHORITIES[role]],
        "use": use,
        "iat": moment,
        "exp": moment + lifetime,
        "jti": uuid.uuid4().hex,
    }


def _sign(claims: dict[str, Any], key: SigningKey | None = None) -> str:
    key = key or own_key()
    return jwt.encode(
        claims, key.private_key.reveal(), algorithm=ALGORITHM, headers={"kid": key.kid}
    )


def _verified(token: str) -> tuple[SigningKey, dict[str, Any], bool]:
    """The key and the claims of a token, and whether this site itself made it."""
    site_id = this_site().site_id
    try:
        kid = jwt.get_unverified_header(token).get("kid", "")
        key = active_key(str(kid))
        if key is None:
            raise _refused()
        claims = jwt.decode(
            token,
            key.public_key,
            algorithms=[ALGORITHM],
            audience=str(site_id),
            issuer=str(key.site_id),
            options={
                "require": ["exp", "iat", "sub", "aud", "iss"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        # The house's clock decides, so that tests can move it.
        expired = float(claims["exp"]) <= clock.now().timestamp()
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise _refused() from None
    if expired:
        # A site whose clock is another one learns how it differs from ours.
        now = {"as_of": clock.now().isoformat()}
        raise Unauthenticated(
            N_("The access token has expired."), code="token_expired", extra=now
        )
    return key, claims, key.site_id == site_id


def _local_actor(claims: dict[str, Any], use: str) -> Actor:
    if claims.get("use") != use:
        raise _refused()
    user = User.objects.filter(pk=_uuid(claims["sub"]), is_active=True).first()
    if user is None or not user.is_let_in or claims.get("stamp") != _stamp(user):
        raise _refused()
    return user.actor


def _actor_of(claims: dict[str, Any], site_id: uuid.UUID) -> Actor:
    authorities = claims.get("authorities")
    known = [_ROLE_OF[name] for name in authorities or () if name in _ROLE_OF]
    if not known:
        raise _refused()
    tenant = claims.get("tenant_id")
    return Actor(
        actor_id=str(claims["sub"])[:64],
        actor_name=str(claims.get("user_name", ""))[:150],
        role=known[0],
        tenant_id=_uuid(tenant) if tenant else None,
        site_id=site_id,
        tenant_name=str(claims.get("tenant_name", ""))[:128],
    )


def _stamp(user: User) -> str:
    """Changes with the password, so that a changed password ends every token."""
    return user.get_session_auth_hash()[:16]


def _uuid(text: Any) -> uuid.UUID:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        raise _refused() from None


def _refused() -> Unauthenticated:
    return Unauthenticated(N_("A valid access token is needed."))
