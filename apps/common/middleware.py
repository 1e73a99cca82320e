"""Request id, strict content policy and domain errors for pages.  API errors: ``problem.py``."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from apps.common.errors import DomainError
from apps.common.problem import problem_response, wants_problem

GetResponse = Callable[[HttpRequest], HttpResponseBase]

request_id: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def sane_request_id(given: str) -> str:
    """The id that a caller gave when it can stand in a log, else a new one."""
    return given if _ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex


class RequestIdMiddleware:
    """Gives each request an id: the caller's ``X-Request-ID`` when it is sane, else a new one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set the id for the journal and the log, and tell it to the caller."""
        current = sane_request_id(request.headers.get("X-Request-ID", ""))
        mark = request_id.set(current)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(mark)
        response["X-Request-ID"] = current
        return response


class RequestIdFilter(logging.Filter):
    """Makes the request id available to log formats."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id and keep the record."""
        record.request_id = request_id.get()
        return True


class ContentSecurityPolicyMiddleware:
    """Sends the strict content policy with every page; the API browser's pages included."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the header unless the view chose its own."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response


class DomainErrorMiddleware:
    """Turns a domain error of a plain Django view into a page, or a problem for other clients."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a DomainError; anything else is a bug and goes on to Django."""
        if not isinstance(error, DomainError):
            return None
        if wants_problem(request):
            return problem_response(error, request)
        page = render(request, "error.html", {"error": error}, status=error.status)
        page["Cache-Control"], page["Vary"] = "no-store", "HX-Request, Cookie, Accept-Language"
        return page
