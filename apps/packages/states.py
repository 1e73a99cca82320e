"""The life of a distribution, in EdgeGallery's words."""

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
