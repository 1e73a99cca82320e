"""The life of an application instance and of the operations on it: the tables."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.states import Machine


class InstanceState(models.TextChoices):
    """``operationalStatus``, in the words that clients know."""

    CREATING = "Creating", _("Creating")
    CREATED = "Created", _("Created")
    CREATE_FAILED = "Create failed", _("Create failed")
    INSTANTIATING = "Instantiating", _("Instantiating")
    INSTANTIATED = "Instantiated", _("Instantiated")
    INSTANTIATION_FAILED = "Instantiation failed", _("Instantiation failed")
    TERMINATING = "Terminating", _("Terminating")
    TERMINATE_FAILED = "Terminate failed", _("Terminate failed")


class Health(models.TextChoices):
    """How a running instance is doing, apart from its life cycle."""

    UNKNOWN = "Unknown", _("Unknown")
    READY = "Ready", _("Ready")
    DEGRADED = "Degraded", _("Degraded")
    FAILED = "Failed", _("Failed")


class OperationState(models.TextChoices):
    """Where a piece of work is."""

    QUEUED = "Queued", _("Queued")
    RUNNING = "Running", _("Running")
    WAITING = "Waiting", _("Waiting")
    SUCCEEDED = "Succeeded", _("Succeeded")
    FAILED = "Failed", _("Failed")
    CANCELLED = "Cancelled", _("Cancelled")


class OperationKind(models.TextChoices):
    """What is done to an instance."""

    CREATE = "create", _("Create")
    INSTANTIATE = "instantiate", _("Instantiate")
    TERMINATE = "terminate", _("Terminate")
    UPGRADE = "upgrade", _("Upgrade")


class RolloutState(models.TextChoices):
    """Where the upgrade of several instances is."""

    RUNNING = "Running", _("Running")
    STOPPED = "Stopped", _("Stopped")
    FINISHED = "Finished", _("Finished")


class RolloutItemState(models.TextChoices):
    """Where one instance of a rollout is."""

    WAITING = "Waiting", _("Waiting")
    RUNNING = "Running", _("Running")
    UPGRADED = "Upgraded", _("Upgraded")
    FAILED = "Failed", _("Failed")
    SKIPPED = "Skipped", _("Skipped")


_I = InstanceState
INSTANCE = Machine(
    "instance",
    {
        "": {"create": _I.CREATING},
        _I.CREATING: {
            "created": _I.CREATED,
            "create_failed": _I.CREATE_FAILED,
            "terminate": _I.TERMINATING,
        },
        _I.CREATED: {"instantiate": _I.INSTANTIATING, "terminate": _I.TERMINATING},
        _I.CREATE_FAILED: {"terminate": _I.TERMINATING},
        _I.INSTANTIATING: {
            "instantiated": _I.INSTANTIATED,
            "instantiation_failed": _I.INSTANTIATION_FAILED,
            "terminate": _I.TERMINATING,
        },
        _I.INSTANTIATED: {"upgrade": _I.INSTANTIATING, "terminate": _I.TERMINATING},
        _I.INSTANTIATION_FAILED: {
            "instantiate": _I.INSTANTIATING,
            "upgrade": _I.INSTANTIATING,
            "instantiated": _I.INSTANTIATED,
            "terminate": _I.TERMINATING,
        },
        _I.TERMINATING: {"terminated": "", "terminate_failed": _I.TERMINATE_FAILED},
        _I.TERMINATE_FAILED: {"terminate": _I.TERMINATING},
    },
)

_O = OperationState
OPERATION = Machine(
    "operation",
    {
        "": {"queue": _O.QUEUED},
        _O.QUEUED: {"run": _O.RUNNING, "cancel": _O.CANCELLED},
        _O.RUNNING: {
            "run": _O.RUNNING,
            "wait": _O.WAITING,
            "succeed": _O.SUCCEEDED,
            "fail": _O.FAILED,
            "cancel": _O.CANCELLED,
        },
        _O.WAITING: {"run": _O.RUNNING, "cancel": _O.CANCELLED},
    },
)
UNFINISHED = (_O.QUEUED, _O.RUNNING, _O.WAITING)

_R = RolloutState
ROLLOUT = Machine(
    "rollout",
    {
        "": {"start": _R.RUNNING},
        _R.RUNNING: {"finish": _R.FINISHED, "stop": _R.STOPPED},
    },
)
_T = RolloutItemState
ROLLOUT_ITEM = Machine(
    "rollout item",
    {
        "": {"plan": _T.WAITING},
        _T.WAITING: {"run": _T.RUNNING, "fail": _T.FAILED, "skip": _T.SKIPPED},
        _T.RUNNING: {"succeed": _T.UPGRADED, "fail": _T.FAILED},
    },
)
