"""The rules of an instance at an edge, which center and edge may both change while apart.

Merged rule by rule, as the configuration of a host is field by field (``apps.hosts.agreement``).
Content is flat: ``app_name``, ``supports_mp1``, and each rule under ``dns/ID`` or ``traffic/ID``;
a configuration that does not exist has no content.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.common import merging
from apps.common.merging import Merged
from apps.common.models import Origin, save_many
from apps.common.rows import insert_many
from apps.hosts.agreement import check_choices
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.instances.selectors import instance_not_found
from apps.journal import services as journal
from apps.rules import services
from apps.rules.models import AppdConfiguration, AppdRule
from apps.rules.policies import may_configure
from apps.rules.selectors import no_configuration
from apps.rules.specs import AppdSpec
from apps.rules.states import Verb
from apps.rules.wire import spec_of
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.policies import require


def content_of(row: AppdConfiguration | None) -> dict[str, Any]:
    """What an instance is to have; nothing where there is no configuration or it is going."""
    return spec_of(row).flat() if row is not None and not row.removing else {}


def to_deliver(row: AppdConfiguration) -> AppdSpec:
    """What the edge is to have now: with its own rules where nobody has chosen yet."""
    if not row.contested:
        return spec_of(row)
    return _spec(merging.to_deliver(content_of(row), row.contested), row.app_name)


@transaction.atomic
def take_theirs(
    *,
    instance_id: uuid.UUID,
    theirs: dict[str, Any],
    edge_version: int,
    forked_at: int | None = None,
) -> bool:
    """Merge what the edge has in ``edge_version`` into ours; False while the instance is unknown.

    Empty content says that the edge has no configuration of it any more.  ``forked_at`` is the
    first version of an edge that was restored from a backup: what is older is not its last word.
    """
    instance = instances.lock(instance_id)
    if instance is None:
        return not theirs
    row = AppdConfiguration.objects.select_for_update().filter(instance_id=instance_id).first()
    if row is None and theirs:
        adopt({instance_id: (theirs, edge_version)})
    elif row is not None and (forked_at or edge_version > row.edge_version):
        known = row.edge_version or not row.delivered
        ours = content_of(row)
        agreed = dict(merging.ancestor(row.agreed if known else theirs, row.sent, theirs))
        if not theirs:
            # All rules ended there; what else is told of them nobody has to choose.
            agreed |= {name: one for name, one in ours.items() if "/" not in name}
        merged = row.merge(
            agreed=agreed, ours=ours, theirs=theirs,
            edge_version=edge_version, forked_at=forked_at,
        )
        _keep(instance, row, merged, edge_version=edge_version, actor=SYSTEM)
    return True


@transaction.atomic
def adopt(
    theirs: Mapping[uuid.UUID, tuple[dict[str, Any], int]], *, quiet: bool = False
) -> None:
    """Take what an edge has of instances that have no configuration here: content and version.

    ``quiet`` leaves no entry of it.
    """
    rows, rules = [], []
    for instance in instances.locked(list(theirs)):
        content, edge_version = theirs[instance.pk]
        if not content:
            continue
        spec = _spec(content, instance.app_name)
        row = AppdConfiguration(
            id=instance.pk,
            tenant_id=instance.tenant_id,
            instance=instance,
            app_name=spec.app_name,
            supports_mp1=spec.supports_mp1,
            origin=Origin.MEPM,
            wanted=1,
            delivered=1,
            agreed=content,
            edge_version=edge_version,
        )
        rows.append(row)
        rules += services.rules_of(row, spec)
    save_many(rows, fields=())
    insert_many(rules)
    for row in rows:
        journal.record(
            "rules.configuration.reported",
            row,
            actor=SYSTEM,
            tenant_id=row.tenant_id,
            data={"instance_id": str(row.instance_id), "name": row.instance.app_name},
            quiet=quiet,
        )


@transaction.atomic
def deliver_again(*, instance_id: uuid.UUID) -> None:
    """The edge has none of it any more: it is owed whole, and nothing is agreed on.  Whoever had
    to choose has to choose still."""
    instance = instances.lock(instance_id)
    row = AppdConfiguration.objects.select_for_update().filter(instance_id=instance_id).first()
    if instance is not None and row is not None and not row.removing:
        row.agreed, row.edge_version, row.sent, row.delivered = {}, 0, [], 0
        services.order_delivery(SYSTEM, instance, row, Verb.CONFIGURE)


@transaction.atomic
def settle(
    *, actor: Actor, instance_id: uuid.UUID, choices: Mapping[str, str]
) -> AppdConfiguration | None:
    """Choose "ours" or "theirs" for contested rules; returns what is left of the configuration."""
    instance = instances.lock(instance_id)
    if instance is None or not (actor.is_admin or instance.tenant_id == actor.wall):
        raise instance_not_found(instance_id)
    require(may_configure(actor, instance))
    row = AppdConfiguration.objects.select_for_update().filter(instance_id=instance_id).first()
    if row is None:
        raise no_configuration()
    check_choices(choices, row.contested)
    merged = merging.settle(
        Merged(content_of(row), row.agreed, row.contested),
        keep_theirs=[name for name, side in choices.items() if side == "theirs"],
        keep_ours=[name for name, side in choices.items() if side == "ours"],
    )
    about = {"choices": dict(choices), "versions": {name: row.contested[name] for name in choices}}
    return _keep(
        instance, row, merged, edge_version=row.edge_version, actor=actor, settled=about
    )


def _keep(
    instance: AppInstance,
    row: AppdConfiguration,
    merged: Merged,
    *,
    edge_version: int,
    actor: Actor,
    settled: dict[str, Any] | None = None,
) -> AppdConfiguration | None:
    """Write what came of a merge, order what is owed, and tell of what is new."""
    newly = set(merged.contested) - set(row.contested)
    changed = merged.content != content_of(row) or merged.contested != row.contested
    row.agreed, row.contested, row.edge_version = merged.agreed, merged.contested, edge_version
    row.removing = not merged.content
    if changed:
        services.write_rules(row, _spec(merged.content, instance.app_name))
    else:
        kept = AppdConfiguration.objects.filter(pk=row.pk)
        kept.update(agreed=row.agreed, edge_version=edge_version, contested=row.contested)
    about = {"instance_id": str(instance.pk), "name": instance.app_name}
    verb = "settled" if settled else "contested" if newly else "merged"
    if changed or settled:
        journal.record(
            f"rules.configuration.{verb}",
            row,
            actor=actor,
            tenant_id=row.tenant_id,
            quiet=verb == "merged",
            data=about | {"contested": sorted(merged.contested)} | (settled or {}),
        )
    if merged.is_owed:
        services.order_delivery(actor, instance, row, Verb.CHANGE)
    elif row.removing and not row.contested:
        services.forget(actor=actor, instance=instance, row=row)
        return None
    return row


def _spec(content: Mapping[str, Any], app_name: str) -> AppdSpec:
    dns: dict[str, Any] = {}
    traffic: dict[str, Any] = {}
    for name, body in content.items():
        kind, _, rule_id = name.partition("/")
        if rule_id:
            (dns if kind == AppdRule.Kind.DNS else traffic)[rule_id] = body
    return AppdSpec(
        content.get("app_name") or app_name, content.get("supports_mp1"), dns, traffic
    )
