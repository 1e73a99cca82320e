"""Signing in, one's own account, tenants and users over HTTP."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import status
from rest_framework.fields import DateTimeField
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import typed as serializers
from apps.common.pagination import page
from apps.journal.idempotency import idempotent
from apps.tenants import selectors, services, tokens
from apps.tenants.models import Tenant, User
from apps.tenants.policies import may, require
from apps.tenants.roles import Role
from apps.tenants.sign_in import sign_in
from apps.tenants.specs import TenantSpec, UserSpec
from apps.tenants.views import ApiView

PEOPLE = [Role.ADMIN, Role.TENANT, Role.GUEST]


def address_of(request: Request) -> str:
    """The peer's address, for counting failures."""
    return str(request.META.get("REMOTE_ADDR", ""))


def token_body(user: User) -> dict[str, Any]:
    """The answer to a successful sign-in (field names of RFC 6749, 5.1)."""
    return {
        "access_token": tokens.access_token(user),
        "token_type": "Bearer",
        "expires_in": int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        "refresh_token": tokens.refresh_token(user),
    }


class SignInSerializer(serializers.Serializer[Any]):
    """Name and password."""

    # Whatever is no user's name is only a wrong one.
    username = serializers.CharField(max_length=150, validators=[])
    password = serializers.CharField(max_length=256, write_only=True, validators=[])


class TokenView(ApiView):
    """``POST /auth/v1/token``: name and password for tokens."""

    permission_classes = [AllowAny]
    authentication_classes = []
    serializer_class = SignInSerializer

    def post(self, request: Request) -> Response:
        """Sign in."""
        form = SignInSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = sign_in(**form.validated_data, address=address_of(request))
        return Response(token_body(user))


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token."""

    refresh_token = serializers.CharField(max_length=4096, write_only=True)


class RefreshView(ApiView):
    """``POST /auth/v1/token/refresh``: a refresh token for new tokens."""

    permission_classes = [AllowAny]
    authentication_classes = []
    serializer_class = RefreshSerializer

    def post(self, request: Request) -> Response:
        """Renew."""
        form = RefreshSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = tokens.user_of(form.validated_data["refresh_token"], use="refresh")
        return Response(token_body(user))


class MeView(ApiView):
    """``GET /auth/v1/me``: who the token speaks for."""

    def get(self, request: Request) -> Response:
        """The actor as this site sees it."""
        actor = self.actor
        return Response(
            {
                "user_id": actor.actor_id,
                "user_name": actor.actor_name,
                "role": str(actor.role),
                "tenant_id": actor.tenant_id,
            }
        )


class PasswordSerializer(serializers.Serializer[Any]):
    """The old and the new password."""

    old_password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)
    new_password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)


class PasswordView(ApiView):
    """``PUT /auth/v1/password``: change one's own password; answers new tokens."""

    serializer_class = PasswordSerializer

    def put(self, request: Request) -> Response:
        """Change it."""
        user = tokens.local_user(self.actor)
        form = PasswordSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        services.change_my_password(
            user=user,
            old=form.validated_data["old_password"],
            new=form.validated_data["new_password"],
        )
        return Response(token_body(user))


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant in the API."""

    class Meta:
        model = Tenant
        fields = ["id", "name", "description", "origin", "version", "created_at"]
        read_only_fields = ["id", "origin", "version", "created_at"]

    name = serializers.CharField(max_length=128)
    description = serializers.CharField(max_length=256, required=False, allow_blank=True)


class TenantsView(ApiView):
    """``/auth/v1/tenants``: the tenants that the caller may know of."""

    paged = True
    serializer_class = TenantSerializer

    def get(self, request: Request) -> Response:
        """List."""
        rows = page(request, selectors.tenants_for(self.actor))
        return Response(TenantSerializer(rows, many=True).data)

    @idempotent
    def post(self, request: Request) -> Response:
        """Make one (administrator)."""
        require(may(self.actor, "users.write"))
        form = TenantSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        tenant = services.create_tenant(actor=self.actor, spec=TenantSpec(**form.validated_data))
        return Response(TenantSerializer(tenant).data, status=status.HTTP_201_CREATED)


class UserSerializer(serializers.Serializer[Any]):
    """A user in the API; the password is write-only."""

    id = serializers.UUIDField(read_only=True)
    username = serializers.RegexField(r"^[\w.@+-]{1,150}\Z")
    role = serializers.ChoiceField(choices=[(role.value, role.label) for role in PEOPLE])
    tenant_id = serializers.UUIDField(allow_null=True, required=False)
    is_active = serializers.BooleanField(read_only=True)
    home_site = serializers.UUIDField(read_only=True, allow_null=True)
    cached_until = DateTimeField(read_only=True, allow_null=True)
    password = serializers.CharField(max_length=256, trim_whitespace=False, write_only=True)


class UsersView(ApiView):
    """``/auth/v1/users``: who can sign in here (administrator)."""

    paged = True
    serializer_class = UserSerializer

    def get(self, request: Request) -> Response:
        """List."""
        require(may(self.actor, "users.write"))
        return Response(UserSerializer(page(request, selectors.users()), many=True).data)

    @idempotent
    def post(self, request: Request) -> Response:
        """Make one."""
        require(may(self.actor, "users.write"))
        form = UserSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        spec = UserSpec(**{**data, "role": Role(data["role"])})
        user = services.create_user(actor=self.actor, spec=spec)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)
