"""The only writer of placement decisions: ask the pure functions, keep what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from apps.common import clock
from apps.orchestration.gathering import Thing, demand_of, gather, stamp
from apps.orchestration.models import PlacementDecision, Purpose
from apps.orchestration.placement.decide import Decision, decide
from apps.orchestration.placement.facts import HostFacts, Question, Strategy
from apps.orchestration.placement.record import decision_json, facts_json, packed, replay
from apps.tenants.actors import Actor

RETENTION_DAYS = 90
DRY_RUN_DAYS = 7


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision with what it was made from, before it is kept."""

    thing: Thing
    question: Question
    hosts: Sequence[HostFacts]
    decision: Decision


def choose(actor: Actor, thing: Thing, strategy: Strategy) -> Choice:
    """Look at all hosts that the actor may see and decide; nothing is written."""
    package = thing.package
    question = Question(
        at=stamp(clock.now()),
        strategy=strategy,
        app_class=package.app_class,
        app_name=thing.app_name,
        demand=demand_of(package.info, package.app_class),
    )
    hosts = gather(actor, thing)
    return Choice(thing, question, hosts, decide(question, hosts))


@transaction.atomic
def keep(
    choice: Choice, *, actor: Actor, dry_run: bool = False, purpose: Purpose = Purpose.DEPLOYMENT
) -> PlacementDecision:
    """Write the record of a decision."""
    decision, thing = choice.decision, choice.thing
    return PlacementDecision.objects.create(
        tenant_id=thing.tenant_id,
        actor=actor.as_json(),
        purpose=purpose,
        dry_run=dry_run,
        package_id=thing.package.pk,
        package_name=str(thing.package)[:512],
        app_name=thing.app_name,
        question=choice.question.as_json(),
        algorithm=decision.algorithm,
        wanted=decision.wanted,
        considered=len(decision.verdicts),
        passed=sum(not one.dropped_by for one in decision.verdicts),
        chosen=[
            {"id": one.id, "name": one.name, "ip": one.ip}
            for one in decision.verdicts
            if one.chosen
        ],
        facts=packed(facts_json(choice.hosts)),
        verdicts=packed(decision_json(decision)),
    )


def replayed(kept: PlacementDecision) -> Decision | None:
    """The decision made again from its record; None where its algorithm is no longer here."""
    return replay(kept.asked, kept.known, kept.algorithm)


def purge() -> int:
    """Delete what is older than its retention: dry runs soon, what did something later."""
    moment = clock.now()
    rows = PlacementDecision.objects
    gone = rows.filter(dry_run=True, created_at__lt=moment - timedelta(days=DRY_RUN_DAYS)).delete()
    old = rows.filter(created_at__lt=moment - timedelta(days=RETENTION_DAYS)).delete()
    return gone[0] + old[0]
