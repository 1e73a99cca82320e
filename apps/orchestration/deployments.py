"""Deployments: an application on as many hosts as a strategy chooses, one instance on each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, DomainError, Invalid, NotFound
from apps.common.words import Reason
from apps.instances.policies import may_create
from apps.instances.specs import CreateSpec
from apps.orchestration import parameters, services
from apps.orchestration.decisions import Choice, choose, keep
from apps.orchestration.gathering import Thing, all_hosts_named
from apps.orchestration.models import PlacedInstance, PlacementDecision
from apps.orchestration.placement.decide import Verdict
from apps.orchestration.placement.facts import NEAREST, ORDERS, Strategy
from apps.packages.selectors import access_package
from apps.tenants.actors import Actor
from apps.tenants.policies import require

MOST_HOSTS = 200


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """What shall run, and the strategy that says where.

    ``start``: instantiate at once.  ``partial``: fewer hosts than were wanted will do, but one.
    """

    package_id: uuid.UUID
    app_name: str
    strategy: Strategy
    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    start: bool = True
    partial: bool = False
    allow_missing: bool = False


class TooFewHosts(Conflict):
    """Fewer hosts passed than were wanted; the record says why, host by host."""

    default_code = "too_few_hosts"


def preview(*, actor: Actor, tenant_id: uuid.UUID, spec: DeploymentSpec) -> PlacementDecision:
    """The record that a deployment would leave; nothing is created."""
    require(may_create(actor))
    return keep(_choice(actor, tenant_id, spec), actor=actor, dry_run=True)


def deploy(*, actor: Actor, tenant_id: uuid.UUID, spec: DeploymentSpec) -> PlacementDecision:
    """Choose hosts and order an instance on each; one that is refused does not sink the rest.

    Raises TooFewHosts, with the id of the record, when the strategy cannot be met.
    """
    require(may_create(actor))
    choice = _choice(actor, tenant_id, spec)
    kept = keep(choice, actor=actor)
    if not kept.chosen or (kept.short and not spec.partial):
        raise TooFewHosts(
            N_("%(found)s of %(wanted)s hosts can take “%(name)s”; the decision says why."),
            found=len(kept.chosen),
            wanted=kept.wanted,
            name=spec.app_name,
            extra={"decision_id": str(kept.pk), "wanted": kept.wanted, "found": len(kept.chosen)},
        )
    for position, host in enumerate(kept.chosen):
        _place(actor, tenant_id, spec, kept, position, host)
    return kept


def decisions_for(actor: Actor) -> QuerySet[PlacementDecision]:
    """The decisions that an actor may see, without the facts, newest first."""
    rows = PlacementDecision.objects.defer("facts", "verdicts")
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def access_decision(
    actor: Actor, decision_id: uuid.UUID, *, tenant_id: uuid.UUID | None = None
) -> PlacementDecision:
    """One decision with its facts, or NotFound."""
    rows = decisions_for(actor).defer(None)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    found = rows.filter(pk=decision_id).first()
    if found is None:
        raise NotFound(N_("There is no such placement decision."), message="Record not found")
    return found


def verdicts_for(actor: Actor, decision: PlacementDecision) -> list[Verdict]:
    """The verdicts of a decision without hosts that the actor may not know of.

    One that was made by an administrator also looked at hosts that are not open to the tenant.
    """
    every = decision.decided.verdicts
    if actor.is_admin:
        return list(every)
    return [one for one in every if all(each.filter != "tenant" for each in one.objections)]


def placed_by(instance_id: uuid.UUID) -> PlacementDecision | None:
    """The decision that put an instance where it is; None where somebody named the host."""
    row = PlacedInstance.objects.select_related("decision").filter(instance_id=instance_id)
    found = row.defer("decision__facts", "decision__verdicts").first()
    return found.decision if found else None


def check_strategy(strategy: Strategy, actor: Actor) -> None:
    """Invalid for a strategy that nobody could follow, by field."""
    wrong: dict[str, Reason] = {}
    if strategy.order not in ORDERS:
        params = {"known": ", ".join(ORDERS)}
        wrong["strategy.order"] = Reason(N_("must be one of: %(known)s"), "", params)
    if not 1 <= strategy.count <= MOST_HOSTS:
        wrong["strategy.count"] = Reason(
            N_("must be a whole number from %(least)s to %(most)s"),
            "", {"least": 1, "most": MOST_HOSTS},
        )
    asks_point = strategy.order == NEAREST or strategy.max_distance_km or strategy.max_latency_ms
    if asks_point and not strategy.has_point:
        wrong["strategy.near"] = Reason(N_("name the point to be near to"))
    lost = all_hosts_named(actor, strategy.hosts) if strategy.hosts else []
    if lost:
        text = N_("there is no host %(names)s")
        wrong["strategy.hosts"] = Reason(text, "", {"names": ", ".join(lost)})
    if wrong:
        raise Invalid(N_("The request is not valid."), fields=wrong)


def _choice(actor: Actor, tenant_id: uuid.UUID, spec: DeploymentSpec) -> Choice:
    check_strategy(spec.strategy, actor)
    package = access_package(actor, spec.package_id, tenant_id=tenant_id)
    # Before anything is chosen: what no host could be given is left on none.
    parameters.check(package.details, spec.parameters, complete=spec.start)
    return choose(actor, Thing(tenant_id, package, spec.app_name), spec.strategy)


def _place(
    actor: Actor, tenant_id: uuid.UUID, spec: DeploymentSpec, kept: PlacementDecision,
    position: int, host: dict[str, str],
) -> None:
    """Order one instance through the usual services and keep what came of it."""
    placed = PlacedInstance(
        decision=kept, position=position, host_id=uuid.UUID(host["id"]), host_name=host["name"],
        host_ip=host["ip"],
    )
    try:
        made = services.create_instance(
            actor=actor,
            tenant_id=tenant_id,
            spec=CreateSpec(
                package_id=spec.package_id,
                host_id=placed.host_id,
                app_name=spec.app_name,
                description=spec.description,
                parameters=spec.parameters,
                allow_missing=spec.allow_missing,
            ),
        )
        placed.instance_id = made.pk
        if spec.start:
            services.instantiate(actor=actor, instance_id=made.pk)
    except DomainError as error:
        placed.fault = error.reason.as_json()
    placed.save()
