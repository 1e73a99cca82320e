"""``/sync/v1/conflicts`` of a center: what both sides changed while apart, and choosing."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.pagination import page
from apps.sync import conflicts
from apps.sync.conflicts import Contest
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView


class SettleSerializer(serializers.Serializer[Any]):
    """For each field the side whose value is kept; ``stamp`` is of the values that were seen."""

    choices = serializers.DictField(
        child=serializers.ChoiceField(choices=["ours", "theirs"]), allow_empty=False
    )
    stamp = serializers.CharField(required=False, allow_blank=True, max_length=16, default="")


class ConflictListView(ApiView):
    """``GET /sync/v1/conflicts``."""

    paged = True

    def get(self, request: Request) -> Response:
        """What waits for a choice, by name: the rules of the caller's instances, or all."""
        require(may(self.actor, "sync.read"))
        rows = page(request, conflicts.open_for(self.actor))
        since = conflicts.since_of(row["key"] for row in rows)
        return Response(
            [
                {
                    "kind": row["kind"],
                    "id": str(row["key"]),
                    "name": row["called"],
                    "edge": row["edge"],
                    "fields": sorted(row["contested"]),
                    "since": since.get(str(row["key"])),
                }
                for row in rows
            ]
        )


class ConflictView(ApiView):
    """``/sync/v1/conflicts/{kind}/{conflict_id}``."""

    serializer_class = SettleSerializer

    def get(self, request: Request, kind: str, conflict_id: uuid.UUID) -> Response:
        """The fields, each with what was agreed last and what both sides made of it."""
        require(may(self.actor, "sync.read"))
        return Response(_json(conflicts.access(self.actor, kind, conflict_id)))

    def post(self, request: Request, kind: str, conflict_id: uuid.UUID) -> Response:
        """Choose; answers what is left to choose.  409 when the ``stamp`` is of other values."""
        require(conflicts.may_settle(self.actor, kind))
        conflicts.access(self.actor, kind, conflict_id)
        form = SettleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        conflicts.settle(
            actor=self.actor, kind=kind, key=conflict_id, **form.validated_data
        )
        try:
            left = _json(conflicts.access(self.actor, kind, conflict_id))
        except NotFound:
            left = {"kind": kind, "id": str(conflict_id), "fields": {}}
        return Response(left)


def _json(found: Contest) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "id": str(found.id),
        "name": found.name,
        "edge": found.edge,
        "since": found.since,
        "stamp": found.stamp,
        "fields": {one.name: dict(one.sides) for one in found.fields},
    }
