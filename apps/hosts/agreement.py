"""The configuration of an edge's host, which center and edge may both change while apart.

The center merges: what only one side changed is taken from that side, and what both changed waits
for a person.  See ``apps.common.merging`` for the rule and ``Agreed`` for what a row remembers.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import merging
from apps.common.errors import Invalid
from apps.common.merging import Merged
from apps.common.words import Reason
from apps.hosts import services
from apps.hosts.driver_settings import settings_as_json
from apps.hosts.models import HostCredential, MecHost
from apps.hosts.places import point_of
from apps.hosts.policies import may_configure
from apps.journal import services as journal
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.policies import require

# The columns of a host that are content; ``driver_settings`` is content too, without its password.
COLUMNS = (
    "name", "zip_code", "city", "address", "affinity", "user_name", "coordinates", "vim",
    "hw_capabilities", "region", "tags",
)
SETTINGS = "driver_settings"


def content_of(host: MecHost) -> dict[str, Any]:
    """What both sides may change, by column."""
    return {name: getattr(host, name) for name in COLUMNS} | {SETTINGS: settings_as_json(host)}


def set_content(host: MecHost, content: Mapping[str, Any]) -> None:
    """Give an unsaved host this content; a column that is not named stays."""
    for name in COLUMNS:
        if name in content:
            setattr(host, name, content[name])
    if SETTINGS in content and content[SETTINGS] != settings_as_json(host):
        host.driver_settings = content[SETTINGS]
    host.longitude, host.latitude = point_of(host.coordinates)


def to_deliver(host: MecHost) -> MecHost:
    """The host as its edge is to have it: with the edge's own values where nobody has chosen."""
    if host.contested:
        set_content(host, merging.to_deliver(content_of(host), host.contested))
    return host


def take_theirs(
    host: MecHost, *, theirs: dict[str, Any], edge_version: int, forked_at: int | None = None
) -> bool:
    """Merge what the edge has in ``edge_version`` into a locked row; True when that is news.

    With nothing agreed there is no ancestor, and a person chooses wherever the two differ.
    ``forked_at`` is the first version of an edge that was restored from a backup.
    """
    if edge_version <= host.edge_version and not forked_at:
        return False
    ours = content_of(host)
    theirs = {**ours, **theirs}
    # It has the host at all because it took it from here, where it never told of it before.
    is_first = host.sent and not host.edge_version
    first = merging.alike(host.sent) if is_first else host.agreed
    merged = host.merge(
        agreed=merging.ancestor(first, host.sent, theirs), ours=ours, theirs=theirs,
        edge_version=edge_version, forked_at=forked_at,
    )
    return _keep(host, ours, merged, edge_version=edge_version, verb="merged", actor=SYSTEM)


@transaction.atomic
def note_agreed(*, host_id: uuid.UUID, sent: dict[str, Any], edge_version: int) -> None:
    """The edge took ``sent`` and has it in ``edge_version``; what was heard later stands."""
    host = services.lock_host(host_id)
    fields: dict[str, Any] = {"sent": []}
    if edge_version > host.edge_version:
        fields |= {"agreed": sent, "edge_version": edge_version}
    MecHost.objects.filter(pk=host.pk).update(**fields)


@transaction.atomic
def deliver_again(*, host_id: uuid.UUID) -> None:
    """The edge has it no more: it is owed whole, and nothing is agreed on.  Whoever had to choose
    has to choose still.

    Its access file was forgotten here when the edge had it, and has to be uploaded again.
    """
    MecHost.objects.filter(pk=host_id).update(
        delivered_version=0, edge_version=0, agreed={}, sent=[], reachable=None
    )
    for credential in HostCredential.objects.filter(host_id=host_id):
        if not credential.content:
            credential.delete()


@transaction.atomic
def settle(*, actor: Actor, host_id: uuid.UUID, choices: Mapping[str, str]) -> MecHost:
    """Choose "ours" or "theirs" for contested fields; Invalid names a field that is not one."""
    require(may_configure(actor))
    host = services.lock_host(host_id)
    check_choices(choices, host.contested)
    ours = content_of(host)
    merged = merging.settle(
        Merged(ours, host.agreed, host.contested),
        keep_theirs=[name for name, side in choices.items() if side == "theirs"],
        keep_ours=[name for name, side in choices.items() if side == "ours"],
    )
    told = {name: host.contested[name] | {"ours": ours.get(name)} for name in choices}
    data = {"choices": dict(choices), "versions": told}
    _keep(
        host, ours, merged, edge_version=host.edge_version, verb="settled", actor=actor, data=data
    )
    return host


def check_choices(choices: Mapping[str, str], contested: Mapping[str, Any]) -> None:
    """Invalid at each choice that is neither side, or about something that is not contested."""
    wrong = {
        name: Reason(N_("choose “ours” or “theirs” for a field that both sites changed"))
        for name, side in choices.items()
        if name not in contested or side not in ("ours", "theirs")
    }
    if not choices:
        wrong = {"choices": Reason(N_("choose at least one field"))}
    if wrong:
        raise Invalid(N_("The request is not valid."), fields=wrong)


def _keep(
    host: MecHost,
    ours: dict[str, Any],
    merged: Merged,
    *,
    edge_version: int,
    verb: str,
    actor: Actor,
    data: dict[str, Any] | None = None,
) -> bool:
    """Write what came of a merge, mark what is owed to the edge, and tell of what is new."""
    newly = sorted(set(merged.contested) - set(host.contested))
    changed = sorted(name for name in merged.content if merged.content[name] != ours.get(name))
    news = bool(changed) or merged.contested != host.contested
    set_content(host, merged.content)
    host.agreed, host.contested, host.edge_version = merged.agreed, merged.contested, edge_version
    if not news:
        MecHost.objects.filter(pk=host.pk).update(agreed=host.agreed, edge_version=edge_version)
    else:
        host.save()
    if merged.is_owed:
        services.mark_desired(host)
    if news:
        verb = "contested" if newly and verb == "merged" else verb
        about = {"changed": changed, "contested": sorted(merged.contested)} | (data or {})
        quiet = verb == "merged"
        journal.record(f"hosts.host.{verb}", host, actor=actor, data=about, quiet=quiet)
    return news
