"""In which order rows are locked: whoever locks several keeps to it, or two writers wait for ever.

1. the application: also whoever counts what it has against a limit, or adds to it
2. its credential, then its rules, in the order of their domains
3. services, by id
4. the site's version (``next_version``), which every writer of services takes
5. subscriptions, by id
6. deliveries of a locked subscription

A writer may leave any out, and must not go back.  Counters of calls and times of heartbeats are
written in transactions of their own, by key.  Where nothing but the whole database can be locked
(SQLite), a transaction has it from its beginning, and nothing is asked here.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext_noop as N_

from apps.mep.access import unknown
from apps.mep.models import Application


def application(application_id: uuid.UUID) -> Application:
    """An application of this site as it is now, nobody else's until the commit; NotFound."""
    rows = Application.objects.select_for_update()
    row = rows.filter(pk=application_id, site_id__isnull=True).first()
    if row is None:
        raise unknown(N_("There is no such application instance."))
    return row


def hold(rows: QuerySet[Any]) -> None:
    """Lock rows of one table, those with the smaller ids first."""
    if connection.features.has_select_for_update:
        list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
