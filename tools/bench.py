#!/usr/bin/env python3
"""`make bench`: what this project exists for, as ratios measured in one run.

Each line compares two things on the same machine in the same minute; absolute times are there to
judge whether a ratio matters.  Written to docs/benchmarks.md.
"""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
ROUNDS = 7
CORES = os.cpu_count()
LISTS = [
    "10,000 instances, 1,000 hosts and 1,000 packages against 100 of each; a page of 50 rows",
    "in the API, of 25 in the portal. Django's whole stack in one process.",
]
PLATFORM = [
    f"One site process; load from the same {CORES} cores (wrk 4, one thread, 32 connections).",
    "World: 10,000 applications with 10 services each, all beating, tokens verified.",
]
CLOUD = ["A real cloud with Nova's fake hypervisor, on the same cores as all else."]
CLUSTER = ["A real control plane with a stand-in for its kubelets, on the same cores as all else."]

sys.path.insert(0, str(ROOT))
os.environ.setdefault("MECM_SITE_DIR", tempfile.mkdtemp(prefix="mecm-bench-"))
os.environ.setdefault("MECM_LOG_LEVEL", "ERROR")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")

import django  # noqa: E402 - needs the two variables above

django.setup()

from django.core.management import call_command  # noqa: E402 - needs loaded apps

from apps.common.models import current_version, next_version  # noqa: E402 - needs loaded apps
from apps.hosts.models import MecHost  # noqa: E402 - needs loaded apps
from apps.instances.models import AppInstance  # noqa: E402 - needs loaded apps
from apps.monitoring.topology import graph_for  # noqa: E402 - needs loaded apps
from apps.packages.csar import read_package  # noqa: E402 - needs loaded apps
from apps.packages.models import Package  # noqa: E402 - needs loaded apps
from apps.sync import feed  # noqa: E402 - needs loaded apps
from apps.tenants.actors import SYSTEM  # noqa: E402 - needs loaded apps
from apps.tenants.services import create_tenant  # noqa: E402 - needs loaded apps
from apps.tenants.specs import TenantSpec  # noqa: E402 - needs loaded apps
from examples.packages import build  # noqa: E402 - needs loaded apps
from tools import (  # noqa: E402 - as above
    bench_batch,
    bench_kubernetes,
    bench_lists,
    bench_mep,
    bench_mep_parts,
    bench_openstack,
    bench_packages,
    bench_sync,
)
from tools.bench_mep import Figure  # noqa: E402 - needs loaded apps

Deed = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """One comparison: ``first`` against ``second``, and the medians in milliseconds."""

    what: str
    first: float
    second: float
    ratio: float


def compare(what: str, first: Deed, second: Deed) -> Line:
    """Run both in turn, ``ROUNDS`` times after one that does not count."""
    pairs = [(_seconds(first), _seconds(second)) for _ in range(ROUNDS + 1)][1:]
    ratio = statistics.median(one / other for one, other in pairs)
    return Line(what, _median(one for one, _ in pairs), _median(two for _, two in pairs), ratio)


def compare_sizes(what: str, deed: Deed, *, few: int, many: int) -> Line:
    """The same deed in a site of ``many`` instances against one of ``few``, one after the other."""
    times = []
    for size in (few, many):
        fill(size)
        deed()
        times.append(_median(_seconds(deed) for _ in range(ROUNDS)))
    return Line(what, times[1], times[0], times[1] / times[0])


def _median(seconds: Iterable[float]) -> float:
    return statistics.median(seconds) * 1000


def _seconds(deed: Deed) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def fill(instances: int) -> None:
    """Make it a site with this many instances on one host."""
    AppInstance.objects.all().delete()
    tenant = create_tenant(actor=SYSTEM, spec=TenantSpec(f"bench {next_version()}"))
    package = Package(tenant=tenant, name="p", package_version="1", app_class="vm", size=1)
    package.save(force_insert=True)
    host = MecHost.objects.first() or MecHost(
        name="h", ip="10.0.0.1", city="c", address="a", coordinates="0,0"
    )
    host.save()
    AppInstance.objects.bulk_create(
        AppInstance(
            tenant=tenant,
            package=package,
            host=host,
            app_name=f"i{number}",
            version=next_version(),
        )
        for number in range(instances)
    )


def last_changes() -> object:
    """The page of the feed with the last ten changes."""
    return feed.page(after=current_version() - 10, limit=100)


def csar_cost(folder: Path) -> Line:
    """Reading and checking a package against only unzipping and hashing it."""
    path = folder / "bench.csar"
    image = {"Image/disk.img": os.urandom(64 * 1024 * 1024)}
    build(path, name="bench", version="1", app_class="vm", extra=image)

    def bare() -> None:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    digest = hashlib.sha256()
                    while piece := member.read(65536):
                        digest.update(piece)
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")

    return compare(
        "check a 67 MB package, against unzip and SHA-256 by the standard library",
        lambda: read_package(path, filename=path.name),
        bare,
    )


def _rows(figures: list[Figure]) -> list[str]:
    """A table of figures, with an empty line after it."""
    rows = [f"| {one.what} | {one.measured} | {one.promised} |" for one in figures]
    return ["| what | measured | promised |", "|---|---|---|", *rows, ""]


def write(lines: list[Line], chapters: list[tuple[str, list[str], list[Figure]]]) -> None:
    """The tables, with what they were measured on: title, explanation and figures of each."""
    text = [
        "# Benchmarks",
        "",
        f"`make bench` on {CORES} cores of {platform.machine()}, {platform.system()}.",
        f"Python {platform.python_version()}; medians of {ROUNDS} rounds.",
        "A ratio below 1 means that the first is faster.",
        "",
        "| what | first | second | ratio |",
        "|---|---|---|---|",
        *(
            f"| {line.what} | {line.first:.2f} ms | {line.second:.2f} ms | {line.ratio:.2f} |"
            for line in lines
        ),
        "",
    ]
    for title, explained, figures in chapters:
        text += [f"## {title}", "", *explained, "", *_rows(figures)]
    PAGE.write_text("\n".join(text))
    sys.stdout.write("\n".join(text))


def main() -> int:
    """Measure everything and write the page."""
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        write(
            [
                csar_cost(Path(folder)),
                compare_sizes(
                    "feed page of 10 changes, 5,000 instances against 50",
                    last_changes,
                    few=50,
                    many=5000,
                ),
                compare_sizes(
                    "topology of 1,000 instances against 50",
                    lambda: graph_for(SYSTEM),
                    few=50,
                    many=1000,
                ),
            ],
            [
                ("Lists and placement", LISTS, bench_lists.measure()),
                (
                    "MEC platform",
                    PLATFORM,
                    [*bench_mep_parts.measure(), *bench_mep.measure(Path(folder))],
                ),
                (
                    "Batches over twenty edges",
                    [bench_packages.WORLD],
                    [*bench_packages.measure(), *bench_batch.measure()],
                ),
                ("Synchronization", bench_sync.WORLD, bench_sync.measure()),
                ("Kubernetes", CLUSTER, bench_kubernetes.measure()),
                ("OpenStack", CLOUD, bench_openstack.measure()),
            ],
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
