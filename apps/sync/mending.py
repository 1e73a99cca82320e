"""Puts right an edge that was restored from a backup: this center knows what happened since.

What had ended there is ended again, and what the backup did not have yet is given back.  Both are
kept as held rows until they are done, so that a cut link or a death in between loses none.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import DomainError, NotFound, Upstream
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts import agreement as host_agreement
from apps.hosts.models import AppLcm, MecHost
from apps.instances import adoption
from apps.instances.models import AppInstance
from apps.instances.selectors import unfinished
from apps.instances.states import InstanceState
from apps.journal import orders
from apps.journal.models import Tombstone
from apps.mep import adoption as mep
from apps.orchestration.remote import order_of
from apps.packages import distribution
from apps.packages.adoption import brought_by_orders
from apps.packages.models import Distribution, Package
from apps.rules import agreement as rule_agreement
from apps.rules.models import AppdConfiguration
from apps.sync.kinds import NAMES, Source
from apps.sync.models import Copy, HeldRow, Peer
from apps.sync.taking import BROKEN, ENDED_BEFORE, LOST, WAITS, Taken, take

Held = QuerySet[HeldRow]
# What there is to do with a row: None when it is done, else why it has to be tried again.
Step = Callable[[AppLcm, EdgeClient, HeldRow], Reason | None]
NO_FILE = Reason(
    N_("The edge was set back and lost it; its package was only there and cannot be given back."),
    "no_file",
)
REMOVED_HERE = Reason(N_("It was removed here, and the edge still has it."), ENDED_BEFORE)
NO_HOST = Reason(N_("It waits until its host answers at the edge again."), "no_host")
# States in which an instance is at its edge, or was when an order of ours was given up.
AT_THE_EDGE = (
    InstanceState.CREATING, InstanceState.INSTANTIATING, InstanceState.INSTANTIATED,
    InstanceState.TERMINATING,
)
BUSY = Reason(N_("An operation on it is not done yet."), "busy")


def find_lost(edge: AppLcm, peer: Peer) -> None:
    """At the end of a full copy: what it did not meet has ended there, or was lost with a backup.

    Must be called inside the transaction that ends the copy.
    """
    missing = Copy.objects.filter(edge=edge, gone=False).exclude(seen=peer.copying)
    missing = missing.exclude(Exists(_held_in_this_copy(edge, OuterRef("kind"))))
    ended: list[Copy] = []
    lost: list[Copy] = []
    for copy in missing:
        is_lost = peer.forked_at is not None and copy.former >= peer.forked_at
        (lost if is_lost else ended).append(copy)
    gone = [
        {"kind": one.kind, "id": str(one.subject_id), "version": one.version + 1, "gone": True}
        for one in ended
    ]
    take(Source(edge), gone, Taken(), copying=peer.copying)
    HeldRow.objects.bulk_create(
        [
            HeldRow(edge=edge, kind=one.kind, subject_id=one.subject_id, version=0, code=LOST)
            for one in lost
        ],
        ignore_conflicts=True,
    )
    Copy.objects.filter(pk__in=[one.pk for one in lost]).delete()
    if peer.forked_at is not None:
        _find_lost_before_it_was_told(edge)


def _held_in_this_copy(edge: AppLcm, kind: str | OuterRef, key: str = "subject_id") -> Held:
    """What the copy did meet and could not take yet: such rows of before it are forgotten."""
    met = HeldRow.objects.filter(edge=edge, gone=False, code__in=(WAITS, BROKEN))
    return met.filter(kind=kind, subject_id=OuterRef(key))


def _find_lost_before_it_was_told(edge: AppLcm) -> None:
    """What this center had brought there, and of which the edge was set back before it told."""
    copies = Copy.objects.filter(edge=edge, gone=False)
    hosts = MecHost.objects.filter(applcm=edge).exclude(edge_version=0)
    instances = AppInstance.objects.filter(host__applcm=edge, state__in=AT_THE_EDGE)
    on_the_way = instances.exclude(state=InstanceState.INSTANTIATED)
    orders = unfinished(on_the_way.values_list("pk", flat=True))
    worked_on = instances.filter(pk__in=orders.values("instance_id"))
    instances = instances.exclude(pk__in=worked_on.values("pk"))
    rules = AppdConfiguration.objects.filter(instance__host__applcm=edge, delivered__gt=0)
    known = (("mechost", hosts), ("appinstance", instances), ("appdconfiguration", rules))
    for kind, rows in known:
        met = copies.filter(kind=kind).values("subject_id")
        rows = rows.exclude(Exists(_held_in_this_copy(edge, kind, "pk")))
        HeldRow.objects.bulk_create(
            [
                HeldRow(edge=edge, kind=kind, subject_id=pk, version=0, code=LOST)
                for pk in rows.exclude(pk__in=met).values_list("pk", flat=True)
            ],
            ignore_conflicts=True,
        )
    met = copies.filter(kind="appinstance").values("subject_id")
    adoption.note_lost(instance_ids=worked_on.exclude(pk__in=met).values_list("pk", flat=True))
    # Also where only the edge may have the file: that it has lost it too is said then.
    for key in brought_by_orders(edge).values_list("pk", flat=True):
        distribution.bring_again(distribution_id=key)


def mend(edge: AppLcm, client: EdgeClient) -> int:
    """Take every step that can be taken now; returns how many rows of the edge are still held."""
    rows = HeldRow.objects.filter(edge=edge)
    depth = {kind: number for number, kind in enumerate(NAMES)}
    ended = rows.filter(code=ENDED_BEFORE)
    lost = rows.filter(code=LOST)
    for row in sorted(ended, key=lambda row: -depth[row.kind]):
        _try(edge, client, row, _END_AGAIN.get(row.kind, _nothing))
    for row in sorted(lost, key=lambda row: depth[row.kind]):
        _try(edge, client, row, _GIVE_BACK.get(row.kind, _nothing))
    return rows.count()


def find_removed_here(edge: AppLcm) -> bool:
    """A package that was removed here while it was on no host, so that no order told the edge.

    To be looked for in every pull: nothing else waits because of it.  Whether there is any.
    """
    copies = Copy.objects.filter(edge=edge, kind="package", gone=False)
    stones = Tombstone.objects.filter(kind="package", subject_id__in=copies.values("subject_id"))
    held = HeldRow.objects.bulk_create(
        [
            HeldRow(
                edge=edge,
                kind="package",
                subject_id=stone.subject_id,
                version=copies.get(subject_id=stone.subject_id).version,
                code=ENDED_BEFORE,
                reason=REMOVED_HERE.as_json(),
                data={"tenant_id": str(stone.tenant_id), "app_id": stone.data["package_id"][:32]},
            )
            for stone in stones
        ],
        ignore_conflicts=True,
    )
    return bool(held)


def _try(edge: AppLcm, client: EdgeClient, row: HeldRow, step: Step) -> None:
    try:
        with orders.numbered(orders.new_number()):
            reason = step(edge, client, row)
    except Upstream:
        raise
    except DomainError as error:
        reason = error.reason
    mine = HeldRow.objects.filter(pk=row.pk, version=row.version, code=row.code)
    if reason is None:
        mine.delete()
    else:
        mine.update(reason=reason.as_json())


def _nothing(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    return None


# --- what had ended ---------------------------------------------------------------------------


def _end_instance(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    return _gone_by(lambda: client.terminate(_uuid(row, "tenant_id"), row.subject_id))


def _end_rules(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    return _gone_by(lambda: client.remove_rules(_uuid(row, "tenant_id"), row.subject_id))


def _end_distribution(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    tenant, key, ip = _uuid(row, "tenant_id"), row.data["package_key"], row.data["host_ip"]
    return _gone_by(lambda: client.withdraw(tenant, key, ip))


def _end_package(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    key = f"{_uuid(row, 'app_id').hex}{row.subject_id.hex}"
    return _gone_by(lambda: client.remove_package(_uuid(row, "tenant_id"), key))


def _end_host(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    return _gone_by(lambda: client.remove_host(row.data["ip"]))


def _gone_by(order: Callable[[], None]) -> Reason | None:
    try:
        order()
    except NotFound:
        return None
    return None


# --- what was lost ----------------------------------------------------------------------------


@transaction.atomic
def _give_host(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    host_agreement.deliver_again(host_id=row.subject_id)
    return None


def _give_package(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    package = Package.objects.filter(pk=row.subject_id).first()
    return None if package is None or package.has_file else NO_FILE


def _has_file(edge: AppLcm, package: Package) -> bool:
    """Whether its file is here, or is still at the edge where it was uploaded."""
    copies = Copy.objects.filter(edge=edge, kind="package", subject_id=package.pk, gone=False)
    return package.has_file or copies.exists()


def _give_distribution(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    found = Distribution.objects.select_related("package", "host").filter(
        remote_id=row.subject_id, host__applcm=edge
    )
    there = found.first()
    if there is None or there.removing:
        return None
    if not _has_file(edge, there.package):
        return NO_FILE
    if there.host.reachable is not True:
        return NO_HOST
    distribution.bring_again(distribution_id=there.pk)
    return None


def _give_instance(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    rows = AppInstance.objects.select_related("package", "host", "tenant")
    instance = rows.filter(pk=row.subject_id, host__applcm=edge).first()
    if instance is None:
        return None
    if unfinished([instance.pk]).exists():
        return BUSY
    if instance.state == InstanceState.TERMINATING:
        # It was on its way out, and nobody works on that any more: with the backup it has gone.
        adoption.note_gone(edge=edge, instance_id=instance.pk)
        return None
    if not _has_file(edge, instance.package):
        return NO_FILE
    if instance.host.reachable is not True:
        return NO_HOST
    client.instantiate(instance.tenant_id, instance.pk, order_of(instance))
    return None


def _give_rules(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    rule_agreement.deliver_again(instance_id=row.subject_id)
    return None


def _forget_service(edge: AppLcm, client: EdgeClient, row: HeldRow) -> Reason | None:
    mep.note_gone(site_id=edge.pk, service_id=row.subject_id)
    return None


_END_AGAIN: dict[str, Step] = {
    "appinstance": _end_instance,
    "appdconfiguration": _end_rules,
    "distribution": _end_distribution,
    "package": _end_package,
    "mechost": _end_host,
}
_GIVE_BACK: dict[str, Step] = {
    "mechost": _give_host,
    "package": _give_package,
    "distribution": _give_distribution,
    "appinstance": _give_instance,
    "appdconfiguration": _give_rules,
    "mecservice": _forget_service,
}


def _uuid(row: HeldRow, name: str) -> uuid.UUID:
    return uuid.UUID(row.data[name])
