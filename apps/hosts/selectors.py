"""The readers of the inventory."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.common.fields import is_address
from apps.hosts.models import AppLcm, AppRuleManager, MecHost, MecHostGrant
from apps.tenants import grants
from apps.tenants.actors import Actor
from apps.tenants.models import Tenant

DEPLOY = "deploy_to_mechost"


def hosts_for(actor: Actor) -> QuerySet[MecHost]:
    """The hosts that an actor may see: open ones, and those granted to their tenant."""
    rows = MecHost.objects.select_related("applcm", "app_rule_manager", "credential")
    return rows if actor.is_admin else rows.filter(open_to(actor.wall))


def open_to(tenant_id: uuid.UUID) -> Q:
    """The condition on hosts that a tenant may use them."""
    granted = grants.granted(MecHostGrant, DEPLOY, tenant_id=tenant_id)
    return Q(shared=True) | Q(pk__in=granted)


def access_host(actor: Actor, host: uuid.UUID | str) -> MecHost:
    """One host by id or by address, or NotFound."""
    found = None
    if isinstance(host, uuid.UUID):
        found = hosts_for(actor).filter(pk=host).first()
    elif is_address(host):
        found = hosts_for(actor).filter(ip=host).first()
    if found is None:
        raise NotFound(
            N_("There is no host “%(host)s”."),
            host=str(host),
            message="Record not found",
            details=["Record not found"],
        )
    return found


def access_hosts(actor: Actor, host_ids: Sequence[uuid.UUID]) -> list[MecHost]:
    """These hosts, each once and in their order, in one query; NotFound names one that is not."""
    found = {host.pk: host for host in hosts_for(actor).filter(pk__in=host_ids)}
    keys = dict.fromkeys(host_ids)
    return [found[key] if key in found else access_host(actor, key) for key in keys]


def undelivered(*, edge_id: uuid.UUID | None = None) -> list[MecHost]:
    """Hosts whose edge lacks their present configuration, or has to be told about credentials."""
    behind = Q(delivered_version__lt=F("desired_version"))
    # Most hosts owe nothing, and are asked for whenever their edge answers again.
    may_owe = behind | Q(removing=True) | Q(credential__isnull=False)
    rows = MecHost.objects.filter(may_owe, applcm__isnull=False).select_related("credential")
    if edge_id is not None:
        rows = rows.filter(applcm_id=edge_id)
    return [host for host in rows if host.owes_delivery]


def owes_delivery(host_id: uuid.UUID) -> bool:
    """Whether the edge of one host lacks something of it."""
    rows = MecHost.objects.filter(pk=host_id, applcm__isnull=False).select_related("credential")
    return any(host.owes_delivery for host in rows)


def tenants_of(actor: Actor, host: MecHost) -> QuerySet[Tenant]:
    """The tenants to whom a host was given, as far as the actor may know of them, by name."""
    rows = grants.tenants_of(DEPLOY, host)
    return rows if actor.is_admin else rows.filter(pk=actor.wall)


def local_hosts() -> QuerySet[MecHost]:
    """The hosts that this site itself runs."""
    return MecHost.objects.select_related("credential").filter(applcm__isnull=True)


def applcms() -> QuerySet[AppLcm]:
    """The life-cycle managers, by name."""
    return AppLcm.objects.all()


def mepms() -> QuerySet[AppLcm]:
    """The AppLCMs that have a rule manager at the same address: platform managers, by name."""
    pair = AppRuleManager.objects.filter(ip=OuterRef("ip"))
    return AppLcm.objects.filter(Exists(pair))


def app_rule_managers() -> QuerySet[AppRuleManager]:
    """The rule managers, by name."""
    return AppRuleManager.objects.all()
