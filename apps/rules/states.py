"""The life of an order to hand rules over: the table."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.states import Machine


class TaskState(models.TextChoices):
    """Where an order is; what waits for an edge is pending, with the reason beside it."""

    CREATED = "Created", _("Created")
    PROCESSING = "Processing", _("Processing")
    PENDING = "Pending", _("Pending")
    SUCCESS = "Success", _("Succeeded")
    FAILURE = "Failure", _("Failed")


class Verb(models.TextChoices):
    """What was ordered."""

    CONFIGURE = "POST", _("Configure")
    CHANGE = "PUT", _("Change")
    REMOVE = "DELETE", _("Remove")


_T = TaskState
TASK = Machine(
    "rule task",
    {
        "": {"create": _T.CREATED},
        _T.CREATED: {"work": _T.PROCESSING, "wait": _T.PENDING},
        _T.PENDING: {"work": _T.PROCESSING, "wait": _T.PENDING},
        _T.PROCESSING: {
            "work": _T.PROCESSING,
            "wait": _T.PENDING,
            "succeed": _T.SUCCESS,
            "fail": _T.FAILURE,
        },
        _T.FAILURE: {"retry": _T.CREATED},
    },
)
UNFINISHED = (_T.CREATED, _T.PROCESSING, _T.PENDING)

# ``configResult`` in the words of EdgeGallery, which knows three.
CONFIG_RESULT: dict[str, str] = {
    _T.CREATED: "PROCESSING",
    _T.PROCESSING: "PROCESSING",
    _T.PENDING: "PROCESSING",
    _T.SUCCESS: "SUCCESS",
    _T.FAILURE: "FAILURE",
}
