"""Rules at an edge, over the edge link."""

from __future__ import annotations

from contextlib import suppress

from apps.common.errors import NotFound
from apps.edgelink.client import EdgeClient
from apps.instances.models import AppInstance
from apps.rules.specs import AppdSpec
from apps.rules.wire import order
from apps.tenants.actors import Actor


class RemotePlatform:
    """The rule manager of the edge behind the instance's host."""

    def put(
        self, instance: AppInstance, spec: AppdSpec, *, actor: Actor, based_on: int = 0
    ) -> int:
        """Order them; the edge answers when its platform has them or refuses them."""
        with self._edge(instance, actor) as edge:
            tenant_id = instance.tenant_id
            return edge.put_rules(tenant_id, instance.pk, order(spec), based_on=based_on)

    def remove(self, instance: AppInstance, *, actor: Actor, based_on: int = 0) -> None:
        """Order their end."""
        with self._edge(instance, actor) as edge, suppress(NotFound):
            edge.remove_rules(instance.tenant_id, instance.pk, based_on=based_on)

    def _edge(self, instance: AppInstance, actor: Actor) -> EdgeClient:
        assert instance.host.applcm is not None  # noqa: S101 - chosen for hosts of an AppLCM
        return EdgeClient(instance.host.applcm, actor=actor, tenant_name=instance.tenant.name)
