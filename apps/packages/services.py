"""The only writers of packages: taking them in and letting them go."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError
from apps.common.models import Origin, born_here
from apps.hosts import selectors as hosts
from apps.hosts.models import AppStore
from apps.hosts.policies import may_deploy_to
from apps.journal import services as journal
from apps.packages.csar import Limits, PackageInfo, read_package
from apps.packages.distribution import distribute, withdraw_all
from apps.packages.models import Package, StorePackage
from apps.packages.policies import may_change, may_upload
from apps.packages.revisions import dependents_of, take_number
from apps.packages.selectors import access_package
from apps.packages.states import SyncState
from apps.tenants import quotas
from apps.tenants.actors import Actor
from apps.tenants.policies import require, require_now


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids of a package that was born at another site."""

    app_id: uuid.UUID
    package_id: uuid.UUID
    origin: Origin
    revision: int = 1


def upload_package(
    *,
    actor: Actor,
    tenant_id: uuid.UUID,
    file: UploadedFile[Any],
    name: str = "",
    version: str = "",
    identity: Identity | None = None,
    host_ids: Sequence[uuid.UUID] = (),
) -> Package:
    """Check a CSAR and keep it; PackageRefused says what is wrong, and then nothing is kept.

    Nor is anything kept when one of the hosts that it is ordered onto takes nothing, or not this.
    With ``identity`` the same package sent again is the package that is here already.
    """
    require(may_upload(actor))
    known = _known(identity)
    _make_room(actor, tenant_id, host_ids, known)
    path = _on_disk(file)
    try:
        info = read_package(
            path,
            filename=file.name or "",
            limits=Limits(max_archive_bytes=settings.PACKAGE_MAX_BYTES),
            digests="enforce" if settings.PACKAGE_ENFORCE_DIGESTS else "warn",
        )
    except DomainError as error:
        # Before the answer, so that whoever reads it finds nothing of the file any more.
        file.close()
        _record_refusal(actor, tenant_id, file, error)
        raise
    if known:
        return _same_or_conflict(known, info, tenant_id)
    package = _draft(tenant_id, file, info, identity)
    package.name = name or package.name
    package.package_version = version or package.package_version
    try:
        return keep(
            actor=actor, package=package, path=path, numbered=bool(identity), host_ids=host_ids
        )
    except IntegrityError:
        # The same package for two hosts of one edge comes twice at once: the other was first.
        known = _known(identity)
        if known is None:
            raise
        return _same_or_conflict(known, info, tenant_id)


def _make_room(
    actor: Actor, tenant_id: uuid.UUID, host_ids: Sequence[uuid.UUID], known: Package | None
) -> None:
    """Refuse what can be refused before the file is read; whether a host can run it comes after."""
    if known is None:
        with transaction.atomic():
            quotas.hold(tenant_id, "packages", actor=actor)
    for host in hosts.access_hosts(actor, host_ids):
        require_now(may_deploy_to(host))


def remove_package(
    *, actor: Actor, package_id: uuid.UUID, although_needed: bool = False
) -> None:
    """Remove a package and what it left at hosts; Conflict names what runs from it.

    Conflict names the packages that need what it offers, too, unless it is to go ``although`` they
    do.
    """
    package = access_package(actor, package_id)
    require(may_change(actor, package) if not package.removing else may_upload(actor))
    with transaction.atomic():
        # Locked, so that nobody makes an instance of it between the look and the mark.
        package = Package.objects.select_for_update().get(pk=package.pk)
        _refuse_when_used(package)
        if not although_needed:
            _refuse_when_needed(package)
        package.removing = True
        package.save()
        withdraw_all(actor=actor, package=package)
        journal.record(
            "packages.package.removing", package, actor=actor, tenant_id=package.tenant_id
        )
    forget_when_gone(actor=actor, package_id=package.pk)


def _refuse_when_used(package: Package) -> None:
    users = ", ".join(str(instance) for instance in package.instances.all()[:5])
    if users:
        raise Conflict(N_("The package is still used by: %(users)s."), code="in_use", users=users)


def _refuse_when_needed(package: Package) -> None:
    needy = dependents_of(package)
    if needy:
        raise Conflict(
            N_("What the package offers is needed by: %(users)s."),
            code="needed",
            users=", ".join(str(one) for one in needy[:5]),
            extra={"dependents": [one.package_id for one in needy]},
        )


def forget_when_gone(*, actor: Actor, package_id: uuid.UUID) -> bool:
    """Delete the row and the file of a package that is being removed and is nowhere any more."""
    with transaction.atomic():
        package = Package.objects.select_for_update().filter(pk=package_id, removing=True).first()
        if package is None or package.distributions.exists():
            return False
        path = package.path
        try:
            journal.bury(
                "packages.package.removed",
                package,
                actor=actor,
                tenant_id=package.tenant_id,
                data={"name": str(package)},
            )
        except ProtectedError:
            return False
        transaction.on_commit(lambda: path.unlink(missing_ok=True))
    return True


def _known(identity: Identity | None) -> Package | None:
    return Package.objects.filter(pk=identity.package_id).first() if identity else None


def _on_disk(file: UploadedFile[Any]) -> Path:
    if not isinstance(file, TemporaryUploadedFile):
        raise TypeError("uploads are streamed to disk; see FILE_UPLOAD_HANDLERS")
    file.flush()
    return Path(file.temporary_file_path())


def _record_refusal(
    actor: Actor, tenant_id: uuid.UUID, file: UploadedFile[Any], error: DomainError
) -> None:
    journal.record_refusal(
        "packages.package.refused",
        kind="package",
        name=file.name or "",
        actor=actor,
        tenant_id=tenant_id,
        data={"reason": error.reason.as_json()},
    )


def _same_or_conflict(known: Package, info: PackageInfo, tenant_id: uuid.UUID) -> Package:
    if known.sha256 == info.sha256 and known.tenant_id == tenant_id:
        return known
    raise Conflict(N_("Another package is stored under this id."), code="package_differs")


def _draft(
    tenant_id: uuid.UUID, file: UploadedFile[Any], info: PackageInfo, identity: Identity | None
) -> Package:
    package = Package(
        tenant_id=tenant_id,
        origin=identity.origin if identity else born_here(),
        name=info.name,
        package_version=info.version,
        provider=info.provider,
        description=info.description,
        app_class=info.app_class,
        architecture=info.requirements.architecture,
        filename=file.name or "",
        sha256=info.sha256,
        size=info.size,
        info=info.as_json(),
    )
    if identity:
        package.id, package.app_id = identity.package_id, identity.app_id
        package.revision = identity.revision
    return package


def keep(
    *,
    actor: Actor,
    package: Package,
    path: Path,
    numbered: bool = False,
    host_ids: Sequence[uuid.UUID] = (),
) -> Package:
    """Write the row, order it onto hosts and move the file into its place: all of it or nothing.

    Where the package was ``numbered`` elsewhere it keeps its revision.  The row first: where its id
    is taken, the file in that place belongs to somebody else.
    """
    target, moved = package.path, False
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o600)
    try:
        with transaction.atomic():
            quotas.hold(package.tenant_id, "packages", actor=actor)
            if not numbered:
                take_number(package)
                target = package.path
            package.save(force_insert=True)
            journal.record(
                "packages.package.onboarded",
                package,
                actor=actor,
                tenant_id=package.tenant_id,
                data={"sha256": package.sha256, "revision": package.revision},
            )
            if host_ids:
                distribute(actor=actor, package_id=package.pk, host_ids=host_ids)
            os.replace(path, target)  # noqa: PTH105 - atomic within the site's directory
            moved = True
    except BaseException:
        # What failed after the commit takes no file from its row.
        if moved and not Package.objects.filter(pk=package.pk).exists():
            target.unlink(missing_ok=True)
        raise
    return package


def sweep_orphans() -> int:
    """Delete files that a dead process left: packages without a row, uploads without a request.

    And what was fetched from stores that nobody has registered any more.
    """
    gone = StorePackage.objects.exclude(store_ip__in=AppStore.objects.values("ip"))
    gone.exclude(state=SyncState.IN_PROGRESS).exclude(packages__has_file=False).delete()
    known = {package.path for package in Package.objects.only("id", "app_id")}
    known |= {row.path for row in StorePackage.objects.only("id")}
    # A young file may belong to an upload that is still going on.
    old = clock.now().timestamp() - 3600
    left = [*Path(settings.PACKAGE_DIR).glob("*.csar")]
    left += Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload*")
    orphans = [path for path in left if path not in known and path.stat().st_mtime < old]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)
