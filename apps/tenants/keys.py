"""Who this site is and whose signatures it believes.  Tokens are made in ``tokens.py``."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Invalid
from apps.common.secrets import Secret
from apps.common.words import Reason
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.models import KeyHolder, SigningKey, SiteIdentity
from apps.tenants.policies import may_change_trust, require

KEEP = timedelta(hours=24)
LONGEST_KEEP = timedelta(days=90)


def this_site() -> SiteIdentity:
    """The identity row of this site, made at first use."""
    identity, _ = SiteIdentity.objects.get_or_create(pk=1, defaults={"name": settings.SITE_NAME})
    return identity


def own_key() -> SigningKey:
    """The present key pair of this site, made at first use (Ed25519, RFC 8037)."""
    present = own_keys().filter(active=True, retires_at=None)
    key = present.first()
    if key is not None:
        return key
    site = this_site()
    with transaction.atomic():
        return present.first() or _new_key(site)


def own_keys() -> QuerySet[SigningKey]:
    """The key pairs that this site has or had, newest first."""
    ours = SiteIdentity.objects.filter(pk=1).values("site_id")
    return SigningKey.objects.filter(site_id__in=ours).order_by("-created_at")


def key_for(audience: uuid.UUID) -> SigningKey:
    """The key pair to sign with for another site: the newest that it is known to have."""
    holder = KeyHolder.objects.select_related("key").filter(pk=audience).first()
    return holder.key if holder is not None and holder.key.private_key else own_key()


@transaction.atomic
def rotate(*, actor: Actor, keep: timedelta = KEEP) -> SigningKey:
    """Sign with a new key from now on; what the old one signed is believed for ``keep``."""
    require(may_change_trust(actor))
    if not timedelta(0) <= keep <= LONGEST_KEEP:
        most = int(LONGEST_KEEP.total_seconds() // 3600)
        why = Reason(N_("must be from 0 to %(most)s hours"), "range", {"most": most})
        raise Invalid(N_("The request is not valid."), fields={"keep_hours": why})
    site = this_site()
    SiteIdentity.objects.select_for_update().get(pk=site.pk)
    old, until = own_key(), clock.now() + keep
    _retire(own_keys().filter(active=True), until)
    key = _new_key(site)
    journal.record(
        "tenants.signingkey.rotated", key, actor=actor,
        data={"old": old.kid, "retires_at": until.isoformat()},
    )
    return key


def _new_key(site: SiteIdentity) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    public = _pem(private.public_key())
    sealed = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return SigningKey.objects.create(
        kid=_kid(public),
        site_id=site.site_id,
        site_name=site.name,
        public_key=public,
        private_key=Secret(sealed.decode()),
    )


def fingerprint(public_key: str) -> str:
    """The ``kid`` of a public key in PEM; Invalid when it is no Ed25519 key."""
    try:
        found = serialization.load_pem_public_key(public_key.encode())
    except (ValueError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PublicKey):
        why = Reason(N_("must be an Ed25519 public key in PEM"))
        raise Invalid(N_("The request is not valid."), fields={"public_key": why})
    return _kid(_pem(found))


@transaction.atomic
def trust(
    *,
    kid: str,
    site_id: uuid.UUID,
    site_name: str,
    public_key: str,
    purpose: str = SigningKey.Purpose.PEOPLE,
) -> SigningKey:
    """Believe what another site signs for a ``purpose``, as long as it is meant for this one.

    Conflict for a key that is known as somebody else's: nobody takes a key over, least of all ours.
    """
    known = SigningKey.objects.select_for_update().filter(pk=kid).first()
    if known is not None and (known.private_key or known.site_id != site_id):
        raise Conflict(N_("This key belongs to another site."), code="key_of_another")
    key, _ = SigningKey.objects.update_or_create(
        kid=kid,
        defaults={
            "site_id": site_id,
            "site_name": site_name,
            "public_key": public_key,
            "private_key": "",
            "purpose": purpose,
            "active": True,
            "retires_at": None,
        },
    )
    return key


def succeed(old: SigningKey, *, kid: str, public_key: str, keep: timedelta) -> SigningKey:
    """Believe the new key of a site for what its ``old`` one was for, which retires in ``keep``.

    Told again, nothing changes.  Conflict when the old one was succeeded by another key already.
    """
    with transaction.atomic():
        held = SigningKey.objects.select_for_update().get(pk=old.pk)
        known = SigningKey.objects.filter(pk=kid, site_id=old.site_id).first()
        if known is not None:
            return known
        if held.retires_at is not None:
            raise Conflict(N_("A newer key is known here already."), code="key_superseded")
        key = trust(
            kid=kid, site_id=held.site_id, site_name=held.site_name, public_key=public_key,
            purpose=held.purpose,
        )
        _retire(_of_site(held.site_id).exclude(pk=kid), clock.now() + min(keep, LONGEST_KEEP))
        return key


def distrust(site_id: uuid.UUID) -> int:
    """Believe nothing any more that another site signs; returns how many keys that were."""
    KeyHolder.objects.filter(pk=site_id).delete()
    return _of_site(site_id).update(active=False)


def _of_site(site_id: uuid.UUID) -> QuerySet[SigningKey]:
    return SigningKey.objects.filter(site_id=site_id, private_key="", active=True)


def _retire(rows: QuerySet[SigningKey], until: object) -> None:
    """Let keys end at ``until``; one that ends sooner still does."""
    rows.filter(Q(retires_at=None) | Q(retires_at__gt=until)).update(retires_at=until)


def active_key(kid: str) -> SigningKey | None:
    """The key that verifies what is signed with this ``kid``, or None when it is not believed."""
    key = SigningKey.objects.filter(kid=kid, active=True).first()
    over = key is not None and key.retires_at is not None and key.retires_at <= clock.now()
    return None if over else key


@transaction.atomic
def note_holder(*, site_id: uuid.UUID, site_name: str, key: SigningKey) -> None:
    """Another site has ``key`` of ours; what is meant for it is signed with that from now on."""
    known = {"site_name": site_name, "key": key, "told_at": clock.now(), "fault": {}}
    KeyHolder.objects.update_or_create(site_id=site_id, defaults=known)


def untold() -> QuerySet[KeyHolder]:
    """The sites that do not have our present key yet."""
    return KeyHolder.objects.select_related("key").exclude(key_id=own_key().pk)


def forget_private_parts() -> int:
    """Drop the private part of each retired key that no site has to be reached with any more."""
    old = own_keys().filter(retires_at__lte=clock.now(), holders=None).exclude(private_key="")
    return SigningKey.objects.filter(pk__in=list(old.values_list("pk", flat=True))).update(
        private_key="", active=False
    )


def _pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _kid(public_key: str) -> str:
    return hashlib.sha256(public_key.encode()).hexdigest()[:32]
