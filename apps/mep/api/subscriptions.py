"""Subscriptions of both kinds, and what a subscriber missed (clauses 8.2.8 f. and 7.2.10 f.)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import Error
from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.common.words import Reason
from apps.mep import addresses, documents, subscriptions
from apps.mep.access import as_uuid, unknown
from apps.mep.answers import (
    AppTerminationNotificationSubscriptionAnswer,
    DeliveredAvailability,
    DeliveredTermination,
    SerAvailabilityNotificationSubscriptionAnswer,
    SubscriptionLinkList,
)
from apps.mep.api.base import Mp1View, answer, bad_query, nothing, single
from apps.mep.api.description import Schema, described, link
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
_PAGE: tuple[Schema, ...] = (
    {
        "name": "after", "in": "query", "description": "The last number that the caller has.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "default": 0},
    },
    {
        "name": "limit", "in": "query", "description": "How many notifications at most.",
        "schema": {
            "type": "integer", "minimum": 0, "maximum": MISSED_AT_ONCE, "default": MISSED_AT_ONCE
        },
    },
)


def _links(kind: str) -> dict[str, Schema]:
    of = {
        "application_id": "$request.path.application_id",
        "subscription_id": "$response.body#/subscriptionId",
    }
    missed = "missed" if kind == "availability" else "missed_termination"
    return {
        "read": link(f"{kind}_subscription_get", **of),
        "remove": link(f"{kind}_subscription_delete", **of),
        "missed": link(f"{missed}_get", **of),
    }



class _SubscriptionsView(Mp1View):
    """The collection of one kind."""

    kind: str

    @described(answers={200: SubscriptionLinkList})
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
    answered: ClassVar[Any]

    @described(answers={200: "answered"}, etag=True)
    def get(self, request: Request, application_id: str, subscription_id: str) -> HttpResponse:
        """The subscription."""
        return single(documents.subscription(self.found(application_id, subscription_id)))

    @described(answers={204: None})
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
    """``mec_service_mgmt/v1/applications/{appInstanceId}/subscriptions`` (clause 8.2.8)."""

    kind = Kind.AVAILABILITY

    @described(
        body=SerAvailabilityNotificationSubscription,
        answers={201: SerAvailabilityNotificationSubscriptionAnswer},
        etag=True,
        problems=(409,),
        links=_links("availability"),
    )
    def post(self, request: Request, application_id: str) -> HttpResponse:
        """Be told of services."""
        application = self.application(application_id)
        body = read(request, SerAvailabilityNotificationSubscription)
        criteria = as_plain(body.filteringCriteria) if body.filteringCriteria else {}
        return self.add(application, body.callbackReference, criteria=criteria)


class AvailabilitySubscriptionView(_SubscriptionView):
    """``mec_service_mgmt/v1/applications/{appInstanceId}/subscriptions/{subscriptionId}``
    (clause 8.2.9).
    """

    kind = Kind.AVAILABILITY
    answered = SerAvailabilityNotificationSubscriptionAnswer


class TerminationSubscriptionsView(_SubscriptionsView):
    """``mec_app_support/v1/applications/{appInstanceId}/subscriptions`` (clause 7.2.8)."""

    kind = Kind.TERMINATION

    @described(
        body=AppTerminationNotificationSubscription,
        answers={201: AppTerminationNotificationSubscriptionAnswer},
        etag=True,
        problems=(409,),
        links=_links("termination"),
    )
    def post(self, request: Request, application_id: str) -> HttpResponse:
        """Be told of one's own end."""
        application = self.application(application_id)
        body = read(request, AppTerminationNotificationSubscription)
        return self.add(
            application, body.callbackReference, criteria={}, said_app_id=body.appInstanceId
        )


class TerminationSubscriptionView(_SubscriptionView):
    """``mec_app_support/v1/applications/{appInstanceId}/subscriptions/{subscriptionId}``
    (clause 7.2.9).
    """

    kind = Kind.TERMINATION
    answered = AppTerminationNotificationSubscriptionAnswer


class MissedView(_SubscriptionView):
    """``…/subscriptions/{subscriptionId}/notifications``: ours, for whoever missed some.

    The numbers are those of the header ``X-Mec-Sequence``.
    """

    kind = Kind.AVAILABILITY
    answered = list[DeliveredAvailability]
    queries = ("after", "limit")
    http_method_names = ["get", "head", "options"]  # what was said stays said

    @described(answers={200: "answered"}, parameters=_PAGE)
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
    """``…/subscriptions/{subscriptionId}/notifications`` of termination subscriptions."""

    kind = Kind.TERMINATION
    answered = list[DeliveredTermination]


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
