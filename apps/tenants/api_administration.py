"""``/tenants/v1``: tenants with their quotas, and users; a tenant reads itself and its use."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import typed as serializers
from apps.common.conditional import etag
from apps.common.pagination import page
from apps.common.strict import Flag, Number, StrictSerializer, Text, Word
from apps.journal.idempotency import idempotent
from apps.tenants import administration, quotas, selectors, services
from apps.tenants.models import Tenant, User
from apps.tenants.policies import may, require
from apps.tenants.roles import Role
from apps.tenants.specs import TenantSpec, UserChange, UserSpec
from apps.tenants.views import ApiView, conditional

PEOPLE = [(role.value, role.label) for role in (Role.ADMIN, Role.TENANT, Role.GUEST)]


class TenantBody(StrictSerializer):
    """A tenant as an administrator writes it."""

    name = Text(max_length=128)
    description = Text(max_length=256, required=False, allow_blank=True)

    def to_spec(self) -> TenantSpec:
        """The validated input as a spec."""
        return TenantSpec(self.validated_data["name"], self.validated_data.get("description", ""))


class QuotaBody(StrictSerializer):
    """How much of one kind a tenant may have; null goes back to the site's limit."""

    kind = Word(choices=[])
    limit = Number(min_value=0, max_value=1_000_000, allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """The kinds are those that the site counts."""
        return {**super().get_fields(), "kind": Word(choices=quotas.kinds())}


class QuotasBody(StrictSerializer):
    """Quotas of a tenant; kinds that are not named stay as they are."""

    quotas = serializers.ListField(child=QuotaBody(), max_length=16)

    def validate_quotas(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """No kind twice."""
        if len({row["kind"] for row in rows}) < len(rows):
            raise serializers.ValidationError(_("a kind is given twice"))
        return rows


class NewUserBody(StrictSerializer):
    """A new user; the password is only ever sent."""

    username = serializers.RegexField(r"^[\w.@+-]{1,150}\Z", max_length=150)
    role = Word(choices=PEOPLE)
    tenant_id = serializers.UUIDField(allow_null=True, required=False)
    password = Text(max_length=256, write_only=True)


class UserBody(StrictSerializer):
    """What is to be different about a user."""

    role = Word(choices=PEOPLE, required=False)
    tenant_id = serializers.UUIDField(allow_null=True, required=False)
    is_active = Flag(required=False)
    password = Text(max_length=256, required=False, write_only=True)

    def to_change(self) -> UserChange:
        """The validated input as a change."""
        data = self.validated_data
        return UserChange(
            Role(data["role"]) if "role" in data else None,
            data.get("tenant_id"),
            "tenant_id" in data,
            data.get("is_active"),
            data.get("password"),
        )


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    """A tenant in a list."""
    return {
        "id": str(tenant.pk),
        "name": tenant.name,
        "description": tenant.description,
        "origin": tenant.origin,
        "version": tenant.version,
        "created_at": tenant.created_at,
    }


def quotas_json(tenant_id: uuid.UUID) -> list[dict[str, Any]]:
    """Limit and use of every kind, and what the limit is without a quota."""
    return [
        {"kind": use.kind, "limit": use.limit, "used": use.used,
         "default": quotas.usual_limit(use.kind)}
        for use in quotas.use_of(tenant_id)
    ]


def user_json(user: User) -> dict[str, Any]:
    """A user."""
    return {
        "id": str(user.pk),
        "username": user.username,
        "role": user.role,
        "tenant_id": str(user.tenant_id) if user.tenant_id else None,
        "is_active": user.is_active,
        "last_login": user.last_login,
        "home_site": str(user.home_site) if user.home_site else None,
        "cached_until": user.cached_until,
    }


class AdministeredTenantsView(ApiView):
    """``/tenants/v1/tenants``."""

    paged = True
    serializer_class = TenantBody

    def get(self, request: Request) -> Response:
        """The tenants that the caller may know of: all for an administrator, else their own."""
        rows = page(request, selectors.tenants_for(self.actor))
        return Response([tenant_json(row) for row in rows])

    @idempotent
    def post(self, request: Request) -> Response:
        """Make a tenant."""
        require(may(self.actor, "users.write"))
        form = TenantBody(data=request.data)
        form.is_valid(raise_exception=True)
        tenant = services.create_tenant(actor=self.actor, spec=form.to_spec())
        return Response(tenant_json(tenant), status=status.HTTP_201_CREATED)


class AdministeredTenantView(ApiView):
    """``/tenants/v1/tenants/{tenant_id}``."""

    serializer_class = TenantBody

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """A tenant with its quotas and their use."""
        tenant = selectors.access_tenant(self.actor, tenant_id)
        body = tenant_json(tenant) | {"quotas": quotas_json(tenant.pk)}
        return Response(body, headers={"ETag": etag(tenant.version)})

    @conditional
    def put(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Rename or describe it."""
        require(may(self.actor, "users.write"))
        self.expect(selectors.access_tenant(self.actor, tenant_id))
        form = TenantBody(data=request.data)
        form.is_valid(raise_exception=True)
        tenant = administration.update_tenant(
            actor=self.actor, tenant_id=tenant_id, spec=form.to_spec()
        )
        return Response(tenant_json(tenant))

    @conditional
    def delete(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Remove it, once it has nothing any more."""
        require(may(self.actor, "users.write"))
        self.expect(selectors.access_tenant(self.actor, tenant_id))
        administration.remove_tenant(actor=self.actor, tenant_id=tenant_id)
        return Response({"response": "Deleted"})


class QuotasView(ApiView):
    """``/tenants/v1/tenants/{tenant_id}/quotas``."""

    serializer_class = QuotasBody

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Limit and use of every kind."""
        tenant = selectors.access_tenant(self.actor, tenant_id)
        return Response({"quotas": quotas_json(tenant.pk)})

    def put(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Give the tenant quotas of its own."""
        require(may(self.actor, "users.write"))
        selectors.access_tenant(self.actor, tenant_id)
        form = QuotasBody(data=request.data)
        form.is_valid(raise_exception=True)
        limits = {row["kind"]: row["limit"] for row in form.validated_data["quotas"]}
        quotas.set_limits(actor=self.actor, tenant_id=tenant_id, limits=limits)
        return Response({"quotas": quotas_json(tenant_id)})


class AdministeredUsersView(ApiView):
    """``/tenants/v1/users``."""

    paged = True
    serializer_class = NewUserBody

    def get(self, request: Request) -> Response:
        """Who can sign in here."""
        require(may(self.actor, "users.write"))
        return Response([user_json(row) for row in page(request, selectors.users())])

    @idempotent
    def post(self, request: Request) -> Response:
        """Make a user."""
        require(may(self.actor, "users.write"))
        form = NewUserBody(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        spec = UserSpec(**{**data, "role": Role(data["role"])})
        user = services.create_user(actor=self.actor, spec=spec)
        return Response(user_json(user), status=status.HTTP_201_CREATED)


class AdministeredUserView(ApiView):
    """``/tenants/v1/users/{user_id}``."""

    serializer_class = UserBody

    def get(self, request: Request, user_id: uuid.UUID) -> Response:
        """One user."""
        require(may(self.actor, "users.write"))
        return Response(user_json(selectors.find_user(user_id)))

    def put(self, request: Request, user_id: uuid.UUID) -> Response:
        """Change role, tenant, password or access."""
        require(may(self.actor, "users.write"))
        selectors.find_user(user_id)
        form = UserBody(data=request.data)
        form.is_valid(raise_exception=True)
        user = administration.update_user(
            actor=self.actor, user_id=user_id, change=form.to_change()
        )
        return Response(user_json(user))

    def delete(self, request: Request, user_id: uuid.UUID) -> Response:
        """Remove a user."""
        administration.remove_user(actor=self.actor, user_id=user_id)
        return Response({"response": "Deleted"})
