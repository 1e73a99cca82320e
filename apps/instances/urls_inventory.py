"""``/inventory/v1``: what runs on hosts.  Each address has a spelling without the tenant."""

from django.urls import path

from apps.instances import api_inventory as api

HOST = "mechosts/<str:ip>"

urlpatterns = [
    path(f"{prefix}{HOST}/{rest}", view.as_view())
    for prefix in ("tenants/<uuid:tenant_id>/", "")
    for rest, view in (
        ("capabilities", api.HostCapabilitiesView),
        ("capabilities/<str:capability>/applications", api.CapabilityApplicationsView),
        ("apps", api.HostApplicationListView),
        ("apps/", api.HostApplicationListView),
        ("apps/<uuid:app_id>", api.HostApplicationView),
    )
]
