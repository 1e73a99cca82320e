"""What center and edge changed both: the list, and choosing field by field."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from apps.portal.conflict_words import field_name, fields_sentence, rows_of
from apps.portal.http import actor_of, attempt, go_to, show, signed_in
from apps.portal.listing import paged
from apps.portal.views.confirm import ask
from apps.sync import conflicts
from apps.sync.conflicts import HOST, Contest
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require

CHOSEN = ("ours", "theirs")


@signed_in
@require_GET
def listing(request: HttpRequest) -> HttpResponseBase:
    """All that waits for a choice that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "sync.read"))
    found = paged(request, conflicts.open_for(actor))
    since = conflicts.since_of(row["key"] for row in found.rows)
    rows = [
        row | {"since": since.get(str(row["key"])), "fields": fields_sentence(row["contested"])}
        for row in found.rows
    ]
    context = {"list": replace(found, rows=rows), "tab": "conflicts", "open": found.total}
    return show(request, "portal/sync/conflicts.html", context, part="portal/sync/_conflicts.html")


@signed_in
@require_GET
def conflict(request: HttpRequest, kind: str, key: uuid.UUID) -> HttpResponseBase:
    """The fields of one, each with what was agreed last and what both sides made of it."""
    actor = actor_of(request)
    require(may(actor, "sync.read"))
    return _chooser(request, actor, conflicts.access(actor, kind, key))


@signed_in
@require_http_methods(["GET", "POST"])
def settle(request: HttpRequest, kind: str, key: uuid.UUID) -> HttpResponseBase:
    """Choose, once that is confirmed; the choices stand in the address: ``?city=ours``."""
    actor = actor_of(request)
    require(conflicts.may_settle(actor, kind))
    found = conflicts.access(actor, kind, key)
    choices, stamp = _choices(request.GET, found), request.GET.get("stamp", "")
    back = reverse("conflict", args=[kind, key])
    if not choices:
        trouble = gettext("Choose a side for at least one field.")
        return _chooser(request, actor, found, trouble=trouble, status=422)
    if request.method == "POST":
        done = gettext("It is settled: %(fields)s.") % {"fields": fields_sentence(choices)}
        attempt(request, lambda: conflicts.settle(
            actor=actor, kind=kind, key=key, choices=choices, stamp=stamp), done)
        return go_to(request, back if conflicts.is_open(actor, kind, key) else reverse("conflicts"))
    return ask(
        request, title=gettext("Settle it for “%(name)s” like this?") % {"name": found.name},
        consequences=[*_consequences(choices), *_rest(found, choices)],
        verb=gettext("Settle"), back=back, danger=False,
    )


def _chooser(
    request: HttpRequest, actor: Actor, found: Contest, *, trouble: str = "", status: int = 200
) -> HttpResponseBase:
    context: dict[str, Any] = {
        "conflict": found,
        "rows": rows_of(found),
        "chosen": _choices(request.GET, found),
        "trouble": trouble,
        "may_settle": conflicts.may_settle(actor, found.kind),
        "thing": reverse("host" if found.kind == HOST else "instance", args=[found.id]),
        "all_ours": _all(found, "ours"),
        "all_theirs": _all(found, "theirs"),
    }
    return show(request, "portal/sync/conflict.html", context, status=status)


def _choices(given: QueryDict, found: Contest) -> dict[str, str]:
    """What was chosen of the fields that are contested now; nonsense is no choice."""
    sides = {field.name: given.get(f"side:{field.name}", "") for field in found.fields}
    return {name: side for name, side in sides.items() if side in CHOSEN}


def _all(found: Contest, side: str) -> str:
    """The address at which every field is given to one side."""
    given = {f"side:{field.name}": side for field in found.fields} | {"stamp": found.stamp}
    return f"{reverse('conflict_settle', args=[found.kind, found.id])}?{urlencode(given)}"


def _consequences(choices: dict[str, str]) -> list[str]:
    kept = {
        "ours": gettext("%(field)s: what the center has is kept, and the edge gets it."),
        "theirs": gettext("%(field)s: what the edge has is kept, and the center takes it."),
    }
    return [kept[side] % {"field": field_name(name)} for name, side in choices.items()]


def _rest(found: Contest, choices: dict[str, str]) -> list[str]:
    left = [field.name for field in found.fields if field.name not in choices]
    if not left:
        return []
    return [gettext("Still to be chosen afterwards: %(fields)s.") % {
        "fields": fields_sentence(dict.fromkeys(left))}]
