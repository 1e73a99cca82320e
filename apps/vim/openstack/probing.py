"""What a cloud says about itself: services, quotas and their use, and what it offers.

Six questions at most, asked at the same time.  Only what the project may see is told; what it may
not is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.vim.errors import VimRefused
from apps.vim.openstack.cloud import SERVICE_MISSING, Cloud, Refused
from apps.vim.results import Capacity, Node, ProbeResult

HEAT: Final = "orchestration"
CINDER: Final = "block_storage"
NEEDED: Final = ("compute", "image", "network")
WITHOUT: Final = {
    HEAT: N_(
        "The region has no orchestration service (Heat); virtual machines cannot be run here."
    ),
    CINDER: N_("The region has no volume service (Cinder); packages with volumes are refused."),
}


def probe(cloud: Cloud) -> ProbeResult:
    """The facts.  Raises VimUnreachable, and VimRefused where the login cannot be used at all."""
    _require_region(cloud)
    lacking = [one for one in (*NEEDED, *WITHOUT) if not cloud.has(one)]
    for one in NEEDED:
        if one in lacking:
            raise VimRefused(
                N_("The region “%(region)s” of the cloud has no service of the type"
                   " “%(service)s”."),
                code=SERVICE_MISSING, region=cloud.login.region, service=one,
            )
    told = _ask_all(cloud)
    nodes = told["hypervisors"]
    return ProbeResult(
        kind="openstack",
        version=str(told["versions"]),
        as_of=clock.now(),
        nodes=None if nodes is None else tuple(_node(one) for one in nodes),
        capacity=_capacity(told["limits"]),
        notes=tuple(_notes(lacking)),
    )


def _require_region(cloud: Cloud) -> None:
    """One region is used; where there are several the access file says which."""
    known, named = cloud.regions(), cloud.login.region
    if named and named not in known:
        raise VimRefused(
            N_("The cloud has no region “%(region)s”; it has %(known)s."),
            code="region_unknown", region=named, known=", ".join(known),
        )
    if not named and len(known) > 1:
        raise VimRefused(
            N_("The cloud has several regions (%(known)s) and the access file names none; add"
               " OS_REGION_NAME."),
            code="region_missing", known=", ".join(known),
        )


def _ask_all(cloud: Cloud) -> dict[str, Any]:
    questions: Mapping[str, Callable[[], Any]] = {
        "limits": lambda: cloud.ask("compute", "GET", "/limits")["limits"]["absolute"],
        "hypervisors": lambda: _hypervisors(cloud),
        "versions": lambda: _version(cloud),
    }
    with ThreadPoolExecutor(len(questions)) as threads:
        answers = {name: threads.submit(ask) for name, ask in questions.items()}
        return {name: answer.result() for name, answer in answers.items()}


def _hypervisors(cloud: Cloud) -> list[dict[str, Any]] | None:
    """The compute hosts; None where the project may not see them, as is usual for tenants."""
    try:
        listed = cloud.ask("compute", "GET", "/os-hypervisors")
    except Refused as refusal:
        if refusal.answered == 403:
            return None
        raise
    rows: list[dict[str, Any]] = listed["hypervisors"]
    return rows


def _version(cloud: Cloud) -> str:
    """The newest microversion of Nova, by which an operator knows the release."""
    newest = cloud.api.compute.get_endpoint_data().max_microversion
    return f"Nova {newest[0]}.{newest[1]}" if newest else "Nova"


def _node(row: Mapping[str, Any]) -> Node:
    ready = row.get("state") == "up" and row.get("status") == "enabled"
    return Node(name=str(row["hypervisor_hostname"]), ready=ready)


def _capacity(limits: Mapping[str, Any]) -> Capacity:
    """The quota of the project and what of it is used; -1 is no quota, which is not a number."""
    return Capacity(
        cpus=_quota(limits.get("maxTotalCores")),
        memory_mb=_quota(limits.get("maxTotalRAMSize")),
        cpus_used=limits.get("totalCoresUsed"),
        memory_mb_used=limits.get("totalRAMUsed"),
    )


def _quota(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None


def _notes(lacking: list[str]) -> Iterator[Reason]:
    for service, text in WITHOUT.items():
        if service in lacking:
            yield Reason(text, SERVICE_MISSING, {"service": service})
