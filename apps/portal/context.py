"""What the shell around every page shows: navigation, site, viewer, language, theme."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, get_language_info, gettext

from apps.portal.center_away import SECTION, away
from apps.portal.http import wants_fragment
from apps.portal.nav import nav_for
from apps.tenants.models import User

THEME_COOKIE = "mecm_theme"
THEMES = ("auto", "light", "dark")


def theme_of(request: HttpRequest) -> str:
    """The viewer's choice of theme, else this browser's, else the machine's."""
    user = getattr(request, "user", None)
    choice = getattr(user, "theme", "") or request.COOKIES.get(THEME_COOKIE, "")
    return choice if choice in THEMES else "auto"


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context of every template; also of error pages, where there may be no user."""
    user = getattr(request, "user", None)
    viewer = user if isinstance(user, User) else None
    fragment = wants_fragment(request)
    frame = "fragment.html" if fragment else "shell.html" if viewer else "plain.html"
    return {
        "viewer": viewer,
        "nav": nav_for(viewer.actor, request.path) if viewer and not fragment else None,
        "site_name": settings.SITE_NAME,
        "mode": gettext(settings.ROLE.label),
        "is_demo": settings.DEMO,
        "theme": theme_of(request),
        "language": get_language() or settings.LANGUAGE_CODE,
        "languages": [
            (code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES
        ],
        "frame": frame,
    } | (_center(viewer) if viewer else {})


def _center(viewer: User) -> dict[str, Any]:
    """What the banner of an edge needs; read only where the shell is drawn."""
    return {
        "has_center": SECTION in settings.ROLE.nav,
        "center_away": SimpleLazyObject(away),
        "links_waiting": viewer.actor.has("feed.read"),
    }
