"""Floor 3: the MEC 011 platform that applications talk to.  It knows no other context."""

from django.apps import AppConfig


class MepConfig(AppConfig):
    """Service registry, liveness, notifications, DNS and traffic rules, tokens."""

    name = "apps.mep"
    verbose_name = "MEC platform"
