"""Quotas as rings, each with the figures as words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.words import Text
from apps.vim.resources import UNLIMITED, Quota, QuotaName

LABELS: Final[dict[str, Text]] = {
    QuotaName.INSTANCES: _("Virtual machines"),
    QuotaName.VCPUS: _("vCPU"),
    QuotaName.RAM: _("RAM"),
    QuotaName.FLOATING_IPS: _("Floating IPs"),
    QuotaName.SECURITY_GROUPS: _("Security groups"),
    QuotaName.SERVER_GROUPS: _("Server groups"),
    QuotaName.PORTS: _("Ports"),
    QuotaName.NETWORKS: _("Networks"),
    QuotaName.SUBNETS: _("Subnets"),
}
SCARCE: Final = 0.5  # from here on yellow
FULL: Final = 0.8  # above it red


@dataclass(frozen=True, slots=True)
class Donut:
    """One ring; ``percent`` is None where there is no limit, or not all is known."""

    label: Text
    figures: str
    percent: int | None
    tone: str

    @property
    def drawn(self) -> int:
        """How much of the ring is filled, of 100."""
        return min(self.percent or 0, 100)


def donut_of(quota: Quota) -> Donut:
    """The ring of a quota: green under a half, red above four fifths, yellow in between."""
    share = quota.share
    label = LABELS.get(quota.name, quota.name)
    if share is None:
        return Donut(label, _figures(quota), None, "unknown")
    tone = "ok" if share < SCARCE else "warn" if share <= FULL else "bad"
    return Donut(label, _figures(quota), round(100 * share), tone)


def _figures(quota: Quota) -> str:
    if quota.limit == UNLIMITED:
        return gettext("%(used)s, no limit") % {"used": _amount(quota, quota.used)}
    if quota.limit is None and quota.used is None:
        return gettext("unknown")
    used, limit = _amount(quota, quota.used), _amount(quota, quota.limit)
    return gettext("%(used)s of %(limit)s") % {"used": used, "limit": limit}


def _amount(quota: Quota, value: int | None) -> str:
    if value is None:
        return gettext("unknown")
    if quota.name == QuotaName.RAM:
        text = number_format(round(value / 1024, 1) if value % 1024 else value // 1024)
        return f"{text} GiB"
    return str(number_format(value, force_grouping=True))
