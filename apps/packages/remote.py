"""Packages for a host of an edge: streamed there once, then ordered onto the host."""

from __future__ import annotations

from contextlib import suppress

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, Invalid, NotFound, Upstream
from apps.common.models import Origin
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts.models import MecHost
from apps.packages.models import Package
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor

NO_FILE = N_("The package's file is only at the edge where it was uploaded.")


class RemotePackageTarget:
    """The edge behind a host's AppLCM."""

    def put(self, package: Package, host: MecHost, *, actor: Actor) -> DistributionState:
        """Upload when the edge lacks the file, order the distribution, tell how far it is."""
        assert host.applcm is not None  # noqa: S101 - chosen for hosts that name an AppLCM
        tenant, package_id = package.tenant_id, package.site_key
        with EdgeClient(host.applcm, actor=actor, tenant_name=package.tenant.name) as edge:
            try:
                edge.package(tenant, package_id)
            except NotFound:
                if not package.has_file:
                    raise Conflict(NO_FILE, code="no_file") from None
                edge.upload_package(
                    tenant,
                    ids={
                        "packageId": package_id,
                        "appId": package.app_id.hex,
                        "revision": str(package.revision),
                    },
                    path=package.path,
                    filename=package.filename,
                )
            try:
                edge.distribute(tenant, package_id, host.ip)
                record = edge.package(tenant, package_id)
            except Invalid as error:
                raise _pending(host) if _is_on_its_way(host, error) else error from None
            except NotFound:
                # It was there a moment ago: so the edge was set back to a backup, or removed it.
                text = N_("“%(where)s” has lost the package meanwhile; it is brought again.")
                raise Upstream(text, code="package_lost", where=host.applcm.name) from None
            return _state_at(record, host.ip)

    def remove(self, package: Package, host: MecHost, *, actor: Actor) -> None:
        """Withdraw it from the host, and from the edge when it was the last host there.

        Where only the edge has the file it stays, unless the package itself is to go.
        """
        assert host.applcm is not None  # noqa: S101 - chosen for hosts that name an AppLCM
        tenant, package_id = package.tenant_id, package.site_key
        with EdgeClient(host.applcm, actor=actor, tenant_name=package.tenant.name) as edge:
            # Withdrawn already is no reason to leave the package: the answer may have been lost.
            with suppress(NotFound):
                edge.withdraw(tenant, package_id, host.ip)
            if not (package.has_file or package.removing):
                return
            with suppress(NotFound):
                left = edge.package(tenant, package_id)
                if left is None or not left["mecHostInfo"]:
                    edge.remove_package(tenant, package_id)


def _is_on_its_way(host: MecHost, error: Invalid) -> bool:
    """Whether the edge refused because it has not got a host of ours yet, or lost it."""
    is_unknown = "hostIp" in (error.answer.get("errors") or {})
    return is_unknown and host.origin == Origin.MEO


def _pending(host: MecHost) -> Upstream:
    text = N_("It waits until the edge knows the host “%(host)s”.")
    return Upstream(text, code="host_pending", host=host.name)


def _state_at(record: dict[str, object] | None, ip: str) -> DistributionState:
    hosts = record.get("mecHostInfo") if record else None
    for row in hosts if isinstance(hosts, list) else []:
        if row["hostIp"] == ip:
            if row["status"] == DistributionState.ERROR:
                reason = Reason.from_json(row.get("reason")) or Reason(str(row.get("error") or ""))
                raise Upstream(reason.text, retryable=False, code=reason.code, **reason.params)
            return DistributionState(row["status"])
    return DistributionState.PROCESSING
