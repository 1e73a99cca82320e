"""The asynchronous sides of a site: sockets, the long-polled feed, and what edges dialled in for.

Pages are WSGI.
"""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")
# Loads the apps, so it must come before anything that touches a model.
django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs loaded apps
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - needs loaded apps
from django.conf import settings  # noqa: E402 - as its neighbours

from apps.edgelink.through import PREFIX as THROUGH_PREFIX  # noqa: E402 - needs loaded apps
from apps.mep.liveness.asgi import LaneApplication  # noqa: E402 - needs loaded apps
from apps.monitoring.hub import hub  # noqa: E402 - needs loaded apps
from apps.monitoring.routing import websocket_urlpatterns  # noqa: E402 - needs loaded apps
from apps.sync.asgi import PATH as FEED_PATH  # noqa: E402 - needs loaded apps
from apps.sync.asgi import FeedApplication  # noqa: E402 - needs loaded apps
from apps.sync.channel import PATH as CHANNEL_PATH  # noqa: E402 - needs loaded apps
from apps.sync.channel.board import board  # noqa: E402 - needs loaded apps
from apps.sync.channel.endpoint import ChannelApplication  # noqa: E402 - needs loaded apps
from apps.sync.channel.through import ThroughApplication  # noqa: E402 - needs loaded apps
from mecm_portal.paths import ByPath  # noqa: E402 - as its neighbours

# By path: what a role may have answered on the event loop instead of a page thread.
WAITING: dict[str, Any] = {
    FEED_PATH: FeedApplication(hub),
    THROUGH_PREFIX: ThroughApplication(board),
}
# By path: the websockets of a role beside those of the live pages.
SOCKETS: dict[str, Any] = {CHANNEL_PATH: ChannelApplication(board)}

_live: Any = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
_http: Any = django_application
websocket_application = ByPath(
    {path: SOCKETS[path] for path in settings.ROLE.sockets}, otherwise=_live
)
http_application = ByPath(
    {path: WAITING[path] for path in settings.ROLE.waiting}, otherwise=LaneApplication(_http)
)
application = ProtocolTypeRouter({"http": http_application, "websocket": websocket_application})

__all__ = ["WAITING", "application", "websocket_application"]
