"""``/apprulemgr/v1`` and ``/apprule/v1``: the rules of an instance at its own edge."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.errors import DomainError
from apps.common.schema import JSON
from apps.common.words import say
from apps.journal import orders
from apps.journal.idempotency import idempotent
from apps.rules import services, wire, work
from apps.rules.api import InstanceView
from apps.rules.models import RuleTask
from apps.rules.selectors import access_configuration, held_state
from apps.rules.serializers import AppdConfigSerializer


class EdgeConfigurationView(InstanceView):
    """``…/app_instances/{app_instance_id}/appd_configuration``."""

    serializer_class = AppdConfigSerializer
    answers = {verb: {200: JSON} for verb in ("GET", "POST", "PUT", "DELETE")}

    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """The rules of the instance."""
        instance = self.readable(instance_id, tenant_id)
        return Response(wire.at_edge(access_configuration(self.actor, instance)))

    @idempotent
    def post(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Give it its first rules; answered once the MEC platform has them."""
        instance = self.writable(instance_id, tenant_id)
        spec = self.spec()
        return _done(
            instance.pk,
            lambda: services.create(actor=self.actor, instance_id=instance.pk, spec=spec),
        )

    def put(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Make these its rules, whatever it had before."""
        instance = self.writable(instance_id, tenant_id)
        spec = self.spec()
        return _done(
            instance.pk,
            lambda: services.replace(
                actor=self.actor, instance_id=instance.pk, spec=spec, may_be_first=True
            ),
        )

    def delete(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Take all its rules away."""
        instance = self.writable(instance_id, tenant_id)
        # Heeded also where there are none: an order to have some may still be on its way.
        orders.heed_alone(f"rules:{instance.pk}")
        return _done(
            instance.pk,
            lambda: services.remove(actor=self.actor, instance_id=instance.pk),
        )


def _done(instance_id: uuid.UUID, order: Callable[[], RuleTask]) -> Response:
    """Order and carry out, both or neither; a refusal is told as progress as well."""
    try:
        with transaction.atomic():
            orders.heed(f"rules:{instance_id}")
            before = held_state(instance_id)
            task = work.carry_out_now(order())
            after = held_state(instance_id)
            if after.content != before.content:
                orders.expect(before.version, there=bool(before.content))
    except DomainError as error:
        error.extra |= {
            "taskId": "", "appInstanceId": str(instance_id), "configResult": "FAILURE",
            "configPhase": "0", "detailed": say(work.reason_of(error)),
        }
        raise
    return Response(wire.progress(task), headers={"ETag": etag(after.version)})
