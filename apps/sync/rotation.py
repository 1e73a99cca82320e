"""New keys: each site tells the other its own, in a statement signed with one that is believed.

A site that is away is told when it is back.  Until then what is meant for it is signed with the key
that it has.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import (
    Conflict,
    DomainError,
    Invalid,
    Unauthenticated,
    Upstream,
    cause_in,
)
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts.models import AppLcm
from apps.journal import services as journal
from apps.sync import invitations, joining
from apps.sync.models import Center
from apps.tenants import keys, statements
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.models import KeyHolder, SigningKey
from apps.tenants.policies import may_change_trust, require

Send = Callable[[str], object]


@transaction.atomic
def rotate(*, actor: Actor, keep: timedelta = keys.KEEP) -> SigningKey:
    """Sign with a new key from now on; the sites that believe the old one are told afterwards."""
    require(may_change_trust(actor))
    old = keys.own_key()
    # Edges that were registered by hand have the present key, or our orders would not be obeyed.
    told = set(KeyHolder.objects.values_list("pk", flat=True))
    for edge in AppLcm.objects.filter(revoked_at=None):
        if edge.site_id is not None and edge.site_id not in told:
            keys.note_holder(site_id=edge.site_id, site_name=edge.name, key=old)
    return keys.rotate(actor=actor, keep=keep)


def tell_site(site_id: uuid.UUID) -> bool:
    """Tell one site our present key; whether it has it now.  What was wrong is kept otherwise."""
    holder = keys.untold().filter(pk=site_id).first()
    if holder is None:
        return True
    edge = AppLcm.objects.filter(site_id=site_id, revoked_at=None).first()
    center = Center.objects.filter(site_id=site_id, left_at=None).exclude(url="").first()
    try:
        if edge is not None:
            with EdgeClient(edge) as client:
                _tell(holder, client.tell_key)
            invitations.note_of_edge(edge.pk, "key_told", kid=keys.own_key().kid)
        elif center is not None:
            _tell(holder, lambda text: joining.call(
                center, "PUT", "/sync/v1/keys", json={"statement": text}))
        else:
            holder.delete()
            return False
    except DomainError as error:
        KeyHolder.objects.filter(pk=site_id).update(fault=error.reason.as_json())
        return False
    keys.forget_private_parts()
    return True


def _tell(holder: KeyHolder, send: Send) -> None:
    """Say it with each key that the site may have last, until one is believed.

    An answer that was lost may have left it with a newer key than we know of.
    """
    present = keys.own_key()
    refusal: DomainError | None = None
    for old in _keys_from(holder.key, present):
        left = old.retires_at - clock.now() if old.retires_at else timedelta(0)
        content = {
            "kid": present.kid,
            "public_key": present.public_key,
            "keep": max(0, int(left.total_seconds())),
        }
        text = statements.make(
            statements.NEW_KEY, content, audience=str(holder.site_id), key=old
        )
        try:
            send(text)
        except (Conflict, Upstream) as error:
            if not _is_not_believed(error):
                raise
            refusal = error
            continue
        keys.note_holder(site_id=holder.site_id, site_name=holder.site_name, key=present)
        return
    raise refusal or Conflict(N_("This site has no key any more that is believed there."))


def _keys_from(first: SigningKey, present: SigningKey) -> Iterator[SigningKey]:
    """The key that a site has for sure and those since, the present one last: it may have it."""
    since = keys.own_keys().filter(created_at__gte=first.created_at).order_by("created_at")
    yield from (key for key in since if key.private_key and key.pk != present.pk)
    yield present


def _is_not_believed(error: DomainError) -> bool:
    return cause_in(error.answer) in ("key_superseded", "signature") or error.code == "shut_out"


def learn(statement: str) -> SigningKey:
    """Believe the new key that a site states under one that is believed; told again is the same.

    Unauthenticated for a statement that is not signed like that, Conflict for an old one.
    """
    old = keys.active_key(statements.signer(statement))
    if old is None or old.private_key:
        raise Unauthenticated(N_("The signature does not hold."), code="signature")
    claims = statements.read(
        statement, statements.NEW_KEY, audience=str(keys.this_site().site_id),
        public_key=old.public_key, issuer=str(old.site_id),
    )
    kid, public_key, keep = _stated(claims)
    with transaction.atomic():
        key = keys.succeed(old, kid=kid, public_key=public_key, keep=keep)
        if key.pk != old.pk:
            journal.record("tenants.signingkey.learned", key, actor=SYSTEM, data={"old": old.kid})
    edge = AppLcm.objects.filter(site_id=old.site_id).first()
    if edge is not None:
        invitations.note_of_edge(edge.pk, "key_rotated", kid=kid)
    return key


def _stated(claims: dict[str, Any]) -> tuple[str, str, timedelta]:
    public_key, keep = str(claims.get("public_key", "")), claims.get("keep")
    kid = keys.fingerprint(public_key)
    if claims.get("kid") != kid or not isinstance(keep, int) or not 0 <= keep <= 10**8:
        why = Reason(N_("states no key"))
        raise Invalid(N_("The request is not valid."), fields={"statement": why})
    return kid, public_key, timedelta(seconds=keep)
