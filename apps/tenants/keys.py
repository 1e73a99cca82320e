"""Who this site is and whose signatures it believes.  Tokens are made in ``tokens.py``."""

from __future__ import annotations

import hashlib
import uuid

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from apps.common.secrets import Secret
from apps.tenants.models import SigningKey, SiteIdentity


def this_site() -> SiteIdentity:
    """The identity row of this site, made at first use."""
    identity, _ = SiteIdentity.objects.get_or_create(pk=1, defaults={"name": settings.SITE_NAME})
    return identity


def own_key() -> SigningKey:
    """The active key pair of this site, made at first use (Ed25519, RFC 8037)."""
    site = this_site()
    with transaction.atomic():
        key = SigningKey.objects.filter(site_id=site.site_id, active=True).first()
        return key or _new_key(site)


def _new_key(site: SiteIdentity) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    sealed = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return SigningKey.objects.create(
        kid=hashlib.sha256(public).hexdigest()[:32],
        site_id=site.site_id,
        site_name=site.name,
        public_key=public.decode(),
        private_key=Secret(sealed.decode()),
    )


def trust(
    *,
    kid: str,
    site_id: uuid.UUID,
    site_name: str,
    public_key: str,
    purpose: str = SigningKey.Purpose.PEOPLE,
) -> SigningKey:
    """Believe tokens that another site signs for a ``purpose``, if they are meant for this one."""
    key, _ = SigningKey.objects.update_or_create(
        kid=kid,
        defaults={
            "site_id": site_id,
            "site_name": site_name,
            "public_key": public_key,
            "private_key": "",
            "purpose": purpose,
            "active": True,
        },
    )
    return key


def active_key(kid: str) -> SigningKey | None:
    """The key that verifies tokens with this ``kid``, or None."""
    return SigningKey.objects.filter(kid=kid, active=True).first()
