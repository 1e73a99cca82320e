"""People, tenants and keys of this site."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.models import Versioned
from apps.common.secrets import SealedField
from apps.common.words import Reason
from apps.tenants.actors import Actor
from apps.tenants.roles import Role


class SiteIdentity(models.Model):
    """One row: who this site is.  The id is the audience of every token meant for it."""

    site_id = models.UUIDField(default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=128)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.name


class Tenant(Versioned):
    """An organisation whose packages and instances nobody else sees."""

    DESIRED: ClassVar[tuple[str, ...]] = ("name", "description")

    name = models.CharField(max_length=128)
    description = models.CharField(max_length=256, blank=True)
    # Grants to a tenant are grants to its group.
    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="tenant")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Quota(models.Model):
    """How much of one kind a tenant may have, where that differs from the site's limit."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="quotas")
    kind = models.CharField(max_length=32)
    limit = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind"], name="tenants_one_quota_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.limit}"


class User(AbstractUser):
    """Somebody who signs in here.  ``role`` decides; Django's own permission flags are not used."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.TENANT)
    tenant = models.ForeignKey(
        Tenant, null=True, blank=True, on_delete=models.PROTECT, related_name="users"
    )
    language = models.CharField(_("language"), max_length=10, blank=True)
    theme = models.CharField(_("theme"), max_length=5, blank=True)
    # An account of the center that signed in here, and until when it may do so without the center.
    home_site = models.UUIDField(null=True, editable=False)
    cached_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role="admin") | models.Q(tenant__isnull=False),
                name="tenants_user_belongs_to_a_tenant",
                violation_error_message=_("Only an administrator may be without a tenant."),
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["admin", "tenant", "guest"]),
                name="tenants_user_role_is_for_people",
            ),
        ]

    @property
    def is_cached(self) -> bool:
        """Whether this is an account of the center, of which only a copy is here."""
        return self.home_site is not None

    @property
    def is_let_in(self) -> bool:
        """Whether somebody like this may be here at all: guests where the operator wants it, and
        accounts of the center for as long as they are good without it."""
        if self.role == Role.GUEST and not settings.GUEST_ACCESS:
            return False
        if not self.is_cached:
            return True
        if self.role == Role.ADMIN and not settings.CENTER_ADMINS:
            return False
        return self.cached_until is not None and clock.now() < self.cached_until

    @property
    def actor(self) -> Actor:
        """This user as services know it."""
        return Actor(str(self.pk), self.username, Role(self.role), self.tenant_id)


class SigningKey(models.Model):
    """A key pair of this site (private part sealed) or the public key of a site that it trusts."""

    class Purpose(models.TextChoices):
        """What a site may sign for."""

        PEOPLE = "people", _("people and orders")
        LINK = "link", _("its own link")

    kid = models.CharField(max_length=64, primary_key=True)
    site_id = models.UUIDField()
    site_name = models.CharField(max_length=128, blank=True)
    public_key = models.TextField()
    private_key = SealedField(blank=True, default="")
    active = models.BooleanField(default=True)
    # An edge's key signs for its own link and never for people.
    purpose = models.CharField(max_length=6, choices=Purpose.choices, default=Purpose.PEOPLE)
    # A key that was replaced is believed until then.
    retires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"{self.site_name} {self.kid}"


class KeyHolder(models.Model):
    """Another site that believes our signatures, and the newest key of ours that it has for sure.

    What is meant for that site is signed with that key until it has a newer one.  ``fault`` says
    why it could not be given the present key yet.
    """

    site_id = models.UUIDField(primary_key=True, editable=False)
    site_name = models.CharField(max_length=128, blank=True)
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="holders")
    told_at = models.DateTimeField(default=clock.now)
    fault = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.site_name} {self.key_id}"

    @property
    def why(self) -> Reason:
        """Why it does not have the present key yet; empty when nobody tried in vain."""
        return Reason.from_json(self.fault)
