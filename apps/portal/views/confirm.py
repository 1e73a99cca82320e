"""The question before something is destroyed: a page of its own, or the same in a dialog."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse

from apps.portal.http import show


def ask(
    request: HttpRequest, *, title: str, consequences: Sequence[str], verb: str, back: str,
    danger: bool = True,
) -> HttpResponse:
    """Ask; answering yes posts to the same address, answering no goes ``back``."""
    context = {"title": title, "consequences": consequences, "verb": verb, "back": back,
               "danger": danger, "address": request.get_full_path()}
    return show(request, "portal/confirm.html", context, part="portal/_confirm.html")
