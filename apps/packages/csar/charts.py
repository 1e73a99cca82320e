"""One Helm chart, streamed from its .tgz: what it is and what it seems to make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.packages.csar import helm
from apps.packages.csar.checks import Report
from apps.packages.csar.info import ChartInfo, ChartObject, ChartPort, Level
from apps.packages.csar.limits import Limits
from apps.packages.csar.refusals import PackageRefused, refuse
from apps.packages.csar.shapes import as_map, as_text
from apps.packages.csar.tars import members
from apps.packages.csar.texts import decode_text, load_yaml

MAX_OBJECTS: Final = 200
MAX_VALUES: Final = 300
MAX_LINES: Final = 10

REMARKS: Final[dict[str, tuple[Level, str]]] = {
    "chart_node_port": (
        "warning",
        N_(
            "“%(path)s”, line %(lines)s: the node port %(text)s is fixed; a second instance on the "
            "same cluster cannot have it."
        ),
    ),
}


@dataclass
class _Findings:
    """What the templates of one chart add up to."""

    templates: int = 0
    objects: list[ChartObject] = field(default_factory=list)
    images: dict[str, None] = field(default_factory=dict)


def read_chart(pieces: Iterable[bytes], *, path: str, limits: Limits, report: Report) -> ChartInfo:
    """Read the chart whose .tgz bytes are ``pieces``; each template is dropped once scanned."""
    found = _Findings()
    kept: dict[str, bytes] = {}
    text_bytes = 0
    for member in members(pieces, path=path, limits=limits, wanted=_is_wanted):
        if member.data is None:
            continue
        text_bytes += len(member.data)
        if text_bytes > limits.max_chart_text_bytes:
            refuse("text_too_big", path, limit=limits.max_chart_text_bytes)
        if _is_template(member.name):
            _scan(member.name, f"{path}/{member.name}", member.data, found, report)
        else:
            kept[member.name] = member.data
    chart_yamls = [name for name in kept if name.endswith("/Chart.yaml")]
    if not chart_yamls:
        refuse("chart_without_chart_yaml", path)
    if len(chart_yamls) > 1:
        refuse("chart_several", path)
    chart_yaml = chart_yamls[0]
    place = f"{path}/{chart_yaml}"
    about = as_map(load_yaml(decode_text(kept[chart_yaml], path=place), path=place, limits=limits))
    top = chart_yaml.split("/")[0]
    values = _values(kept.get(f"{top}/values.yaml"), f"{path}/{top}/values.yaml", limits, report)
    info = ChartInfo(
        path=path,
        name=as_text(about.get("name")),
        version=as_text(about.get("version")),
        app_version=as_text(about.get("appVersion")),
        api_version=as_text(about.get("apiVersion")),
        description=as_text(about.get("description")),
        templates=found.templates,
        objects=tuple(found.objects[:MAX_OBJECTS]),
        values=tuple(values[:MAX_VALUES]),
        images=tuple(found.images)[:MAX_OBJECTS],
    )
    _conclude(info, found, place, report)
    return info


def _is_wanted(name: str) -> bool:
    below = name.split("/")[1:]
    return below in (["Chart.yaml"], ["values.yaml"]) or _is_template(name)


def _is_template(name: str) -> bool:
    parts = name.split("/")
    is_text = parts[-1].endswith((".yaml", ".yml", ".tpl", ".txt", ".json"))
    return len(parts) > 2 and parts[1] == "templates" and is_text


def _scan(name: str, path: str, data: bytes, found: _Findings, report: Report) -> None:
    # Helm copies bytes, so a comment in another encoding is no reason to refuse.
    text = data.decode("utf-8", "replace")
    by_kind: dict[str, list[helm.Finding]] = {}
    for finding in helm.remarks(text):
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, alike in by_kind.items():
        level, sentence = REMARKS[kind]
        lines = ", ".join(str(one.line) for one in alike[:MAX_LINES])
        lines += ", …" if len(alike) > MAX_LINES else ""
        report.add(level, kind, sentence, path, line=alike[0].line, text=alike[0].text, lines=lines)
    if name.endswith((".tpl", ".txt")):
        return
    found.templates += bool(text.strip())
    found.images.update(dict.fromkeys(helm.images(text)))
    ports = helm.service_ports(text)
    for one in helm.objects(text):
        if len(found.objects) < MAX_OBJECTS:
            open_ports = _ports(ports.get(one.line, []))
            found.objects.append(ChartObject(one.text, one.other, name, one.line, open_ports))


def _ports(rows: list[dict[str, str]]) -> tuple[ChartPort, ...]:
    return tuple(
        ChartPort(
            int(row["port"]),
            row.get("targetPort", row["port"]),
            int(row.get("nodePort", 0)),
            row.get("protocol", "TCP"),
        )
        for row in rows[:MAX_OBJECTS]
        if row["port"].isdigit() and row.get("nodePort", "0").isdigit()
    )


def _values(data: bytes | None, path: str, limits: Limits, report: Report) -> list[str]:
    """The dotted keys of values.yaml, in order; Helm reads more YAML than we do, so no refusal."""
    if data is None:
        report.info("chart_no_values", N_("The chart has no values.yaml (“%(path)s”)."), path)
        return []
    try:
        return list(_keys(load_yaml(decode_text(data, path=path), path=path, limits=limits)))
    except PackageRefused as refusal:
        if refusal.code == "yaml_bomb":
            raise
        report.warning(
            "chart_values_unread",
            N_("“%(path)s” could not be read as YAML; its values are not shown."),
            path,
        )
        return []


def _keys(value: Any, prefix: str = "") -> Iterable[str]:
    for key, item in as_map(value).items():
        if isinstance(item, dict) and item:
            yield from _keys(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _conclude(info: ChartInfo, found: _Findings, place: str, report: Report) -> None:
    for key in ("name", "version"):
        if not getattr(info, key):
            report.error(
                "chart_incomplete",
                N_("“%(path)s” states no %(key)s; Helm wants one."),
                place,
                key=key,
            )
    if not found.templates:
        report.error("chart_empty", N_("The chart “%(path)s” has no template."), info.path)
    else:
        report.ok(
            "chart_read",
            N_("The chart “%(path)s” was read; templates: %(templates)s, objects: %(count)s."),
            info.path,
            count=len(found.objects),
            templates=found.templates,
        )
    if not any(key.startswith("appconfig.aksk") for key in info.values):
        report.info(
            "chart_no_aksk",
            N_(
                "The values of “%(path)s” have no appconfig.aksk; the application is not handed "
                "credentials for the MEC platform."
            ),
            info.path,
        )
