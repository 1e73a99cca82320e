"""Application instances and the operations on them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models

from apps.common import clock
from apps.common.errors import Invalid
from apps.common.models import Versioned
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.instances.states import (
    UNFINISHED,
    Health,
    InstanceState,
    OperationKind,
    OperationState,
    RolloutItemState,
    RolloutState,
)
from apps.packages.models import Package
from apps.tenants.models import Tenant
from apps.vim.contract import WorkloadStatus


class AppInstance(Versioned):
    """An application on a host.

    ``state`` is the life cycle where the order was given; ``health``, ``workload`` and
    ``observed_at`` are what the edge saw last.
    """

    DESIRED: ClassVar[tuple[str, ...]] = ("app_name", "description", "package", "host", "wanted")
    OBSERVED: ClassVar[tuple[str, ...]] = (
        "edge_state",
        "edge_package",
        "health",
        "health_reason",
        "workload",
        "observed_at",
    )

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="instances")
    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="instances")
    host = models.ForeignKey(MecHost, on_delete=models.PROTECT, related_name="instances")
    app_name = models.CharField(max_length=128)
    description = models.CharField(max_length=256, blank=True)
    capabilities = models.JSONField(default=list)
    parameters = models.JSONField(default=dict)

    state = models.CharField(
        max_length=24, choices=InstanceState.choices, default=InstanceState.CREATING
    )
    operation_info = models.JSONField(default=dict)
    # Whether it may run although services that it requires are not there, and which those were.
    allow_missing = models.BooleanField(default=False)
    warnings = models.JSONField(default=list)
    # What was ordered last: "Created", "Instantiated" or "Terminated".
    wanted = models.CharField(max_length=16, default="Created")

    edge_state = models.CharField(max_length=24, blank=True, editable=False)
    edge_package = models.UUIDField(null=True, editable=False)
    health = models.CharField(max_length=10, choices=Health.choices, default=Health.UNKNOWN)
    health_reason = models.JSONField(default=dict)
    workload = models.JSONField(default=dict)
    observed_at = models.DateTimeField(null=True)
    observed_version = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["app_name", "created_at"]
        indexes = [
            models.Index(fields=["tenant", "state"], name="instances_tenant_state"),
            models.Index(fields=["app_name", "created_at"], name="instances_in_order"),
            models.Index(fields=["tenant", "app_name", "created_at"], name="instances_of_tenant"),
            models.Index(fields=["state", "host", "package"], name="instances_by_state"),
        ]

    def __str__(self) -> str:
        return self.app_name

    def save_age(self) -> None:
        """Write when it was looked at last, which raises no version."""
        AppInstance.objects.filter(pk=self.pk).update(
            observed_at=self.observed_at, observed_version=self.observed_version
        )

    @property
    def info(self) -> Reason:
        """``operationInfo``: why the last operation failed, or empty."""
        return Reason.from_json(self.operation_info)

    @property
    def cautions(self) -> list[Reason]:
        """What was wrong with the last order and accepted with it."""
        return [Reason.from_json(one) for one in self.warnings]

    @property
    def health_words(self) -> Reason:
        """Why it is not Ready, or empty."""
        return Reason.from_json(self.health_reason)

    @property
    def known_at(self) -> datetime | None:
        """The time that what we know is true for: a look of our own, or the edge's last word."""
        edge = self.host.applcm
        if edge is None or self.observed_at is None:
            return self.observed_at
        return max(self.observed_at, edge.last_seen or self.observed_at)

    @property
    def seen(self) -> WorkloadStatus | None:
        """What the edge saw last, typed; None when it has not reported yet."""
        return WorkloadStatus.from_json(self.workload) if self.workload else None

    def server_name(self, server_id: str) -> str:
        """What one of its servers was called when it was seen last; its id where it was not."""
        try:
            return self.seen.name_of(server_id) if self.seen else server_id
        except Invalid:
            return server_id


class LcmOperation(models.Model):
    """One piece of work on an instance.  The row is the truth; a task only moves it on.

    ``lease_until`` belongs to the worker that has it; a worker that dies loses it and the next
    takes over.  ``steps`` is the log of what was done: name, state, started, finished, reason.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Not a foreign key: the record of a termination outlives the instance.
    instance_id = models.UUIDField(db_index=True)
    tenant_id = models.UUIDField(db_index=True)
    host_id = models.UUIDField(db_index=True)
    app_name = models.CharField(max_length=128)
    kind = models.CharField(max_length=12, choices=OperationKind.choices)
    state = models.CharField(
        max_length=10, choices=OperationState.choices, default=OperationState.QUEUED
    )
    step = models.PositiveSmallIntegerField(default=0)
    steps = models.JSONField(default=list)
    attempts = models.PositiveIntegerField(default=0)
    reason = models.JSONField(default=dict)
    actor = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    deadline = models.DateTimeField(null=True)
    next_at = models.DateTimeField(default=clock.now, db_index=True)
    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    # Of the last claim: what an order to an edge is numbered with, so that a late one is known.
    number = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["instance_id", "kind"],
                condition=models.Q(state__in=UNFINISHED),
                name="instances_one_unfinished_operation_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.app_name}"

    @property
    def why(self) -> Reason:
        """Why it failed or is being tried again; empty otherwise."""
        return Reason.from_json(self.reason)


class Rollout(models.Model):
    """The upgrade of one or many instances to another package version, wave by wave.

    Ids and names instead of keys where the record outlives what it is about.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    package_id = models.UUIDField()
    package_name = models.CharField(max_length=512)
    wave_size = models.PositiveSmallIntegerField(default=1)
    # No new wave begins once so many have failed.
    stop_after = models.PositiveSmallIntegerField(default=1)
    allow_missing = models.BooleanField(default=False)
    # The rollout that this one takes back.
    back_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="backs")
    state = models.CharField(
        max_length=8, choices=RolloutState.choices, default=RolloutState.RUNNING
    )
    reason = models.JSONField(default=dict)
    actor = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.package_name

    @property
    def why(self) -> Reason:
        """Why it was stopped; empty otherwise."""
        return Reason.from_json(self.reason)


class RolloutItem(models.Model):
    """One instance of a rollout, with what it ran before."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    wave = models.PositiveSmallIntegerField()
    instance_id = models.UUIDField(db_index=True)
    app_name = models.CharField(max_length=128)
    host_name = models.CharField(max_length=128)
    package_id = models.UUIDField()
    former_package_id = models.UUIDField()
    former_name = models.CharField(max_length=512)
    former_parameters = models.JSONField(default=dict)
    # What the other version is given; null for what the instance has and the version declares.
    parameters = models.JSONField(null=True)
    operation_id = models.UUIDField(null=True, db_index=True)
    state = models.CharField(
        max_length=8, choices=RolloutItemState.choices, default=RolloutItemState.WAITING
    )
    reason = models.JSONField(default=dict)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.app_name

    @property
    def why(self) -> Reason:
        """Why it failed or was left alone; empty otherwise."""
        return Reason.from_json(self.reason)
