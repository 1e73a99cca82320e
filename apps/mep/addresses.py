"""Where the resources of Mp1 are, and every spelling that clients have for them.

The spellings are those of ETSI (no prefix, v1 or v2), of EdgeGallery (``/mep`` and, in links of its
first releases, ``/mepserver``) and of the heartbeat's first description (``/applications/{id}/
service/{id}/liveness`` with no API name in front).  One URLconf serves them all: what arrives is
brought to the first form.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

ROOT = "/mep"
SERVICE_MANAGEMENT = f"{ROOT}/mec_service_mgmt/v1"
APP_SUPPORT = f"{ROOT}/mec_app_support/v1"

_API = re.compile(r"(?:/mep(?:server)?)?/(mec_service_mgmt|mec_app_support)/v[12](?=/|$)")
_LIVENESS = re.compile(
    r"(?:/mep(?:server)?)?(?:/mec_service_mgmt/v[12])?"
    r"(/applications/[^/]+/)services?(/[^/]+/liveness)/?"
)
# What stands in front of "/applications/" in the path of a heartbeat.
LIVENESS_PREFIXES = frozenset(
    f"{root}{api}".encode()
    for root in ("", "/mep", "/mepserver")
    for api in ("", "/mec_service_mgmt/v1", "/mec_service_mgmt/v2")
)
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def canonical(path: str) -> str:
    """The one spelling of ``path`` that the URLconf knows; other paths stay as they are."""
    liveness = _LIVENESS.fullmatch(path)
    if liveness:
        return f"{SERVICE_MANAGEMENT}{liveness[1]}services{liveness[2]}"
    api = _API.match(path)
    return f"{ROOT}/{api[1]}/v1{path[api.end():]}" if api else path


class SpellingsMiddleware:
    """Brings every spelling of an Mp1 address to the one of the URLconf."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Look at the path only; what the client wrote stays in ``request.path``."""
        if request.path_info.startswith(("/mep", "/mec_", "/applications/")):
            request.path_info = canonical(request.path_info)
        return self.get_response(request)


def service_path(application_id: uuid.UUID, service_id: uuid.UUID) -> str:
    """The resource of a service."""
    return f"{SERVICE_MANAGEMENT}/applications/{application_id}/services/{service_id}"


def liveness_path(application_id: uuid.UUID, service_id: uuid.UUID) -> str:
    """The resource that a heartbeat goes to."""
    return f"{service_path(application_id, service_id)}/liveness"


def subscriptions_path(kind: str, application_id: uuid.UUID) -> str:
    """The collection of an application's subscriptions of one kind."""
    api = APP_SUPPORT if kind.startswith("AppTermination") else SERVICE_MANAGEMENT
    return f"{api}/applications/{application_id}/subscriptions"


def subscription_path(kind: str, application_id: uuid.UUID, subscription_id: uuid.UUID) -> str:
    """The resource of one subscription."""
    return f"{subscriptions_path(kind, application_id)}/{subscription_id}"


def confirm_termination_path(application_id: uuid.UUID) -> str:
    """Where an application says that it is ready to be stopped."""
    return f"{APP_SUPPORT}/applications/{application_id}/confirm_termination"


def registration_path(application_id: uuid.UUID) -> str:
    """The registration of an application (MEC 011 v3)."""
    return f"{APP_SUPPORT}/registrations/{application_id}"
