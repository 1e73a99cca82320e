"""``/registrations``: applications that register themselves (MEC 011 v3 clause 7.2.13)."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.common.errors import Denied, Invalid
from apps.common.words import Reason
from apps.mep import addresses, applications, documents
from apps.mep.access import as_uuid, find_application, unknown
from apps.mep.answers import AppInfoAnswer
from apps.mep.api.base import Mp1View, nothing, single
from apps.mep.api.description import described, link
from apps.mep.bodies import as_plain, read
from apps.mep.models import Application
from apps.mep.types3 import AppInfo

_OF = {"application_id": "$response.body#/appInstanceId"}
_LINKS = {
    "read": link("registration_get", **_OF),
    "replace": link("registration_put", **_OF),
    "remove": link("registration_delete", **_OF),
}


class RegistrationsView(Mp1View):
    """``/registrations`` (clause 7.2.13).

    An application registers itself only, an administrator any.
    """

    @described(body=AppInfo, answers={201: AppInfoAnswer}, etag=True, links=_LINKS)
    def post(self, request: Request) -> HttpResponse:
        """Register; the platform allocates the id of what MEC management did not instantiate."""
        self.check_query()
        info = read(request, AppInfo)
        application_id = self._id(info)
        if not self.caller.owns(application_id):
            raise Denied(N_("An application may register itself only."), code="not_the_owner")
        with transaction.atomic():
            application = applications.ensure(
                actor=self.caller.actor, application_id=application_id, by_itself=True
            )
            application = applications.save_registration(
                actor=self.caller.actor, application=application, info=_kept(info)
            )
        location = addresses.registration_path(application.pk)
        return single(documents.registration(application), status=201, location=location)

    def _id(self, info: AppInfo) -> uuid.UUID:
        if not info.isInsByMec or not isinstance(info.appInstanceId, str):
            return self.caller.application_id or uuid.uuid4()
        known = as_uuid(info.appInstanceId)
        if known is None:
            reason = Reason(N_("must be the UUID of the application instance"), "invalid")
            raise Invalid(N_("The request is not valid."), fields={"appInstanceId": reason})
        return known


class RegistrationView(Mp1View):
    """``/registrations/{appInstanceId}`` (clause 7.2.14)."""

    @described(answers={200: AppInfoAnswer}, etag=True)
    def get(self, request: Request, application_id: str) -> HttpResponse:
        """The AppInfo."""
        return single(documents.registration(self._registered(application_id)))

    @described(body=AppInfo, answers={204: None})
    def put(self, request: Request, application_id: str) -> HttpResponse:
        """Replace it."""
        application = self._registered(application_id)
        info = read(request, AppInfo)
        applications.save_registration(
            actor=self.caller.actor, application=application, info=_kept(info)
        )
        return nothing()

    @described(answers={204: None})
    def delete(self, request: Request, application_id: str) -> HttpResponse:
        """Leave the platform, with all services and subscriptions; what management gave stays."""
        application = self._registered(application_id)
        applications.leave(actor=self.caller.actor, application=application)
        return nothing()

    def _registered(self, application_id: str) -> Application:
        # Read anew: what goes with a remembered token may be older than another process's change.
        application = find_application(str(self.application(application_id).pk))
        if application is None or not application.registered:
            raise unknown(N_("There is no such registration."))
        return application


def _kept(info: AppInfo) -> dict[str, Any]:
    kept: dict[str, Any] = as_plain(info)
    kept.pop("appInstanceId", None)
    return kept
