"""What the center remembers about following an edge, beside the cursor on its AppLCM."""

from __future__ import annotations

import uuid

from django.db import models

from apps.common.words import Reason
from apps.hosts.models import AppLcm


class Peer(models.Model):
    """One edge as it is followed: a lease so that pulls never overlap, and the last result."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    edge = models.OneToOneField(AppLcm, on_delete=models.CASCADE, related_name="peer")
    lease_until = models.DateTimeField(null=True)
    last_ok = models.DateTimeField(null=True)
    last_tried = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    fault = models.JSONField(default=dict)
    # Rows that wait for others, as they came: applied again with every pull.
    held_back = models.JSONField(default=list)

    def __str__(self) -> str:
        return str(self.edge)

    @property
    def why(self) -> Reason:
        """Why the last pull failed; empty when it did not."""
        return Reason.from_json(self.fault)
