"""Template vocabulary of the portal: icons, badges, ages, amounts, buttons that know why not.

Loaded by ``{% load portal %}``.  Everything that is shown passes Django's escaping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.forms import BoundField, Form
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.common import clock, words
from apps.common.words import Reason
from apps.hosts.models import AppLcm, Manager
from apps.journal.models import Entry
from apps.monitoring import marks
from apps.monitoring.marks import Mark
from apps.orchestration.workflows import STEP_LABELS
from apps.portal import verbs
from apps.portal.access import facts_of
from apps.portal.center_away import sentence
from apps.portal.conflict_words import fields_sentence
from apps.portal.held import held_sentence
from apps.portal.invited import invitation_mark
from apps.portal.server_view import choices_in, console_of
from apps.portal.sync_view import autonomy, brought, kind_name, lag, run_mark, skew
from apps.tenants.policies import Decision

register = template.Library()

register.filter("instance_mark", marks.instance_mark)
register.filter("health_mark", marks.health_mark)
register.filter("distribution_mark", marks.distribution_mark)
register.filter("store_mark", marks.store_mark)
register.filter("operation_mark", marks.operation_mark)
register.filter("rollout_mark", marks.rollout_mark)
register.filter("step_mark", marks.step_mark)
register.filter("rule_task_mark", marks.rule_task_mark)
register.filter("runtime_mark", marks.runtime_mark)
register.filter("pod_mark", marks.pod_mark)
register.filter("server_mark", marks.server_mark)
register.filter("server_choices", choices_in)
register.filter("console_of", console_of)
register.filter("edge_mark", marks.edge_mark)
register.filter("run_mark", run_mark)
register.filter("skew", skew)
register.filter("autonomy", autonomy)
register.filter("lag", lag)
register.filter("field_names", fields_sentence)
register.filter("brought", brought)
register.filter("away_sentence", sentence)
register.filter("kind_name", kind_name)
register.filter("host_mark", marks.host_mark)
register.filter("credentials_mark", marks.credentials_mark)
register.filter("access_facts", facts_of)
register.filter("invitation_mark", invitation_mark)
register.filter("level_mark", marks.level_mark)
register.filter("held", held_sentence)

AGE_WORDS = {
    "now": _("just now"),
    "minutes": _("%s min ago"),
    "hours": _("%s h ago"),
    "days": _("%s d ago"),
}


@register.simple_tag
@cache
def icon(name: str, css: str = "") -> SafeString:
    """One of our own icons; decoration only, so it is hidden from screen readers."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css, static("portal/icons.svg"), name,
    )


@register.simple_tag
def badge(mark: Mark) -> SafeString:
    """A state as a shape and a word in its tone; the detail becomes the tooltip."""
    title = format_html(' title="{}"', mark.detail) if mark.detail else ""
    return format_html(
        '<span class="state state-{}{}"{}>{}<span>{}</span></span>',
        mark.tone, " is-stale" if mark.stale else "", title, icon(f"shape-{mark.tone}"), mark.label,
    )


@register.simple_tag
def shape(tone: str) -> SafeString:
    """The bare shape of a tone, for places where the word stands beside it."""
    return format_html('<span class="tone tone-{}">{}</span>', tone, icon(f"shape-{tone}"))


SHORTEST = 0.05  # seconds; less would be shown as none
LASTING_WORDS = {
    "now": _("for less than a minute"),
    "minutes": _("for %s min"),
    "hours": _("for %s h"),
    "days": _("for %s d"),
}


@register.simple_tag
def age(moment: datetime | str | None, absent: str = "") -> SafeString:
    """How long ago, with the exact time as tooltip; ``absent`` where it never happened."""
    when = _moment(moment)
    if when is None:
        return format_html('<span class="unknown">{}</span>', absent or gettext("never"))
    return _time(when, "age", AGE_WORDS)


@register.simple_tag
def lasting(moment: datetime | str | None) -> SafeString | str:
    """For how long something is as it is, with the beginning as tooltip; empty when unknown."""
    when = _moment(moment)
    return "" if when is None else _time(when, "for", LASTING_WORDS)


def _time(when: datetime, kind: str, patterns: Mapping[str, Any]) -> SafeString:
    iso, exact = _written(when)
    return format_html(
        '<time class="age" datetime="{}" title="{}" data-age="{}">{}</time>',
        iso, exact, kind, _told(when, patterns),
    )


@lru_cache(2048)
def _written(when: datetime) -> tuple[str, str]:
    """A moment for machines, and for people, in the site's time zone."""
    local = timezone.localtime(when)
    return local.isoformat(), f"{local:%Y-%m-%d %H:%M:%S %Z}"


def _told(when: datetime, patterns: Mapping[str, Any]) -> str:
    seconds = max(0, int((clock.now() - when).total_seconds()))
    if seconds < 60:
        return str(patterns["now"])
    if seconds < 3600:
        return str(patterns["minutes"]) % (seconds // 60)
    if seconds < 172800:
        return str(patterns["hours"]) % (seconds // 3600)
    return str(patterns["days"]) % (seconds // 86400)


@register.simple_tag
def age_words() -> dict[str, Any]:
    """The patterns of ``age`` and ``lasting``, for the script that keeps them fresh."""
    return {**AGE_WORDS, **{f"for_{name}": text for name, text in LASTING_WORDS.items()}}


@register.filter
def stamp(moment: datetime | str | None) -> str:
    """The exact time in ISO form with its zone."""
    when = _moment(moment)
    if when is None:
        return "–"
    return _written(when)[1]


@register.filter
def log_time(stamp: str) -> str:
    """The time of a line of a log, to the second, in the zone in which its node wrote it (UTC)."""
    return f"{stamp[:10]} {stamp[11:19]}"


@register.filter
def seconds_between(start: Any, end: Any) -> str:
    """The time from ``start`` to ``end`` in seconds; empty while unknown, or where none went."""
    first, last = _moment(start), _moment(end)
    if first is None or last is None:
        return ""
    seconds = (last - first).total_seconds()
    return gettext("%s s") % number_format(seconds, 1) if seconds >= SHORTEST else ""


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str) and value:
        return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else None


@register.filter
def say(reason: Reason | None) -> str:
    """A stored reason in the reader's language."""
    return words.say(reason)


@register.filter
def step_name(step: Mapping[str, Any]) -> str:
    """What a step of an operation does."""
    name = str(step.get("name", ""))
    return gettext(STEP_LABELS[name]) if name in STEP_LABELS else name


@register.filter
def step_reason(step: Mapping[str, Any]) -> str:
    """Why a step waits or failed."""
    return words.say(Reason.from_json(step.get("reason")))


@register.filter
def deed(entry: Entry) -> str:
    """What was done, as words."""
    return verbs.sentence(entry)


@register.filter
def entry_reason(entry: Entry) -> str:
    """Why, where an entry says so."""
    data = entry.data.get("reason") if isinstance(entry.data, dict) else None
    return words.say(Reason.from_json(data)) if isinstance(data, dict) else str(data or "")


@register.filter
def doer(entry: Entry) -> str:
    """Who did it."""
    return verbs.doer(entry)


@register.filter
def chosen(entry: Entry) -> str:
    """What somebody chose of what two sites had contested."""
    return verbs.chosen(entry)


@register.filter
def subject(entry: Entry) -> str:
    """On what it was done."""
    return verbs.subject(entry)


@register.filter
def manager_mark(row: Manager) -> Mark:
    """Whether a program at an edge answers; of the edge itself, the verdict on its link."""
    return marks.edge_mark(row) if isinstance(row, AppLcm) else marks.manager_mark(row)


@register.filter
def thing(entry: Entry) -> str:
    """The address of the page about what an entry is about, empty when there is none."""
    return verbs.address(entry)


@register.filter
def thing_of(entry: Entry | None) -> str:
    """The same for what may have no entry."""
    return verbs.address(entry) if entry else ""


@register.filter
def mib(amount: float | None) -> str:
    """MiB as a person writes it; a dash for what is not known."""
    if amount is None:
        return "–"
    if amount >= 1024:
        return f"{_short(amount / 1024)} GiB"
    return f"{_short(amount)} MiB"


@register.filter
def amount(value: float | None) -> str:
    """A number without needless digits; a dash for what is not known."""
    return "–" if value is None else _short(value)


@register.filter
def plain(value: object) -> str:
    """A value of a JSON document as a person writes it."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value) or gettext("none")
    if isinstance(value, float):
        return _short(value)
    return str(value)


def _short(value: float) -> str:
    return number_format(round(value, 1) if value % 1 else int(value), force_grouping=True)


@register.simple_tag
def query_url(path: str, **params: Any) -> str:
    """``path`` with a query of those parameters that have a value."""
    given = {name: str(value) for name, value in params.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


@register.filter
def get(mapping: Mapping[str, Any], key: str) -> Any:
    """One value of a mapping by a key that the template holds."""
    return mapping.get(key)


@register.inclusion_tag("portal/_bar.html")
def bar(used: float | None, total: float | None, label: str) -> dict[str, Any]:
    """A used-of-total bar; drawn empty and named unknown where one of the two is not known."""
    known = used is not None and total is not None and total > 0
    share = min(100, round(100 * (used or 0) / (total or 1))) if known else None
    tone = "bad" if (share or 0) > 90 else "warn" if (share or 0) > 75 else "ok"
    return {"share": share, "label": label, "tone": tone}


@register.inclusion_tag("portal/_act.html")
def act(
    decision: Decision, label: str, url: str, look: str = "", *, sign: str = "",
    confirm: bool = False,
) -> dict[str, Any]:
    """A button that does something, or, when it may not be pressed, one that says why not."""
    return {
        "allowed": bool(decision), "why": words.say(decision.reason), "label": label, "url": url,
        "look": look, "sign": sign, "confirm": confirm,
    }


@register.inclusion_tag("portal/_field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A form field: label above, control, help and error tied to it for screen readers."""
    widget = bound.field.widget
    kind = getattr(widget, "input_type", "")
    many = kind in ("checkbox", "radio") and hasattr(widget, "option_template_name")
    css = "form-check-input" if kind == "checkbox" and not many else ""
    css = css or ("form-select" if kind == "select" else "form-control")
    told = [f"{bound.auto_id}_help"] if bound.help_text else []
    told += [f"{bound.auto_id}_error"] if bound.errors else []
    shown = f"{css} is-invalid" if bound.errors else css
    attrs: dict[str, str | bool] = {} if many else {"class": shown}
    if told:
        attrs["aria-describedby"] = " ".join(told)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return {"field": bound, "control": bound.as_widget(attrs=attrs), "many": many,
            "check": kind == "checkbox" and not many}


@register.filter
def troubles(form: Form) -> Sequence[tuple[BoundField | None, Sequence[str]]]:
    """All errors of a form in order, each with its field, for the summary at the top."""
    whole: list[tuple[BoundField | None, Sequence[str]]] = []
    if form.non_field_errors():
        whole.append((None, _texts(form.non_field_errors())))
    return whole + [(bound, _texts(bound.errors)) for bound in form if bound.errors]


def _texts(errors: Iterable[Any]) -> list[str]:
    return [str(error) for error in errors]


@register.filter
def text(value: object) -> str:
    """The value as text, for comparing an id with what a form sent."""
    return str(value)


@register.simple_tag
def counted(number: int, kind: str) -> str:
    """A number with its noun."""
    nouns = {
        "packages": lambda n: ngettext("%(n)s package", "%(n)s packages", n),
        "instances": lambda n: ngettext("%(n)s instance", "%(n)s instances", n),
        "hosts": lambda n: ngettext("%(n)s host", "%(n)s hosts", n),
        "users": lambda n: ngettext("%(n)s user", "%(n)s users", n),
        "tenants": lambda n: ngettext("%(n)s tenant", "%(n)s tenants", n),
        "entries": lambda n: ngettext("%(n)s entry", "%(n)s entries", n),
    }
    return nouns[kind](number) % {"n": number_format(number, force_grouping=True)}
