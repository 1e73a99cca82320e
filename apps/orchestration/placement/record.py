"""Decisions as plain data, to be kept, and back.  Replays one from its facts.  Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apps.common.words import Reason
from apps.orchestration.placement.decide import ALGORITHM, Decision, Objection, Verdict, decide
from apps.orchestration.placement.facts import HostFacts, Question
from apps.orchestration.placement.scores import Part

# What decided, by version: a record is replayed by that which made it.
ALGORITHMS: Mapping[int, Callable[[Question, Sequence[HostFacts]], Decision]] = {ALGORITHM: decide}


def packed(data: Any) -> bytes:
    """JSON data, compressed: the facts of a thousand hosts repeat themselves."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    return zlib.compress(text.encode(), 1)


def unpacked(content: bytes) -> Any:
    """What ``packed`` was given."""
    return json.loads(zlib.decompress(content))


def facts_json(hosts: Sequence[HostFacts]) -> list[list[Any]]:
    """The facts as rows."""
    return [host.as_row() for host in hosts]


def facts_from(rows: Sequence[list[Any]]) -> list[HostFacts]:
    """The facts that ``facts_json`` wrote."""
    return [HostFacts.from_row(row) for row in rows]


def decision_json(decision: Decision) -> dict[str, Any]:
    """The whole decision; of two equal decisions this is equal too."""
    return {
        "algorithm": decision.algorithm,
        "wanted": decision.wanted,
        "chosen": list(decision.chosen),
        "verdicts": [_verdict_json(one) for one in decision.verdicts],
    }


def decision_from(data: Mapping[str, Any]) -> Decision:
    """The decision that ``decision_json`` wrote."""
    return Decision(
        int(data["algorithm"]),
        int(data["wanted"]),
        tuple(data["chosen"]),
        tuple(_verdict_from(one) for one in data["verdicts"]),
    )


def replay(question: Question, hosts: Sequence[HostFacts], algorithm: int) -> Decision | None:
    """Decide again as that version did; None when this program no longer has it."""
    made_by = ALGORITHMS.get(algorithm)
    return made_by(question, hosts) if made_by else None


def _reason(reason: Reason) -> list[Any]:
    return [reason.text, reason.code, dict(reason.params)]


def _reason_from(data: Sequence[Any]) -> Reason:
    return Reason(data[0], data[1], data[2])


def _verdict_json(one: Verdict) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "ip": one.ip,
        "chosen": one.chosen,
        "rank": one.rank,
        "dropped_by": one.dropped_by,
        "objections": [
            [each.filter, _reason(each.why), _reason(each.change), each.unknown, each.kept]
            for each in one.objections
        ],
        "score": one.score,
        "parts": [[part.name, part.points, part.weight, part.value] for part in one.parts],
        "to_win": [_reason(each) for each in one.to_win],
    }


def _verdict_from(data: Mapping[str, Any]) -> Verdict:
    return Verdict(
        id=data["id"],
        name=data["name"],
        ip=data["ip"],
        chosen=data["chosen"],
        rank=data["rank"],
        dropped_by=data["dropped_by"],
        objections=tuple(
            Objection(name, _reason_from(why), _reason_from(change), unknown, kept)
            for name, why, change, unknown, kept in data["objections"]
        ),
        score=data["score"],
        parts=tuple(Part(*part) for part in data["parts"]),
        to_win=tuple(_reason_from(each) for each in data["to_win"]),
    )
