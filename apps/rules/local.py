"""Rules at the MEC platform of this site."""

from __future__ import annotations

from django.db import transaction

from apps.instances.models import AppInstance
from apps.mep import applications, rules
from apps.mep.access import find_application
from apps.rules.specs import AppdSpec
from apps.rules.wire import platform_dns, platform_traffic
from apps.tenants.actors import Actor


class LocalPlatform:
    """The platform in this very process."""

    @transaction.atomic
    def put(
        self, instance: AppInstance, spec: AppdSpec, *, actor: Actor, based_on: int = 0
    ) -> int:
        """Store them there; Invalid when another application answers for one of the domains."""
        application = applications.ensure(
            actor=actor,
            application_id=instance.pk,
            name=instance.app_name,
            tenant_id=instance.tenant_id,
        )
        mp1 = spec.supports_mp1 is not False
        rules.replace_all(
            actor=actor,
            application=application,
            dns=platform_dns(spec.dns),
            traffic=platform_traffic(spec.traffic),
            appd={"appName": spec.app_name, "appSupportMp1": mp1},
        )
        return 0

    @transaction.atomic
    def remove(self, instance: AppInstance, *, actor: Actor, based_on: int = 0) -> None:
        """Take them away where the platform knows the application."""
        application = find_application(str(instance.pk))
        if application is not None and application.appd is not None:
            rules.replace_all(actor=actor, application=application, dns={}, traffic={}, appd=None)
