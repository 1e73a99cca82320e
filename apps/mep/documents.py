"""Rows as the documents of MEC 011: plain data, with the links that ETSI and EdgeGallery read."""

from __future__ import annotations

import hashlib
import math
import uuid
from typing import Any

import msgspec

from apps.mep import addresses
from apps.mep.liveness.book import Entry, book
from apps.mep.models import Application, Delivery, MecService, Rule, ServiceEvent, Subscription
from apps.mep.states import Change

Document = dict[str, Any]


def service(row: MecService) -> Document:
    """ServiceInfo (clause 8.1.2.2).  Everything on this platform is local to who asks."""
    address = addresses.service_path(row.application_id, row.pk)
    own: Document = {"href": address}
    links: Document = {"self": own, "appInstanceId": str(row.application_id)}
    found: Document = {
        "serInstanceId": str(row.pk),
        "serName": row.ser_name,
        "version": row.ser_version,
        "state": str(row.state),
        "transportInfo": row.transport,
        "serializer": row.serializer,
        "scopeOfLocality": row.scope_of_locality,
        "consumedLocalOnly": row.consumed_local_only,
        "isLocal": True,
        "_links": links,
    }
    if row.category:
        found["serCategory"] = row.category
    if row.liveness_interval is not None:
        found["livenessInterval"] = row.liveness_interval
        liveness = addresses.liveness_path(row.application_id, row.pk)
        links["liveness"] = {"href": liveness}
        own["liveness"] = liveness  # where EdgeGallery's agents look for it
    return found


def capability(row: MecService, consumers: set[uuid.UUID]) -> Document:
    """A service as Mm5 calls it, with the applications that subscribed to it."""
    return {
        "capabilityId": str(row.pk),
        "capabilityName": row.ser_name,
        "status": str(row.state),
        "version": row.ser_version,
        "consumers": [{"applicationInstanceId": text} for text in sorted(map(str, consumers))],
    }


def liveness(entry: Entry) -> Document:
    """ServiceLivenessInfo (clause 8.1.2.4)."""
    return {
        "state": entry.state,
        "timeStamp": timestamp(entry.beat_at),
        "interval": entry.interval,
    }


def timestamp(seconds: float) -> Document:
    """ETSI's TimeStamp of a time since the epoch."""
    fraction, whole = math.modf(seconds)
    return {"seconds": int(whole), "nanoSeconds": int(fraction * 1_000_000_000)}


def subscription(row: Subscription) -> Document:
    """A subscription of either kind."""
    address = addresses.subscription_path(row.kind, row.application_id, row.pk)
    found: Document = {
        "subscriptionType": row.kind,
        "callbackReference": row.callback,
        "_links": {"self": {"href": address}},
        "subscriptionId": str(row.pk),
    }
    if row.kind == Subscription.Kind.TERMINATION:
        found["appInstanceId"] = row.said_app_id or str(row.application_id)
    elif row.criteria:
        found["filteringCriteria"] = row.criteria
    return found


def subscription_list(kind: str, application_id: uuid.UUID, rows: list[Subscription]) -> Document:
    """SubscriptionLinkList; ``rel`` is what v2.1.1 calls ``subscriptionType``."""
    return {
        "_links": {
            "self": {"href": addresses.subscriptions_path(kind, application_id)},
            "subscriptions": [
                {
                    "href": addresses.subscription_path(kind, application_id, row.pk),
                    "rel": row.kind,
                    "subscriptionType": row.kind,
                }
                for row in rows
            ],
        }
    }


def notification(row: Delivery, event: ServiceEvent | None, to: Subscription) -> Document:
    """The body of a delivery: ServiceAvailabilityNotification, or what was kept for it."""
    if event is None:
        return dict(row.body or {})
    reference: Document = {
        "serName": event.ser_name,
        "serInstanceId": str(event.service_id),
        "state": event.state,
        "changeType": event.change,
    }
    if event.change != Change.REMOVED:
        address = addresses.service_path(event.application_id, event.service_id)
        reference["link"] = {"href": address}
    own = addresses.subscription_path(to.kind, to.application_id, to.pk)
    return {
        "notificationType": "SerAvailabilityNotification",
        "serviceReferences": [reference],
        "_links": {"subscription": {"href": own}},
    }


def termination(application_id: uuid.UUID, to: Subscription, action: str, seconds: int) -> Document:
    """AppTerminationNotification (clause 7.1.4.2)."""
    own = addresses.subscription_path(to.kind, application_id, to.pk)
    return {
        "notificationType": "AppTerminationNotification",
        "operationAction": action,
        "maxGracefulTimeout": seconds,
        "_links": {
            "subscription": {"href": own},
            "confirmTermination": {"href": addresses.confirm_termination_path(application_id)},
        },
    }


def rule(row: Rule) -> Document:
    """DnsRule or TrafficRule; one destination is an object, two are an array (v2.1.1, v2.2.1)."""
    body = dict(row.body)
    key = "dnsRuleId" if row.kind == Rule.Kind.DNS else "trafficRuleId"
    destinations = body.get("dstInterface")
    if isinstance(destinations, list) and len(destinations) == 1:
        body["dstInterface"] = destinations[0]
    return {key: row.rule_id, **body}


def registration(row: Application) -> Document:
    """AppInfo (MEC 011 v3 clause 7.2.13)."""
    return {**row.info, "appInstanceId": str(row.pk)}


def etag(document: Document) -> str:
    """A strong validator of a document (RFC 9110 clause 8.8.3)."""
    return f'"{hashlib.sha256(msgspec.json.encode(document)).hexdigest()[:32]}"'


def entry_of(row: MecService) -> Entry | None:
    """What the book knows of a service's heartbeat."""
    return book.find(row.pk)
