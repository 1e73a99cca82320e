"""The DNS and traffic rules of an instance: adding, changing and removing them."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_
from django.views.decorators.http import require_http_methods, require_POST

from apps.common.errors import NotFound
from apps.instances.models import AppInstance
from apps.instances.selectors import access_instance
from apps.portal.forms.rules import FORMS, RuleForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, signed_in
from apps.portal.views.confirm import ask
from apps.rules import services
from apps.rules.models import AppdRule
from apps.rules.policies import may_configure
from apps.rules.selectors import find_configuration
from apps.rules.states import Verb
from apps.tenants.actors import Actor
from apps.tenants.policies import require


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, instance_id: uuid.UUID, kind: str) -> HttpResponseBase:
    """Add a rule."""
    actor = actor_of(request)
    found = access_instance(actor, instance_id)
    require(may_configure(actor, found))
    if kind not in FORMS:
        raise NotFound(N_("There is nothing here by that name."))
    form = FORMS[kind](*sent(request))
    if form.is_bound and form.is_valid():
        row = find_configuration(actor, found.pk)
        rule_id = form.cleaned_data["rule_id"]
        if row and row.rules.filter(kind=kind, rule_id=rule_id).exists():
            form.add_error("rule_id", gettext("The instance has a rule of this id already."))
        elif _save(actor, found, form):
            return _back(request, found)
    return _form(request, found, form, kind)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, instance_id: uuid.UUID, rule: int) -> HttpResponseBase:
    """Change a rule."""
    actor = actor_of(request)
    found = access_instance(actor, instance_id)
    require(may_configure(actor, found))
    row = _rule(actor, found, rule)
    form = FORMS[row.kind](*sent(request), body=row.body)
    if form.is_bound and form.is_valid() and _save(actor, found, form):
        return _back(request, found)
    return _form(request, found, form, row.kind, row)


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, instance_id: uuid.UUID, rule: int) -> HttpResponseBase:
    """Take a rule away, once that is confirmed."""
    actor = actor_of(request)
    found = access_instance(actor, instance_id)
    require(may_configure(actor, found))
    row = _rule(actor, found, rule)
    back = reverse("instance", args=[found.pk])
    if request.method == "POST":
        dns = [row.rule_id] if row.kind == AppdRule.Kind.DNS else []
        traffic = [row.rule_id] if row.kind == AppdRule.Kind.TRAFFIC else []
        attempt(
            request,
            lambda: services.remove_rules(
                actor=actor, instance_id=found.pk, dns=dns, traffic=traffic
            ),
            gettext("The rule “%(name)s” is being removed.") % {"name": row},
        )
        return go_to(request, back)
    return ask(
        request,
        title=gettext("Remove the rule “%(name)s”?") % {"name": row},
        consequences=[
            gettext("“%(host)s” stops to apply it to “%(instance)s”.")
            % {"host": found.host.name, "instance": found.app_name}
        ],
        verb=gettext("Remove"),
        back=back,
    )


@signed_in
@require_POST
def retry(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """Hand the rules over once more."""
    actor = actor_of(request)
    found = access_instance(actor, instance_id)
    attempt(
        request,
        lambda: services.retry(actor=actor, instance_id=found.pk),
        gettext("The rules are being handed over again."),
    )
    return go_to(request, reverse("instance", args=[found.pk]))


def _rule(actor: Actor, instance: AppInstance, key: int) -> AppdRule:
    configuration = find_configuration(actor, instance.pk)
    row = configuration.rules.filter(pk=key).first() if configuration else None
    if row is None:
        raise NotFound(N_("There is no such rule."))
    return row


def _save(actor: Actor, instance: AppInstance, form: RuleForm) -> bool:
    configuration = find_configuration(actor, instance.pk)
    spec = form.to_spec(configuration.app_name if configuration else instance.app_name)
    done = form.carry_out(
        lambda: services.merge(
            actor=actor, instance_id=instance.pk, spec=spec, verb=Verb.CHANGE
        )
    )
    return done is not None


def _back(request: HttpRequest, instance: AppInstance) -> HttpResponseBase:
    messages.success(request, gettext("The rules are being handed over."))
    return go_to(request, reverse("instance", args=[instance.pk]))


def _form(
    request: HttpRequest,
    instance: AppInstance,
    form: RuleForm,
    kind: str,
    row: AppdRule | None = None,
) -> HttpResponseBase:
    context = {"form": form, "instance": instance, "rule": row,
               "traffic": kind == AppdRule.Kind.TRAFFIC}
    return show(request, "portal/instances/rule.html", context,
                status=422 if form.is_bound else 200)
