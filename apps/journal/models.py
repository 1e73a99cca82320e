"""Rows of the record: entries, tombstones and remembered answers.  Nothing here is ever edited."""

from __future__ import annotations

from django.db import models

from apps.common import clock


class Entry(models.Model):
    """One deed.  Names are plain columns, so history outlives the user and the thing."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=clock.now, db_index=True)
    verb = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    subject_name = models.CharField(max_length=256, blank=True)
    version = models.BigIntegerField(default=0)
    tenant_id = models.UUIDField(null=True)
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=150)
    request_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "subject_id", "id"], name="journal_subject"),
            models.Index(fields=["tenant_id", "id"], name="journal_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_name or self.subject_id}"


class Tombstone(models.Model):
    """A travelling row that is gone, with its last version, for whoever still has a copy."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    version = models.BigIntegerField(db_index=True)
    tenant_id = models.UUIDField(null=True)
    deleted_at = models.DateTimeField(default=clock.now)
    # Its origin, and what it was called by those who do not know its id.
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], name="journal_one_tombstone")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id} †{self.version}"


class OrderTaken(models.Model):
    """The greatest number of an order that was taken on something, also when that is gone.

    An order that comes with a lesser one was overtaken on its way.
    """

    id = models.BigAutoField(primary_key=True)
    subject = models.CharField(max_length=160, unique=True)
    number = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.subject} #{self.number}"


class RememberedAnswer(models.Model):
    """The answer to a POST with an Idempotency-Key, replayed when the same call comes again."""

    id = models.BigAutoField(primary_key=True)
    caller = models.CharField(max_length=64)
    route = models.CharField(max_length=255)
    key = models.CharField(max_length=128)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "route", "key"], name="journal_one_answer")
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
