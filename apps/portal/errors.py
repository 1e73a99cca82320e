"""Pages and problems for what no view answered."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Denied, NotFound
from apps.common.problem import as_domain_error, problem_response, wants_problem
from django.shortcuts import render


def _answer(request: HttpRequest, error: Exception) -> HttpResponse:
    domain = as_domain_error(error)
    if wants_problem(request):
        return problem_response(domain, request)
    return render(request, "error.html", {"error": domain}, status=domain.status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such address."""
    return _answer(request, NotFound(N_("There is nothing here by that name."), message="Record not found"))


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Refused before any view decided."""
    return _answer(request, Denied(N_("Your role does not allow this.")))


def failed(request: HttpRequest) -> HttpResponse:
    """A bug."""
    return _answer(request, RuntimeError())
