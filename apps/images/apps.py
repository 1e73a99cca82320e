"""Floor 5: images of virtual machines and of containers."""

from django.apps import AppConfig


class ImagesConfig(AppConfig):
    """Images that are brought to VIMs, made there, read from there and taken away."""

    name = "apps.images"
