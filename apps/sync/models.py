"""What a center remembers of its edges, and an edge of the centers that read it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.secrets import SealedField
from apps.common.words import Reason
from apps.hosts.models import AppLcm


class Mark(models.Model):
    """A point in the history of this site: set whenever its process starts.

    Two histories that part, as after a backup was restored, never have the same marks, nor the
    same versions: between ``former``, the last one before, and that of a mark is a gap of chance.
    """

    id = models.BigAutoField(primary_key=True)
    version = models.BigIntegerField(unique=True)
    former = models.BigIntegerField()
    mark = models.UUIDField(default=uuid.uuid4)
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.mark} @{self.version}"


class Forgotten(models.Model):
    """How far this site has forgotten what is gone: a reader that is not as far starts over.

    Of whoever has read on since, too: a site that was restored from a backup asks from its old
    place again.
    """

    upto = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.upto)


class Reader(models.Model):
    """A site that reads our feed, and how much of it it has for good."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=128, blank=True)
    acked = models.BigIntegerField(default=0)
    acked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name or str(self.site_id)


class AckedRow(models.Model):
    """A row that a reader named beyond the version up to which it has everything."""

    id = models.BigAutoField(primary_key=True)
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="rows")
    kind = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    version = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "kind", "subject_id"], name="sync_one_ack_of_a_row"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} {self.version}"


class Refused(models.Model):
    """A row of ours that a reader has and cannot use yet, with its reason."""

    id = models.BigAutoField(primary_key=True)
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="refused")
    kind = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    version = models.BigIntegerField()
    reason = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "kind", "subject_id"], name="sync_one_refusal_of_a_row"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} {self.version}"

    @property
    def why(self) -> Reason:
        """Why the reader cannot use it."""
        return Reason.from_json(self.reason)


class Verdict(models.TextChoices):
    """What a center can honestly say of its link to an edge."""

    UNKNOWN = "unknown", _("Never heard of")
    ALIVE = "alive", _("Alive")
    CUT_OFF = "cut_off", _("Cut off")
    DEAD = "dead", _("Silent for too long")
    REVOKED = "revoked", _("Shut out")


class Peer(models.Model):
    """One edge as it is followed: a lease so that pulls never overlap, and the last result.

    ``mark`` is the last mark of the edge's history that was read, and proves that ``cursor`` of its
    AppLCM is still a place in that history.  A full copy reads kind by kind: ``copy_kind`` and
    ``copy_after`` say how far it is, ``copy_from`` where the feed is read on from afterwards.
    ``verified`` is the mark after which all was found that orders had told before the feed did.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    edge = models.OneToOneField(AppLcm, on_delete=models.CASCADE, related_name="peer")
    lease = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True)
    # The newest version that was heard of while a pull was going on, which may have read before it.
    wanted = models.BigIntegerField(default=0, editable=False)
    last_ok = models.DateTimeField(null=True)
    last_tried = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True, db_index=True)
    failures = models.PositiveIntegerField(default=0)
    fault = models.JSONField(default=dict)
    mark = models.UUIDField(null=True)
    verified = models.UUIDField(null=True)
    copying = models.UUIDField(null=True)
    copy_kind = models.CharField(max_length=40, blank=True)
    copy_after = models.CharField(max_length=40, blank=True)
    copy_from = models.BigIntegerField(default=0)
    copies = models.PositiveIntegerField(default=0)
    # The first version of the edge's present history that is not ours to compare with: the edge
    # was restored from a backup there, and the full copy is made to mend that.
    forked_at = models.BigIntegerField(null=True)
    marks = models.JSONField(default=list)
    pending = models.PositiveIntegerField(null=True)
    # The link: its verdict, how long the edge may be silent, and how its clock differs from ours.
    verdict = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.UNKNOWN)
    verdict_since = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    autonomy = models.DurationField(default=timedelta(days=7))
    skew_seconds = models.FloatField(null=True)
    skew_within = models.FloatField(null=True)

    def __str__(self) -> str:
        return str(self.edge)

    @property
    def why(self) -> Reason:
        """Why the last pull failed; empty when it did not."""
        return Reason.from_json(self.fault)


class Copy(models.Model):
    """What a center has of one row of an edge: the last version that was taken, or its end.

    A row whose version is not greater brings nothing new.  ``seen`` is the full copy that met it,
    and ``former`` the version that it had in a history which the edge has lost.
    """

    id = models.BigAutoField(primary_key=True)
    edge = models.ForeignKey(AppLcm, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    version = models.BigIntegerField()
    gone = models.BooleanField(default=False)
    seen = models.UUIDField(null=True)
    former = models.BigIntegerField(default=0)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edge", "kind", "subject_id"], name="sync_one_copy")
        ]
        indexes = [models.Index(fields=["gone", "at"], name="sync_copy_of_the_dead")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} {self.version}"


class HeldRow(models.Model):
    """A row of an edge that waits here, as it came: for another row, or to be put right there.

    Its ``code`` says which: see ``apps.sync.taking`` and ``apps.sync.mending``.
    """

    id = models.BigAutoField(primary_key=True)
    edge = models.ForeignKey(AppLcm, on_delete=models.CASCADE, related_name="held_rows")
    kind = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    version = models.BigIntegerField()
    gone = models.BooleanField(default=False)
    data = models.JSONField(default=dict)
    code = models.CharField(max_length=16)
    reason = models.JSONField(default=dict)
    since = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edge", "kind", "subject_id"], name="sync_one_held_row")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} {self.version}"

    @property
    def name(self) -> str:
        """What the row says of its name; empty where it does not."""
        return str(self.data.get("name") or self.data.get("app_name") or "")

    @property
    def why(self) -> Reason:
        """What it waits for."""
        return Reason.from_json(self.reason)


class SyncRun(models.Model):
    """One synchronization that did something, or that a person asked for.

    ``counts`` has, by kind, how many rows were new, changed, gone and held back; ``log`` its steps,
    each a moment and a reason.
    """

    class State(models.TextChoices):
        """How far it is."""

        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    edge = models.ForeignKey(AppLcm, on_delete=models.CASCADE, related_name="runs")
    tenant_id = models.UUIDField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    full = models.BooleanField(default=False)
    counts = models.JSONField(default=dict)
    reason = models.JSONField(default=dict)
    actor_name = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    log = models.JSONField(default=list)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.edge} {self.created_at}"

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in (self.State.DONE, self.State.FAILED)

    @property
    def held_back(self) -> int:
        """How many rows have to wait here, or were refused."""
        return self.total("held")

    @property
    def steps(self) -> list[tuple[str, Reason]]:
        """What it did, each step with its moment in ISO 8601."""
        return [(line["at"], Reason.from_json(line)) for line in self.log]

    def total(self, what: str) -> int:
        """How many rows of all kinds were "new", "changed", "gone" or "held"."""
        return sum(int(counts.get(what, 0)) for counts in self.counts.values())

    @property
    def why(self) -> Reason:
        """Why it failed; empty otherwise."""
        return Reason.from_json(self.reason)


class Invitation(models.Model):
    """A one-time permission to join, and afterwards the record of how that went.

    The token itself is shown once and kept as its digest.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=128)
    opened_by = models.CharField(
        max_length=6, choices=AppLcm.Opener.choices, default=AppLcm.Opener.CENTER
    )
    # Which tenants' work may be done there; empty means all.
    tenants = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.CharField(max_length=150, blank=True)
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    used_by = models.UUIDField(null=True)
    edge = models.ForeignKey(
        AppLcm, null=True, on_delete=models.SET_NULL, related_name="invitations"
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class JoinStep(models.Model):
    """One step of an edge's way to this center, kept for whoever asks later."""

    id = models.BigAutoField(primary_key=True)
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="steps")
    at = models.DateTimeField(default=clock.now)
    step = models.CharField(max_length=40)
    ok = models.BooleanField(default=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.step

    @property
    def why(self) -> Reason:
        """Why it failed; empty otherwise."""
        return Reason.from_json(self.data.get("reason"))


class Center(models.Model):
    """The center that this edge joined.  ``heard_at`` is when it last asked us anything."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=128)
    url = models.CharField(max_length=255, blank=True)
    opened_by = models.CharField(
        max_length=6, choices=AppLcm.Opener.choices, default=AppLcm.Opener.CENTER
    )
    joined_at = models.DateTimeField(default=clock.now)
    heard_at = models.DateTimeField(null=True)
    # Of the link that we open: since when it stands or not, and what was wrong last.
    connected = models.BooleanField(null=True)
    since = models.DateTimeField(null=True)
    fault = models.JSONField(default=dict)
    secret = SealedField(blank=True, default="")
    left_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def why(self) -> Reason:
        """Why the link does not stand; empty otherwise."""
        return Reason.from_json(self.fault)
