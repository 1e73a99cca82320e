"""Where sockets are."""

from django.urls import path

from apps.monitoring.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/ui/", LiveConsumer.as_asgi())]
