"""Errors on the wire: RFC 9457 problem+json, readable by EdgeGallery's clients too."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any, TypeVar

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import (
    Denied,
    DomainError,
    Invalid,
    NotFound,
    NotOffered,
    Unauthenticated,
)
from apps.common.words import Reason

R = TypeVar("R", bound=HttpResponse)
CONTENT_TYPE = "application/problem+json"
API_PREFIXES = (
    "/inventory/",
    "/apm/",
    "/appo/",
    "/lcmcontroller/",
    "/apprule",
    "/sync/",
    "/mep",
    "/mec_",
    "/applications/",
    "/auth/",
    "/tenants/",
    "/api/",
)
_log = logging.getLogger("mecm.problem")


class _HttpError(DomainError):
    """A status of HTTP itself, such as 405 or 415, that has no place in the domain."""

    def __init__(self, status: int, text: str, code: str) -> None:
        super().__init__(text, code=code)
        self.status = status  # type: ignore[misc]  # per instance here, per class elsewhere
        self.title = text  # type: ignore[misc]


def wants_problem(request: HttpRequest) -> bool:
    """Whether the caller is an API client rather than a browser page."""
    return request.path.startswith(API_PREFIXES) or "json" in request.headers.get("Accept", "")


def body_of(error: DomainError, path: str) -> dict[str, Any]:
    """The problem document of ``error`` in the reader's language.

    ``message`` and ``details`` are what EdgeGallery's clients read; ``errors`` says per field what
    is wrong.
    """
    fields = {name: str(reason) for name, reason in error.fields.items()}
    detail = str(error)
    body: dict[str, Any] = {
        "type": f"urn:mecm:problem:{error.code}",
        "title": gettext(error.title),
        "status": error.status,
        "detail": detail,
        "instance": path,
        "message": error.message or detail,
        "details": error.details
        or [f"{name}: {text}" for name, text in fields.items()]
        or [detail],
    }
    if fields:
        body["errors"] = fields
    return body | error.extra


def problem_response(error: DomainError, request: HttpRequest) -> HttpResponse:
    """The HTTP answer for ``error`` outside of REST framework views."""
    body = body_of(error, request.path)
    response = JsonResponse(body, status=error.status, content_type=CONTENT_TYPE)
    return _with_headers(response, error)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """REST framework's exception hook: one family of answers, whoever raised the error."""
    request: Request = context["request"]
    domain = as_domain_error(error)
    if domain.status >= 500 and not isinstance(domain, NotOffered):
        _log.error("%s %s failed: %s", request.method, request.path, _trace(error))
    response = Response(body_of(domain, request.path), status=domain.status)
    response.content_type = CONTENT_TYPE
    if domain.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="mecm"'
    return _with_headers(response, domain)


def _with_headers(response: R, error: DomainError) -> R:
    if error.retry_after:
        response["Retry-After"] = str(error.retry_after)
    for name, value in error.headers.items():
        response[name] = value
    return response


def as_domain_error(error: Exception) -> DomainError:
    """The domain error that says what ``error`` says; a bug becomes a 500 without a stack."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, drf.ValidationError):
        return Invalid(
            N_("The request is not valid."),
            fields=_fields(error.detail),
            message="input validation failed",
        )
    if isinstance(error, (drf.ParseError, RecursionError)):
        return Invalid(N_("The body is not well-formed JSON."), code="malformed")
    if isinstance(error, RequestDataTooBig):
        return _HttpError(413, N_("The body is too large."), "too_large")
    if isinstance(error, SuspiciousOperation):
        return Invalid(N_("The request cannot be read."), code="malformed")
    if isinstance(error, (drf.NotAuthenticated, drf.AuthenticationFailed)):
        return Unauthenticated(N_("A valid access token is needed."))
    if isinstance(error, (drf.PermissionDenied,)):
        return Denied(N_("Your role does not allow this."))
    if isinstance(error, (Http404, drf.NotFound)):
        return NotFound(N_("There is nothing here by that name."), message="Record not found")
    if isinstance(error, drf.APIException):
        return _HttpError(error.status_code, str(error.detail), str(error.default_code))
    return _HttpError(
        500, N_("Something went wrong on our side; the request id helps to find it."), "bug"
    )


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


def _fields(detail: Any, prefix: str = "") -> dict[str, Reason]:
    """Flatten REST framework's nested error detail to dotted field names."""
    found: dict[str, Reason] = {}
    if isinstance(detail, dict):
        for name, inner in detail.items():
            path = (
                prefix
                if name == "non_field_errors"
                else f"{prefix}.{name}"
                if prefix
                else str(name)
            )
            found |= _fields(inner, path)
    elif isinstance(detail, list):
        if any(isinstance(item, (dict, list)) for item in detail):
            for index, inner in enumerate(detail):
                found |= _fields(inner, f"{prefix}[{index}]")
        elif detail:
            found[prefix or "body"] = Reason(_plain(" ".join(str(item) for item in detail)))
    else:
        found[prefix or "body"] = Reason(_plain(str(detail)))
    return found


def _plain(text: str) -> str:
    """Text that is already translated, made safe to stand as a Reason without parameters."""
    return re.sub(r"\s+", " ", text).strip()
