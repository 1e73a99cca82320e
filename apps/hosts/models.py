"""The inventory: MEC hosts and the managers through which an edge is reached."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.models import Agreed, Versioned
from apps.common.secrets import SealedField
from apps.common.words import Reason
from apps.tenants.grants import TenantGrant
from apps.tenants.models import Tenant


class Manager(Versioned):
    """What AppLCMs and AppRuleManagers share: a program at an edge, and whether it answers.

    ``reachable`` is None until somebody asked; ``since`` is when the present answer began.
    """

    DESIRED: ClassVar[tuple[str, ...]] = ("name", "ip", "port", "user_name")

    name = models.CharField(max_length=128)
    ip = models.GenericIPAddressField(unique=True)
    port = models.PositiveIntegerField()
    user_name = models.CharField(max_length=128, blank=True)
    reachable = models.BooleanField(null=True, editable=False)
    since = models.DateTimeField(null=True, editable=False)
    last_seen = models.DateTimeField(null=True, editable=False)
    fault = models.JSONField(default=dict, editable=False)

    class Meta:
        abstract = True
        ordering = ["name", "ip"]

    def __str__(self) -> str:
        return self.name

    @property
    def base_url(self) -> str:
        """Where the program answers."""
        where = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"http://{where}:{self.port}"

    @property
    def fault_reason(self) -> Reason:
        """Why it does not answer; empty while it does."""
        return Reason.from_json(self.fault)


class AppLcm(Manager):
    """The life-cycle manager of an edge, which with the rule manager makes a MEPM.

    ``site_id`` is the identity that the edge showed at first contact; tokens are bound to it.
    ``cursor`` is the last version of the edge's feed that was copied here.  ``opened_by`` says
    which side opens the link; one that the edge opens waits at ``channel_url`` of this center.
    """

    class Opener(models.TextChoices):
        """Who opens the link between center and edge."""

        CENTER = "center", _("The center dials the edge")
        EDGE = "edge", _("The edge dials the center")

    site_id = models.UUIDField(null=True, editable=False)
    cursor = models.BigIntegerField(default=0, editable=False)
    opened_by = models.CharField(max_length=6, choices=Opener.choices, default=Opener.CENTER)
    channel_url = models.CharField(max_length=255, blank=True, editable=False)
    # The tenants that it was invited to work for; empty means all.  Hosts that it tells of are
    # granted to these, and not open to the others.
    delegated = models.JSONField(default=list, editable=False)
    # When it was shut out; what it told before stays readable.
    revoked_at = models.DateTimeField(null=True, editable=False)

    @property
    def dials_in(self) -> bool:
        """Whether the edge opens the link, so that the center waits for it."""
        return self.opened_by == "edge"


class AppRuleManager(Manager):
    """The application rule manager of an edge."""


class AppStore(Versioned):
    """An application store that packages are fetched from, and the registry of its images.

    The password of the registry is sealed and never leaves the site again.
    """

    DESIRED: ClassVar[tuple[str, ...]] = (
        "name",
        "ip",
        "port",
        "repo_name",
        "repo",
        "repo_user_name",
        "repo_password",
        "producer",
    )

    name = models.CharField(max_length=128, blank=True)
    ip = models.GenericIPAddressField(unique=True)
    port = models.PositiveIntegerField()
    repo_name = models.CharField(max_length=128, blank=True)
    repo = models.CharField(max_length=128)
    repo_user_name = models.CharField(max_length=128, blank=True)
    repo_password = SealedField(blank=True, default="")
    producer = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ["name", "ip"]

    def __str__(self) -> str:
        return self.name or self.ip


class AppRepo(Versioned):
    """A registry of images that is known by its endpoint; its password is sealed."""

    DESIRED: ClassVar[tuple[str, ...]] = ("name", "endpoint", "user_name", "password")

    name = models.CharField(max_length=255, blank=True)
    endpoint = models.CharField(max_length=255, unique=True)
    user_name = models.CharField(max_length=128)
    password = SealedField()

    class Meta:
        ordering = ["name", "endpoint"]

    def __str__(self) -> str:
        return self.name or self.endpoint


class Shelf(models.Model):
    """A table whose length is limited; whoever adds to it holds this row until it is done."""

    name = models.CharField(max_length=32, primary_key=True)

    def __str__(self) -> str:
        return self.name


class MecHost(Agreed, Versioned):
    """A MEC host.  One that names an AppLCM is reached over HTTP, one that names none is ours."""

    DESIRED: ClassVar[tuple[str, ...]] = (
        "name",
        "ip",
        "zip_code",
        "city",
        "address",
        "affinity",
        "user_name",
        "coordinates",
        "vim",
        "hw_capabilities",
        "shared",
        "removing",
        "region",
        "tags",
        "driver_settings",
    )
    OBSERVED: ClassVar[tuple[str, ...]] = (
        "reachable",
        "since",
        "vim_kind",
        "simulated",
        "facts",
        "fault",
        "observed_at",
        "config_upload_status",
    )

    name = models.CharField(_("name"), max_length=128)
    ip = models.GenericIPAddressField(_("address"), unique=True)
    zip_code = models.CharField(_("zip code"), max_length=128, blank=True)
    city = models.CharField(_("city"), max_length=128)
    address = models.CharField(_("street address"), max_length=256)
    affinity = models.CharField(_("architectures"), max_length=128, blank=True)
    user_name = models.CharField(_("user name"), max_length=128, blank=True)
    coordinates = models.CharField(_("coordinates"), max_length=128)
    vim = models.CharField(_("VIM"), max_length=128, blank=True)
    hw_capabilities = models.JSONField(_("hardware capabilities"), default=list)
    applcm = models.ForeignKey(
        AppLcm, null=True, blank=True, on_delete=models.PROTECT, related_name="hosts"
    )
    app_rule_manager = models.ForeignKey(
        AppRuleManager, null=True, blank=True, on_delete=models.PROTECT, related_name="hosts"
    )
    shared = models.BooleanField(_("open to every tenant"), default=True)
    removing = models.BooleanField(default=False, editable=False)
    cordoned = models.BooleanField(default=False, editable=False)
    region = models.CharField(_("region"), max_length=128, blank=True)
    tags = models.JSONField(_("tags"), default=list)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    # What its driver is told: see apps.hosts.driver_settings, the only reader.
    driver_settings = models.JSONField(default=dict, editable=False)
    registry_password = SealedField(blank=True, default="")

    # What the center still owes the edge: the version last changed here against the one delivered.
    desired_version = models.BigIntegerField(default=0, editable=False)
    delivered_version = models.BigIntegerField(default=0, editable=False)
    delivery_fault = models.JSONField(default=dict, editable=False)
    delivery_until = models.DateTimeField(null=True, editable=False)

    reachable = models.BooleanField(null=True, editable=False)
    since = models.DateTimeField(null=True, editable=False)
    vim_kind = models.CharField(max_length=32, blank=True, editable=False)
    simulated = models.BooleanField(default=False, editable=False)
    facts = models.JSONField(default=dict, editable=False)
    fault = models.JSONField(default=dict, editable=False)
    observed_at = models.DateTimeField(null=True, editable=False)
    observed_version = models.BigIntegerField(default=0, editable=False)
    config_upload_status = models.CharField(max_length=32, blank=True, editable=False)

    class Meta:
        ordering = ["name", "ip"]
        indexes = [models.Index(fields=["name", "ip"], name="hosts_in_order")]
        permissions = [("deploy_to_mechost", "May deploy to this host")]

    def __str__(self) -> str:
        return self.name

    def remains(self) -> dict[str, Any]:
        """The address that clients know."""
        return {"ip": self.ip}

    @property
    def is_local(self) -> bool:
        """Whether this site itself runs what the host runs."""
        return self.applcm_id is None

    @property
    def fault_reason(self) -> Reason:
        """What is wrong with the host as its edge sees it."""
        return Reason.from_json(self.fault)

    @property
    def delivery_reason(self) -> Reason:
        """Why the edge does not have the present configuration yet."""
        return Reason.from_json(self.delivery_fault)

    @property
    def is_delivered(self) -> bool:
        """Whether the edge has what was configured here."""
        return self.is_local or self.delivered_version >= self.desired_version

    @property
    def owes_delivery(self) -> bool:
        """Whether anything has to be brought to the edge."""
        credential: HostCredential | None = getattr(self, "credential", None)
        told = credential is None or not credential.is_owed
        return not self.is_delivered or self.removing or not told


class MecHostGrant(TenantGrant):
    """Which tenant may deploy to a host that is not open to every tenant."""

    content_object = models.ForeignKey(MecHost, on_delete=models.CASCADE)


class AppRecord(Versioned):
    """An application on a host as a client tells of it, which this site itself does not run.

    Keyed by the tenant, so that nobody learns of another's by trying an id.
    """

    DESIRED: ClassVar[tuple[str, ...]] = ("app_name", "package_id", "capabilities", "status")

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="app_records")
    host = models.ForeignKey(MecHost, on_delete=models.PROTECT, related_name="app_records")
    app_instance_id = models.UUIDField()
    app_name = models.CharField(max_length=128)
    package_id = models.CharField(max_length=64)
    capabilities = models.JSONField(default=list)
    status = models.CharField(max_length=128)

    class Meta:
        ordering = ["app_name", "created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "app_instance_id"], name="hosts_one_record_of_an_application"
            )
        ]

    def __str__(self) -> str:
        return self.app_name


class HostCredential(models.Model):
    """The access file of a host, sealed.  The center forgets the content once the edge has it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.OneToOneField(MecHost, on_delete=models.CASCADE, related_name="credential")
    content = SealedField(blank=True, default="")
    summary = models.JSONField(default=dict)
    uploaded_at = models.DateTimeField(default=clock.now)
    delivered_at = models.DateTimeField(null=True)
    fault = models.JSONField(default=dict)
    removing = models.BooleanField(default=False, editable=False)

    def __str__(self) -> str:
        return f"credentials of {self.host}"

    @property
    def fault_reason(self) -> Reason:
        """Why the edge refused them; empty when it did not."""
        return Reason.from_json(self.fault)

    @property
    def expires(self) -> datetime | None:
        """When the first thing in them ends without which they do not work; None if unknown."""
        said = (self.summary.get("expires"), (self.summary.get("ca") or {}).get("expires"))
        return min((datetime.fromisoformat(one) for one in said if one), default=None)

    @property
    def is_untested(self) -> bool:
        """Whether whoever stored them did not want them tried first."""
        return bool(self.summary.get("untested"))

    @property
    def is_owed(self) -> bool:
        """Whether the edge has to be told: of new ones that it has not refused, or of their end."""
        return self.removing or (
            self.delivered_at is None and bool(self.content) and not self.fault
        )
