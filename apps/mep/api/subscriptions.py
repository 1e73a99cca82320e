"""Subscriptions of both kinds, and what a subscriber missed (clauses 8.2.8 f. and 7.2.10 f.)."""

from __future__ import annotations

from typing import Any

from django.db import Error
from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.common.words import Reason
from apps.mep import addresses, documents, subscriptions
from apps.mep.access import as_uuid, unknown
from apps.mep.api.base import Mp1View, answer, bad_query, nothing, single
from apps.mep.bodies import as_plain, read
from apps.mep.liveness.records import readable
from apps.mep.models import Application, Delivery, Subscription
from apps.mep.selectors import subscription_of
from apps.mep.types import (
    AppTerminationNotificationSubscription,
    SerAvailabilityNotificationSubscription,
)

Kind = Subscription.Kind
MISSED_AT_ONCE = 100


class _SubscriptionsView(Mp1View):
    """The collection of one kind."""

    kind: str

    def get(self, request: Request, application_id: str) -> HttpResponse:
        """Links to the application's subscriptions; none is an empty list."""
        application = self.application(application_id)
        rows = list(application.subscriptions.filter(kind=self.kind))
        return answer(documents.subscription_list(self.kind, application.pk, rows))

    def add(self, application: Application, callback: str, **more: Any) -> HttpResponse:
        """The answer to a new subscription."""
        row = subscriptions.subscribe(
            actor=self.caller.actor,
            application=application,
            kind=self.kind,
            callback=callback,
            **more,
        )
        location = addresses.subscription_path(self.kind, application.pk, row.pk)
        return single(documents.subscription(row), status=201, location=location)


class _SubscriptionView(Mp1View):
    """One subscription of one kind."""

    kind: str

    def get(self, request: Request, application_id: str, subscription_id: str) -> HttpResponse:
        """The subscription."""
        return single(documents.subscription(self.found(application_id, subscription_id)))

    def delete(self, request: Request, application_id: str, subscription_id: str) -> HttpResponse:
        """Remove it."""
        row = self.found(application_id, subscription_id)
        subscriptions.unsubscribe(
            actor=self.caller.actor, application=row.application, subscription=row
        )
        return nothing()

    def found(self, application_id: str, subscription_id: str) -> Subscription:
        """The subscription of the path."""
        application = self.application(application_id)
        row = subscription_of(application, self.kind, as_uuid(subscription_id))
        if row is None:
            raise unknown(N_("There is no such subscription."))
        return row


class AvailabilitySubscriptionsView(_SubscriptionsView):
    """``mec_service_mgmt/v1/applications/{appInstanceId}/subscriptions``."""

    kind = Kind.AVAILABILITY

    def post(self, request: Request, application_id: str) -> HttpResponse:
        """Be told of services."""
        application = self.application(application_id)
        body = read(request, SerAvailabilityNotificationSubscription)
        criteria = as_plain(body.filteringCriteria) if body.filteringCriteria else {}
        return self.add(application, body.callbackReference, criteria=criteria)


class AvailabilitySubscriptionView(_SubscriptionView):
    """``mec_service_mgmt/v1/applications/{appInstanceId}/subscriptions/{subscriptionId}``."""

    kind = Kind.AVAILABILITY


class TerminationSubscriptionsView(_SubscriptionsView):
    """``mec_app_support/v1/applications/{appInstanceId}/subscriptions``."""

    kind = Kind.TERMINATION

    def post(self, request: Request, application_id: str) -> HttpResponse:
        """Be told of one's own end."""
        application = self.application(application_id)
        body = read(request, AppTerminationNotificationSubscription)
        return self.add(
            application, body.callbackReference, criteria={}, said_app_id=body.appInstanceId
        )


class TerminationSubscriptionView(_SubscriptionView):
    """``mec_app_support/v1/applications/{appInstanceId}/subscriptions/{subscriptionId}``."""

    kind = Kind.TERMINATION


class MissedView(_SubscriptionView):
    """``…/subscriptions/{subscriptionId}/notifications``: ours, for whoever missed some.

    The numbers are those of the header ``X-Mec-Sequence``.
    """

    kind = Kind.AVAILABILITY
    queries = ("after", "limit")
    http_method_names = ["get", "head", "options"]  # what was said stays said

    def get(self, request: Request, application_id: str, subscription_id: str) -> HttpResponse:
        """The notifications with a sequence number greater than ``after``, in order."""
        row = self.found(application_id, subscription_id)
        after = self._number("after", 0, most=2**63 - 1)
        limit = self._number("limit", MISSED_AT_ONCE, most=MISSED_AT_ONCE)
        rows = row.deliveries.filter(seq__gt=after).select_related("event").order_by("seq")[:limit]
        return answer([_missed(one, row) for one in readable(rows)])

    def _number(self, name: str, default: int, *, most: int) -> int:
        text = self.request.query_params.get(name, str(default))
        fits = text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= most
        if not fits:
            params = {"most": most}
            bad_query(name, Reason(N_("must be a whole number up to %(most)s"), params=params))
        return int(text)


class MissedTerminationView(MissedView):
    """The same for termination subscriptions."""

    kind = Kind.TERMINATION


def _missed(one: Delivery, to: Subscription) -> dict[str, Any]:
    """A notification with its number; null instead of one whose record cannot be read."""
    try:
        body = documents.notification(one, one.event, to) or None
    except Error:
        raise
    except Exception:
        body = None
    return {
        "sequence": one.seq, "state": one.state, "attempts": one.attempts, "notification": body,
    }
