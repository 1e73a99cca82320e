"""Ready, stopping, terminating: what platform and application tell each other of an instance's end.

``begin`` tells the subscribers and starts the graceful time; whoever ends the instance asks
``is_over`` until the application has confirmed or that time has passed (clause 7.2.8 f.).
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.words import Reason
from apps.journal import services as journal
from apps.journal.services import Actor
from apps.mep import documents, locking
from apps.mep.models import Application, Subscription
from apps.mep.notify import outbox
from apps.tenants.actors import SYSTEM

TERMINATING, STOPPING = "TERMINATING", "STOPPING"
# How long an end that was announced is still expected after its graceful time.
LAPSES_AFTER = timedelta(minutes=10)


@transaction.atomic
def begin(*, actor: Actor, application: Application, action: str = TERMINATING) -> bool:
    """Tell whoever subscribed to the application's end; False when nobody has to be waited for.

    Called again while it is pending, it changes nothing.  One that did not come in time after its
    announcement is announced anew.
    """
    try:
        row = locking.application(application.pk)
    except NotFound:
        return False
    if row.pending_action == action and not _has_lapsed(row):
        return not is_over(row)
    mep: dict[str, Any] = settings.MEP
    seconds = int(mep["graceful_seconds"])
    told = list(row.subscriptions.filter(kind=Subscription.Kind.TERMINATION).order_by("pk"))
    row.pending_action, row.confirmed_at = action, None
    row.pending_until = clock.now() + timedelta(seconds=seconds if told else 0)
    row.save(update_fields=["pending_action", "pending_until", "confirmed_at"])
    for subscription in told:
        body = documents.termination(row.pk, subscription, action, seconds)
        outbox.put_body(subscription, body)
    journal.record(
        "mep.application.termination_announced",
        row,
        actor=actor,
        tenant_id=row.tenant_id,
        data={"action": action, "subscribers": len(told)},
    )
    return bool(told)


def is_over(application: Application) -> bool:
    """Whether the graceful time has passed, or was not needed to its end."""
    if not application.pending_action or application.confirmed_at is not None:
        return True
    return application.pending_until is None or application.pending_until <= clock.now()


def lapse() -> int:
    """Take back announcements after which no end came, whether they were confirmed or not.

    Whoever ordered it was stopped, or gave up; the application lives on and may say that it is
    ready.
    """
    late = Application.objects.filter(
        pending_until__lte=clock.now() - LAPSES_AFTER, site_id__isnull=True
    ).exclude(pending_action="")
    return sum(_take_back(key) for key in list(late.values_list("pk", flat=True)))


@transaction.atomic
def _take_back(application_id: uuid.UUID) -> bool:
    row = Application.objects.select_for_update().filter(pk=application_id).first()
    if row is None or not _has_lapsed(row):
        return False
    data = {"action": row.pending_action}
    row.pending_action, row.pending_until, row.confirmed_at = "", None, None
    row.save(update_fields=["pending_action", "pending_until", "confirmed_at"])
    journal.record(
        "mep.application.termination_lapsed", row, actor=SYSTEM, tenant_id=row.tenant_id, data=data
    )
    return True


def _has_lapsed(row: Application) -> bool:
    if not row.pending_action or row.pending_until is None:
        return False
    return row.pending_until + LAPSES_AFTER <= clock.now()


@transaction.atomic
def confirm(*, actor: Actor, application: Application, action: str) -> None:
    """The application is ready for its end.

    Invalid for another action than the announced one; Conflict when none was announced, except
    under the profile ``conformance``, where ETSI's test suite wants that to be no error.
    """
    row = locking.application(application.pk)
    if not row.pending_action or _has_lapsed(row):
        if settings.MEP["profile"] == "conformance":
            return
        raise Conflict(N_("The platform has announced no stop or termination to this application."))
    if row.pending_action != action:
        params = {"action": row.pending_action}
        reason = Reason(N_("must be the announced %(action)s"), params=params)
        raise Invalid(N_("The request is not valid."), fields={"operationAction": reason})
    row.confirmed_at = clock.now()
    row.save(update_fields=["confirmed_at"])
    journal.record(
        "mep.application.termination_confirmed", row, actor=actor, tenant_id=row.tenant_id
    )


@transaction.atomic
def ready(*, actor: Actor, application: Application) -> None:
    """The application is up and running; Conflict while its end is pending."""
    row = locking.application(application.pk)
    ends = row.pending_action == TERMINATING and not _has_lapsed(row)
    if ends and settings.MEP["profile"] != "conformance":
        raise Conflict(N_("The application is being terminated."))
    row.ready_at = clock.now()
    row.save(update_fields=["ready_at"])
    journal.record("mep.application.ready", row, actor=actor, tenant_id=row.tenant_id)
