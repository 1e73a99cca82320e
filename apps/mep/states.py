"""The life of a service and of a delivery as tables (GS MEC 011 clause 8.1.2, section liveness)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.states import Machine


class ServiceState(models.TextChoices):
    """ETSI's ServiceState.  SUSPENDED is only ever set by the platform."""

    ACTIVE = "ACTIVE", _("ACTIVE")
    INACTIVE = "INACTIVE", _("INACTIVE")
    SUSPENDED = "SUSPENDED", _("SUSPENDED")


class Change(models.TextChoices):
    """ETSI's changeType of a ServiceAvailabilityNotification."""

    ADDED = "ADDED", _("added")
    REMOVED = "REMOVED", _("removed")
    STATE_CHANGED = "STATE_CHANGED", _("state changed")
    ATTRIBUTES_CHANGED = "ATTRIBUTES_CHANGED", _("attributes changed")


class Cause(models.TextChoices):
    """What made a service change, for people."""

    REGISTERED = "registered", _("registered by its application")
    UPDATED = "updated", _("changed by its application")
    MISSED = "missed", _("missed its heartbeat")
    RESUMED = "resumed", _("heartbeat came back")
    REMOVED = "removed", _("removed by its application")
    TERMINATED = "terminated", _("its application was terminated")


class DeliveryState(models.TextChoices):
    """A notification on its way to one subscriber."""

    PENDING = "pending", _("waiting")
    DELIVERED = "delivered", _("delivered")
    DEAD = "dead", _("given up")


_A, _I, _S = ServiceState.ACTIVE, ServiceState.INACTIVE, ServiceState.SUSPENDED

SERVICE = Machine(
    "MEC service",
    {
        "": {"register_active": _A, "register_inactive": _I},
        _A: {"beat": _A, "miss": _S, "put_active": _A, "put_inactive": _I, "remove": ""},
        # A heartbeat never wakes what its own application has switched off.
        _I: {"beat": _I, "put_active": _A, "put_inactive": _I, "remove": ""},
        _S: {"beat": _A, "put_active": _A, "put_inactive": _I, "remove": ""},
    },
)
DELIVERY = Machine(
    "notification delivery",
    {
        "": {"queue": DeliveryState.PENDING},
        DeliveryState.PENDING: {
            "fail": DeliveryState.PENDING,
            "deliver": DeliveryState.DELIVERED,
            "give_up": DeliveryState.DEAD,
        },
    },
)
