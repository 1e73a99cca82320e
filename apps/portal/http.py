"""What every page needs: who asks, page or fragment, and where to go next.  Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.datastructures import MultiValueDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_noop as N_

from apps.common.errors import DomainError, NotFound
from apps.common.words import say
from apps.tenants.actors import Actor
from apps.tenants.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def user_of(request: HttpRequest) -> User:
    """The signed-in user; only for views behind ``signed_in``."""
    return cast(User, request.user)


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in user as services and selectors know them."""
    return user_of(request).actor


def wants_fragment(request: HttpRequest) -> bool:
    """Whether HTMX asks for a piece of the page rather than for the page."""
    restoring = request.headers.get("HX-History-Restore-Request") == "true"
    return request.headers.get("HX-Request") == "true" and not restoring


def signed_in(view: View[P]) -> View[P]:
    """Send strangers to the sign-in page; a fragment request takes the whole tab along."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if isinstance(request.user, User) and request.user.is_let_in:
            response = view(request, *args, **kwargs)
            patch_vary_headers(response, ["Cookie", "HX-Request"])
            response.headers.setdefault("Cache-Control", "no-store")
            return response
        if wants_fragment(request):
            come_back = request.headers.get("HX-Current-URL", "")
            path = come_back if _is_ours(request, come_back) else reverse("dashboard")
            return HttpResponse(status=204, headers={"HX-Redirect": _sign_in_url(path)})
        return redirect(_sign_in_url(request.get_full_path()))

    return cast(View[P], guarded)


def _sign_in_url(path: str) -> str:
    return f"{reverse('login')}?{urlencode({'next': path})}"


def _is_ours(request: HttpRequest, address: str) -> bool:
    return url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )


def next_url(request: HttpRequest, fallback: str) -> str:
    """The page that ``next`` names when it is one of ours, else ``fallback``."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    # Anything but a path is a name to Django's redirect, and not one of ours to give.
    return address if address.startswith("/") and _is_ours(request, address) else fallback


def sent(
    request: HttpRequest,
) -> tuple[QueryDict | None, MultiValueDict[str, UploadedFile[Any]] | None]:
    """What a form was sent with, its files too; nothing where the page is only asked for."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def show(
    request: HttpRequest,
    page: str,
    context: Mapping[str, Any],
    *,
    part: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render ``page``, or its fragment ``part`` when HTMX asks for one."""
    template = part if part and wants_fragment(request) else page
    return render(request, template, dict(context), status=status)


def show_parts(
    request: HttpRequest, page: str, parts: Mapping[str, str], context: Mapping[str, Any]
) -> HttpResponse:
    """Render ``page``, or the fragment that ``?part=`` names when HTMX asks for one.

    ``parts`` are those that the reader may see, and the page shows no others: any other name is
    NotFound.
    """
    name = request.GET.get("part", "")
    if name and name not in parts and wants_fragment(request):
        raise NotFound(N_("There is nothing here by that name."))
    return show(request, page, {**context, "parts": parts}, part=parts.get(name, ""))


def only(parts: Mapping[str, str], may_see: Mapping[str, object]) -> dict[str, str]:
    """``parts`` without those to which ``may_see`` says no."""
    return {name: template for name, template in parts.items() if may_see.get(name, True)}


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser to ``url``; a script that uploads is told, so that it does not follow."""
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return HttpResponse(status=204, headers={"X-Location": url})
    return redirect(url)


def attempt(request: HttpRequest, work: Callable[[], object], done: str) -> bool:
    """Do ``work`` and leave a message: ``done``, or the sentence of the refusal."""
    try:
        work()
    except DomainError as error:
        messages.error(request, say(error.reason))
        return False
    messages.success(request, done)
    return True
