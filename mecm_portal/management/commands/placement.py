"""``manage.py placement``: decisions on paper, and made again from their records."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.errors import DomainError
from apps.common.words import say
from apps.orchestration.decisions import replayed
from apps.orchestration.deployments import DeploymentSpec, access_decision, preview
from apps.orchestration.models import PlacementDecision
from apps.orchestration.placement.record import decision_json
from apps.orchestration.printout import heading_of, printout
from apps.orchestration.serializers_deployments import StrategySerializer, to_strategy
from apps.packages.models import Package
from apps.tenants.actors import SYSTEM
from mecm_portal.placement_sample import sample


class Command(BaseCommand):
    """Prints decisions, decides without doing, and replays."""

    help = "Print a placement decision, try a strategy, or replay a decision from its record."

    def add_arguments(self, parser: CommandParser) -> None:
        """What each of the verbs takes."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        explain = verbs.add_parser("explain", help="print a decision that was kept")
        explain.add_argument("decision", type=uuid.UUID)
        again = verbs.add_parser("replay", help="decide again from the record, and compare")
        again.add_argument("decision", type=uuid.UUID)
        attempt = verbs.add_parser("try", help="decide for a package, create nothing, and print")
        attempt.add_argument("package", help="appPackageId, or the name of the package")
        attempt.add_argument("--name", default="try", help="name of the instance")
        attempt.add_argument("--strategy", default="{}", help="as in the API, in JSON")
        made_up = verbs.add_parser("sample", help="print a decision over hosts that are made up")
        made_up.add_argument("--hosts", type=int, default=200)
        made_up.add_argument("--seed", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        getattr(self, f"_{options['verb']}")(options)

    def _explain(self, options: dict[str, Any]) -> None:
        self._print(_found(options["decision"]))

    def _replay(self, options: dict[str, Any]) -> None:
        kept = _found(options["decision"])
        again = replayed(kept)
        if again is None:
            raise CommandError(f"This program has no algorithm {kept.algorithm} any more.")
        if decision_json(again) != decision_json(kept.decided):
            raise CommandError(f"Decision {kept.pk} comes out otherwise now.")
        names = ", ".join(one["name"] for one in kept.chosen) or "no host"
        self.stdout.write(
            f"Decision {kept.pk} comes out the same: {names}, of {kept.considered} considered "
            f"(algorithm {kept.algorithm})."
        )

    def _try(self, options: dict[str, Any]) -> None:
        form = StrategySerializer(data=_json(options["strategy"]))
        if not form.is_valid():
            raise CommandError(json.dumps(form.errors, default=str))
        package = _package(options["package"])
        spec = DeploymentSpec(package.pk, options["name"], to_strategy(form.validated_data))
        try:
            self._print(preview(actor=SYSTEM, tenant_id=package.tenant_id, spec=spec))
        except DomainError as error:
            told = [say(error.reason), *(f"{key}: {say(why)}" for key, why in error.fields.items())]
            raise CommandError(" ".join(told)) from None

    def _sample(self, options: dict[str, Any]) -> None:
        self.stdout.write(sample(options["hosts"], options["seed"]))

    def _print(self, kept: PlacementDecision) -> None:
        when = f"{kept.created_at:%Y-%m-%d %H:%M:%S} UTC"
        heading = heading_of(kept.app_name, kept.package_name, when, dry_run=kept.dry_run)
        self.stdout.write(
            printout(kept.asked, kept.decided.verdicts, kept.known, heading=heading)
        )
        self.stdout.write(f"\nDecision {kept.pk}; manage.py placement replay {kept.pk}")


def _found(decision_id: uuid.UUID) -> PlacementDecision:
    try:
        return access_decision(SYSTEM, decision_id)
    except DomainError as error:
        raise CommandError(say(error.reason)) from None


def _package(text: str) -> Package:
    newest = Package.objects.order_by("-created_at")
    found = newest.filter(name=text).first() or next(
        (one for one in newest if one.package_id == text), None
    )
    if found is None:
        raise CommandError(f"There is no package “{text}”.")
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"The strategy is not JSON: {error}") from None
