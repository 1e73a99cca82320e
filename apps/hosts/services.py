"""The only writers of MEC hosts.  Reaching an edge is the business of higher floors."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils.translation import gettext_noop as N_

from apps.common import clock, merging
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.models import Origin, born_here, next_version
from apps.common.words import Reason
from apps.hosts import limits
from apps.hosts.models import AppLcm, AppRuleManager, MecHost
from apps.hosts.places import point_of
from apps.hosts.policies import may_configure
from apps.hosts.specs import HostObservation, HostSpec
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.policies import require
from apps.vim import registry

DELIVERY_LEASE = timedelta(minutes=2)
limit_reached = limits.limit_reached


@transaction.atomic
def register_host(
    *, actor: Actor, spec: HostSpec, host_id: uuid.UUID | None = None, origin: Origin | None = None
) -> MecHost:
    """Take a host into the inventory; Conflict for a known address, NotFound for its managers."""
    require(may_configure(actor))
    registry.kind_of(spec.vim)
    limits.take_turns(MecHost)
    other = MecHost.objects.filter(ip=spec.ip).first()
    if other is not None:
        raise Invalid(
            N_("The address %(ip)s already belongs to the host “%(name)s”."),
            code="duplicate",
            message="Record already exist",
            details=["Record already exist"],
            ip=spec.ip,
            name=other.name,
        )
    if host_id is not None and MecHost.objects.filter(pk=host_id).exists():
        raise Conflict(N_("Another host has this id."), code="host_differs")
    limits.make_room(MecHost)
    host = MecHost(id=host_id or uuid.uuid4(), origin=origin or born_here())
    _apply(host, spec)
    host.save(force_insert=True)
    mark_desired(host)
    journal.record("hosts.host.registered", host, actor=actor, data={"ip": host.ip})
    return host


@transaction.atomic
def update_host(*, actor: Actor, host_id: uuid.UUID, spec: HostSpec) -> MecHost:
    """Replace the configuration of a host; its address stays."""
    require(may_configure(actor))
    registry.kind_of(spec.vim)
    host = lock_host(host_id)
    if spec.ip != host.ip:
        reason = Reason(N_("must be the address in the URL"))
        raise Invalid(
            N_("The request is not valid."),
            fields={"mechostIp": reason},
            message="Illegal argument",
            details=["host IP in body and url is different"],
        )
    before = {name: getattr(host, name) for name in MecHost.DESIRED}
    managers = (host.applcm_id, host.app_rule_manager_id)
    _apply(host, spec)
    if registry.kind_of(before["vim"]) != registry.kind_of(host.vim) and host.instances.exists():
        raise Conflict(
            N_("The VIM of “%(name)s” cannot change while instances run there."),
            code="in_use",
            name=host.name,
        )
    if managers[0] != host.applcm_id and (host.delivered_version or host.observed_at):
        reason = Reason(N_("remove the host and register it again to move it to another edge"))
        raise Invalid(N_("The request is not valid."), fields={"applcmIp": reason})
    after = {name: getattr(host, name) for name in MecHost.DESIRED}
    if before != after or managers != (host.applcm_id, host.app_rule_manager_id):
        changed = sorted(name for name in after if before[name] != after[name])
        chosen_by_hand(host, set(changed))
        host.save()
        mark_desired(host)
        journal.record("hosts.host.updated", host, actor=actor, data={"changed": changed})
    return host


@transaction.atomic
def remove_host(*, actor: Actor, host_id: uuid.UUID) -> None:
    """Remove a host: at once when it is ours or never got there, else when its edge has."""
    require(may_configure(actor))
    host = lock_host(host_id)
    being_delivered = host.delivery_until is not None and host.delivery_until > clock.now()
    never_there = not (host.delivered_version or host.edge_version or host.observed_at)
    if host.is_local or (never_there and not being_delivered):
        forget_host(actor=actor, host=host)
        return
    _refuse_when_used(host)
    if not host.removing:
        host.removing = True
        host.save()
        mark_desired(host)
        journal.record("hosts.host.removing", host, actor=actor)


@transaction.atomic
def remove_all(*, actor: Actor) -> None:
    """Remove every host or, when one is still used, none."""
    require(may_configure(actor))
    for host_id in MecHost.objects.values_list("pk", flat=True):
        remove_host(actor=actor, host_id=host_id)


@transaction.atomic
def forget_host(*, actor: Actor, host: MecHost) -> None:
    """Delete the row; Conflict names what still stands on the host."""
    _refuse_when_used(host)
    journal.bury("hosts.host.removed", host, actor=actor, data={"ip": host.ip, "name": host.name})


def _refuse_when_used(host: MecHost) -> None:
    """Try the deletion and take it back, so that the database's own rules decide."""
    try:
        with transaction.atomic():
            MecHost.objects.filter(pk=host.pk).delete()
            raise _TakeBack
    except _TakeBack:
        return
    except ProtectedError as error:
        names = ", ".join(sorted(str(thing) for thing in error.protected_objects)[:5])
        raise Conflict(
            N_("“%(name)s” is still used by: %(users)s."),
            code="in_use",
            name=host.name,
            users=names,
        ) from None


class _TakeBack(Exception):
    """Ends a savepoint that must not last."""


@transaction.atomic
def claim_delivery(*, host_id: uuid.UUID) -> tuple[MecHost, int] | None:
    """Take the delivery of a host to its edge, with the number of its orders.

    None when somebody else has it.
    """
    moment = clock.now()
    free = Q(delivery_until__isnull=True) | Q(delivery_until__lte=moment)
    mine = MecHost.objects.filter(free, pk=host_id, applcm__isnull=False)
    if not mine.update(delivery_until=moment + DELIVERY_LEASE):
        return None
    host = MecHost.objects.select_related("applcm", "credential").get(pk=host_id)
    return host, next_version()


def note_sending(*, host: MecHost, sent: dict[str, Any]) -> list[Any]:
    """A host goes to its edge: until the answer comes, the edge may have it as it was ``sent``.

    Returns what was on its way before, for ``note_not_taken``.
    """
    before: list[Any] = host.sent
    host.sent = merging.with_sent(before, sent, host.agreed)
    MecHost.objects.filter(pk=host.pk).update(sent=host.sent)
    return before


def note_not_taken(*, host: MecHost, before: list[Any]) -> None:
    """The edge answered that it did not; what was on its way before may have arrived."""
    MecHost.objects.filter(pk=host.pk).update(sent=before)


def release_delivery(*, host_id: uuid.UUID) -> None:
    """Let go of a delivery."""
    MecHost.objects.filter(pk=host_id).update(delivery_until=None)


def drop_deliveries() -> int:
    """At the start of a site whose workers live inside it: nobody is delivering."""
    return MecHost.objects.filter(delivery_until__isnull=False).update(delivery_until=None)


@transaction.atomic
def note_delivered(
    *, actor: Actor, host_id: uuid.UUID, version: int, fault: dict[str, Any] | None = None
) -> None:
    """The edge took the configuration of ``version``, or refused it with ``fault``."""
    host = lock_host(host_id)
    before = (host.delivered_version, host.delivery_fault)
    if fault is None:
        host.delivered_version = max(host.delivered_version, version)
    host.delivery_fault = fault or {}
    if before != (host.delivered_version, host.delivery_fault):
        host.save()
        verb = "hosts.host.delivered" if fault is None else "hosts.host.not_delivered"
        journal.record(verb, host, actor=actor, quiet=fault is not None)


@transaction.atomic
def note_observed(
    *, actor: Actor, host_id: uuid.UUID, seen: HostObservation, edge_version: int = 0
) -> bool:
    """Store what a probe found; True when it differs from what was known."""
    host = MecHost.objects.select_for_update().filter(pk=host_id).first()
    if host is None or (edge_version and edge_version <= host.observed_version):
        return False
    known = _news(host)
    turned = host.reachable is not seen.reachable
    if turned:
        host.since = seen.at
    host.reachable, host.vim_kind, host.simulated = seen.reachable, seen.vim_kind, seen.simulated
    if seen.facts:
        host.facts = seen.facts
    host.fault, host.observed_at = seen.fault, seen.at
    host.observed_version = edge_version or host.observed_version
    if known == _news(host):
        # Nothing new but the time: keep it without raising the version, or every probe is news.
        MecHost.objects.filter(pk=host.pk).update(
            observed_at=host.observed_at, observed_version=host.observed_version, facts=host.facts
        )
        return False
    host.save()
    verb = "hosts.host.reachable" if seen.reachable else "hosts.host.unreachable"
    journal.record(verb if turned else "hosts.host.observed", host, actor=actor, quiet=not turned)
    return True


def _news(host: MecHost) -> tuple[Any, ...]:
    """What two looks at a host are compared by: everything but when it was."""
    facts = {key: value for key, value in host.facts.items() if key != "as_of"}
    return host.reachable, host.vim_kind, host.simulated, facts, host.fault


def lock_host(host_id: uuid.UUID) -> MecHost:
    """The row, held until the transaction ends; NotFound when there is none."""
    host = MecHost.objects.select_for_update().filter(pk=host_id).first()
    if host is None:
        raise NotFound(N_("There is no such host."), message="Record not found")
    return host


def _apply(host: MecHost, spec: HostSpec) -> None:
    host.applcm = _manager(AppLcm, spec.applcm_ip, "applcmIp")
    host.app_rule_manager = _manager(AppRuleManager, spec.app_rule_ip, "appRuleIp")
    for name in MecHost.DESIRED:
        said = getattr(spec, name, None)
        if said is not None:
            setattr(host, name, said)
    host.longitude, host.latitude = point_of(host.coordinates)


def _manager(model: Any, ip: str, field: str) -> Any:
    if not ip:
        return None
    row = model.objects.filter(ip=ip).first()
    if row is None:
        reason = Reason(N_("nothing is registered under %(ip)s"), params={"ip": ip})
        raise NotFound(
            N_("The manager %(ip)s is not registered."),
            ip=ip,
            fields={field: reason},
            message="Record not found",
        )
    return row


def chosen_by_hand(host: MecHost, changed: set[str]) -> None:
    """Who writes a contested field has chosen: what the edge has there is not waited for."""
    for name in changed & set(host.contested):
        del host.contested[name]


def mark_desired(host: MecHost) -> None:
    """What is configured now is what the edge is to have."""
    MecHost.objects.filter(pk=host.pk).update(desired_version=host.version, delivery_fault={})
    host.desired_version = host.version
