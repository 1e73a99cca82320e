"""Who may open a line to this center, and what the database says of those that stand."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Denied, Unauthenticated
from apps.common.words import Reason
from apps.hosts import managers
from apps.hosts.models import AppLcm
from apps.sync.tasks import pull_edge
from apps.tenants import tokens
from apps.tenants.authentication import token_in

CLOSED = N_("The link that the edge had opened is closed (%(why)s).")


def admit(headers: Mapping[str, str]) -> uuid.UUID:
    """The AppLCM of the edge that shows its link token.

    Unauthenticated when it is none or shut out, Denied when the center is the one to dial.
    """
    token = token_in(headers)
    site_id = tokens.read_link(token) if token else None
    edge = AppLcm.objects.filter(site_id=site_id, revoked_at=None).first() if site_id else None
    if edge is None:
        raise Unauthenticated(N_("A valid access token is needed."))
    if not edge.dials_in:
        raise Denied(N_("The center opens the link to “%(name)s” itself."), name=edge.name)
    return edge.pk


def opened(edge_id: uuid.UUID, url: str) -> None:
    """A line stands: every process of this center reaches the edge at ``url``, and asks at once."""
    managers.note_channel(applcm_id=edge_id, url=url)
    managers.note_contact(AppLcm, manager_id=edge_id, fault=None)
    pull_edge.delay(str(edge_id))


def closed(edge_id: uuid.UUID, url: str, why: str) -> None:
    """The line is over; one that the edge has opened elsewhere since is left alone."""
    if managers.drop_channel(applcm_id=edge_id, url=url):
        fault = Reason(CLOSED, "unreachable", {"why": why})
        managers.note_contact(AppLcm, manager_id=edge_id, fault=fault)


def outdated(told: Mapping[uuid.UUID, str]) -> set[uuid.UUID]:
    """Of the lines that stand here, by edge, those that should not any more.

    The edge was shut out, or removed, or is dialled by us now, or has a newer line elsewhere.
    """
    rows = AppLcm.objects.filter(
        pk__in=told, opened_by=AppLcm.Opener.EDGE, revoked_at=None
    ).values_list("pk", "channel_url")
    return set(told) - {edge_id for edge_id, url in rows if url == told[edge_id]}


def forget_channels() -> int:
    """At the start of a site that is one process: no line stands."""
    return managers.drop_channels()
