"""Packages that tenants take from an application store.

The row is there at once, so that its distribution can be followed; its file comes from the one that
was fetched for everybody, as soon as that is here.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Invalid, NotFound
from apps.common.words import Reason
from apps.journal import services as journal
from apps.packages import store_orders
from apps.packages.csar import Layout, Manifest, PackageInfo, Requirements
from apps.packages.distribution import about, distribute
from apps.packages.models import Distribution, Package, StorePackage
from apps.packages.policies import fits, may_change, may_upload
from apps.packages.revisions import next_number
from apps.packages.selectors import lock_package
from apps.packages.states import DISTRIBUTION, DistributionState, SyncState
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.policies import require

# The fields in which stores describe packages.
TOLD = (
    "packageId", "size", "format", "createTime", "name", "version", "type", "details", "affinity",
    "industry", "contact", "appId", "userId", "userName", "status", "shortDesc", "testTaskId",
    "provider",
)


@dataclass(frozen=True, slots=True)
class OnboardSpec:
    """A package of a store as a tenant wants to have it."""

    store_ip: str
    app_id: uuid.UUID
    package_id: uuid.UUID
    name: str
    version: str
    source: str
    provider: str = ""
    description: str = ""
    icon_url: str = ""
    affinity: str = ""


def spec_of(row: StorePackage) -> OnboardSpec:
    """What a tenant gets who takes a package as the store describes it.

    A name that no package may have is written as one.
    """
    told = {key: str(row.told.get(key) or "") for key in TOLD}
    name = re.sub(r"[^\w.-]+", "-", told["name"]).strip("-._") or row.package_id.hex
    return OnboardSpec(
        store_ip=row.store_ip,
        app_id=row.app_id,
        package_id=row.package_id,
        name=name[:255],
        version=told["version"][:255] or "1.0",
        source=f"http://{row.endpoint}/mec/appstore/v1/apps/{row.app_id.hex}/packages/"
        f"{row.package_id.hex}/action/download",
        provider=told["provider"],
        description=told["shortDesc"],
        affinity=told["affinity"][:255],
    )


@transaction.atomic
def onboard(
    *, actor: Actor, tenant_id: uuid.UUID, spec: OnboardSpec, host_ids: Sequence[uuid.UUID]
) -> Package:
    """Take a package from a store and order it onto hosts; the same one again is no second one.

    Invalid for a store that nobody registered, Conflict over a limit; then nothing is kept.
    """
    require(may_upload(actor))
    # Whoever adds to the tenant waits for its row; what is there already needs no room.
    quotas.hold(tenant_id, "packages", adding=0)
    same = Package.objects.filter(
        tenant_id=tenant_id, app_id=spec.app_id, store_key=spec.package_id
    )
    package = same.select_for_update(of=("self",)).first()
    if package is None:
        package = _draft(tenant_id, spec)
        quotas.hold(tenant_id, "packages")
    require(may_change(actor, package))
    try:
        wanted = store_orders.Wanted(spec.store_ip, spec.app_id, spec.package_id)
        source = store_orders.ensure(actor=actor, wanted=wanted)
    except NotFound as error:
        raise Invalid(
            N_("The request is not valid."), fields={"appPkgPath": error.reason}
        ) from None
    if not package.version or not package.has_file:
        package.store_package = source
        is_new = not package.version
        package.save()
        if is_new:
            journal.record(
                "packages.package.ordered", package, actor=actor, tenant_id=tenant_id,
                data={"store": spec.store_ip},
            )
    distribute(actor=actor, package_id=package.pk, host_ids=host_ids)
    _deliver(package.pk)
    return package


def settle(store_package_id: uuid.UUID) -> int:
    """Give what arrived to the packages that wait for it, or tell them that it did not."""
    waiting = Package.objects.filter(store_package_id=store_package_id, has_file=False)
    return sum(_deliver(key) for key in waiting.values_list("pk", flat=True))


def settle_all() -> int:
    """The same for whatever a dead worker left behind."""
    ended = (SyncState.IN_SYNC, SyncState.FAILED)
    rows = Package.objects.filter(has_file=False, store_package__state__in=ended)
    return sum(_deliver(key) for key in rows.values_list("pk", flat=True))


@transaction.atomic
def _deliver(package_id: uuid.UUID) -> bool:
    try:
        package = lock_package(package_id)
    except NotFound:
        return False
    source = package.store_package
    if source is None or not package.awaits_file:
        return False
    if source.state == SyncState.FAILED:
        reason = source.fault_reason
        rows = _waiting(package)
        for row in rows:
            _refuse(row, reason)
        return bool(rows)
    if source.state != SyncState.IN_SYNC or not source.path.exists():
        return False
    _fill(package, source)
    for row in _waiting(package):
        decision = fits(package, row.host)
        if decision:
            row.next_at = clock.now()
            row.save()
            _record("ordered", row)
        else:
            _refuse(row, decision.reason)
    return True


def _draft(tenant_id: uuid.UUID, spec: OnboardSpec) -> Package:
    package = Package(
        tenant_id=tenant_id,
        app_id=spec.app_id,
        store_key=spec.package_id,
        name=spec.name,
        package_version=spec.version,
        provider=spec.provider,
        description=spec.description,
        icon_url=spec.icon_url,
        affinity=spec.affinity,
        source=spec.source,
        has_file=False,
        size=0,
        info=_unread(spec).as_json(),
    )
    package.revision = next_number(package)
    return package


def _unread(spec: OnboardSpec) -> PackageInfo:
    """What is known of a package that nobody has read yet: nothing but its name and version.

    Its class stands in no column and is shown to nobody; the type has no word for unknown.
    """
    return PackageInfo(
        name=spec.name,
        version=spec.version,
        provider="",
        description="",
        app_class="container",
        released_at="",
        sha256="",
        size=0,
        layout=Layout("", "folder", "", ""),
        manifest=Manifest("", {}),
        requirements=Requirements(),
    )


def _fill(package: Package, source: StorePackage) -> None:
    """Give the package its file and all that is known of it."""
    info = source.found
    package.provider = package.provider or info.provider
    package.description = package.description or info.description
    package.app_class, package.architecture = info.app_class, info.requirements.architecture
    package.sha256, package.size, package.info = source.sha256, source.size, source.info
    package.filename = source.filename
    package.has_file = True
    package.save()
    _link(source.path, package.path)
    journal.record(
        "packages.package.onboarded",
        package,
        actor=Actor.from_json(source.actor) if source.actor else SYSTEM,
        tenant_id=package.tenant_id,
        data={"sha256": package.sha256, "revision": package.revision, "store": source.store_ip},
    )


def _link(source: Path, target: Path) -> None:
    """The same bytes under another name; a copy where the file system has no hard links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        target.chmod(0o600)


def _waiting(package: Package) -> list[Distribution]:
    rows = package.distributions.select_for_update(of=("self",)).select_related("host", "package")
    return list(rows.filter(state=DistributionState.PROCESSING, next_at=None, removing=False))


def _refuse(row: Distribution, reason: Reason) -> None:
    row.state, row.fault = DISTRIBUTION.move(row.state, "fail"), reason.as_json()
    row.save()
    _record("failed", row)


def _record(verb: str, row: Distribution) -> None:
    actor = Actor.from_json(row.actor) if row.actor else SYSTEM
    journal.record(
        f"packages.distribution.{verb}", row, actor=actor, tenant_id=row.package.tenant_id,
        data=about(row),
    )
