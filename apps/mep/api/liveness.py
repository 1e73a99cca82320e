"""The heartbeat in full (clause 8.2.10).  The lane in front answers the plain case without it."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.mep import documents
from apps.mep.access import unknown
from apps.mep.answers import ServiceLivenessInfo
from apps.mep.api.base import Mp1View, answer, check_match, nothing, single
from apps.mep.api.description import described
from apps.mep.bodies import read
from apps.mep.liveness import transitions
from apps.mep.liveness.book import Entry, book
from apps.mep.liveness.records import follow
from apps.mep.models import MecService
from apps.mep.states import ServiceState
from apps.mep.types import ServiceLivenessUpdate


class LivenessView(Mp1View):
    """``/applications/{appInstanceId}/services/{serviceId}/liveness`` (clause 8.2.10)."""

    @described(answers={200: ServiceLivenessInfo}, etag=True)
    def get(self, request: Request, application_id: str, service_id: str) -> HttpResponse:
        """State, time of the last heartbeat, interval."""
        return single(documents.liveness(self._entry(application_id, service_id)))

    @described(
        body=ServiceLivenessUpdate, answers={200: ServiceLivenessInfo, 204: None, 429: None},
        if_match=True,
    )
    def patch(self, request: Request, application_id: str, service_id: str) -> HttpResponse:
        """A heartbeat; 200 with the whole resource when there is something to tell, else 204."""
        entry = self._entry(application_id, service_id)
        read(request, ServiceLivenessUpdate)
        check_match(request, documents.liveness(entry))
        return answer(documents.liveness(entry)) if beat(entry) else nothing()

    @described(body=ServiceLivenessUpdate, answers={204: None, 429: None}, if_match=True)
    def put(self, request: Request, application_id: str, service_id: str) -> HttpResponse:
        """The original's spelling of a heartbeat: always 204."""
        entry = self._entry(application_id, service_id)
        read(request, ServiceLivenessUpdate)
        check_match(request, documents.liveness(entry))
        beat(entry)
        return nothing()

    def _entry(self, application_id: str, service_id: str) -> Entry:
        service = self.service(self.application(application_id), service_id)
        entry = documents.entry_of(service) or _known_late(service)
        if entry is None:
            raise unknown(N_("This service has no heartbeat."))
        return entry


def beat(entry: Entry) -> bool:
    """Take a heartbeat; whether the application has to be told the resource."""
    tell = not entry.told or entry.state == ServiceState.INACTIVE
    if entry.state == ServiceState.SUSPENDED or entry.busy:
        tell = transitions.resume(entry) or tell
    else:
        book.touch(entry)
    entry.told = True
    return tell


def _known_late(service: MecService) -> Entry | None:
    """A service with a heartbeat that this process has not heard of, as after another's write."""
    if service.liveness_interval is None:
        return None
    try:
        follow(service)
    except ValueError:
        return None
    return book.find(service.pk)

