"""The lives of distributions and of what is fetched from stores, in EdgeGallery's words."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.states import Machine


class DistributionState(models.TextChoices):
    """``Processing`` until the host has the package, ``Error`` with a reason when it refused."""

    PROCESSING = "Processing", _("Processing")
    DISTRIBUTED = "Distributed", _("Distributed")
    ERROR = "Error", _("Error")


_S = DistributionState
DISTRIBUTION = Machine(
    "distribution",
    {
        "": {"distribute": _S.PROCESSING},
        _S.PROCESSING: {"arrive": _S.DISTRIBUTED, "fail": _S.ERROR, "withdraw": ""},
        _S.DISTRIBUTED: {"fail": _S.ERROR, "arrive": _S.DISTRIBUTED, "withdraw": ""},
        _S.ERROR: {"retry": _S.PROCESSING, "arrive": _S.DISTRIBUTED, "withdraw": ""},
    },
)


class SyncState(models.TextChoices):
    """Whether a package of an application store is at this site."""

    NOT_IN_SYNC = "NOT_IN_SYNC", _("not fetched")
    IN_PROGRESS = "SYNC_INPROGRESS", _("being fetched")
    IN_SYNC = "IN_SYNC", _("fetched")
    FAILED = "SYNC_FAILED", _("could not be fetched")


_Y = SyncState
STORE_SYNC = Machine(
    "store sync",
    {
        _Y.NOT_IN_SYNC: {"fetch": _Y.IN_PROGRESS},
        _Y.IN_PROGRESS: {"arrive": _Y.IN_SYNC, "fail": _Y.FAILED},
        _Y.IN_SYNC: {"fetch": _Y.IN_PROGRESS},
        _Y.FAILED: {"fetch": _Y.IN_PROGRESS},
    },
)
