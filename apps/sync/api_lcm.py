"""``…/sync_updated`` and ``…/sync_deleted``: how EdgeGallery's center asks an edge for changes.

Asking changes nothing; what is acknowledged is told no more.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.pagination import page
from apps.sync import acks, originals
from apps.sync import originals_wire as wire
from apps.sync.models import Reader
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView

ACKNOWLEDGE = "/sync/v1/ack"
Told = Callable[[Any], dict[str, Any]]


class ToldView(ApiView):
    """What the views share: who asks, and lists that can be acknowledged."""

    paged = True

    def answer(self, **lists: tuple[Any, Told]) -> Response:
        """Each list as asked for by ``limit`` and ``offset``; a record by ``Told``."""
        found: dict[str, Any] = {
            name: [told(row) for row in page(self.request, rows)]
            for name, (rows, told) in lists.items()
        }
        return Response(found | {"acknowledge": ACKNOWLEDGE})


class TenantToldView(ToldView):
    """The same about the things of one tenant."""

    def asked(self, tenant_id: uuid.UUID) -> tuple[Reader, uuid.UUID]:
        """Who asks, and about whose things."""
        require(may(self.actor, "feed.own"))
        tenant = tenant_for(self.actor, tenant_id)
        return acks.reader_for(self.actor), tenant


class HostToldView(ToldView):
    """The same about hosts, which belong to no tenant."""

    def asked(self) -> Reader:
        """Who asks."""
        require(may(self.actor, "feed.read"))
        return acks.reader_for(self.actor)


class UpdatedHostsView(HostToldView):
    """``GET /lcmcontroller/v1/hosts/sync_updated``."""

    def get(self, request: Request) -> Response:
        """New and changed hosts of this edge."""
        reader = self.asked()
        return self.answer(mecHostUpdatedRecs=(originals.hosts(reader), wire.host))


class DeletedHostsView(HostToldView):
    """``GET /lcmcontroller/v1/hosts/sync_deleted``."""

    def get(self, request: Request) -> Response:
        """Hosts that are gone."""
        reader = self.asked()
        return self.answer(mecHostStaleRecs=(originals.ended_hosts(reader), wire.ended_host))


class UpdatedPackagesView(TenantToldView):
    """``GET …/tenants/{tenant_id}/packages/sync_updated``."""

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """New and changed packages of the tenant, with the hosts that they are on."""
        reader, tenant = self.asked(tenant_id)
        return self.answer(appPackageRecord=(originals.packages(reader, tenant), wire.package))


class DeletedPackagesView(TenantToldView):
    """``GET …/tenants/{tenant_id}/packages/sync_deleted``."""

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Packages of the tenant that are gone, and those that a host has no more."""
        reader, tenant = self.asked(tenant_id)
        return self.answer(
            appPackageStaleRec=(originals.ended_packages(reader, tenant), wire.ended_package),
            appPackageHostStaleRec=(
                originals.ended_distributions(reader, tenant), wire.ended_distribution,
            ),
        )


class UpdatedInstancesView(TenantToldView):
    """``GET …/tenants/{tenant_id}/app_instances/sync_updated``."""

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """New and changed instances of the tenant."""
        reader, tenant = self.asked(tenant_id)
        rows = originals.instances(reader, tenant)
        return self.answer(appInstanceUpdatedRecs=(rows, wire.instance))


class DeletedInstancesView(TenantToldView):
    """``GET …/tenants/{tenant_id}/app_instances/sync_deleted``."""

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Instances of the tenant that are gone."""
        reader, tenant = self.asked(tenant_id)
        rows = originals.ended_instances(reader, tenant)
        return self.answer(appInstanceDeletedRecs=(rows, wire.ended_instance))


class UpdatedRulesView(TenantToldView):
    """``GET …/tenants/{tenant_id}/app_instances/appd_configuration/sync_updated``."""

    spellings = True

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """New and changed rules of the tenant's instances."""
        reader, tenant = self.asked(tenant_id)
        return self.answer(appdRuleUpdatedRecs=(originals.rules(reader, tenant), wire.rules))


class DeletedRulesView(TenantToldView):
    """``GET …/tenants/{tenant_id}/app_instances/appd_configuration/sync_deleted``."""

    spellings = True

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Instances of the tenant that have no rules any more."""
        reader, tenant = self.asked(tenant_id)
        rows = originals.ended_rules(reader, tenant)
        return self.answer(appdRuleDeletedRecs=(rows, wire.ended_rules))
