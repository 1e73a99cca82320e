"""The only writers of subscriptions: to services, and to one's own termination."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, Invalid
from apps.common.guard import Guard
from apps.journal import services as journal
from apps.journal.services import Actor
from apps.mep import locking
from apps.mep.access import unknown
from apps.mep.models import Application, Subscription, SubscriptionKey
from apps.mep.notify.matching import keys_of

Kind = Subscription.Kind
# Who can raise the limit: whoever sets this in the site's environment.
RAISED_BY = "MECM_LIMIT_SUBSCRIPTIONS_PER_APPLICATION"


@transaction.atomic
def subscribe(
    *,
    actor: Actor,
    application: Application,
    kind: str,
    callback: str,
    criteria: dict[str, Any],
    said_app_id: str = "",
) -> Subscription:
    """Add a subscription; Invalid for a callback that the platform must not call."""
    refusal = guard().check(callback)
    if refusal:
        raise Invalid(N_("The request is not valid."), fields={"callbackReference": refusal})
    locking.application(application.pk)
    most = settings.LIMITS["subscriptions_per_application"]
    used = application.subscriptions.count()
    if used >= most:
        raise Conflict(
            N_("An application may have %(most)s subscriptions; remove one first."),
            code="limit",
            most=most,
            extra={"limit": most, "used": used, "raised_by": RAISED_BY},
        )
    row = Subscription.objects.create(
        application=application,
        kind=kind,
        callback=callback,
        criteria=criteria,
        said_app_id=said_app_id,
    )
    if kind == Kind.AVAILABILITY:
        SubscriptionKey.objects.bulk_create(
            SubscriptionKey(subscription=row, key=key) for key in keys_of(criteria)
        )
    journal.record("mep.subscription.created", row, actor=actor, tenant_id=application.tenant_id)
    return row


@transaction.atomic
def unsubscribe(*, actor: Actor, application: Application, subscription: Subscription) -> None:
    """Remove a subscription with all that waits for it."""
    row = (
        Subscription.objects.select_for_update()
        .filter(pk=subscription.pk, application=application)
        .first()
    )
    if row is None:
        raise unknown(N_("There is no such subscription."))
    journal.record("mep.subscription.removed", row, actor=actor, tenant_id=application.tenant_id)
    row.delete()


def guard() -> Guard:
    """Where callbacks of this site may go."""
    return Guard.from_text(settings.MEP["callback_networks"])
