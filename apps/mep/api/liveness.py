"""The heartbeat in full (clause 8.2.10).  The lane in front answers the plain case without it."""

from __future__ import annotations

from collections.abc import Callable

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
        tell = beat(entry, lambda: check_match(request, documents.liveness(entry)))
        return answer(documents.liveness(entry)) if tell else nothing()

    @described(body=ServiceLivenessUpdate, answers={204: None, 429: None}, if_match=True)
    def put(self, request: Request, application_id: str, service_id: str) -> HttpResponse:
        """The original's spelling of a heartbeat: always 204."""
        entry = self._entry(application_id, service_id)
        read(request, ServiceLivenessUpdate)
        beat(entry, lambda: check_match(request, documents.liveness(entry)))
        return nothing()

    def _entry(self, application_id: str, service_id: str) -> Entry:
        service = self.service(self.application(application_id), service_id)
        entry = documents.entry_of(service) or _known_late(service)
        if entry is None:
            raise unknown(N_("This service has no heartbeat."))
        return entry


def beat(entry: Entry, match: Callable[[], None] = lambda: None) -> bool:
    """Take a heartbeat; whether the application has to be told the resource.

    ``match`` raises where the entry is not as the caller means; no other page comes in between.
    """
    with book.held():
        match()
        tell = not entry.told or entry.state == ServiceState.INACTIVE
        sleeps = entry.state == ServiceState.SUSPENDED or entry.busy
        entry.told = True
        book.touch(entry)
    return (sleeps and transitions.resume(entry)) or tell


def _known_late(service: MecService) -> Entry | None:
    """A service with a heartbeat that this process has not heard of, as after another's write."""
    if service.liveness_interval is None:
        return None
    try:
        follow(service)
    except ValueError:
        return None
    return book.find(service.pk)

