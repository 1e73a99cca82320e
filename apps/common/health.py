"""``…/health``: answers ``ok`` without a token, as the original's services do."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET


@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """The site answers."""
    return HttpResponse("ok", content_type="text/plain")
