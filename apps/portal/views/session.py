"""Signing in and out, language and theme, one's own account."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.portal.context import THEME_COOKIE, theme_of
from apps.portal.forms.account import PasswordForm, PreferencesForm, SignInForm
from apps.portal.http import next_url, sent, signed_in, user_of
from apps.tenants import services as tenants
from apps.tenants.models import User
from apps.tenants.sign_in import sign_in as known_user

YEAR = 365 * 24 * 3600
_SESSION_BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; it never says which of name and password was wrong."""
    if isinstance(request.user, User) and request.user.is_let_in:
        return redirect(next_url(request, reverse("dashboard")))
    form = SignInForm(*sent(request))
    if request.method == "POST" and form.is_valid():
        user = form.carry_out(lambda: _known(request, form), takes_all=True)
        if user is not None:
            login(request, user, backend=_SESSION_BACKEND)
            response = redirect(next_url(request, reverse("dashboard")))
            return _with_cookies(response, user.language, user.theme)
    status = 422 if form.errors else 200
    context = {"form": form, "next": next_url(request, "")}
    return render(request, "portal/sign_in.html", context, status=status)


def _known(request: HttpRequest, form: SignInForm) -> User:
    return known_user(
        username=form.cleaned_data["username"],
        password=form.cleaned_data["password"],
        address=request.META.get("REMOTE_ADDR", ""),
    )


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, in every tab of it."""
    user = request.user
    logout(request)
    if isinstance(user, User):
        tenants.signed_out(user=user)
    return redirect("login")


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Set language and theme, for the user where there is one and for this browser."""
    form = PreferencesForm(request.POST)
    response = redirect(next_url(request, reverse("dashboard")))
    if not form.is_valid():
        return response
    language, theme = form.cleaned_data["language"], form.cleaned_data["theme"]
    if isinstance(request.user, User):
        tenants.remember_preferences(
            user=request.user, language=language or None, theme=theme or None
        )
    return _with_cookies(response, language, theme)


def _with_cookies(response: HttpResponse, language: str, theme: str) -> HttpResponse:
    for name, value in ((settings.LANGUAGE_COOKIE_NAME, language), (THEME_COOKIE, theme)):
        if value:
            response.set_cookie(name, value, max_age=YEAR, samesite="Lax", httponly=True,
                                secure=settings.SESSION_COOKIE_SECURE)
    return response


@signed_in
@require_GET
def account(request: HttpRequest) -> HttpResponseBase:
    """Who one is here, and the forms to change password, language and theme."""
    return render(request, "portal/account.html", _account_context(request, PasswordForm()))


@signed_in
@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponseBase:
    """Give oneself another password; this session goes on, others and old tokens end."""
    form = PasswordForm(request.POST)
    if form.is_valid():
        old, new = form.cleaned_data["old_password"], form.cleaned_data["new_password"]
        user = form.carry_out(
            lambda: tenants.change_my_password(user=user_of(request), old=old, new=new)
        )
        if user is not None:
            update_session_auth_hash(request, user)
            messages.success(request, gettext("Your password was changed."))
            return redirect("account")
    return render(request, "portal/account.html", _account_context(request, form), status=422)


def _account_context(request: HttpRequest, form: PasswordForm) -> dict[str, object]:
    chosen = {"language": get_language(), "theme": theme_of(request)}
    return {"form": form, "preferences": PreferencesForm(initial=chosen)}
