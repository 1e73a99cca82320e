"""``/auth/v1``: signing in and administration of people."""

from django.urls import path

from apps.tenants import api

urlpatterns = [
    path("token", api.TokenView.as_view()),
    path("token/refresh", api.RefreshView.as_view()),
    path("me", api.MeView.as_view()),
    path("password", api.PasswordView.as_view()),
    path("tenants", api.TenantsView.as_view()),
    path("users", api.UsersView.as_view()),
]
