"""What applications on a host need of each other, by the services that their packages name.

A required service is met by an ACTIVE service of the MEC platform there, or by an instance of the
same tenant whose package produces it or is called so.  Name and version decide; ids in a package
are hints that help and never hinder.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.instances.states import InstanceState
from apps.mep.models import MecService
from apps.mep.states import ServiceState
from apps.packages.csar import Service
from apps.packages.models import Package

# An order to create is met by what is on its way too, one to run only by what runs or starts.
RUNNING = Q(state__in=(InstanceState.INSTANTIATING, InstanceState.INSTANTIATED)) | Q(
    state=InstanceState.CREATING, wanted="Instantiated"
)
PLANNED = RUNNING | Q(state__in=(InstanceState.CREATING, InstanceState.CREATED))
DEPENDED = "application instance depended by others"


class ServicesMissing(Conflict):
    """What the application requires is not on the host; ``names`` says what."""

    default_code = "services_missing"

    def __init__(self, host: MecHost, missing: Sequence[Service]) -> None:
        self.names = [one.name for one in missing]
        super().__init__(
            N_("“%(host)s” has no active service: %(services)s."),
            host=host.name,
            services=", ".join(map(_title, missing)),
            extra={
                "missing": [{"serName": one.name, "version": one.version} for one in missing],
                "overridden_by": "allow_missing_services",
            },
        )


class Depended(Conflict):
    """Others need what the instance offers; ``needed_by`` names them."""

    default_code = "depended_by_others"

    def __init__(self, instance: AppInstance, needed_by: Sequence[AppInstance]) -> None:
        self.needed_by = list(needed_by)
        super().__init__(
            N_("“%(name)s” is needed by: %(others)s."),
            name=instance.app_name,
            others=", ".join(one.app_name for one in needed_by),
            extra={
                "dependents": [
                    {"appInstanceId": str(one.pk), "appName": one.app_name} for one in needed_by
                ]
            },
        )


@dataclass(frozen=True, slots=True)
class _Offer:
    """What one package offers: its services, its own name, and its ids."""

    services: frozenset[tuple[str, str]]
    ids: frozenset[str]

    @classmethod
    def of(cls, package: Package) -> _Offer:
        produced = package.details.requirements.services_produced
        named = {(one.name, _plain(one.version)) for one in produced}
        own = (package.name, _plain(package.package_version))
        ids = {package.app_id.hex, package.pk.hex, package.package_id}
        return cls(frozenset(named | {own}), frozenset(ids))

    def meets(self, wanted: Service) -> bool:
        hinted = {wanted.app_id.replace("-", ""), wanted.package_id.replace("-", "")} - {""}
        return bool(hinted & self.ids) or any(
            _fits(wanted, name, version) for name, version in self.services
        )


def missing(
    *,
    tenant_id: uuid.UUID,
    host: MecHost,
    package: Package,
    among: Q,
    besides: uuid.UUID | None = None,
) -> list[Service]:
    """The services that ``package`` requires and that nothing on ``host`` offers now."""
    wanted = _required_by(package)
    if not wanted:
        return []
    offers = [
        _Offer.of(one.package) for one in _on(host, tenant_id, among) if one.pk != besides
    ]
    registered = _registered(host, [one.name for one in wanted], besides)
    return [
        one
        for one in wanted
        if not any(_fits(one, name, version) for name, version in registered)
        and not any(offer.meets(one) for offer in offers)
    ]


def warning(host: MecHost, lacking: Sequence[Service]) -> Reason:
    """The sentence that is kept with an order that was accepted all the same."""
    return ServicesMissing(host, lacking).reason


def dependents(instance: AppInstance, *, without: Iterable[uuid.UUID] = ()) -> list[AppInstance]:
    """The tenant's other instances on the host that would lack something without ``instance``."""
    leaving = {instance.pk, *without}
    neighbours = list(_on(instance.host, instance.tenant_id, PLANNED))
    others = [one for one in neighbours if one.pk not in leaving]
    demanding = [(one, _required_by(one.package)) for one in others]
    if not any(wanted for _, wanted in demanding):
        return []
    mine = _Offer.of(instance.package)
    offers = {one.pk: _Offer.of(one.package) for one in others}
    names = [service.name for _, wanted in demanding for service in wanted]
    registered = _registered(instance.host, names, *leaving)
    own = _registered_by(instance, names)
    found = []
    for one, wanted in demanding:
        for service in wanted:
            offered = mine.meets(service) or any(_fits(service, *pair) for pair in own)
            elsewhere = any(_fits(service, *pair) for pair in registered) or any(
                offer.meets(service) for key, offer in offers.items() if key != one.pk
            )
            if offered and not elsewhere:
                found.append(one)
                break
    return found


def _required_by(package: Package) -> Sequence[Service]:
    """What a package requires; most require nothing, and their whole record is not read for it."""
    if not (package.info.get("requirements") or {}).get("services_required"):
        return ()
    return package.details.requirements.services_required


def _on(host: MecHost, tenant_id: uuid.UUID, among: Q) -> Iterable[AppInstance]:
    rows = AppInstance.objects.select_related("package")
    return rows.filter(among, host=host, tenant_id=tenant_id)


def _registered(
    host: MecHost, names: Sequence[str], *besides: uuid.UUID | None
) -> list[tuple[str, str]]:
    """Active services of the host's platform by name and version, whoever registered them."""
    rows = MecService.objects.filter(
        application__site_id=host.applcm_id, ser_name__in=names, state=ServiceState.ACTIVE
    )
    rows = rows.exclude(application_id__in=[key for key in besides if key])
    return list(rows.values_list("ser_name", "ser_version"))


def _registered_by(instance: AppInstance, names: Sequence[str]) -> list[tuple[str, str]]:
    rows: Any = MecService.objects.filter(application_id=instance.pk, ser_name__in=names)
    return list(rows.values_list("ser_name", "ser_version"))


def _fits(wanted: Service, name: str, version: str) -> bool:
    asked = _plain(wanted.version)
    return wanted.name == name and (not asked or asked == _plain(version))


def _plain(version: str) -> str:
    """``v1.0`` and ``1.0`` are one version."""
    return version.strip().lower().removeprefix("v")


def _title(service: Service) -> str:
    return f"{service.name} {service.version}".strip()
