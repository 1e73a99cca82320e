"""Invitations as words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.monitoring.marks import Mark
from apps.sync.models import Invitation


def invitation_mark(row: Invitation) -> Mark:
    """What has become of an invitation."""
    if row.used_at is not None:
        return Mark("Used", _("Used"), "ok", since=row.used_at)
    if row.withdrawn_at is not None:
        return Mark("Withdrawn", _("Withdrawn"), "unknown", since=row.withdrawn_at)
    if row.expires_at <= clock.now():
        return Mark("Expired", _("Expired"), "unknown", since=row.expires_at)
    return Mark("Open", _("Open"), "busy", since=row.created_at)
