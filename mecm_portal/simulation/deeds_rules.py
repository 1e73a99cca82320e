"""What people do with the rules of an instance: see ``deeds``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from apps.instances.models import AppInstance
from apps.rules import agreement, services, work
from apps.rules.models import AppdConfiguration, RuleTask
from apps.rules.policies import ENDING
from apps.rules.specs import AppdSpec
from apps.rules.states import Verb
from mecm_portal.simulation.deeds import Deeds, shown_beside
from mecm_portal.simulation.model import AT_EDGE

NAMES = ("a", "b", "c")


class RuleDeeds(Deeds):
    """The people of one site, and the rules."""

    def change_rules(self) -> str:
        """A rule is added, or one of the same id has another address from now on."""
        instance = self.pick(AppInstance.objects.all())
        if instance is None:
            return ""
        name, (before, contested) = self.dice.choice(NAMES), self._present(instance)
        body = self._rule(instance, name)
        spec = AppdSpec(instance.app_name, None, {name: body}, {})
        actor = self.tenant_of(instance.tenant_id)
        self._order(
            lambda: services.merge(
                actor=actor, instance_id=instance.pk, spec=spec, verb=Verb.CHANGE
            ),
            lambda: self._edited(instance, contested, before, before | {f"dns/{name}": body}),
        )
        return f"{instance.app_name} {name}={body['ttl']}"

    def remove_rule(self) -> str:
        """One rule is taken away."""
        instance = self._configured()
        if instance is None:
            return ""
        before, contested = self._present(instance)
        present = sorted(key for key in before if key.startswith("dns/"))
        if not present:
            return ""
        key = self.dice.choice(present)
        left = {name: one for name, one in before.items() if name != key}
        actor = self.tenant_of(instance.tenant_id)
        self._order(
            lambda: services.remove_rules(
                actor=actor, instance_id=instance.pk, dns=[key.removeprefix("dns/")], traffic=[]
            ),
            lambda: self._edited(instance, contested, before, left),
        )
        return f"{instance.app_name} {key}"

    def remove_rules(self) -> str:
        """All rules of an instance are taken away."""
        instance = self._configured()
        if instance is None:
            return ""
        before, contested = self._present(instance)
        actor = self.tenant_of(instance.tenant_id)
        self._order(
            lambda: services.remove(actor=actor, instance_id=instance.pk),
            lambda: self._edited(instance, contested, before, {}),
        )
        return str(instance.app_name)

    def settle_rules(self) -> str:
        """A person chooses for one or all contested rules of an instance."""
        rows = AppdConfiguration.objects.exclude(instance__state__in=ENDING)
        row = self.pick(rows.exclude(contested={}))
        if row is None:
            return ""
        names = sorted(row.contested)
        names = names if self.dice.random() < 0.7 else names[:1]
        choices = {name: self.dice.choice(("ours", "theirs")) for name in names}
        ours = agreement.content_of(row)
        actor = self.tenant_of(row.tenant_id)

        def record() -> None:
            for name, side in choices.items():
                if not name.startswith("dns/"):
                    continue  # no person gives it
                key = ("rules", str(row.instance_id), name)
                self.chose(key, side, ours.get(name), shown_beside(row.contested[name]))

        self.give(
            lambda: agreement.settle(actor=actor, instance_id=row.instance_id, choices=choices),
            record,
        )
        return f"{row.app_name} {choices}"

    def _configured(self) -> AppInstance | None:
        rows = AppInstance.objects.filter(configuration__removing=False)
        found: AppInstance | None = self.pick(rows)
        return found

    def _present(self, instance: AppInstance) -> tuple[dict[str, Any], dict[str, Any]]:
        """The content, and what of it is contested."""
        row = AppdConfiguration.objects.filter(instance=instance).first()
        return agreement.content_of(row), row.contested if row is not None else {}

    def _order(self, order: Callable[[], RuleTask], record: Callable[[], None]) -> None:
        """At an edge carried out with the order, both or neither, as its API does it."""

        def both() -> None:
            with transaction.atomic():
                task = order()
                if self.site == AT_EDGE:
                    work.carry_out_now(task)

        self.give(both, record)

    def _edited(
        self,
        instance: AppInstance,
        contested: dict[str, Any],
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> None:
        for name in sorted({*before, *after}):
            if name.startswith("dns/") and before.get(name) != after.get(name):
                also = shown_beside(contested[name]) if name in contested else []
                key = ("rules", str(instance.pk), name)
                self.model.edited(self.site, key, before.get(name), after.get(name), *also)

    def _rule(self, instance: AppInstance, name: str) -> dict[str, Any]:
        self.fresh()
        return {
            "dnsRuleId": name,
            "domainName": f"{name}.{instance.pk.hex}.example",
            "ipAddressType": "IP_V4",
            "ipAddress": f"10.{2 - (self.site == AT_EDGE)}.{self.count // 250}.{self.count % 250}",
            "ttl": self.count * 2 + (self.site == AT_EDGE),
        }
