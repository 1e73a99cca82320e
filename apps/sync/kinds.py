"""The kinds of rows that travel from edge to center, parents before their children.

A new kind joins with one exporter and one importer, which may be applied repeatedly.  An importer
answers False when the row must wait for another that has not come yet.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import DomainError
from apps.common.models import Origin
from apps.hosts import adoption as hosts
from apps.hosts.models import AppLcm, MecHost
from apps.instances import adoption as instances
from apps.instances.models import AppInstance
from apps.mep import adoption as mep
from apps.mep.selectors import here as services_here
from apps.orchestration.remote import observation_of
from apps.orchestration.serializers import edge_record
from apps.packages import adoption as packages
from apps.packages.models import Distribution, Package
from apps.rules import adoption as rules
from apps.rules.models import AppdConfiguration
from apps.tenants.models import Tenant
from apps.tenants.services import adopt_tenant

Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Whose rows are taken, and whether they are a full copy rather than news.

    ``forked_at`` is set while a restored edge is being mended.  Its copy has no ancestor from there
    on; the news that follow on the copy have it.
    """

    edge: AppLcm
    forked_at: int | None = None
    is_copy: bool = False

    @property
    def without_ancestor(self) -> int | None:
        """From which version on there is nothing to merge with."""
        return self.forked_at if self.is_copy else None


Outcomes = list[bool | DomainError]


@dataclass(frozen=True)
class Kind:
    """One kind: where its rows are read, what of them travels, and what a center does with it.

    ``take`` takes rows of the kind together and says of each, in their order, what came of it.
    ``here`` tells of the kinds that this center can end at the edge which rows it has.
    """

    name: str
    rows: Callable[[], QuerySet[Any]]
    export: Callable[[Any], Row]
    take: Callable[[Source, Sequence[Row]], Outcomes]
    end: Callable[[Source, Row], bool]
    waits: str
    here: Callable[[Row], bool] | None = None


def export_tenant(tenant: Tenant) -> Row:
    """Name and origin."""
    return {"name": tenant.name, "description": tenant.description, "origin": tenant.origin}


def take_tenants(source: Source, rows: Sequence[Row]) -> Outcomes:
    """Tenants of the edge itself; ours are known already."""
    for row in rows:
        if row["data"]["origin"] == Origin.MEPM:
            adopt_tenant(tenant_id=_id(row), name=row["data"]["name"], origin=Origin.MEPM)
    return [True] * len(rows)


def end_tenant(source: Source, row: Row) -> bool:
    """What a tenant did stays readable here, so the tenant does too."""
    return True


def take_hosts(source: Source, rows: Sequence[Row]) -> Outcomes:
    """Configuration, merged with ours, and observation."""
    return [
        hosts.take_over(
            edge=source.edge,
            host_id=_id(row),
            version=row["version"],
            data=row["data"],
            forked_at=source.without_ancestor,
        )
        for row in rows
    ]


def end_host(source: Source, row: Row) -> bool:
    """One that was born there is forgotten, ours is delivered again."""
    return hosts.note_gone(edge=source.edge, host_id=_id(row))


def take_packages(source: Source, rows: Sequence[Row]) -> Outcomes:
    """The descriptions of packages uploaded there."""
    told = {_id(row): row["data"] for row in rows}
    return [*packages.take_over_packages(edge=source.edge, told=told, quiet=source.is_copy)]


def end_package(source: Source, row: Row) -> bool:
    """One whose file was only there is forgotten."""
    return packages.note_package_gone(edge=source.edge, package_id=_id(row))


def take_distributions(source: Source, rows: Sequence[Row]) -> Outcomes:
    """Where packages are at that edge."""
    told = {_id(row): row["data"] for row in rows}
    return [*packages.take_over_distributions(edge=source.edge, told=told)]


def end_distribution(source: Source, row: Row) -> bool:
    """The package is on that host no more."""
    packages.note_distribution_gone(edge=source.edge, remote_id=_id(row), pair=row.get("of"))
    return True


def export_instance(instance: AppInstance) -> Row:
    """Who it is, and the edge's own record of it."""
    return instances.export(instance) | {"record": edge_record(instance)}


def take_instances(source: Source, rows: Sequence[Row]) -> Outcomes:
    """The life cycle and the workload of what runs there."""
    words = [
        instances.Word(_id(row), row["data"], observation_of(row["data"]["record"]))
        for row in rows
    ]
    return instances.take_over(edge=source.edge, words=words, quiet=source.is_copy)


def end_instance(source: Source, row: Row) -> bool:
    """It was ended there; an operation of ours on it first ends with its reason."""
    return instances.note_gone(edge=source.edge, instance_id=_id(row))


def take_rules(source: Source, rows: Sequence[Row]) -> Outcomes:
    """The rules of instances, merged with ours."""
    told = [rules.Word(_id(row), row["version"], row["data"]["content"]) for row in rows]
    return [
        *rules.take_over(
            edge=source.edge, told=told, forked_at=source.without_ancestor, quiet=source.is_copy
        )
    ]


def end_rules(source: Source, row: Row) -> bool:
    """The edge has no rules of that instance any more."""
    return rules.note_gone(edge=source.edge, instance_id=_id(row), version=row["version"])


def services() -> QuerySet[Any]:
    """The services of this site's own MEC platform."""
    return services_here().select_related("application")


def take_services(source: Source, rows: Sequence[Row]) -> Outcomes:
    """What the MEC platform of that edge offers, and whether it is alive."""
    return [*mep.take_over(site_id=source.edge.pk, told={_id(row): row["data"] for row in rows})]


def end_service(source: Source, row: Row) -> bool:
    """It is offered no more."""
    mep.note_gone(site_id=source.edge.pk, service_id=_id(row))
    return True


def _here(model: Any) -> Callable[[Row], bool]:
    """Whether this center has a row of the id that the edge gives it."""
    return lambda row: model.objects.filter(pk=_id(row)).exists()


def _is_there(row: Row) -> bool:
    """Whether this center has the package at the host, brought there by whomever: the edge's own id
    of that is known here only once it has told it."""
    try:
        package, host = (uuid.UUID(row["data"][name]) for name in ("package_id", "host_id"))
    except (KeyError, TypeError, ValueError, AttributeError):
        return True  # and is found to be broken when it is taken
    return Distribution.objects.filter(package_id=package, host_id=host).exists()


KINDS = (
    Kind("tenant", Tenant.objects.all, export_tenant, take_tenants, end_tenant, ""),
    Kind(
        "mechost", MecHost.objects.all, hosts.export, take_hosts, end_host,
        N_("Its address belongs to another host here, or something here still stands on it."),
        here=_here(MecHost),
    ),
    Kind(
        "package", Package.objects.all, packages.export_package, take_packages, end_package,
        N_("Its tenant is not known here yet, or instances of it still are."),
        here=_here(Package),
    ),
    Kind(
        "distribution", packages.exported_distributions, packages.export_distribution,
        take_distributions, end_distribution, N_("Its package or its host is not known here yet."),
        here=_is_there,
    ),
    Kind(
        "appinstance", AppInstance.objects.all, export_instance, take_instances, end_instance,
        N_("Its package, host or tenant is not known here yet, or an operation is not done yet."),
        here=_here(AppInstance),
    ),
    Kind(
        "appdconfiguration", rules.exported, rules.export, take_rules, end_rules,
        N_("Its instance is not known here yet."),
        here=_here(AppdConfiguration),
    ),
    Kind(
        "mecservice", services, mep.export, take_services, end_service,
        N_("Its tenant is not known here yet."),
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
NAMES = tuple(BY_NAME)


def _id(row: Row) -> uuid.UUID:
    return uuid.UUID(row["id"])
