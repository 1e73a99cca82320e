"""Django's middleware for people in browsers, left out where applications ask.

Applications show a token, have no session and come by the thousand: what a session costs is a tenth
of a registration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def _for_people(middleware: Callable[[Any], Any]) -> Callable[[GetResponse], GetResponse]:
    """``middleware`` for all but the paths of the site's role that ``machines`` names."""

    def factory(get_response: GetResponse) -> GetResponse:
        whole: GetResponse = middleware(get_response)
        machines = settings.ROLE.machines

        def answer(request: HttpRequest) -> HttpResponseBase:
            chosen = get_response if request.path_info.startswith(machines) else whole
            return chosen(request)

        return answer

    return factory


sessions = _for_people(SessionMiddleware)
users = _for_people(AuthenticationMiddleware)
messages = _for_people(MessageMiddleware)
