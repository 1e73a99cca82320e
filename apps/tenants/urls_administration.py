"""``/tenants/v1``: tenants, quotas and users."""

from django.urls import path

from apps.tenants import api_administration as api

T = "tenants/<uuid:tenant_id>"

urlpatterns = [
    path("tenants", api.AdministeredTenantsView.as_view()),
    path(T, api.AdministeredTenantView.as_view()),
    path(f"{T}/quotas", api.QuotasView.as_view()),
    path("users", api.AdministeredUsersView.as_view()),
    path("users/<uuid:user_id>", api.AdministeredUserView.as_view()),
]
