"""What people do at a site, chosen by the dice from what the site shows them.

The same deeds at both sites, through the same services as their requests; the model is told of each
one that was accepted.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import DEFAULT_DB_ALIAS, connections, models
from msgspec import convert

from apps.hosts import agreement as host_agreement
from apps.hosts import driver_settings
from apps.hosts import services as hosts
from apps.hosts.models import MecHost
from apps.hosts.specs import HostSpec
from apps.instances.models import AppInstance
from apps.instances.specs import CreateSpec
from apps.mep import applications, register
from apps.mep.models import Application, MecService
from apps.mep.types import ServiceInfo
from apps.orchestration import services as orchestration
from apps.packages import distribution
from apps.packages import services as packages
from apps.packages.models import Distribution, Package
from apps.tenants.actors import Actor
from apps.tenants.models import Tenant
from apps.tenants.roles import Role
from mecm_portal.simulation.model import AT_CENTER, Model
from mecm_portal.simulation.site import SiteDied

OPERATOR = Actor(str(uuid.UUID(int=7)), "operator", Role.ADMIN)
COLUMNS = ("name", "city", "address", "zip_code", "region")
SETTINGS = "driver_settings"
EDGE_IP = "10.9.0.1"
# A name that people at both sites give, of which each host takes one.
TWIN = "twin"


class Deeds:
    """The people of one site."""

    def __init__(self, site: str, dice: Random, model: Model, csars: list[Path]) -> None:
        self.site, self.dice, self.model, self.csars = site, dice, model, csars
        self.count = 0

    # --- choosing -------------------------------------------------------------------------------

    def fresh(self) -> str:
        """A word that nobody has used."""
        self.count += 1
        return f"{self.site[0]}{self.count}"

    def pick(self, rows: models.QuerySet[Any]) -> Any:
        """One row, or None."""
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        return rows.get(pk=self.dice.choice(keys)) if keys else None

    def tenant_of(self, tenant_id: uuid.UUID) -> Actor:
        """Somebody of a tenant."""
        return Actor(str(tenant_id), "somebody", Role.TENANT, tenant_id)

    def hosts_here(self) -> models.QuerySet[MecHost]:
        """The hosts that the people of this site see."""
        return MecHost.objects.filter(removing=False)

    def give(self, order: Callable[[], Any], record: Callable[[], None]) -> None:
        """Give an order; what was committed counts, also when the site died before it said so."""
        here: Any = connections[DEFAULT_DB_ALIAS]
        before = here.commits
        try:
            order()
        except SiteDied:
            if here.commits > before:
                record()
            raise
        record()

    def make(
        self, model: type[models.Model], order: Callable[[], Any], record: Callable[[str], None]
    ) -> str:
        """Give an order that makes a row, and record it by its id, which is returned."""
        here: Any = connections[DEFAULT_DB_ALIAS]
        asked = f"SELECT id FROM {model._meta.db_table}"  # noqa: S608 - a table of ours
        known = set(here.connection.execute(asked))
        made: list[str] = []

        def record_made() -> None:
            for (key,) in set(here.connection.execute(asked)) - known:
                made.append(str(uuid.UUID(key)))
                record(made[-1])

        self.give(order, record_made)
        return "".join(made)

    # --- hosts ----------------------------------------------------------------------------------

    def add_host(self) -> str:
        """A new host."""
        word = self.fresh()
        ip = f"10.{1 if self.site == AT_CENTER else 2}.0.{self.count % 250 + 1}"
        manager = EDGE_IP if self.site == AT_CENTER else ""
        spec = HostSpec(
            name=f"host-{word}", ip=ip, city="Delft", address="Oude Delft 1", zip_code="1",
            coordinates="4.35,52.01", vim="Simulated", region="south", tags=[],
            applcm_ip=manager, app_rule_ip=manager,
        )

        def record(key: str) -> None:
            self.model.born(self.site, "host", key)
            for name in COLUMNS:
                self.model.edited(self.site, ("host", key, name), None, getattr(spec, name))
            self.model.edited(self.site, ("host", key, SETTINGS), None, "")

        self.make(MecHost, lambda: hosts.register_host(actor=OPERATOR, spec=spec), record)
        return word

    def change_host(self) -> str:
        """Other words in one to three fields of a host."""
        host = self.pick(self.hosts_here())
        if host is None:
            return ""
        names = self.dice.sample(COLUMNS, self.dice.choice((1, 1, 2, 3)))
        changes = {name: f"x{self.fresh()}" for name in names}
        spec = HostSpec(
            **{name: getattr(host, name) for name in (*COLUMNS, "ip", "coordinates", "vim")},
            tags=host.tags,
            applcm_ip=host.applcm.ip if host.applcm else "",
            app_rule_ip=host.app_rule_manager.ip if host.app_rule_manager else "",
        )

        def record() -> None:
            for name, value in changes.items():
                self._edited_host(host, name, getattr(host, name), value)

        changed: dict[str, Any] = dict(changes)
        spec = replace(spec, **changed)
        self.give(lambda: hosts.update_host(actor=OPERATOR, host_id=host.pk, spec=spec), record)
        return f"{host.ip} {sorted(changes.values())}"

    def set_host(self) -> str:
        """Another registry for a host."""
        host = self.pick(self.hosts_here())
        if host is None:
            return ""
        address = f"{self.fresh()}.example:5000"
        spec = replace(driver_settings.spec_of(host), registry_address=address)
        before = host.driver_settings.get("registry_address", "")
        self.give(
            lambda: driver_settings.set_settings(actor=OPERATOR, host_id=host.pk, spec=spec),
            lambda: self._edited_host(host, SETTINGS, before, address),
        )
        return f"{host.ip} {address}"

    def _edited_host(self, host: MecHost, name: str, before: Any, after: Any) -> None:
        also = shown_beside(host.contested[name]) if name in host.contested else []
        key = ("host", str(host.pk), name)
        self.model.edited(self.site, key, before, after, *map(_told, also))

    def remove_host(self) -> str:
        """A host is to go."""
        host = self.pick(self.hosts_here())
        if host is None:
            return ""
        self.give(
            lambda: hosts.remove_host(actor=OPERATOR, host_id=host.pk),
            lambda: self.model.removal(self.site, "host", str(host.pk)),
        )
        return str(host.ip)

    def settle_host(self) -> str:
        """A person chooses for one or all contested fields of a host."""
        host = self.pick(MecHost.objects.exclude(contested={}))
        if host is None:
            return ""
        names = sorted(host.contested)
        names = names if self.dice.random() < 0.7 else names[:1]
        choices = {name: self.dice.choice(("ours", "theirs")) for name in names}
        ours = host_agreement.content_of(host)

        def record() -> None:
            for name, side in choices.items():
                shown = [_told(one) for one in shown_beside(host.contested[name])]
                key = ("host", str(host.pk), name)
                self.chose(key, side, _told(ours.get(name)), shown)

        self.give(
            lambda: host_agreement.settle(actor=OPERATOR, host_id=host.pk, choices=choices), record
        )
        return f"{host.ip} {choices}"

    def chose(self, key: tuple[str, ...], side: str, ours: Any, shown: list[Any]) -> None:
        """Somebody preferred ours, or the first of what was shown beside it."""
        theirs, *rest = shown
        values = (ours, theirs) if side == "ours" else (theirs, ours)
        self.model.chosen(self.site, key, *values, *rest)

    # --- packages -------------------------------------------------------------------------------

    def upload(self) -> str:
        """A small package of one of the tenants that this site has."""
        tenant = self.pick(Tenant.objects.all())
        path = self.dice.choice(self.csars)
        content = path.read_bytes()
        with TemporaryUploadedFile(path.name, "application/zip", len(content), None) as file:
            file.write(content)
            file.seek(0)
            key = self.make(
                Package,
                lambda: packages.upload_package(
                    actor=self.tenant_of(tenant.pk), tenant_id=tenant.pk, file=file
                ),
                lambda key: self.model.born(self.site, "package", key, str(tenant.pk)),
            )
        return f"{path.stem} {key}"

    def distribute(self) -> str:
        """A package is to be brought to a host."""
        package = self.pick(Package.objects.filter(removing=False, has_file=True))
        host = self.pick(self.hosts_here())
        if package is None or host is None:
            return ""
        actor = self.tenant_of(package.tenant_id)
        self.give(
            lambda: distribution.distribute(
                actor=actor, package_id=package.pk, host_ids=[host.pk]
            ),
            lambda: self.model.born(self.site, "distribution", f"{package.pk} {host.pk}"),
        )
        return f"{package.pk} {host.ip}"

    def withdraw(self) -> str:
        """A package is to be taken off a host."""
        row = self.pick(Distribution.objects.filter(removing=False, package__removing=False))
        if row is None:
            return ""
        actor = self.tenant_of(row.package.tenant_id)
        pair = {"package_id": row.package_id, "host_id": row.host_id}
        self.give(
            lambda: distribution.withdraw(actor=actor, **pair),
            lambda: self.model.removal(
                self.site, "distribution", f"{row.package_id} {row.host_id}"
            ),
        )
        return f"{row.package_id} {row.host.ip}"

    def remove_package(self) -> str:
        """A package is to go, from everywhere."""
        package = self.pick(Package.objects.filter(removing=False))
        if package is None:
            return ""
        actor = self.tenant_of(package.tenant_id)
        there = list(package.distributions.values_list("host_id", flat=True))

        def record() -> None:
            self.model.removal(self.site, "package", str(package.pk))
            for host_id in there:
                self.model.removal(self.site, "distribution", f"{package.pk} {host_id}")

        self.give(lambda: packages.remove_package(actor=actor, package_id=package.pk), record)
        return str(package.pk)

    # --- instances ------------------------------------------------------------------------------

    def instantiate(self) -> str:
        """A new instance that is to run."""
        package = self.pick(Package.objects.filter(removing=False, has_file=True))
        host = self.pick(self.hosts_here())
        if package is None or host is None:
            return ""
        actor, word = self.tenant_of(package.tenant_id), self.fresh()
        name = TWIN if self.dice.random() < 0.05 else f"app-{word}"
        spec, tenant = CreateSpec(package.pk, host.pk, name), package.tenant_id
        key = self.make(
            AppInstance,
            lambda: orchestration.create_instance(actor=actor, tenant_id=tenant, spec=spec),
            lambda key: self.model.born(self.site, "instance", key, str(tenant)),
        )
        self.give(
            lambda: orchestration.instantiate(actor=actor, instance_id=uuid.UUID(key)),
            lambda: self._ordered("instantiate", key, package.pk, host.pk),
        )
        return f"{name} {key}"

    def upgrade(self) -> str:
        """An instance is to run another version."""
        instance = self.pick(AppInstance.objects.all())
        if instance is None:
            return ""
        other = self.pick(
            Package.objects.filter(
                tenant_id=instance.tenant_id, name=instance.package.name, removing=False
            ).exclude(pk=instance.package_id)
        )
        if other is None:
            return ""
        actor = self.tenant_of(instance.tenant_id)
        self.give(
            lambda: orchestration.upgrade(
                actor=actor, instance_id=instance.pk, package_id=other.pk
            ),
            lambda: self._ordered("upgrade", str(instance.pk), other.pk, instance.host_id),
        )
        return f"{instance.app_name} → {other}"

    def terminate(self) -> str:
        """An instance is to end."""
        instance = self.pick(AppInstance.objects.all())
        if instance is None:
            return ""
        actor = self.tenant_of(instance.tenant_id)
        self.give(
            lambda: orchestration.terminate(actor=actor, instance_id=instance.pk),
            lambda: self.model.removal(self.site, "instance", str(instance.pk)),
        )
        return f"{instance.app_name} {instance.pk}"

    def _ordered(self, kind: str, key: str, package: uuid.UUID, host: uuid.UUID) -> None:
        self.model.ordered(self.site, kind, key, str(package), str(host))

    # --- the MEC platform of the edge -----------------------------------------------------------

    def add_service(self) -> str:
        """An application offers a service."""
        application = self.pick(Application.objects.filter(site_id__isnull=True))
        if application is None or self.dice.random() < 0.2:
            tenant = self.pick(Tenant.objects.all())
            application = applications.ensure(
                actor=OPERATOR, application_id=uuid.uuid4(), name=self.fresh(), tenant_id=tenant.pk
            )
        info = _offer(f"service-{self.fresh()}", "ACTIVE")
        made = register.register(actor=OPERATOR, application=application, info=info)
        return f"{made} {made.pk}"

    def change_service(self) -> str:
        """A service is inactive, or active again."""
        service = self.pick(self._services())
        if service is None:
            return ""
        state = "INACTIVE" if service.state == "ACTIVE" else "ACTIVE"
        register.update(
            actor=OPERATOR, application=service.application, service=service,
            info=_offer(service.ser_name, state),
        )
        return f"{service.pk} {state}"

    def remove_service(self) -> str:
        """A service is offered no more."""
        service = self.pick(self._services())
        if service is None:
            return ""
        register.remove(actor=OPERATOR, application=service.application, service=service)
        return str(service.pk)

    def _services(self) -> models.QuerySet[MecService]:
        rows = MecService.objects.filter(application__site_id__isnull=True)
        return rows.select_related("application")


def shown_beside(one: dict[str, Any]) -> list[Any]:
    """What a person who chooses sees of a contested field beside what is here."""
    return [one.get("theirs"), *([one["base"]] if "base" in one else [])]


def _told(value: Any) -> Any:
    """Of the settings of a host's driver only the registry is ever changed here."""
    return value.get("registry_address", "") if isinstance(value, dict) else value


def _offer(name: str, state: str) -> ServiceInfo:
    endpoint = {"uris": [f"http://{name}.example/"]}
    transport = {
        "id": "t", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP", "version": "2.0",
        "endpoint": endpoint, "security": {},
    }
    said = {
        "serName": name, "version": "1.0", "state": state, "serializer": "JSON",
        "transportInfo": transport,
    }
    return convert(said, ServiceInfo)
