"""Load over time as a chart shows it: lines of an SVG, words, and rows of a table.

A slot that nobody measured is a gap in the line and no row of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.monitoring.rings import METERS, Resolution, Sample
from apps.monitoring.series import UNITS, Series
from apps.vim.contract import Meter

WIDTH: Final = 600
HEIGHT: Final = 120
LABELS: Final = {"cpu": N_("Processors"), "memory": N_("Memory"), "storage": N_("Storage")}
SPANS: Final = ("hour", "day")
# Below this part of the total a line would lie on the ground: the scale is that of the line then.
FLAT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Chart:
    """One meter.  ``lines`` and ``areas`` are paths; ``total_y`` is None where it is not drawn."""

    name: str
    label: str
    now: str
    total: str
    top: str
    lines: str
    areas: str
    total_y: float | None
    text: str

    @property
    def known(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.lines)


@dataclass(frozen=True, slots=True)
class Row:
    """One time, and what was used then of each meter that is shown."""

    at: datetime
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All that a page shows of a series."""

    series: Series
    span: str
    charts: tuple[Chart, ...]
    rows: tuple[Row, ...]
    axis: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether anything was measured in this span."""
        return any(chart.known for chart in self.charts)

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The meters that nobody measures although others are measured."""
        return tuple(chart.label for chart in self.charts if self.known and not chart.known)


def view_of(series: Series, span: str, meters: Sequence[str] = METERS) -> View:
    """What a page shows of ``series``; ``span`` is one of SPANS."""
    span = span if span in SPANS else SPANS[0]
    kind, samples = (
        (series.near_kind, series.near) if span == "hour" else (series.day_kind, series.day)
    )
    end = clock.now()
    measured = [
        one for one in samples if any(getattr(one, name).used is not None for name in meters)
    ]
    return View(
        series=series,
        span=span,
        charts=tuple(_chart(name, measured, kind, end) for name in meters),
        rows=tuple(
            Row(one.at, tuple(words(name, getattr(one, name).used) for name in meters))
            for one in reversed(measured)
        ),
        axis=_axis(kind),
    )


def words(name: str, value: float | None) -> str:
    """An amount with its unit; a dash for what is not known."""
    if value is None:
        return "–"
    unit = UNITS[name]
    if unit == "MiB" and value >= 1024:
        value, unit = value / 1024, "GiB"
    value = round(value, 3 if value < 1 else 1)
    return f"{number_format(value if value % 1 else int(value), force_grouping=True)} {unit}"


def _chart(name: str, samples: Sequence[Sample], kind: Resolution, end: datetime) -> Chart:
    points = [(one.at, getattr(one, name)) for one in samples]
    known = [(at, meter) for at, meter in points if meter.used is not None]
    last = known[-1][1] if known else Meter()
    peak = max((meter.used or 0 for _, meter in known), default=0.0)
    top = last.total if last.total and peak >= last.total * FLAT else peak * 1.25
    top = max(top, peak) or last.total or 1.0
    runs = list(_runs(known, kind, end, top))
    drawn = last.total is not None and 0 < last.total <= top
    label = gettext(LABELS[name])
    return Chart(
        name=name,
        label=label,
        now=words(name, last.used),
        total=words(name, last.total),
        top=words(name, top),
        lines=" ".join(_line(run) for run in runs),
        areas=" ".join(_area(run) for run in runs),
        total_y=round(_y(last.total or 0, top), 1) if drawn else None,
        text=gettext("%(label)s: %(used)s used of %(total)s; at most %(peak)s in this time.")
        % {"label": label, "used": words(name, last.used), "total": words(name, last.total),
           "peak": words(name, peak)},
    )


def _runs(
    known: Iterable[tuple[datetime, Meter]], kind: Resolution, end: datetime, top: float
) -> Iterator[list[tuple[float, float]]]:
    """Points of the lines; one slot that was missed is bridged, more are a gap."""
    begin = end - timedelta(seconds=kind.seconds)
    run: list[tuple[float, float]] = []
    before: datetime | None = None
    for at, meter in known:
        if before is not None and (at - before).total_seconds() > 2 * kind.step:
            yield run
            run = []
        x = (at - begin).total_seconds() / kind.seconds * WIDTH
        run.append((round(min(max(x, 0), WIDTH), 1), round(_y(meter.used or 0, top), 1)))
        before = at
    if run:
        yield run


def _y(value: float, top: float) -> float:
    return HEIGHT - min(value / top, 1) * HEIGHT


def _line(run: Sequence[tuple[float, float]]) -> str:
    """A line through the points; a lone one is a dot, which a round cap draws."""
    head, *rest = run
    return f"M{head[0]} {head[1]}" + ("".join(f"L{x} {y}" for x, y in rest) or "h0.1")


def _area(run: Sequence[tuple[float, float]]) -> str:
    return f"M{run[0][0]} {HEIGHT}" + "".join(f"L{x} {y}" for x, y in run) + f"V{HEIGHT}Z"


def _axis(kind: Resolution) -> tuple[str, ...]:
    """The words below the left end, the middle and the right end."""
    hours, minutes = kind.seconds // 3600, kind.seconds // 60
    if hours > 1:
        ago = gettext("%(n)s h ago")
        return ago % {"n": hours}, ago % {"n": hours // 2}, gettext("now")
    ago = gettext("%(n)s min ago")
    return ago % {"n": minutes}, ago % {"n": minutes // 2}, gettext("now")


def panel(
    series: Series, span: str, *, address: str, topic: str, fault: Reason | None = None,
    meters: Sequence[str] = METERS,
) -> dict[str, Any]:
    """The context of ``portal/_load.html``; ``address`` is of the page that has the panel.

    ``fault`` says why the series could not be read.
    """
    view = view_of(series, span, meters)
    here = f"{address}?part=load&span={view.span}"
    return {"view": view, "address": address, "here": here, "topic": topic, "fault": fault}
