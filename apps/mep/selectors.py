"""The only readers with joins: of the registry for applications, and for people."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.common.words import NO_REASON, Reason
from apps.mep.liveness.records import readable
from apps.mep.models import (
    Application,
    Credential,
    Delivery,
    MecService,
    Mirror,
    MirroredService,
    ServiceEvent,
    Subscription,
    SubscriptionKey,
)
from apps.mep.states import ServiceState
from apps.tenants.actors import Actor

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Query:
    """The query of clause 8.2.3.3.1; None and empty are "not asked"."""

    ids: tuple[uuid.UUID | None, ...] = ()
    names: tuple[str, ...] = ()
    category: str = ""
    consumed_local_only: bool | None = None
    is_local: bool | None = None
    scope: str = ""


def here() -> QuerySet[MecService]:
    """The services of this platform, not the copies that a center keeps of others."""
    return MecService.objects.filter(application__site_id__isnull=True)


def discover(query: Query) -> Iterator[MecService]:
    """What a consumer finds: everything that fits and is not suspended."""
    return readable(_filtered(here().exclude(state=ServiceState.SUSPENDED), query))


def services_of(application: Application, query: Query) -> Iterator[MecService]:
    """What a producer has registered, suspended or not."""
    return readable(_filtered(MecService.objects.filter(application=application), query))


def service_of(application: Application, service_id: uuid.UUID | None) -> MecService | None:
    """One service of an application; another application's does not exist under its path."""
    if service_id is None:
        return None
    return next(readable(MecService.objects.filter(pk=service_id, application=application)), None)


def service_here(service_id: uuid.UUID | None) -> MecService | None:
    """One service of this platform."""
    return next(readable(here().filter(pk=service_id)), None) if service_id else None


def _filtered(rows: QuerySet[MecService], query: Query) -> QuerySet[MecService]:
    if query.is_local is False:  # everything here is local to whoever asks here
        return rows.none()
    if query.ids:
        rows = rows.filter(pk__in=[key for key in query.ids if key is not None])
    if query.names:
        rows = rows.filter(ser_name__in=query.names)
    if query.category:
        by_name = Q(category__name=query.category)
        rows = rows.filter(Q(category_key=query.category) | by_name)
    if query.consumed_local_only is not None:
        rows = rows.filter(consumed_local_only=query.consumed_local_only)
    return rows.filter(scope_of_locality=query.scope) if query.scope else rows


# --- for people ----------------------------------------------------------------------------------
def _of(actor: Actor, path: str) -> Q:
    """What an actor may see: an administrator all, others what their tenant's applications have."""
    return Q() if actor.is_admin else Q(**{f"{path}tenant_id": actor.wall})


def applications_for(actor: Actor) -> QuerySet[Application]:
    """Application instances of this platform."""
    rows = Application.objects.filter(_of(actor, ""), site_id__isnull=True)
    return rows.select_related("tenant").annotate(
        has_keys=Exists(Credential.objects.filter(application=OuterRef("pk"))),
        service_count=Count("services", distinct=True),
        subscription_count=Count("subscriptions", distinct=True),
    )


def services_for(actor: Actor) -> QuerySet[MecService]:
    """Services, of this platform and of the edges that are copied here."""
    rows = MecService.objects.filter(_of(actor, "application__"))
    return rows.select_related("application", "application__tenant")


def services_at(actor: Actor, site_id: uuid.UUID | None) -> QuerySet[MecService]:
    """The services of one platform: of an edge as it reported them, or of this site (None)."""
    rows = services_for(actor)
    if site_id is None:
        return rows.filter(application__site_id__isnull=True)
    return rows.filter(application__site_id=site_id)


def subscriptions_for(actor: Actor) -> QuerySet[Subscription]:
    """Subscriptions of this platform, with the number of notifications that wait as ``waits``."""
    rows = Subscription.objects.filter(
        _of(actor, "application__"), application__site_id__isnull=True
    )
    rows = rows.annotate(waits=F("next_seq") - F("done_seq") - 1)
    return rows.select_related("application", "application__tenant")


def troubled_for(actor: Actor) -> QuerySet[Subscription]:
    """Subscriptions whose notifications fail or wait, the worst first."""
    rows = subscriptions_for(actor).filter(Q(failures__gt=0) | Q(next_seq__gt=F("done_seq") + 1))
    return rows.order_by("-failures", F("done_seq") - F("next_seq"))


def access_service(actor: Actor, service_id: uuid.UUID) -> MecService:
    """One service; NotFound also for one of another tenant's application."""
    return _access(services_for(actor), service_id, N_("There is no such service."))


def access_application(actor: Actor, application_id: uuid.UUID) -> Application:
    """One application instance; NotFound also for another tenant's."""
    text = N_("There is no such application instance.")
    return _access(applications_for(actor), application_id, text)


def access_subscription(actor: Actor, subscription_id: uuid.UUID) -> Subscription:
    """One subscription; NotFound also for one of another tenant's application."""
    return _access(subscriptions_for(actor), subscription_id, N_("There is no such subscription."))


def _access(rows: QuerySet[M], key: uuid.UUID, text: str) -> M:
    found = rows.filter(pk=key).first()
    if found is None:
        raise NotFound(text, message="Record not found")
    return found


def subscription_of(
    application: Application, kind: str, subscription_id: uuid.UUID | None
) -> Subscription | None:
    """One subscription of an application, of one kind."""
    if subscription_id is None:
        return None
    rows = Subscription.objects.filter(application=application, kind=kind, pk=subscription_id)
    return rows.first()


def events_of(service_id: uuid.UUID) -> QuerySet[ServiceEvent]:
    """What happened to a service, newest first."""
    return ServiceEvent.objects.filter(service_id=service_id).order_by("-id")


def events_for(actor: Actor) -> QuerySet[ServiceEvent]:
    """What happened to the services of this platform, newest first."""
    rows = ServiceEvent.objects.order_by("-id")
    if actor.is_admin:
        return rows
    theirs = Application.objects.filter(tenant_id=actor.wall, site_id__isnull=True)
    return rows.filter(application_id__in=theirs.values("pk"))


def deliveries_of(subscription: Subscription) -> QuerySet[Delivery]:
    """The notifications of a subscription, newest first."""
    return subscription.deliveries.select_related("event").order_by("-seq")


def capabilities_for(actor: Actor) -> QuerySet[MecService]:
    """The services of this platform that an actor may see, as Mm5 calls them."""
    return services_for(actor).filter(application__site_id__isnull=True)


def consumers_for(actor: Actor, services: list[MecService]) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Per service the applications whose subscriptions name it, as far as the actor sees them."""
    named: dict[str, set[uuid.UUID]] = defaultdict(set)
    rows = SubscriptionKey.objects.filter(subscription__in=subscriptions_for(actor))
    if len(services) == 1:
        rows = rows.filter(key__in=keys_naming(services[0]))
    for application_id, key in rows.values_list("subscription__application_id", "key"):
        named[key].add(application_id)
    return {
        service.pk: set().union(*(named.get(key, set()) for key in keys_naming(service)))
        for service in services
    }


def subscribers_for(actor: Actor, service: MecService) -> QuerySet[Subscription]:
    """Those of the known consumers of a service that an actor may see."""
    rows = consumers_of(service).filter(_of(actor, "application__"))
    return rows.order_by("application__name", "created_at")


def consumers_of(service: MecService) -> QuerySet[Subscription]:
    """The subscriptions that name a service, by id, name or category: its known consumers."""
    rows = Subscription.objects.filter(
        keys__key__in=keys_naming(service), application__site_id__isnull=True
    )
    return rows.select_related("application").distinct()


def keys_naming(service: MecService) -> list[str]:
    """What subscriptions that name the service are filed under."""
    keys = [f"id:{service.pk}", f"name:{service.ser_name}"]
    return [*keys, f"cat:{service.category_key}"] if service.category_key else keys


# --- the copy at a service center ----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MirrorState:
    """How the copying goes; ``reachable_since`` is None while the service center is not reached.

    ``waiting`` counts what is not there as it should be, ``refused`` those of them that the service
    center does not take, ``fault`` is why nothing, or one of those, gets there.
    """

    configured: bool
    reachable_since: datetime | None = None
    last_ok: datetime | None = None
    waiting: int = 0
    refused: int = 0
    fault: Reason = NO_REASON


def mirror_state() -> MirrorState:
    """The state of the mirror for people."""
    if not settings.MEP["servicecomb_url"]:
        return MirrorState(configured=False)
    row = Mirror.objects.first() or Mirror()
    refused = MirroredService.objects.exclude(fault={})
    fault = row.fault or refused.values_list("fault", flat=True).first()
    return MirrorState(
        configured=True,
        reachable_since=row.reachable_since,
        last_ok=row.last_ok,
        waiting=unmirrored().count() + mirrored_in_vain().count(),
        refused=refused.count(),
        fault=Reason.from_json(fault),
    )


def unmirrored() -> QuerySet[MecService]:
    """Services of this platform of which the service center has no copy, or an older one."""
    copies = MirroredService.objects.filter(service_id=OuterRef("pk"), version=OuterRef("version"))
    return here().exclude(Exists(copies)).order_by("version")


def mirrored_in_vain() -> QuerySet[MirroredService]:
    """Copies whose service is gone."""
    return MirroredService.objects.exclude(Exists(here().filter(pk=OuterRef("service_id"))))
