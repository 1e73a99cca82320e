"""Reads application packages (CSAR) of every circulating layout, or refuses them with a reason.

Pure: a path in, frozen data or a refusal out.  It knows no database and writes no file.
"""

from __future__ import annotations

from apps.packages.csar.info import (
    Affinity,
    ChartInfo,
    ChartObject,
    ChartPort,
    Check,
    ComputeUnit,
    Digest,
    DnsRule,
    FileInfo,
    ImageRef,
    Input,
    Layout,
    Manifest,
    Network,
    PackageInfo,
    Port,
    Requirements,
    Service,
    Storage,
    TrafficRule,
)
from apps.packages.csar.limits import Limits
from apps.packages.csar.reader import read_definition, read_member, read_package
from apps.packages.csar.refusals import SENTENCES, PackageRefused

__all__ = [
    "SENTENCES",
    "Affinity",
    "ChartInfo",
    "ChartObject",
    "ChartPort",
    "Check",
    "ComputeUnit",
    "Digest",
    "DnsRule",
    "FileInfo",
    "ImageRef",
    "Input",
    "Layout",
    "Limits",
    "Manifest",
    "Network",
    "PackageInfo",
    "PackageRefused",
    "Port",
    "Requirements",
    "Service",
    "Storage",
    "TrafficRule",
    "read_definition",
    "read_member",
    "read_package",
]
