"""The only writers of DNS and traffic rules, from the application (Mp1) and management (Mm5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.journal import services as journal
from apps.journal.services import Actor
from apps.mep import locking
from apps.mep.access import unknown
from apps.mep.models import Application, ConfigTask, Rule

Body = dict[str, Any]
KEPT_TASKS = timedelta(days=7)


@transaction.atomic
def update(
    *,
    actor: Actor,
    application: Application,
    rule: Rule,
    body: Body,
    match: Callable[[Rule], None] = lambda row: None,
) -> Rule:
    """Put another body in the place of a rule's; Invalid when another rule has its domain.

    ``match`` raises where the row, which nobody else can change now, is not what the caller means.
    """
    application = locking.application(application.pk)
    row = application.rules.select_for_update().filter(pk=rule.pk).first()
    if row is None:
        raise unknown(N_("There is no such rule."))
    match(row)
    _write(row, body)
    journal.record(
        "mep.application.rule_updated",
        application,
        actor=actor,
        tenant_id=application.tenant_id,
        data={"rule": row.rule_id, "kind": row.kind, "state": body.get("state", "")},
    )
    return row


@transaction.atomic
def replace_all(
    *,
    actor: Actor,
    application: Application,
    dns: dict[str, Body],
    traffic: dict[str, Body],
    appd: Body | None,
) -> ConfigTask:
    """Make these the rules of an application, all or none; the task says how it went.

    ``appd`` is what is kept beside them, None when the configuration is removed.
    """
    application = locking.application(application.pk)
    application.appd = appd
    application.save(update_fields=["appd"])
    had = application.rules.exists()
    wanted = {(Rule.Kind.DNS, key): body for key, body in dns.items()}
    wanted |= {(Rule.Kind.TRAFFIC, key): body for key, body in traffic.items()}
    rows = {(row.kind, row.rule_id): row for row in application.rules.all()}
    for key, row in rows.items():
        if key not in wanted:
            row.delete()
    # Rules of one application may take over each other's domains.
    application.rules.update(domain=None)
    # Domains are waited for as rows are, so they have an order as well.
    in_order = sorted(wanted.items(), key=lambda one: (_domain(one[0][0], one[1]) or "", one[0]))
    for (kind, rule_id), body in in_order:
        row = rows.get((kind, rule_id)) or Rule(
            application=application, kind=kind, rule_id=rule_id
        )
        _write(row, body)
    verb = "DELETE" if appd is None else "PUT" if had else "POST"
    journal.record(
        "mep.application.rules_configured",
        application,
        actor=actor,
        tenant_id=application.tenant_id,
        data={"dns": len(dns), "traffic": len(traffic)},
    )
    # Nothing is asked of a data plane yet, so the work is done with the transaction.
    return ConfigTask.objects.create(
        application_id=application.pk, verb=verb, result="SUCCESS", progress=100,
        detail="The rules are stored.",
    )


def purge() -> int:
    """Drop the tasks that nobody asks for any more."""
    return ConfigTask.objects.filter(created_at__lt=clock.now() - KEPT_TASKS).delete()[0]


def _write(row: Rule, body: Body) -> None:
    domain = _domain(row.kind, body)
    if domain and Rule.objects.filter(domain=domain).exclude(pk=row.pk).exists():
        raise _taken()
    row.body, row.domain, row.updated_at = body, domain, clock.now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:  # another application was faster
        raise _taken() from None


def _domain(kind: str, body: Body) -> str | None:
    return str(body["domainName"]).lower().rstrip(".") if kind == Rule.Kind.DNS else None


def _taken() -> Invalid:
    reason = Reason(N_("is already the domain of another rule"), "duplicate")
    return Invalid(
        N_("The request is not valid."),
        fields={"domainName": reason},
        message="duplicate dns entry",
    )


def plain(body: Body) -> Body:
    """A rule's body without its id, which the path or the list says; no destinations are absent."""
    return {
        key: value
        for key, value in body.items()
        if key not in ("dnsRuleId", "trafficRuleId") and (key, value) != ("dstInterface", [])
    }
