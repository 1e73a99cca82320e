"""The only writers of MEPMs: an AppLCM and a rule manager at one address, registered as a pair."""

from __future__ import annotations

from django.db import transaction

from apps.hosts import managers
from apps.hosts.models import AppLcm, AppRuleManager
from apps.hosts.policies import may_configure
from apps.hosts.selectors import mepms
from apps.hosts.specs import ManagerSpec
from apps.tenants.actors import Actor
from apps.tenants.policies import require

PAIR: tuple[type[AppLcm] | type[AppRuleManager], ...] = (AppLcm, AppRuleManager)


@transaction.atomic
def register(*, actor: Actor, spec: ManagerSpec) -> None:
    """Take both into the inventory, or none; Invalid when either is there already."""
    for model in PAIR:
        managers.register(model, actor=actor, spec=spec)


@transaction.atomic
def update(*, actor: Actor, ip: str, spec: ManagerSpec) -> None:
    """Replace name, port and user of both."""
    require(may_configure(actor))
    row = access(ip)
    for model in PAIR:
        managers.update(model, actor=actor, ip=row.ip, spec=spec)


@transaction.atomic
def remove(*, actor: Actor, ip: str) -> None:
    """Remove both, or none; Conflict names the hosts that still use one."""
    require(may_configure(actor))
    row = access(ip)
    for model in PAIR:
        managers.remove(model, actor=actor, ip=row.ip)


@transaction.atomic
def remove_all(*, actor: Actor) -> None:
    """Remove every pair or, when one is still used, none."""
    require(may_configure(actor))
    for ip in list(mepms().order_by("pk").values_list("ip", flat=True)):
        remove(actor=actor, ip=ip)


def access(ip: str) -> AppLcm:
    """The AppLCM of a pair, or NotFound; the rule manager has the same address."""
    managers.access(AppRuleManager, ip)
    return managers.access(AppLcm, ip)
