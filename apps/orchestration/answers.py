"""What the views of ``/appo/v1`` share: the tenant of a request, and refusals as EdgeGallery's."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.utils.translation import gettext_noop as N_
from rest_framework import serializers
from rest_framework.request import Request

from apps.common.errors import Conflict, DomainError, Invalid
from apps.common.schema import HouseSchema
from apps.common.words import Reason, say
from apps.instances.models import AppInstance
from apps.instances.selectors import access_instance
from apps.orchestration import dependencies, services
from apps.tenants.policies import tenant_for
from apps.tenants.views import ApiView


class Precondition(Conflict):
    """EdgeGallery's 412: the state does not allow it; ``response`` holds the original's words."""

    status = 412
    title = N_("Precondition failed")

    def __init__(self, error: Conflict, words: str) -> None:
        super().__init__(
            error.reason.text,
            code=error.code,
            extra=error.extra | {"response": words},
            message=words,
            **error.reason.params,
        )


class TwoSpellings(HouseSchema):
    """Operations without a tenant in their address have names of their own."""

    def get_operation_id(self) -> str:
        """The usual name, with ``_own`` where the tenant is the caller's."""
        name = super().get_operation_id()
        return name if "{tenant_id}" in self.path else f"{name}_own"


class OrchestratorView(ApiView):
    """A view that is mounted with a tenant in its address and without."""

    schema = TwoSpellings()

    def tenant(self, request: Request, tenant_id: uuid.UUID | None) -> uuid.UUID:
        """The tenant to write for: of the address, else as ``tenant_id`` names, else one's own."""
        return tenant_for(self.actor, tenant_id or _named(request))

    def readable(self, request: Request, tenant_id: uuid.UUID | None) -> uuid.UUID | None:
        """The tenant to read; None, for an administrator who names none, is every tenant."""
        asked = tenant_id or _named(request)
        if asked is None and self.actor.is_admin:
            return None
        return tenant_for(self.actor, asked)

    def instance(
        self, request: Request, tenant_id: uuid.UUID | None, instance_id: uuid.UUID
    ) -> AppInstance:
        """One instance of the tenant that the request is about."""
        tenant = self.readable(request, tenant_id)
        return access_instance(self.actor, instance_id, tenant_id=tenant)

    def taken(self, kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        """The body as ``kind`` wants it, with the wish of the query to go on without services."""
        form = kind(data=request.data)
        form.is_valid(raise_exception=True)
        data: dict[str, Any] = form.validated_data
        if "allow_missing_services" in request.query_params:
            wish = request.query_params["allow_missing_services"].lower()
            if wish not in ("true", "false"):
                reason = Reason(N_("must be true or false"))
                raise Invalid(
                    N_("The request is not valid."), fields={"allow_missing_services": reason}
                )
            data["allow_missing_services"] = wish == "true"
        return data


def _named(request: Request) -> uuid.UUID | None:
    text = request.query_params.get("tenant_id")
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        reason = Reason(N_("“%(text)s” is not a UUID"), params={"text": text[:64]})
        raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason}) from None


def original_words(error: DomainError) -> str:
    """How EdgeGallery says a refusal, empty where it has no words for it."""
    if isinstance(error, services.WrongState):
        return f"Application instance operational status is : {error.state}"
    if isinstance(error, services.NameTaken):
        return f"cannot re-use app name : {error.reason.params['name']}"
    if isinstance(error, dependencies.Depended):
        return dependencies.DEPENDED
    if isinstance(error, dependencies.ServicesMissing):
        return f"dependency app {', '.join(error.names)} not deployed"
    return ""


def refuse(error: Conflict) -> NoReturn:
    """Raise ``error`` as the original answers it: 412 where the state or others are in the way."""
    words = original_words(error)
    if words:
        raise Precondition(error, words) from None
    raise error


def batch_item(
    *, instance_id: uuid.UUID | None, host: str | None, error: DomainError | None = None
) -> dict[str, Any]:
    """One ``BatchItem``: ``status`` in the original's words, ``code`` and ``detail`` in ours."""
    item: dict[str, Any] = {
        "appInstanceId": str(instance_id) if instance_id else None,
        "host": host,
        "status": "Accepted",
    }
    if error is None:
        return item
    named = [f"{name}: {say(reason)}" for name, reason in error.fields.items()]
    detail = " ".join([say(error.reason), *named])
    words = _batch_words(error) or error.message or say(error.reason)
    return item | {"status": words, "code": error.code, "detail": detail} | error.extra


def _batch_words(error: DomainError) -> str:
    if isinstance(error, services.WrongState):
        return f"Precondition failed, app instance operational state: {error.state}"
    if isinstance(error, services.NameTaken):
        return f"cannot re-use app name: {error.reason.params['name']}"
    return original_words(error)
