"""Service management of Mp1: services of an application and of the platform, transports."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.mep import calls, documents, register, transports
from apps.mep.access import as_uuid, unknown
from apps.mep.answers import ServiceInfoAnswer
from apps.mep.api.base import (
    QUERY,
    FilteredView,
    Mp1View,
    answer,
    check_match,
    nothing,
    query_of,
    single,
)
from apps.mep.api.description import described, link
from apps.mep.bodies import read
from apps.mep.selectors import discover, service_here, services_of
from apps.mep.states import ServiceState
from apps.mep.types import ServiceInfo, TransportInfo

_OF = {
    "application_id": "$request.path.application_id",
    "service_id": "$response.body#/serInstanceId",
}
_LINKS = {
    "read": link("application_service_get", **_OF),
    "replace": link("application_service_put", **_OF),
    "remove": link("application_service_delete", **_OF),
    "liveness": link("liveness_get", **_OF),
    "beat": link("liveness_patch", **_OF),
    "discover": link("service_get", service_id="$response.body#/serInstanceId"),
}


class ApplicationServicesView(FilteredView):
    """``/applications/{appInstanceId}/services`` (clause 8.2.6)."""

    @described(answers={200: list[ServiceInfoAnswer]}, parameters=QUERY)
    def get(self, request: Request, application_id: str) -> HttpResponse:
        """What the application has registered, suspended services included."""
        application = self.application(application_id)
        rows = services_of(application, query_of(request))
        return answer([documents.service(row) for row in rows])

    @described(
        body=ServiceInfo, answers={201: ServiceInfoAnswer}, etag=True, problems=(409,), links=_LINKS
    )
    def post(self, request: Request, application_id: str) -> HttpResponse:
        """Register a service."""
        application = self.application(application_id)
        info = read(request, ServiceInfo)
        row = register.register(actor=self.caller.actor, application=application, info=info)
        calls.count(calls.REGISTER)
        document = documents.service(row)
        return single(document, status=201, location=document["_links"]["self"]["href"])


class ApplicationServiceView(Mp1View):
    """``/applications/{appInstanceId}/services/{serviceId}`` (clause 8.2.7)."""

    @described(answers={200: ServiceInfoAnswer}, etag=True)
    def get(self, request: Request, application_id: str, service_id: str) -> HttpResponse:
        """One service of the application."""
        found = self.service(self.application(application_id), service_id)
        return single(documents.service(found))

    @described(body=ServiceInfo, answers={200: ServiceInfoAnswer}, etag=True, if_match=True)
    def put(self, request: Request, application_id: str, service_id: str) -> HttpResponse:
        """Replace its representation; ids in the body are not looked at."""
        application = self.application(application_id)
        found = self.service(application, service_id)
        info = read(request, ServiceInfo)
        row = register.update(
            actor=self.caller.actor, application=application, service=found, info=info,
            match=lambda row: check_match(request, documents.service(row)),
        )
        return single(documents.service(row))

    @described(answers={204: None}, if_match=True)
    def delete(self, request: Request, application_id: str, service_id: str) -> HttpResponse:
        """Remove it."""
        application = self.application(application_id)
        found = self.service(application, service_id)
        register.remove(
            actor=self.caller.actor, application=application, service=found,
            match=lambda row: check_match(request, documents.service(row)),
        )
        return nothing()


class ServicesView(FilteredView):
    """``/services`` (clause 8.2.3): discovery."""

    @described(answers={200: list[ServiceInfoAnswer]}, parameters=QUERY)
    def get(self, request: Request) -> HttpResponse:
        """The services that fit and are not suspended."""
        self.check_query()
        rows = discover(query_of(request))
        calls.count(calls.DISCOVER)
        return answer([documents.service(row) for row in rows])


class ServiceView(Mp1View):
    """``/services/{serviceId}`` (clause 8.2.4)."""

    @described(answers={200: ServiceInfoAnswer}, etag=True)
    def get(self, request: Request, service_id: str) -> HttpResponse:
        """One service; a suspended one exists for its own application only."""
        self.check_query()
        found = service_here(as_uuid(service_id))
        hidden = (
            found is not None
            and found.state == ServiceState.SUSPENDED
            and not self.caller.owns(found.application_id)
        )
        if found is None or hidden:
            raise unknown(N_("There is no such service."))
        calls.count(calls.DISCOVER)
        return single(documents.service(found))


class TransportsView(Mp1View):
    """``/transports`` (clause 8.2.5)."""

    @described(answers={200: list[TransportInfo]})
    def get(self, request: Request) -> HttpResponse:
        """What the platform itself offers to producers."""
        self.check_query()
        return answer(transports.platform_transports())
