"""Long lists against short ones, and placement over a thousand hosts, in one process.

Lists are asked through the whole stack of Django, with a token or a session; the page has 50 rows
in the API and as many as the portal shows.  Long and short are measured in the same run, and in CPU
time, since the database is in the same process and others may use the machine.
"""

from __future__ import annotations

import gc
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from django.db import connection
from django.test import Client

from apps.common import clock
from apps.common.models import next_version
from apps.hosts.models import AppLcm, HostCredential, MecHost
from apps.instances.models import AppInstance
from apps.orchestration.decisions import choose, keep
from apps.orchestration.gathering import Thing
from apps.orchestration.placement import facts
from apps.orchestration.placement.facts import Strategy
from apps.packages.models import Distribution, Package
from apps.tenants import tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant, User
from apps.tenants.roles import Role
from apps.tenants.services import create_tenant, create_user
from apps.tenants.specs import TenantSpec, UserSpec
from tools.bench_mep import Figure

SHORT = (100, 100, 100)
LONG = (10_000, 1_000, 1_000)  # instances, hosts, packages
ROUNDS, PLACEMENTS = 60, 15
QUERIES, SLOWER, CPU_MS = 6, 2.0, 50.0
PASSWORD = "correct-horse-battery-9"
NAME = "localhost"  # a name that every site answers to
INFO = {"requirements": {"compute": [{"vcpus": 2, "memory_mb": 2048, "storage_gb": 10}]}}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one page costs: how many queries, and 95 of 100 times take no more milliseconds."""

    queries: int
    p95: float


def measure() -> list[Figure]:
    """The figures, in this process's own database; what was there is removed."""
    people = [_admin(), _user_of(_tenant())]
    costs: dict[str, list[Cost]] = {}
    for size in (SHORT, LONG):
        _fill(people[1].tenant_id, *size)
        for name, ask in _lists(people):
            costs.setdefault(name, []).append(_cost(ask))
    figures = [_figure(name, few, many) for name, (few, many) in costs.items()]
    return [*figures, *_placements(people[1])]


def _figure(name: str, few: Cost, many: Cost) -> Figure:
    return Figure(
        f"{name}, long lists against short ones",
        f"{many.queries} queries; p95 {many.p95 / few.p95:.2f} times"
        f" ({many.p95:.1f} ms, {few.p95:.1f} ms)",
        f"≤ {QUERIES} queries, ≤ {SLOWER:g} times",
    )


def _lists(people: list[User]) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is asked: each list of the API and of the portal, by whom."""
    admin, user = people
    tenant = user.tenant_id
    api = {
        "API: instances": f"/appo/v1/tenants/{tenant}/app_instance_infos",
        "API: hosts": "/inventory/v1/mechosts",
        "API: packages": f"/apm/v1/tenants/{tenant}/packages",
    }
    for who, person in (("administrator", admin), ("tenant", user)):
        token = {"authorization": f"Bearer {tokens.access_token(person)}"}
        client = Client(headers=token, SERVER_NAME=NAME)
        for name, path in api.items():
            yield f"{name}, {who}", _asking(client, f"{path}?limit=50&offset=50")
        browser = Client(SERVER_NAME=NAME)
        browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        for page in ("instances", "hosts", "packages"):
            url = f"/{page}/?page=2"
            yield f"portal: {page}, {who}", _asking(browser, url)


def _asking(client: Client, url: str) -> Callable[[], None]:
    def ask() -> None:
        answer = client.get(url)
        if answer.status_code != 200:
            raise RuntimeError(f"{url} answered {answer.status_code}")

    return ask


def _cost(ask: Callable[[], None]) -> Cost:
    for _ in range(3):
        ask()
    queries = _queries(ask)
    times = []
    with _uncollected():
        for _ in range(ROUNDS):
            began = time.process_time()
            ask()
            times.append((time.process_time() - began) * 1000)
    return Cost(queries, statistics.quantiles(times, n=20)[18])


def _queries(deed: Callable[[], object]) -> int:
    """How many queries a deed takes, also where it opens connections of its own."""
    counted = []

    def count(execute: Callable[..., Any], *args: Any) -> Any:
        counted.append(args[0])
        return execute(*args)

    with connection.execute_wrapper(count):
        deed()
    return len(counted)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection in the middle of a measurement."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _placements(user: User) -> list[Figure]:
    """One application over all hosts, by every order: facts and decision, then the record."""
    package = Package.objects.filter(tenant=user.tenant_id).order_by("name")[0]
    thing = Thing(package.tenant_id, package, "placed")
    hosts = MecHost.objects.count()
    deciding, keeping, queries = [], [], 0
    began = time.process_time()
    choose(user.actor, thing, Strategy())
    first = (time.process_time() - began) * 1000
    for order in facts.ORDERS:
        strategy = Strategy(
            count=3, regions=("west", "north"), tags=("street",), architectures=("x86_64",),
            latitude=52.0, longitude=4.5, max_distance_km=300.0, order=order,
        )
        queries = max(queries, _queries(partial(choose, user.actor, thing, strategy)))
        with _uncollected():
            times = [_placed(user, thing, strategy) for _ in range(PLACEMENTS)]
        # The quickest of the rounds: what others do on the machine only ever adds.
        deciding.append(min(one for one, _ in times))
        keeping.append(min(two for _, two in times))
    return [
        Figure(
            f"placement over {hosts:,} hosts: facts in {queries} queries, filters, scores, reasons",
            f"{max(deciding):.1f} ms of CPU (slowest order; {first:.1f} ms the first time)",
            f"≤ {CPU_MS:g} ms of CPU",
        ),
        Figure("its record written", f"{max(keeping):.1f} ms of CPU", "–"),
    ]


def _placed(user: User, thing: Thing, strategy: Strategy) -> tuple[float, float]:
    began = time.process_time()
    choice = choose(user.actor, thing, strategy)
    decided = time.process_time()
    keep(choice, actor=user.actor, dry_run=True)
    return (decided - began) * 1000, (time.process_time() - decided) * 1000


def _tenant() -> Tenant:
    return create_tenant(actor=SYSTEM, spec=TenantSpec(f"lists {next_version()}"))


def _admin() -> User:
    spec = UserSpec(f"boss-{next_version()}", Role.ADMIN, PASSWORD, None)
    return create_user(actor=SYSTEM, spec=spec)


def _user_of(tenant: Tenant) -> User:
    spec = UserSpec(f"user-{next_version()}", Role.TENANT, PASSWORD, tenant.pk)
    return create_user(actor=SYSTEM, spec=spec)


def _fill(tenant: uuid.UUID | None, instances: int, hosts: int, packages: int) -> None:
    """Make it a site of exactly this size."""
    if tenant is None:
        raise RuntimeError("the user of the bench has no tenant")
    for table in (AppInstance, Distribution, Package, HostCredential, MecHost, AppLcm):
        table.objects.all().delete()
    chance = Random(7)  # noqa: S311 - made-up hosts are no secret
    edges = AppLcm.objects.bulk_create(
        AppLcm(name=f"edge {n}", ip=f"10.9.{n // 250}.{n % 250 + 1}", port=8100, reachable=True,
               last_seen=clock.now(), version=next_version())
        for n in range(hosts // 10)
    )
    made = MecHost.objects.bulk_create(
        _host(n, edges[n % len(edges)], chance) for n in range(hosts)
    )
    HostCredential.objects.bulk_create(HostCredential(host=host) for host in made)
    kept = Package.objects.bulk_create(
        Package(tenant_id=tenant, name=f"app-{n:04}", package_version="1.0", size=1, info=INFO,
                app_class="container", version=next_version())
        for n in range(packages)
    )
    Distribution.objects.bulk_create(
        Distribution(package=package, host=made[(n + at) % hosts], state="Distributed",
                     version=next_version())
        for n, package in enumerate(kept)
        for at in range(5)
    )
    AppInstance.objects.bulk_create(
        (AppInstance(
            tenant_id=tenant, package=kept[n % packages], host=made[n % hosts],
            app_name=f"instance-{n:05}", state="Instantiated" if n % 100 else "Creating",
            health="Ready", observed_at=clock.now(), version=next_version())
         for n in range(instances)),
        batch_size=500,
    )


def _host(number: int, edge: AppLcm, chance: Random) -> MecHost:
    room = {"cpus": 16.0, "memory_mb": 65536.0, "storage_gb": 500.0,
            "cpus_used": round(chance.uniform(0, 16), 1),
            "memory_mb_used": round(chance.uniform(0, 65536)), "storage_gb_used": 80.0}
    nodes = [{"name": f"node-{at}", "ready": True, "cpus": 8, "memory_mb": 32768}
             for at in range(2)]
    return MecHost(
        name=f"host-{number:04}", ip=f"10.20.{number // 250}.{number % 250 + 1}", city="Delft",
        address="Quay 1", coordinates="4.36,52.01", applcm=edge, version=next_version(),
        reachable=chance.random() > 0.05, observed_at=clock.now(), affinity="X86_64",
        region=chance.choice(["west", "north", "south", ""]),
        tags=["street"] if chance.random() > 0.2 else [],
        latitude=chance.uniform(50.8, 53.4), longitude=chance.uniform(3.6, 7.0),
        facts={"kind": "kubernetes", "version": "1.31", "as_of": clock.now().isoformat(),
               "architecture": "x86_64", "capabilities": ["GPU"], "capacity": room,
               "nodes": nodes},
    )
