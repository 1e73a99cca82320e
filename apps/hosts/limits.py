"""How many there may be of what the inventory holds, counted under a lock."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.hosts.models import AppLcm, AppRepo, AppRuleManager, AppStore, MecHost, Shelf

# The name of each limit, as in ``settings.LIMITS``.
NAMES: dict[type[models.Model], str] = {
    AppLcm: "applcms",
    AppRuleManager: "apprulemanagers",
    AppStore: "appstores",
    AppRepo: "apprepos",
    MecHost: "hosts",
}


def limit_reached(name: str, used: int) -> Conflict:
    """The refusal for a full table: the limit, the use, and who can raise it."""
    limit = settings.LIMITS[name]
    return Conflict(
        N_("The limit of %(limit)s is reached (%(used)s in use); the operator can raise it."),
        code="limit",
        message="Max record limit exceeded",
        limit=limit,
        used=used,
        extra={"limit": limit, "used": used, "raised_by": f"MECM_LIMIT_{name.upper()}"},
    )


def take_turns(model: type[models.Model]) -> None:
    """Hold the table's shelf until the transaction ends, so that whoever adds does so alone.

    Comes before every other lock of a transaction that adds.
    """
    name = NAMES[model]
    Shelf.objects.get_or_create(pk=name)
    Shelf.objects.select_for_update().get(pk=name)


def make_room(model: type[models.Model]) -> None:
    """Conflict when no further row fits; the caller has taken its turn."""
    rows: Any = model._default_manager
    used = rows.count()
    if used >= settings.LIMITS[NAMES[model]]:
        raise limit_reached(NAMES[model], used)
