"""What is kept of placements: the decisions, what came of each choice, and drains of hosts."""

from __future__ import annotations

import uuid
from functools import cached_property

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.words import Reason
from apps.orchestration.placement.decide import Decision
from apps.orchestration.placement.facts import HostFacts, Question
from apps.orchestration.placement.record import decision_from, facts_from, unpacked


class Purpose(models.TextChoices):
    """Why hosts were chosen."""

    DEPLOYMENT = "deployment", _("Deployment")
    DRAIN = "drain", _("Drain")


class PlacementDecision(models.Model):
    """One placement, with everything that it was decided from: it can be decided again.

    Not foreign keys: the record outlives packages, hosts and instances.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=clock.now)
    tenant_id = models.UUIDField()
    actor = models.JSONField(default=dict)
    purpose = models.CharField(max_length=12, choices=Purpose.choices, default=Purpose.DEPLOYMENT)
    dry_run = models.BooleanField(default=False)
    package_id = models.UUIDField()
    package_name = models.CharField(max_length=512)
    app_name = models.CharField(max_length=128)
    question = models.JSONField()
    algorithm = models.PositiveSmallIntegerField()
    wanted = models.PositiveIntegerField()
    considered = models.PositiveIntegerField()
    passed = models.PositiveIntegerField()
    # The chosen hosts in order: id, name and address.
    chosen = models.JSONField(default=list)
    facts = models.BinaryField()
    verdicts = models.BinaryField()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["tenant_id", "-created_at"], name="placement_of_tenant"),
            models.Index(fields=["-created_at", "id"], name="placement_newest"),
        ]

    def __str__(self) -> str:
        return self.app_name

    @cached_property
    def asked(self) -> Question:
        """The question, typed."""
        return Question.from_json(self.question)

    @cached_property
    def known(self) -> list[HostFacts]:
        """The facts that it was decided from."""
        return facts_from(unpacked(bytes(self.facts)))

    @cached_property
    def decided(self) -> Decision:
        """The decision as it was made, whatever this program would decide now."""
        return decision_from(unpacked(bytes(self.verdicts)))

    @property
    def short(self) -> int:
        """How many hosts are missing to the number that was wanted."""
        return max(0, self.wanted - len(self.chosen))


class PlacedInstance(models.Model):
    """What came of one chosen host: the instance that was ordered there, or why none was."""

    id = models.BigAutoField(primary_key=True)
    decision = models.ForeignKey(PlacementDecision, on_delete=models.CASCADE, related_name="placed")
    position = models.PositiveIntegerField()
    host_id = models.UUIDField()
    host_name = models.CharField(max_length=128)
    host_ip = models.CharField(max_length=45)
    instance_id = models.UUIDField(null=True, db_index=True)
    fault = models.JSONField(default=dict)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.host_name

    @property
    def why(self) -> Reason:
        """Why no instance was ordered, or why it was not started; empty when all went well."""
        return Reason.from_json(self.fault)


class DrainState(models.TextChoices):
    """Where a drain of a host is."""

    RUNNING = "Running", _("Running")
    FINISHED = "Finished", _("Finished")
    STOPPED = "Stopped", _("Stopped")


class HostDrain(models.Model):
    """One order to move everything off a host."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host_id = models.UUIDField(db_index=True)
    state = models.CharField(
        max_length=10, choices=DrainState.choices, default=DrainState.RUNNING
    )
    move_named = models.BooleanField(default=False)
    actor = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["host_id"],
                condition=models.Q(state=DrainState.RUNNING),
                name="orchestration_one_running_drain_of_a_host",
            )
        ]

    def __str__(self) -> str:
        return f"drain of {self.host_id}"


class MoveState(models.TextChoices):
    """What became of an instance of a drained host."""

    WAITING = "Waiting", _("Waiting")
    MOVING = "Moving", _("Moving")
    MOVED = "Moved", _("Moved")
    STAYS = "Stays", _("Stays")


class DrainMove(models.Model):
    """One instance of a drained host: on its way to another host, or staying, and why."""

    id = models.BigAutoField(primary_key=True)
    drain = models.ForeignKey(HostDrain, on_delete=models.CASCADE, related_name="moves")
    instance_id = models.UUIDField()
    tenant_id = models.UUIDField()
    app_name = models.CharField(max_length=128)
    state = models.CharField(max_length=8, choices=MoveState.choices, default=MoveState.WAITING)
    decision = models.ForeignKey(PlacementDecision, null=True, on_delete=models.SET_NULL)
    new_instance_id = models.UUIDField(null=True)
    new_host_name = models.CharField(max_length=128, blank=True)
    reason = models.JSONField(default=dict)

    class Meta:
        ordering = ["app_name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["drain", "instance_id"], name="orchestration_once_per_drain"
            )
        ]

    def __str__(self) -> str:
        return self.app_name

    @property
    def why(self) -> Reason:
        """Why it stays; empty otherwise."""
        return Reason.from_json(self.reason)


