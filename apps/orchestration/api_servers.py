"""Servers of an instance, and the resources of a host's cloud: at an edge and at the center."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import typed as serializers
from apps.common.words import Reason
from apps.hosts.policies import may_see_resources
from apps.hosts.selectors import access_host
from apps.instances.policies import may_create
from apps.journal.idempotency import idempotent
from apps.orchestration import servers
from apps.orchestration.answers import OrchestratorView
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView
from apps.vim.resources import ResourceKind
from apps.vim.servers import REBOOTS, Action

ACTIONS = sorted({str(one) for one in Action if one not in REBOOTS.values()} | {"reboot"})


class _Choice(serializers.ChoiceField):
    """One of a few words; a refusal says which."""

    def fail(self, key: str, **params: Any) -> Any:
        """Name the words that would be right."""
        known = ", ".join(map(str, self.choices))
        raise serializers.ValidationError(
            str(Reason(N_("must be one of %(known)s"), params={"known": known}))
        )


class ActionSerializer(serializers.Serializer[Any]):
    """``{"action": …}`` in the words of EdgeGallery's rescontroller."""

    action = _Choice(choices=ACTIONS)
    reboot = _Choice(
        choices=list(REBOOTS), required=False, default="SOFT",
        help_text="How, where the action is `reboot`.",
    )

    def to_action(self) -> Action:
        """The action, from data that is valid."""
        data = self.validated_data
        name = data["action"]
        return REBOOTS[data["reboot"]] if name == "reboot" else Action(name)


class ServerView(OrchestratorView):
    """``…/app_instances/{app_instance_id}/servers/{server_id}``."""

    serializer_class = ActionSerializer

    def get(
        self, request: Request, instance_id: uuid.UUID, server_id: uuid.UUID,
        tenant_id: uuid.UUID | None = None,
    ) -> Response:
        """What the cloud knows of one server now, and the `actions` that its state allows."""
        require(may(self.actor, "instances.read"))
        instance = self.instance(request, tenant_id, instance_id)
        found = servers.server_of(instance, str(server_id), actor=self.actor)
        return Response({**found.as_json(), "actions": found.actions})

    @idempotent
    def post(
        self, request: Request, instance_id: uuid.UUID, server_id: uuid.UUID,
        tenant_id: uuid.UUID | None = None,
    ) -> Response:
        """Start, stop, reboot, pause, unpause, suspend or resume it, or get a link to its screen.

        409 with `state` and `allowed` while the state does not allow it.  `createConsole` answers
        the link, which is not replayed for an `Idempotency-Key`: it is stored nowhere.
        """
        require(may_create(self.actor))
        instance = self.instance(request, tenant_id, instance_id)
        form = ActionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        action = form.to_action()
        if action is Action.CONSOLE:
            link = servers.screen(instance, str(server_id), actor=self.actor)
            headers = {"Cache-Control": "no-store"}
            return Response({"type": "novnc", "url": link}, headers=headers)
        servers.act(instance, str(server_id), action, actor=self.actor)
        return Response(None)


class ResourceQuerySerializer(serializers.Serializer[Any]):
    """Which resources are wanted."""

    kind = _Choice(choices=[str(one) for one in ResourceKind], required=False,
                   default=str(ResourceKind.QUOTAS))


class HostResourcesView(ApiView):
    """``GET …/hosts/{host_ip}/resources``."""

    @extend_schema(parameters=[ResourceQuerySerializer])
    def get(self, request: Request, ip: str) -> Response:
        """What the cloud of the host has of one kind, and as of when (administrator).

        In quotas null is not known, and a limit of -1 is none.
        """
        require(may_see_resources(self.actor))
        host = access_host(self.actor, ip)
        form = ResourceQuerySerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        kind = ResourceKind(form.validated_data["kind"])
        return Response(servers.resources_of(host, kind, actor=self.actor).as_json())
