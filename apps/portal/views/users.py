"""Tenants and users: who may sign in here, and for whom."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.portal.forms.users import PEOPLE, TenantEditForm, TenantForm, UserForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.tenants import administration, quotas, services
from apps.tenants.actors import Actor
from apps.tenants.models import Tenant, User
from apps.tenants.policies import may, require
from apps.tenants.selectors import access_tenant, tenants_for, users

TABLE: Table[User] = Table(
    columns=(
        Column("name", _("User"), "username"),
        Column("role", _("Role"), "role"),
        Column("tenant", _("Tenant"), "tenant__name"),
        Column("state", _("Access"), "is_active"),
        Column("seen", _("Last sign-in"), "last_login"),
        Column("do", _("Actions"), css="do"),
    ),
    search=("username", "tenant__name"),
    first_order="name",
    facets=(
        Facet("role", _("Role"), tuple((role.value, role.label, Q(role=role)) for role in PEOPLE)),
        Facet("active", _("Access"), (
            ("on", _("May sign in"), Q(is_active=True)),
            ("off", _("Switched off"), Q(is_active=False)),
        )),
    ),
)


@signed_in
@require_GET
def people(request: HttpRequest) -> HttpResponseBase:
    """Everybody who can sign in, and the tenants."""
    actor = actor_of(request)
    require(may(actor, "users.write"))
    context = {"list": TABLE.read(request, users()),
               "tenants": lambda: tenants_for(actor).order_by("name")}
    return show(request, "portal/users/list.html", context, part="portal/users/_list.html")


@signed_in
@require_http_methods(["GET", "POST"])
def new_tenant(request: HttpRequest) -> HttpResponseBase:
    """Make a tenant."""
    actor = actor_of(request)
    require(may(actor, "users.write"))
    form = TenantForm(*sent(request))
    if request.method == "POST" and form.is_valid():
        made = form.carry_out(lambda: services.create_tenant(actor=actor, spec=form.to_spec()))
        if made is not None:
            messages.success(request, gettext("The tenant “%(name)s” exists.") % {"name": made})
            return go_to(request, reverse("users"))
    return show(request, "portal/users/form.html", {"form": form, "title": gettext("New tenant")},
                status=422 if form.is_bound else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def edit_tenant(request: HttpRequest, tenant_id: uuid.UUID) -> HttpResponseBase:
    """Rename a tenant and give it quotas."""
    actor = actor_of(request)
    require(may(actor, "users.write"))
    tenant = access_tenant(actor, tenant_id)
    form = TenantEditForm(*sent(request), tenant=tenant)
    if form.is_bound and form.is_valid():
        done = form.carry_out(lambda: _write(actor, tenant, form))
        if done is not None:
            told = gettext("The tenant “%(name)s” was changed.") % {"name": done}
            messages.success(request, told)
            return go_to(request, reverse("users"))
    title = gettext("Tenant “%(name)s”") % {"name": tenant}
    return show(request, "portal/users/form.html", {"form": form, "title": title},
                status=422 if form.is_bound else 200)


@transaction.atomic
def _write(actor: Actor, tenant: Tenant, form: TenantEditForm) -> Tenant:
    administration.update_tenant(actor=actor, tenant_id=tenant.pk, spec=form.to_spec())
    return quotas.set_limits(actor=actor, tenant_id=tenant.pk, limits=form.limits)


@signed_in
@require_http_methods(["GET", "POST"])
def new_user(request: HttpRequest) -> HttpResponseBase:
    """Make a user."""
    actor = actor_of(request)
    require(may(actor, "users.write"))
    form = UserForm(*sent(request), actor=actor)
    if request.method == "POST" and form.is_valid():
        made = form.carry_out(lambda: services.create_user(actor=actor, spec=form.to_spec()))
        if made is not None:
            messages.success(request, gettext("The user “%(name)s” exists.") % {"name": made})
            return go_to(request, reverse("users"))
    return show(request, "portal/users/form.html", {"form": form, "title": gettext("New user")},
                status=422 if form.is_bound else 200)


@signed_in
@require_POST
def set_active(request: HttpRequest, user_id: uuid.UUID, active: bool) -> HttpResponseBase:
    """Let a user in, or keep them out."""
    actor = actor_of(request)
    done = gettext("The user may sign in again.") if active else gettext(
        "The user cannot sign in any more.")
    attempt(request, lambda: services.set_user_active(
        actor=actor, user_id=user_id, active=active), done)
    return go_to(request, reverse("users"))
