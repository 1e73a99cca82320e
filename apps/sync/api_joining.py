"""``/sync/v1`` about the link itself: invitations, joining, keys, and what an edge tells."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import typed as serializers
from apps.common.errors import NotFound
from apps.common.fields import NAME, address
from apps.common.pagination import page
from apps.common.strict import StrictSerializer
from apps.hosts.models import AppLcm
from apps.sync import accounts, admission, invitations, joining, rotation
from apps.sync.models import Center, Invitation
from apps.tenants import keys, statements
from apps.tenants.authentication import token_in
from apps.tenants.models import SigningKey
from apps.tenants.policies import may, may_change_trust, require
from apps.tenants.views import ApiView

OPENERS = [(one.value, one.label) for one in AppLcm.Opener]


class InvitationBody(StrictSerializer):
    """Who is invited, which side opens the link, for which tenants (none: all), and how long."""

    name = serializers.CharField(max_length=128, validators=[NAME])
    opened_by = serializers.ChoiceField(choices=OPENERS, required=False)
    tenants = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=200
    )
    hours = serializers.FloatField(min_value=0.01, max_value=168, required=False)


class JoinBody(StrictSerializer):
    """What an edge says of itself; without ``ip`` where it dials the center."""

    token = serializers.CharField(max_length=128, write_only=True)
    site_id = serializers.UUIDField()
    name = serializers.CharField(max_length=128)
    public_key = serializers.Prose(max_length=2048)
    proof = serializers.CharField(max_length=statements.LONGEST)
    ip = serializers.CharField(
        max_length=45, validators=[address], required=False, allow_blank=True
    )
    port = serializers.IntegerField(min_value=0, max_value=65535, required=False)


class StatementBody(StrictSerializer):
    """A new key, stated under an old one."""

    statement = serializers.CharField(max_length=statements.LONGEST)


class KeepBody(StrictSerializer):
    """For how many hours the old key is still believed."""

    keep_hours = serializers.FloatField(min_value=0, max_value=2160, required=False)


class AccountBody(StrictSerializer):
    """A name and a password that somebody typed at an edge."""

    username = serializers.CharField(max_length=150, validators=[])
    password = serializers.CharField(
        max_length=256, trim_whitespace=False, write_only=True, validators=[]
    )


class CenterBody(StrictSerializer):
    """The center to join; the address of this edge where its own URL does not tell it."""

    center = serializers.CharField(max_length=255)
    token = serializers.CharField(max_length=128, write_only=True)
    address = serializers.CharField(max_length=64, required=False, allow_blank=True)


class AutonomyBody(StrictSerializer):
    """For how many hours an edge may be silent before it counts as dead."""

    autonomy_hours = serializers.FloatField(min_value=1, max_value=8760)


def invitation_json(row: Invitation) -> dict[str, Any]:
    """An invitation with what became of it; never its token."""
    return {
        "id": str(row.pk),
        "name": row.name,
        "opened_by": row.opened_by,
        "tenants": row.tenants,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "expires_at": row.expires_at,
        "withdrawn_at": row.withdrawn_at,
        "used_at": row.used_at,
        "edge_id": str(row.edge_id) if row.edge_id else None,
        "steps": [
            {"at": step.at, "step": step.step, "ok": step.ok, "data": step.data}
            for step in row.steps.all()
        ],
    }


def center_json(center: Center) -> dict[str, Any]:
    """The center as its edge sees it."""
    return {
        "site_id": str(center.site_id),
        "name": center.name,
        "url": center.url,
        "opened_by": center.opened_by,
        "joined_at": center.joined_at,
        "heard_at": center.heard_at,
        "connected": center.connected,
        "fault": center.fault,
    }


def key_json(key: SigningKey) -> dict[str, Any]:
    """A key of this site, without its private part."""
    return {
        "kid": key.kid,
        "public_key": key.public_key,
        "created_at": key.created_at,
        "retires_at": key.retires_at,
    }


class InvitationsView(ApiView):
    """``/sync/v1/invitations``: who may join (administrator)."""

    paged = True
    serializer_class = InvitationBody

    def get(self, request: Request) -> Response:
        """List, newest first."""
        require(may(self.actor, "systems.read"))
        rows = page(request, invitations.invitations())
        return Response([invitation_json(row) for row in rows])

    def post(self, request: Request) -> Response:
        """Invite; the answer has the token, which is not shown again."""
        require(may_change_trust(self.actor))
        form = InvitationBody(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        lifetime = timedelta(hours=data.pop("hours", 1.0))
        made = invitations.invite(actor=self.actor, lifetime=lifetime, **data)
        body = invitation_json(made.invitation) | {"token": made.token}
        return Response(body, status=status.HTTP_201_CREATED)


class InvitationView(ApiView):
    """``/sync/v1/invitations/{id}`` (administrator)."""

    def get(self, request: Request, invitation_id: uuid.UUID) -> Response:
        """Read it with its steps."""
        require(may(self.actor, "systems.read"))
        return Response(invitation_json(invitations.access(invitation_id)))

    def delete(self, request: Request, invitation_id: uuid.UUID) -> Response:
        """Withdraw it; 409 once it was used."""
        row = invitations.withdraw(actor=self.actor, invitation_id=invitation_id)
        return Response(invitation_json(row))


class JoinView(ApiView):
    """``POST /sync/v1/join``: an edge shows an invitation."""

    permission_classes = [AllowAny]
    authentication_classes = []
    serializer_class = JoinBody

    def post(self, request: Request) -> Response:
        """Let it in; asked again by the same site, the same answer until it was heard of."""
        form = JoinBody(data=request.data)
        form.is_valid(raise_exception=True)
        caller = str(request.META.get("REMOTE_ADDR", ""))
        spec = admission.JoinSpec(**form.validated_data, caller=caller)
        return Response(admission.admit(spec=spec))


class EdgeRevokeView(ApiView):
    """``POST /sync/v1/edges/{id}/revoke`` (administrator)."""

    @extend_schema(request=None)
    def post(self, request: Request, edge_id: uuid.UUID) -> Response:
        """Shut an edge out; what it told stays readable."""
        edge = admission.revoke(actor=self.actor, edge_id=edge_id)
        return Response({"edge_id": str(edge.pk), "revoked_at": edge.revoked_at})


class EdgeAutonomyView(ApiView):
    """``PUT /sync/v1/edges/{id}/autonomy`` (administrator)."""

    serializer_class = AutonomyBody

    def put(self, request: Request, edge_id: uuid.UUID) -> Response:
        """For how long it may be silent before it counts as dead."""
        require(may(self.actor, "hosts.write"))
        form = AutonomyBody(data=request.data)
        form.is_valid(raise_exception=True)
        autonomy = timedelta(hours=form.validated_data["autonomy_hours"])
        peer = admission.set_autonomy(actor=self.actor, edge_id=edge_id, autonomy=autonomy)
        return Response({"autonomy_hours": peer.autonomy.total_seconds() / 3600})


class HelloView(ApiView):
    """``POST /sync/v1/hello``: an edge is there (its link token)."""

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(request=None)
    def post(self, request: Request) -> Response:
        """Have it asked for its news at once."""
        admission.greeted(admission.edge_of(token_in(request.headers)))
        site = keys.this_site()
        return Response({"site_id": str(site.site_id), "name": site.name})


class GoodbyeView(ApiView):
    """``POST /sync/v1/goodbye``: an edge has left (its link token)."""

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(request=None)
    def post(self, request: Request) -> Response:
        """Ask and order nothing there any more; what it told stays."""
        admission.left(admission.edge_of(token_in(request.headers)))
        return Response({})


class AccountsView(ApiView):
    """``POST /sync/v1/accounts``: an edge asks whose a name and a password are (its link token)."""

    permission_classes = [AllowAny]
    authentication_classes = []
    serializer_class = AccountBody

    def post(self, request: Request) -> Response:
        """The account, or none."""
        edge = admission.edge_of(token_in(request.headers))
        form = AccountBody(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(accounts.answer_to(edge, **form.validated_data))


class KeysView(ApiView):
    """``/sync/v1/keys``: the keys of this site (administrator), and those that others tell."""

    serializer_class = KeepBody

    def get_authenticators(self) -> list[Any]:
        """A statement is its own proof, whatever token comes with it."""
        asked = self.request.method if self.request else ""
        return [] if asked == "PUT" else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        """The same."""
        told = self.request.method == "PUT"
        return [AllowAny()] if told else list(super().get_permissions())

    def get(self, request: Request) -> Response:
        """Our own, newest first."""
        require(may(self.actor, "systems.read"))
        return Response([key_json(key) for key in keys.own_keys()])

    def post(self, request: Request) -> Response:
        """Sign with a new key from now on (administrator)."""
        require(may_change_trust(self.actor))
        form = KeepBody(data=request.data)
        form.is_valid(raise_exception=True)
        hours = form.validated_data.get("keep_hours")
        keep = keys.KEEP if hours is None else timedelta(hours=hours)
        key = rotation.rotate(actor=self.actor, keep=keep)
        return Response(key_json(key), status=status.HTTP_201_CREATED)

    @extend_schema(request=StatementBody)
    def put(self, request: Request) -> Response:
        """Believe the new key of another site, which it states under its old one."""
        form = StatementBody(data=request.data)
        form.is_valid(raise_exception=True)
        return Response({"kid": rotation.learn(form.validated_data["statement"]).kid})


class CenterView(ApiView):
    """``/sync/v1/center``: the center that this edge belongs to (administrator of the edge)."""

    serializer_class = CenterBody

    def get(self, request: Request) -> Response:
        """Which one; 404 when there is none."""
        require(may(self.actor, "systems.read"))
        return Response(center_json(self._center()))

    def post(self, request: Request) -> Response:
        """Join one."""
        require(may_change_trust(self.actor))
        form = CenterBody(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        center = joining.join(
            actor=self.actor, url=data["center"], token=data["token"],
            address=data.get("address", ""),
        )
        return Response(center_json(center), status=status.HTTP_201_CREATED)

    def delete(self, request: Request) -> Response:
        """Leave it."""
        return Response(center_json(joining.leave(actor=self.actor)))

    def _center(self) -> Center:
        center = joining.current()
        if center is None:
            raise NotFound(joining.NO_CENTER)
        return center
