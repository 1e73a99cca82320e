"""Events and logs on the wire: the original's shape, and beside it all that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from apps.instances.models import AppInstance
from apps.orchestration.voices import LONGEST_WAIT
from apps.vim.voices import LogQuery, WorkloadEvent

# What the original says of a pod without events; only where it was seen to run.
WELL = "Pod is running successfully"
RUNNING = ("Running", "Succeeded")
MOST_OF_A_LOG = 100_000


class LogQuerySerializer(serializers.Serializer[Any]):
    """Which lines of which container, and how they are wanted."""

    pod = serializers.CharField(max_length=253)
    container = serializers.CharField(
        max_length=253, required=False, allow_blank=True, default="",
        help_text="May be left out where the pod has one container.",
    )
    previous = serializers.BooleanField(
        default=False, help_text="The run before the last restart."
    )
    tail = serializers.IntegerField(
        min_value=1, max_value=MOST_OF_A_LOG, default=500,
        help_text="How many of the last lines at most, where `after` is not given.",
    )
    since = serializers.DateTimeField(
        required=False, default=None, help_text="The time of the oldest line that is wanted."
    )
    after = serializers.CharField(
        max_length=256, required=False, allow_blank=True, default="",
        help_text="The `cursor` of an earlier page: only what was written since then comes.",
    )
    follow = serializers.FloatField(
        min_value=0, max_value=LONGEST_WAIT, default=0,
        help_text="For how many seconds the answer may be held until there is a new line.",
    )
    download = serializers.BooleanField(
        default=False, help_text="The whole of it as a text file rather than a page of JSON."
    )

    def to_query(self) -> LogQuery:
        """What a driver is asked, from data that is valid."""
        data = self.validated_data
        names = ("pod", "container", "previous", "tail", "since", "after")
        return LogQuery(**{name: data[name] for name in names})


def events_json(instance: AppInstance, events: Sequence[WorkloadEvent]) -> dict[str, Any]:
    """``pods`` as EdgeGallery's describe, and ``events`` with type, reason, count and times."""
    seen = instance.seen
    told: dict[str, list[str]] = {pod.name: [] for pod in seen.pods} if seen else {}
    for one in events:
        if one.kind == "Pod":
            told.setdefault(one.name, []).append(one.message)
    well = {pod.name for pod in seen.pods if pod.phase in RUNNING} if seen else set()
    return {
        "pods": [
            {"podName": name, "podEventsInfo": texts or ([WELL] if name in well else [])}
            for name, texts in told.items()
        ],
        "events": [_event(one) for one in events],
    }


def _event(event: WorkloadEvent) -> dict[str, Any]:
    data = event.as_json()
    return {
        **{name: data[name] for name in ("kind", "name", "type", "reason", "message", "count")},
        "firstAt": data["first_at"],
        "lastAt": data["last_at"],
    }
