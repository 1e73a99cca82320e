"""Deployments, strategies and decisions on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.common import typed as serializers
from apps.common.fields import APP_NAME, HEX32_64
from apps.common.words import say
from apps.orchestration.bodies import ParametersField
from apps.orchestration.deployments import MOST_HOSTS
from apps.orchestration.models import DrainMove, HostDrain, PlacedInstance, PlacementDecision
from apps.orchestration.placement import filters, scores
from apps.orchestration.placement.decide import Verdict
from apps.orchestration.placement.facts import (
    DROP,
    KEEP,
    LEAST_LOADED,
    ORDERS,
    HostFacts,
    Strategy,
)
from apps.vim import registry

_VIMS = [kind.name for kind in registry.kinds()]


def _words(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=128), required=False, max_length=MOST_HOSTS,
        **options,
    )


def _amount() -> serializers.FloatField:
    return serializers.FloatField(required=False, min_value=0, max_value=1e9, default=0)


class PointSerializer(serializers.Serializer[Any]):
    """A place on the earth in degrees."""

    latitude = serializers.FloatField(min_value=-90, max_value=90)
    longitude = serializers.FloatField(min_value=-180, max_value=180)


class RoomSerializer(serializers.Serializer[Any]):
    """An amount of each resource; zero is "no matter"."""

    cpus = _amount()
    memoryMb = _amount()
    storageGb = _amount()


class StrategySerializer(serializers.Serializer[Any]):
    """Where instances may go: named hosts, or a count of those that pass the filters."""

    hosts = _words(help_text=_("Addresses, names or ids; without them every host is considered."))
    count = serializers.IntegerField(required=False, min_value=1, max_value=MOST_HOSTS)
    exclude = _words()
    regions = _words()
    tags = _words()
    architectures = _words()
    capabilities = _words()
    vims = serializers.ListField(
        child=serializers.ChoiceField(choices=_VIMS), required=False, max_length=len(_VIMS)
    )
    free = RoomSerializer(required=False)
    near = PointSerializer(required=False)
    maxDistanceKm = serializers.FloatField(required=False, min_value=0, max_value=20100)
    maxLatencyMs = serializers.FloatField(required=False, min_value=0, max_value=1000)
    maxAgeSeconds = serializers.FloatField(required=False, min_value=1, max_value=1e9)
    order = serializers.ChoiceField(choices=ORDERS, required=False, default=LEAST_LOADED)
    unknown = serializers.DictField(
        child=serializers.ChoiceField(choices=[KEEP, DROP]), required=False,
        help_text=_("By filter, what happens to a host of which the fact is not known."),
    )

    def validate_unknown(self, value: dict[str, str]) -> dict[str, str]:
        """Only filters that may lack their fact have a choice."""
        strange = sorted(set(value) - set(filters.CHOICES))
        if strange:
            text = _("there is no such choice: %(names)s; there are %(known)s")
            params = {"names": ", ".join(strange), "known": ", ".join(filters.CHOICES)}
            raise serializers.ValidationError(text % params)
        return value


def to_strategy(data: dict[str, Any]) -> Strategy:
    """The validated strategy as a frozen value; named hosts are all wanted unless a count is."""
    hosts = tuple(dict.fromkeys(data.get("hosts") or ()))
    free, near = data.get("free") or {}, data.get("near") or {}
    return Strategy(
        hosts=hosts,
        count=data.get("count") or max(1, len(hosts)),
        exclude=tuple(data.get("exclude") or ()),
        regions=tuple(data.get("regions") or ()),
        tags=tuple(data.get("tags") or ()),
        architectures=tuple(data.get("architectures") or ()),
        capabilities=tuple(data.get("capabilities") or ()),
        vims=tuple(registry.kind_of(name).label for name in data.get("vims") or ()),
        free=(free.get("cpus", 0.0), free.get("memoryMb", 0.0), free.get("storageGb", 0.0)),
        latitude=near.get("latitude"),
        longitude=near.get("longitude"),
        max_distance_km=data.get("maxDistanceKm"),
        max_latency_ms=data.get("maxLatencyMs"),
        max_age_s=data.get("maxAgeSeconds"),
        order=data["order"],
        unknown=dict(data.get("unknown") or {}),
    )


class DeploymentSerializer(serializers.Serializer[Any]):
    """An order to deploy an application by a strategy."""

    appPackageId = serializers.CharField(max_length=64, validators=[HEX32_64])
    appName = serializers.CharField(max_length=128, validators=[APP_NAME])
    description = serializers.Prose(max_length=256, required=False, allow_blank=True)
    parameters = ParametersField(required=False)
    start = serializers.BooleanField(
        required=False, default=True, help_text=_("Instantiate as soon as it is created.")
    )
    allowFewer = serializers.BooleanField(
        required=False, default=False, help_text=_("Fewer hosts than wanted will do, but one.")
    )
    allow_missing_services = serializers.BooleanField(required=False, default=False)
    strategy = StrategySerializer()


class OwnDeploymentSerializer(DeploymentSerializer):
    """The same without a tenant in the address; an administrator names one here."""

    tenant_id = serializers.UUIDField(required=False)


class DrainSerializer(serializers.Serializer[Any]):
    """How a host is drained."""

    moveNamed = serializers.BooleanField(
        required=False, default=False,
        help_text=_("Move also what somebody put on this host by name."),
    )


def decision_json(decision: PlacementDecision) -> dict[str, Any]:
    """A decision in a list: what was asked and what came of it."""
    return {
        "decisionId": str(decision.pk),
        "createdAt": decision.created_at,
        "createdBy": decision.actor.get("name"),
        "tenantId": str(decision.tenant_id),
        "purpose": decision.purpose,
        "dryRun": decision.dry_run,
        "appPackageId": str(decision.package_id),
        "appPackage": decision.package_name,
        "appName": decision.app_name,
        "algorithm": decision.algorithm,
        "wanted": decision.wanted,
        "considered": decision.considered,
        "passed": decision.passed,
        "missing": decision.short,
        "chosen": [
            {"mechostId": one["id"], "mechostIp": one["ip"], "mechostName": one["name"]}
            for one in decision.chosen
        ],
    }


def record_json(decision: PlacementDecision, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The whole record: each host, what dropped it or its score by part, and what would win."""
    known = {one.id: one for one in decision.known}
    return decision_json(decision) | {
        "strategy": strategy_json(decision.asked.strategy),
        "demand": _room_json(decision.asked.demand),
        "unknown": {
            one.name: treatment for one, treatment in filters.filters_of(decision.asked)
            if treatment
        },
        "hosts": [_verdict_json(one, known[one.id]) for one in verdicts],
        "instances": [placed_json(one) for one in decision.placed.all()],
    }


def placed_json(placed: PlacedInstance) -> dict[str, Any]:
    """What came of one chosen host."""
    return {
        "mechostIp": placed.host_ip,
        "mechostName": placed.host_name,
        "appInstanceId": str(placed.instance_id) if placed.instance_id else None,
        "accepted": placed.instance_id is not None and not placed.fault,
        "code": placed.why.code or None,
        "reason": say(placed.why) or None,
    }


def strategy_json(strategy: Strategy) -> dict[str, Any]:
    """A strategy in the names of the wire, without what it does not ask for."""
    point = {"latitude": strategy.latitude, "longitude": strategy.longitude}
    every = {
        "hosts": list(strategy.hosts),
        "count": strategy.count,
        "exclude": list(strategy.exclude),
        "regions": list(strategy.regions),
        "tags": list(strategy.tags),
        "architectures": list(strategy.architectures),
        "capabilities": list(strategy.capabilities),
        "vims": [registry.kind_of(label).name for label in strategy.vims],
        "free": _room_json(strategy.free) if any(strategy.free) else None,
        "near": point if strategy.has_point else None,
        "maxDistanceKm": strategy.max_distance_km,
        "maxLatencyMs": strategy.max_latency_ms,
        "maxAgeSeconds": strategy.max_age_s,
        "order": strategy.order,
        "unknown": dict(strategy.unknown),
    }
    return {key: value for key, value in every.items() if value not in (None, [], {})}


def _room_json(amounts: tuple[float | None, ...]) -> dict[str, float | None]:
    return dict(zip(("cpus", "memoryMb", "storageGb"), amounts, strict=True))


def _verdict_json(verdict: Verdict, known: HostFacts) -> dict[str, Any]:
    return {
        "mechostId": verdict.id,
        "mechostIp": verdict.ip,
        "mechostName": verdict.name,
        "chosen": verdict.chosen,
        "rank": verdict.rank or None,
        "droppedBy": verdict.dropped_by or None,
        "objections": [
            {
                "filter": one.filter,
                "reason": say(one.why),
                "change": say(one.change),
                "unknown": one.unknown,
                "kept": one.kept,
            }
            for one in verdict.objections
        ],
        "score": verdict.score / scores.WHOLE,
        "parts": [
            {
                "part": part.name,
                "points": part.worth / scores.WHOLE,
                "most": part.weight,
                "value": part.value,
            }
            for part in verdict.parts
        ],
        "toWin": [say(one) for one in verdict.to_win],
        "asOf": {
            "configured": known.configured.as_of or None,
            "seen": known.seen.as_of or None,
            "counted": known.counted.as_of or None,
        },
    }



def drain_json(drain: HostDrain) -> dict[str, Any]:
    """A drain with every instance that was on the host."""
    return {
        "drainId": str(drain.pk),
        "state": drain.state,
        "moveNamed": drain.move_named,
        "createdAt": drain.created_at,
        "createdBy": drain.actor.get("name"),
        "finishedAt": drain.finished_at,
        "instances": [move_json(one) for one in drain.moves.all()],
    }


def move_json(move: DrainMove) -> dict[str, Any]:
    """One instance of a drained host."""
    return {
        "appInstanceId": str(move.instance_id),
        "appName": move.app_name,
        "tenantId": str(move.tenant_id),
        "state": move.state,
        "newAppInstanceId": str(move.new_instance_id) if move.new_instance_id else None,
        "newMechostName": move.new_host_name or None,
        "decisionId": str(move.decision_id) if move.decision_id else None,
        "reason": say(move.why) or None,
    }
