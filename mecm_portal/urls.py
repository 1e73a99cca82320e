"""URLs of a site: what its role mounts, and what every site has."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.cache import cache_page
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.common.health import health
from mecm_portal.roles import Role


def patterns_of(role: Role) -> list[URLPattern | URLResolver]:
    """The addresses of a site of ``role``."""
    return [
        path("healthz", health),
        path("auth/v1/", include("apps.tenants.urls")),
        path("tenants/v1/", include("apps.tenants.urls_administration")),
        *(path(prefix, include(module)) for prefix, module in role.mounts),
        path("api/v1/", include("apps.monitoring.urls")),
        # It says the same until the process ends, and takes seconds to make.
        path(
            "api/schema/",
            cache_page(3600, cache="description")(SpectacularAPIView.as_view()),
            name="schema",
        ),
        # Split: the content policy allows no script inside a page.
        path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
        path("", include("apps.portal.urls")),
    ]


urlpatterns = patterns_of(settings.ROLE)
handler400 = "apps.portal.errors.malformed"
handler404 = "apps.portal.errors.not_found"
handler403 = "apps.portal.errors.denied"
handler500 = "apps.portal.errors.failed"
