"""The endpoints of a site, read from its URLconf; the portal's pages have tests of their own."""

from __future__ import annotations

import re
from importlib import import_module

from django.urls import URLPattern

PAGES = "apps.portal.urls"


def endpoints_of(urlconf):
    """``"METHOD route"`` for every endpoint below ``urlconf``, a trailing slash left out."""
    return {
        f"{method} {route}"
        for route, callback in _walk(import_module(urlconf).urlpatterns, "")
        for method in _methods(callback)
    }


def _walk(patterns, prefix):
    for one in patterns:
        route = prefix + _plain(str(one.pattern))
        if isinstance(one, URLPattern):
            yield route.rstrip("/"), one.callback
        elif getattr(one.urlconf_module, "__name__", "") != PAGES:
            yield from _walk(one.url_patterns, route)


def _plain(pattern):
    pattern = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern)
    pattern = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", pattern)
    return pattern.removeprefix("^").removesuffix("$").removesuffix("/?")


def _methods(callback):
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if view is None:
        return ["GET"]
    names = (name for name in view.http_method_names if name not in ("options", "head", "trace"))
    return [name.upper() for name in names if hasattr(view, name)]
