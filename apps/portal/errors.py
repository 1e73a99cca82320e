"""The site's answers to 400, 403, 404 and 500: pages for browsers, problems for programs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop as N_
from django.views import defaults

from apps.common.errors import Denied, Invalid, NotFound
from apps.common.problem import as_domain_error, problem_response, wants_problem


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Not even a request that a view could judge, as with a Host that no site can have."""
    if wants_problem(request):
        return problem_response(
            Invalid(N_("The request cannot be read."), code="malformed"), request
        )
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing has this address."""
    if wants_problem(request):
        return problem_response(
            NotFound(N_("There is nothing here by that name."), message="Record not found"), request
        )
    return defaults.page_not_found(request, exception)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The role does not allow it."""
    if wants_problem(request):
        return problem_response(Denied(N_("Your role does not allow this.")), request)
    return defaults.permission_denied(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """A bug; the log has it under the request id."""
    if wants_problem(request):
        return problem_response(as_domain_error(RuntimeError()), request)
    return defaults.server_error(request)
