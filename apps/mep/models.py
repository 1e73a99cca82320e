"""Rows of the MEC platform.  Shape only: who may write what is in the services."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlsplit

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from apps.common import clock
from apps.common.models import Versioned
from apps.common.secrets import SealedField
from apps.mep.states import Cause, Change, DeliveryState, ServiceState
from apps.tenants.models import Tenant


def new_stamp() -> str:
    """What a token carries of its application's credentials."""
    return secrets.token_hex(8)


class Application(models.Model):
    """An application instance as the platform knows it; ``site_id`` names the edge of a copy."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    site_id = models.UUIDField(null=True, db_index=True)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=128, blank=True)
    # The AppInfo of a registration (MEC 011 v3 clause 7.2.13); empty for what Mm5 made.
    info = models.JSONField(default=dict)
    registered = models.BooleanField(default=False)
    # Its registration made it, and nothing was given to it by management: both go together.
    by_itself = models.BooleanField(default=False)
    # Name and Mp1 use of the AppD configuration; null while there is none.
    appd = models.JSONField(null=True)
    # Changes with the credentials, so that tokens end with them.
    stamp = models.CharField(max_length=16, default=new_stamp)
    ready_at = models.DateTimeField(null=True)
    # A pending STOPPING or TERMINATING, and until when a confirmation is waited for.
    pending_action = models.CharField(max_length=11, blank=True)
    pending_until = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name or str(self.pk)


class Credential(models.Model):
    """The AK/SK pair with which an application asks for tokens."""

    application = models.OneToOneField(
        Application, primary_key=True, on_delete=models.CASCADE, related_name="credential"
    )
    access_key = models.CharField(max_length=64, unique=True)
    secret_key = SealedField()
    required_services = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.access_key


class MecService(Versioned):
    """A service instance (MEC 011 clause 8.1.2.2).  ``beat_at`` is a snapshot, not the truth."""

    OBSERVED: ClassVar[tuple[str, ...]] = ("state", "beat_at")

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="services"
    )
    ser_name = models.CharField(max_length=128, db_index=True)
    ser_version = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=ServiceState.choices)
    serializer = models.CharField(max_length=16)
    category = models.JSONField(null=True)
    category_key = models.CharField(max_length=128, blank=True, db_index=True)
    transport = models.JSONField(default=dict)
    scope_of_locality = models.CharField(max_length=16)
    consumed_local_only = models.BooleanField(default=True)
    # Seconds; null where the application does not support heartbeats.
    liveness_interval = models.PositiveIntegerField(null=True)
    beat_at = models.DateTimeField(null=True)
    # Whether its heartbeats know the interval: the next one is answered with it until then.
    liveness_told = models.BooleanField(default=False)
    state_since = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["ser_name", "id"]
        # For the counts and the first page of lists, which look at every service otherwise.
        indexes = [models.Index(fields=["state", "id", "liveness_interval"], name="mep_by_state")]

    def __str__(self) -> str:
        return f"{self.ser_name} {self.ser_version}"


class ServiceEvent(models.Model):
    """Something that happened to a service: the source of notifications and of its history."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=clock.now, db_index=True)
    service_id = models.UUIDField()
    application_id = models.UUIDField()
    ser_name = models.CharField(max_length=128)
    change = models.CharField(max_length=18, choices=Change.choices)
    state = models.CharField(max_length=9, choices=ServiceState.choices)
    cause = models.CharField(max_length=10, choices=Cause.choices)

    class Meta:
        indexes = [models.Index(fields=["service_id", "id"], name="mep_event_service")]

    def __str__(self) -> str:
        return f"{self.ser_name} {self.change} {self.state}"


class Subscription(models.Model):
    """Somebody who wants to be told: of services, or of their own termination.

    ``next_seq`` is the number that the next delivery gets, ``done_seq`` the last one that is
    through; between them lies what waits, in order.
    """

    class Kind(models.TextChoices):
        """ETSI's subscriptionType."""

        AVAILABILITY = "SerAvailabilityNotificationSubscription"
        TERMINATION = "AppTerminationNotificationSubscription"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="subscriptions"
    )
    kind = models.CharField(max_length=40, choices=Kind.choices)
    callback = models.CharField(max_length=2048)
    criteria = models.JSONField(default=dict)
    # What the subscriber wrote as appInstanceId of a termination subscription: echoed.
    said_app_id = models.CharField(max_length=128, blank=True)
    next_seq = models.PositiveBigIntegerField(default=1)
    done_seq = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    try_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fault = models.JSONField(default=dict)
    last_ok = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        # Only those for which something waits, in the order in which they have their turn: that is
        # asked each second, and most subscribers have everything most of the time.
        indexes = [
            models.Index(
                F("failures"), Coalesce("last_ok", "created_at"), name="mep_due",
                condition=Q(next_seq__gt=F("done_seq") + 1),
            )
        ]

    def __str__(self) -> str:
        # Path and query of a callback may be its secret, and this stands in journal and log.
        parts = urlsplit(self.callback)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def waiting(self) -> int:
        """How many notifications wait."""
        return self.next_seq - 1 - self.done_seq


class SubscriptionKey(models.Model):
    """What a subscription can match by, for the index: ``*``, ``name:…``, ``id:…``, ``cat:…``."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="keys")
    key = models.CharField(max_length=140, db_index=True)

    def __str__(self) -> str:
        return self.key


class Delivery(models.Model):
    """One notification for one subscriber; ``seq`` counts per subscription without gaps."""

    id = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    seq = models.PositiveBigIntegerField()
    # The event that it tells of; empty for a termination, whose body is kept here.
    event = models.ForeignKey(ServiceEvent, null=True, on_delete=models.CASCADE, db_index=False)
    body = models.JSONField(null=True)
    state = models.CharField(max_length=9, choices=DeliveryState.choices)
    attempts = models.PositiveIntegerField(default=0)
    queued_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)
    fault = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "seq"], name="mep_delivery_seq"),
            models.UniqueConstraint(
                fields=["event", "subscription"], name="mep_one_delivery_per_event"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.seq}"


class Rule(models.Model):
    """A DNS or traffic rule of an application (MEC 011 clauses 7.2.2 and 7.2.3)."""

    class Kind(models.TextChoices):
        """Which of the two."""

        DNS = "dns"
        TRAFFIC = "traffic"

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    rule_id = models.CharField(max_length=63)
    body = models.JSONField()
    # Lower-case domain of a DNS rule: no two applications answer for one name.
    domain = models.CharField(max_length=255, null=True, unique=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["rule_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "kind", "rule_id"], name="mep_rule_id_once"
            )
        ]

    def __str__(self) -> str:
        return self.rule_id


class ConfigTask(models.Model):
    """An order of Mm5 to configure an application's rules, and how it went."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application_id = models.UUIDField(db_index=True)
    verb = models.CharField(max_length=6)
    result = models.CharField(max_length=10, default="PROCESSING")
    progress = models.PositiveSmallIntegerField(default=0)
    detail = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.verb} {self.application_id} {self.result}"


class CallCount(models.Model):
    """How often something was called on one day (UTC); ``subject`` is a service's id or a verb."""

    day = models.DateField()
    subject = models.CharField(max_length=128)
    calls = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "subject"], name="mep_one_count_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.subject}: {self.calls}"


class Mirror(models.Model):
    """One row: how the copying of this platform's services to a service center goes."""

    # Of which service center the copies are, as a digest: an address may hold a password.
    center = models.CharField(max_length=64, blank=True)
    reachable_since = models.DateTimeField(null=True)
    last_ok = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    try_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fault = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"mirror {self.pk}"


class MirroredService(models.Model):
    """What a service center has of a service, also of one that is gone from here.

    ``version`` is that of the copy, ``digest`` of its attributes without the state; 0 and empty
    while it is not known whether the copy is there.  ``made`` says that the microservice is ours.
    """

    service_id = models.UUIDField(primary_key=True)
    # The microservice that it belongs to, as it is registered, and the id that it got.
    microservice = models.JSONField(default=dict)
    sc_service = models.CharField(max_length=64, blank=True, db_index=True)
    sc_instance = models.CharField(max_length=64, blank=True)
    version = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    made = models.BooleanField(default=False)
    # Why this version was not taken, and until when it is not tried again.
    tried = models.BigIntegerField(default=0)
    try_at = models.DateTimeField(null=True)
    fault = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.service_id} {self.version}"


def row_time(value: datetime | None) -> float:
    """Seconds since the epoch of a stored time; 0 for none."""
    return value.timestamp() if value else 0.0
