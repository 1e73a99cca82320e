"""Something to follow: what may live at an edge, and how much of it the center knows."""

from __future__ import annotations

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.packages import distribution, distribution_work
from apps.packages.models import Distribution, Package
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from tests import factories as make

SEEN = {"phase": "Ready", "as_of": "2026-01-01T00:00:00+00:00", "ready": 1, "total": 1}


def life(name="local"):
    """At an edge: a tenant of its own, a host, a package there, a running instance."""
    tenant, host = make.tenant(name), make.host("10.5.0.1", name=f"{name}-host")
    package = make.package(tenant, name=f"{name}app", origin="MEPM")
    (row,) = distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
    distribution_work.work_on(row.pk)
    instance = make.instance(package, host, name=f"{name}-inst", state="Instantiated",
                             health="Ready", workload=SEEN)
    return {"tenant": tenant, "host": host, "package": package, "row": row, "instance": instance}


def counts():
    """How much the center knows."""
    models = (Tenant, MecHost, Package, Distribution, AppInstance)
    return tuple(model.objects.count() for model in models)
