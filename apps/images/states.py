"""The life of an image at a host of this site."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.states import Machine


class ImageState(models.TextChoices):
    """What this site does with an image; Glance's own word for it stands beside."""

    WAITING = "waiting", _("Waiting")
    COPYING = "copying", _("Copying")
    ACTIVE = "active", _("Active")
    FAILED = "failed", _("Failed")
    DELETING = "deleting", _("Deleting")


class ImageKind(models.TextChoices):
    """What an image is of, which decides who keeps it."""

    VM = "vm", _("Virtual machine")
    CONTAINER = "container", _("Container")


class ImageSource(models.TextChoices):
    """Where an image comes from."""

    PACKAGE = "package", _("Package")
    URL = "url", _("Address")
    REGISTRY = "registry", _("Registry")
    SNAPSHOT = "snapshot", _("Snapshot")
    FOUND = "found", _("At the site already")


_S = ImageState
IMAGE = Machine(
    "image",
    {
        "": {"order": _S.WAITING},
        _S.WAITING: {
            "copy": _S.COPYING, "arrive": _S.ACTIVE, "fail": _S.FAILED, "remove": _S.DELETING,
        },
        # One that broke off waits for its next attempt.
        _S.COPYING: {
            "copy": _S.COPYING, "arrive": _S.ACTIVE, "wait": _S.WAITING, "fail": _S.FAILED,
            "remove": _S.DELETING,
        },
        # Somebody may have deleted it at the VIM.
        _S.ACTIVE: {"lose": _S.WAITING, "remove": _S.DELETING},
        _S.FAILED: {"retry": _S.WAITING, "remove": _S.DELETING},
        # A VIM may refuse to delete what is used.
        _S.DELETING: {"keep": _S.ACTIVE, "gone": ""},
    },
)
