"""Load over time, in bounded space: rows of a size that never grows, two for each subject."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.words import Reason


class Subject(models.TextChoices):
    """What load is measured of."""

    HOST = "host", _("host")
    INSTANCE = "instance", _("instance")


class LoadRing(models.Model):
    """The latest samples of one subject at one resolution, the oldest written over by the newest.

    ``samples`` is read and written by :mod:`apps.monitoring.rings`.  The subject is no foreign key:
    a host and an instance are read alike, and the rows of what is gone are purged.  The rest tells
    of the last look, also of one that found nobody who measures.
    """

    kind = models.CharField(max_length=8, choices=Subject.choices)
    subject_id = models.UUIDField()
    step = models.PositiveIntegerField()
    samples = models.BinaryField()
    as_of = models.DateTimeField(default=clock.now)
    source = models.CharField(max_length=64, blank=True)
    reason = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_id", "step"], name="monitoring_one_ring_of_a_step"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} / {self.step} s"

    @property
    def why(self) -> Reason:
        """Why nothing was measured at the last look; empty where something was."""
        return Reason.from_json(self.reason)
