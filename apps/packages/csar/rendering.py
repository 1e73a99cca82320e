"""What Helm itself says of a chart, and what its objects would need of a host.

The chart is rendered with its own values, without a cluster.  A chart that needs values to render
is no fault; one that Helm cannot parse will never run.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.packages.csar.checks import Report
from apps.vim.errors import VimRefused
from apps.vim.kubernetes.helm import HelmMissing, HelmRefused, Rendered, engine
from apps.vim.kubernetes.objects import Thing
from apps.vim.kubernetes.package import things_of
from apps.vim.kubernetes.policy import judge
from apps.vim.settings import Allowance

# As Helm writes a place in a template: “(chart/templates/web.yaml:9)” or “chart/…/web.yaml:9:4”.
PLACE: Final = re.compile(r"([^\s():]+/templates/[^\s:()]*):(\d+)")
NAMESPACE: Final = "mecm-instance"
REFUSES: Final = N_("Helm refuses the chart “%(path)s”: %(said)s")
NEEDS_VALUES: Final = N_("With its own values alone Helm refuses the chart “%(path)s”: %(said)s")


def render_chart(data: bytes, path: str, report: Report) -> None:
    """Render a chart (.tgz) and report Helm's words, hooks, custom kinds and needed allowances."""
    try:
        given = _placed(engine().values(data))
        rendered = engine().render(data, given, name="instance", namespace=NAMESPACE)
        things = things_of(rendered, engine(), path)
    except HelmMissing:
        text = N_("The chart “%(path)s” was not rendered: this site has no Helm.")
        report.info("chart_not_rendered", text, path)
        return
    except HelmRefused as refusal:
        _tell(refusal.said, path, report)
        return
    except VimRefused as refusal:
        report.error("chart_no_object", REFUSES, path, said=str(refusal))
        return
    report.ok(
        "chart_rendered",
        N_("Helm renders the chart “%(path)s”; objects: %(count)s."),
        path,
        count=len(things),
    )
    _tell_what_runs_apart(rendered, things, path, report)
    for one in judge(things, Allowance(), own=NAMESPACE):
        reason = one.reason
        params = {key: value for key, value in reason.params.items() if key != "path"}
        report.warning(reason.code, reason.text, one.path, **params)


def _placed(values: dict[str, Any]) -> dict[str, Any]:
    """Where the chart asks for its namespace, in the original's block, it is told one."""
    if not isinstance(values.get("appconfig"), dict):
        return {}
    return {"appconfig": {"appnamespace": NAMESPACE}}


def _tell(said: str, path: str, report: Report) -> None:
    place = PLACE.search(said)
    where, line = (f"{path}/{place[1]}", int(place[2])) if place else (path, None)
    if "parse error" in said or ("function" in said and "not defined" in said):
        report.add("error", "chart_refused", REFUSES, where, line=line, said=said)
    else:
        report.add("warning", "chart_needs_values", NEEDS_VALUES, where, line=line, said=said)


def _tell_what_runs_apart(
    rendered: Rendered, things: list[Thing], path: str, report: Report
) -> None:
    """Hooks and custom kinds, which Helm handles apart from the other objects."""
    hooks = [one for one in things if "helm.sh/hook" in (one.metadata.get("annotations") or {})]
    if hooks:
        names = ", ".join(f"{one.kind} {one.name}" for one in hooks)
        text = N_("The chart “%(path)s” has hooks, which run beside its workloads: %(names)s.")
        report.info("chart_hooks", text, path, names=names)
    if rendered.crds:
        text = N_("The chart “%(path)s” brings custom resource definitions: %(names)s.")
        report.info("chart_crds", text, path, names=", ".join(rendered.crds))
