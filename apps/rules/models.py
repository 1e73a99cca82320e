"""AppD configurations of instances, their rules, and the tasks that hand them over."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.models import Agreed, Versioned
from apps.common.words import Reason
from apps.instances.models import AppInstance
from apps.rules.states import TaskState, Verb
from apps.tenants.models import Tenant


class AppdConfiguration(Agreed, Versioned):
    """The rules that an instance shall have.

    ``wanted`` counts the orders, and ``delivered`` is the last that its MEC platform carried out.
    One whose removal was ordered stays, ``removing`` and without rules, until that is done.
    """

    DESIRED: ClassVar[tuple[str, ...]] = ("app_name", "supports_mp1", "removing", "wanted")
    OBSERVED: ClassVar[tuple[str, ...]] = ("delivered",)

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    instance = models.OneToOneField(
        AppInstance, on_delete=models.CASCADE, related_name="configuration"
    )
    app_name = models.CharField(max_length=128)
    supports_mp1 = models.BooleanField(null=True)
    wanted = models.PositiveIntegerField(default=0)
    delivered = models.PositiveIntegerField(default=0)
    removing = models.BooleanField(default=False)

    class Meta:
        ordering = ["app_name", "id"]

    def __str__(self) -> str:
        return self.app_name

    def remains(self) -> dict[str, Any]:
        """The instance that clients know it by."""
        return {"instance_id": str(self.instance_id)}

    @property
    def is_delivered(self) -> bool:
        """Whether the MEC platform has what is wanted."""
        return self.delivered >= self.wanted


class AppdRule(models.Model):
    """A DNS or traffic rule; its id is known within its own configuration only."""

    class Kind(models.TextChoices):
        """Which of the two."""

        DNS = "dns", _("DNS rule")
        TRAFFIC = "traffic", _("Traffic rule")

    configuration = models.ForeignKey(
        AppdConfiguration, on_delete=models.CASCADE, related_name="rules"
    )
    # Of the configuration; here as well, so that a tenant's rules are counted without a join.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    rule_id = models.CharField(max_length=128)
    body = models.JSONField()

    class Meta:
        ordering = ["kind", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["configuration", "kind", "rule_id"], name="rules_one_rule_of_an_id"
            )
        ]

    def __str__(self) -> str:
        return self.rule_id


class RuleTask(models.Model):
    """An order to make an instance's rules those of its MEC platform.  The row is the truth.

    ``wanted`` is the configuration's count at the time of the order; a platform that carries out a
    later one has carried out this one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant_id = models.UUIDField(db_index=True)
    instance = models.ForeignKey(AppInstance, on_delete=models.CASCADE, related_name="rule_tasks")
    verb = models.CharField(max_length=6, choices=Verb.choices)
    state = models.CharField(
        max_length=10, choices=TaskState.choices, default=TaskState.CREATED
    )
    wanted = models.PositiveIntegerField()
    reason = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    actor = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(default=clock.now, db_index=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-wanted"]
        indexes = [models.Index(fields=["state", "next_at"], name="rules_task_due")]

    def __str__(self) -> str:
        return f"{self.verb} {self.instance_id}"

    @property
    def why(self) -> Reason:
        """Why it waits or failed; empty otherwise."""
        return Reason.from_json(self.reason)
