"""The asynchronous sides of a site: live sockets and the long-polled feed.  Pages are WSGI."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")
# Loads the apps, so it must come before anything that touches a model.
django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs loaded apps
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - needs loaded apps

from apps.mep.liveness.asgi import LaneApplication  # noqa: E402 - needs loaded apps
from apps.monitoring.hub import hub  # noqa: E402 - needs loaded apps
from apps.monitoring.routing import websocket_urlpatterns  # noqa: E402 - needs loaded apps
from apps.sync.asgi import PATH as FEED_PATH  # noqa: E402 - needs loaded apps
from apps.sync.asgi import FeedApplication  # noqa: E402 - needs loaded apps

# By path: what a role may have answered on the event loop instead of a page thread.
WAITING = {FEED_PATH: FeedApplication(hub)}
websocket_application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
_http: Any = django_application
application = ProtocolTypeRouter(
    {"http": LaneApplication(_http), "websocket": websocket_application}
)

__all__ = ["WAITING", "application", "websocket_application"]
