"""Rows for the benchmarks of synchronization, written to a site's database in bulk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from apps.common import clock
from apps.common.models import Versioned, next_version
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.mep.models import Application, MecService
from apps.packages.models import Distribution, Package
from apps.rules.models import AppdConfiguration, AppdRule
from apps.sync.models import Copy, Peer
from apps.tenants.actors import SYSTEM
from apps.tenants.keys import own_key
from apps.tenants.models import KeyHolder, Tenant
from apps.tenants.services import create_tenant
from apps.tenants.specs import TenantSpec
from apps.vim.results import Phase, Pod, ServiceInfo, WorkloadStatus
from tools.mep_world import service

AT_ONCE, EDGES_AT_ONCE = 500, 50
# What a simulated edge of the country has.
EDGE_ROWS = 100
RUNS = WorkloadStatus(
    Phase.READY,
    datetime(2026, 1, 1, tzinfo=UTC),
    ready=1,
    total=1,
    pods=(Pod("web-5f7d", "Deployment", "Running", "node-1"),),
    services=(ServiceInfo("web", "ClusterIP", "10.0.0.7"),),
    scope="mecm-web",
)
FAILED = replace(RUNS, phase=Phase.FAILED, ready=0)
Row = TypeVar("Row", bound=Versioned)


def address(number: int) -> str:
    """Where edge ``number`` of the country listens."""
    return f"127.20.{number // 250}.{number % 250 + 1}"


def fill_edge(instances: int, others: int = 0) -> int:
    """Make it a site with so many instances on one host; returns how many rows the feed has.

    ``others`` is how many packages, distributions, rule sets and services there are beside.
    """
    tenant = create_tenant(actor=SYSTEM, spec=TenantSpec("bench"))
    host = _host(1, None)
    MecHost.objects.bulk_create(_versioned([host]))
    packages = Package.objects.bulk_create(
        _versioned([_package(tenant, number) for number in range(max(1, others))]),
        batch_size=AT_ONCE,
    )
    made = AppInstance.objects.bulk_create(
        _versioned([_instance(tenant, packages[0], host, number) for number in range(instances)]),
        batch_size=AT_ONCE,
    )
    if others:
        _fill_others(tenant, host, packages, made[:others])
    return 1 + 1 + len(packages) + instances + 3 * others


def _fill_others(
    tenant: Tenant, host: MecHost, packages: list[Package], instances: list[AppInstance]
) -> None:
    Distribution.objects.bulk_create(
        _versioned(
            [Distribution(package=one, host=host, state="Distributed") for one in packages]
        ),
        batch_size=AT_ONCE,
    )
    configurations = _versioned(
        [
            AppdConfiguration(
                id=one.pk, tenant=tenant, instance=one, app_name=one.app_name, wanted=1,
                delivered=1,
            )
            for one in instances
        ]
    )
    AppdConfiguration.objects.bulk_create(configurations, batch_size=AT_ONCE)
    body = {"domainName": "a.example", "ipAddressType": "IP_V4", "ipAddress": "10.0.0.1",
            "ttl": 30}
    AppdRule.objects.bulk_create(
        [
            AppdRule(configuration=one, tenant=tenant, kind="dns", rule_id="dns1",
                     body=body | {"dnsRuleId": "dns1"})
            for one in configurations
        ],
        batch_size=AT_ONCE,
    )
    application = Application.objects.create(name="bench", tenant=tenant)
    rows = [service(application, number, 0, 3600) for number in range(len(packages))]
    MecService.objects.bulk_create(_versioned(rows), batch_size=AT_ONCE)


def touch(count: int) -> None:
    """Let the workload of so many instances be another."""
    for row in AppInstance.objects.order_by("version")[:count]:
        row.workload = (FAILED if row.workload["ready"] else RUNS).as_json()
        row.save()


def fill_center(edges: int, port: int, *, changes: int) -> Iterator[dict[str, Any]]:
    """Make it a center that knows ``EDGE_ROWS`` instances of each of so many edges.

    Tells of each edge its address, its identity, its mark, its newest version, and the rows that
    it changes while it is away.
    """
    tenant = create_tenant(actor=SYSTEM, spec=TenantSpec("country"))
    package = _package(tenant, 1)
    package.has_file = True
    Package.objects.bulk_create(_versioned([package]))
    for at in range(0, edges, EDGES_AT_ONCE):
        numbers = list(range(at, min(at + EDGES_AT_ONCE, edges)))
        for edge, instances in _known(tenant, package, numbers, port):
            yield {
                "address": edge.ip,
                "site_id": str(edge.site_id),
                "mark": str(edge.peer.mark),
                "newest": edge.cursor,
                "rows": [
                    _told(one, edge.cursor + at) for at, one in enumerate(instances[:changes], 1)
                ],
            }


def _known(
    tenant: Tenant, package: Package, numbers: list[int], port: int
) -> Iterator[tuple[AppLcm, list[AppInstance]]]:
    """Edges that were read to their end, with what is known of them."""
    moment, cursor = clock.now(), EDGE_ROWS + 10
    edges = [
        AppLcm(
            name=f"edge {number:04}", ip=address(number), port=port, site_id=uuid.uuid4(),
            cursor=cursor, reachable=True, since=moment, last_seen=moment,
        )
        for number in numbers
    ]
    AppLcm.objects.bulk_create(_versioned(edges))
    key = own_key()
    KeyHolder.objects.bulk_create(
        KeyHolder(site_id=edge.site_id, key=key) for edge in edges if edge.site_id
    )
    hosts = [_host(number, edge) for number, edge in zip(numbers, edges, strict=True)]
    MecHost.objects.bulk_create(_versioned(hosts))
    marks = [uuid.uuid4() for _ in edges]
    Peer.objects.bulk_create(
        Peer(edge=edge, mark=mark, marks=[str(mark)], verified=mark, last_ok=moment,
             heard_at=moment, verdict="alive", verdict_since=moment)
        for edge, mark in zip(edges, marks, strict=True)
    )
    instances = {
        edge.pk: [_instance(tenant, package, host, number, seen=10) for number in range(EDGE_ROWS)]
        for edge, host in zip(edges, hosts, strict=True)
    }
    every = [one for rows in instances.values() for one in rows]
    AppInstance.objects.bulk_create(_versioned(every), batch_size=AT_ONCE)
    Copy.objects.bulk_create(
        [
            *(
                Copy(edge=edge, kind="mechost", subject_id=host.pk, version=5)
                for edge, host in zip(edges, hosts, strict=True)
            ),
            *(
                Copy(edge_id=key, kind="appinstance", subject_id=one.pk, version=10)
                for key, rows in instances.items()
                for one in rows
            ),
        ],
        batch_size=AT_ONCE,
    )
    yield from ((edge, instances[edge.pk]) for edge in edges)


def _told(one: AppInstance, version: int) -> dict[str, Any]:
    """A row of the feed: the same instance with one pod that is not ready any more."""
    return {
        "kind": "appinstance",
        "id": str(one.pk),
        "version": version,
        "data": {
            "tenant_id": str(one.tenant_id),
            "package_id": str(one.package_id),
            "host_id": str(one.host_id),
            "app_name": one.app_name,
            "description": "",
            "origin": one.origin,
            "record": {
                "id": str(one.pk), "state": one.state, "operation_info": None, "health": "Failed",
                "health_reason": None, "workload": FAILED.as_json(),
                "observed_at": clock.now().isoformat(), "version": version,
            },
        },
    }


def _host(number: int, edge: AppLcm | None) -> MecHost:
    moment = clock.now()
    return MecHost(
        name=f"host {number}", ip=f"10.{80 + number // 62500}.{number // 250 % 250}."
        f"{number % 250 + 1}", city="Delft", address="Quay 1", coordinates="4.36,52.01",
        vim="K8S", applcm=edge, reachable=True, vim_kind="kubernetes", observed_at=moment,
        desired_version=1, delivered_version=1, edge_version=1 if edge else 0, observed_version=5,
    )


def _package(tenant: Tenant, number: int) -> Package:
    return Package(
        tenant=tenant, name=f"app {number}", package_version="1.0", app_class="container",
        filename="app.csar", sha256="0" * 64, size=1000, info={"requirements": {}},
    )


def _instance(
    tenant: Tenant, package: Package, host: MecHost, number: int, *, seen: int = 0
) -> AppInstance:
    # Not one that the site itself would look at each second: only its copying is measured.
    moment = clock.now()
    return AppInstance(
        tenant=tenant, package=package, host=host, app_name=f"web {number:05}",
        state="Terminate failed", edge_state="Terminate failed" if seen else "", health="Ready",
        workload=RUNS.as_json(), observed_at=moment, observed_version=seen,
    )


def _versioned(rows: list[Row]) -> list[Row]:
    """Give each unsaved row a version of its own."""
    last = next_version(len(rows)) if rows else 0
    for number, row in enumerate(rows):
        row.version = last - len(rows) + 1 + number
    return rows
