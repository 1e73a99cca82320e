"""What a package says, as frozen data that goes into a JSON column and comes back.  No reading."""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import (
    Any,
    Literal,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from apps.common.words import Reason

Level = Literal["ok", "info", "warning", "error"]
T = TypeVar("T")


class Json:
    """``as_json``, ``from_json`` of a dataclass; unknown keys are ignored, absent ones default."""

    def as_json(self) -> dict[str, Any]:
        """The value as plain data: dictionaries, lists, strings, numbers, booleans, None."""
        plain: dict[str, Any] = _plain(self)
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The value that ``as_json`` wrote."""
        return _build(cls, data)


@dataclass(frozen=True)
class Check(Json):
    """One line of the check report; ``path`` and ``line`` say where, as far as that is known."""

    level: Level
    code: str
    reason: Reason
    path: str = ""
    line: int | None = None


@dataclass(frozen=True)
class FileInfo(Json):
    """A file of the package: path below the top folder, bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Digest(Json):
    """One Source/Algorithm/Hash block of the manifest and what became of it."""

    source: str
    algorithm: str
    expected: str
    found: str = ""
    result: Literal["match", "mismatch", "missing", "unknown_algorithm"] = "match"


@dataclass(frozen=True)
class Manifest(Json):
    """The .mf file: its metadata as written, its digest blocks, and whether it is signed."""

    path: str
    metadata: dict[str, str]
    digests: tuple[Digest, ...] = ()
    has_signature: bool = False


@dataclass(frozen=True)
class Layout(Json):
    """Where things lie: the folder around everything ("" for none) and the form of the AppD."""

    top: str
    appd: Literal["zip", "folder", "definitions"]
    entry_definitions: str
    template: str


@dataclass(frozen=True)
class ComputeUnit(Json):
    """A Vdu.Compute: memory in MB, storage in GB; 0 and "" where the template says nothing."""

    name: str
    node: str = ""
    description: str = ""
    vcpus: int = 0
    memory_mb: int = 0
    storage_gb: int = 0
    architecture: str = ""
    images: tuple[str, ...] = ()
    initial_instances: int = 1
    min_instances: int = 1
    max_instances: int = 1
    availability_zone: str = ""
    depends_on: tuple[str, ...] = ()
    host_capabilities: tuple[str, ...] = ()
    extra_specs: dict[str, str] = field(default_factory=dict)
    has_user_data: bool = False


@dataclass(frozen=True)
class Storage(Json):
    """A Vdu.VirtualStorage: a volume of ``size_gb`` beside the unit's own disk."""

    name: str
    size_gb: int = 0
    kind: str = ""
    image: str = ""


@dataclass(frozen=True)
class Port(Json):
    """A VduCp: a network card of ``unit`` on ``network`` (both node names)."""

    name: str
    unit: str = ""
    network: str = ""
    interface: str = ""
    order: int = 0
    vnic_type: str = ""
    security: bool = True


@dataclass(frozen=True)
class Network(Json):
    """A VnfVirtualLink; ``network`` is what it is called in the cloud."""

    name: str
    network: str = ""
    kind: str = ""
    physical_network: str = ""
    segment: str = ""
    cidrs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Affinity(Json):
    """An affinity or anti-affinity rule over compute units (node names)."""

    name: str
    kind: Literal["affinity", "anti-affinity"]
    scope: str = ""
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Input(Json):
    """A value that may be given at instantiation; ``default`` as written, None for none."""

    name: str
    type: str = "string"
    default: str | None = None
    description: str = ""
    required: bool = True


@dataclass(frozen=True)
class Service(Json):
    """A MEC service required or produced; ids name the package that offers it, if one is stated."""

    name: str
    version: str = ""
    category: str = ""
    app_id: str = ""
    package_id: str = ""
    dns_rules: tuple[str, ...] = ()
    traffic_rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class DnsRule(Json):
    """One entry of appDNSRule; ``ttl`` in seconds, None where it is not stated."""

    id: str
    domain: str
    address_type: str = "IP_V4"
    address: str = ""
    ttl: int | None = None


@dataclass(frozen=True)
class TrafficRule(Json):
    """One entry of appTrafficRule; filters and interfaces in the shape of the rule API.

    Filter lists are lists of strings; qCI, dSCP and tC are integers; interfaces carry tunnelInfo.
    """

    id: str
    filter_type: str = "FLOW"
    priority: int | None = None
    action: str = ""
    filters: tuple[dict[str, Any], ...] = ()
    interfaces: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Requirements(Json):
    """What the application wants of an edge, from the AppD."""

    app_name: str = ""
    supports_mp1: bool = False
    architecture: str = ""
    compute: tuple[ComputeUnit, ...] = ()
    storage: tuple[Storage, ...] = ()
    ports: tuple[Port, ...] = ()
    networks: tuple[Network, ...] = ()
    affinity: tuple[Affinity, ...] = ()
    inputs: tuple[Input, ...] = ()
    capabilities: tuple[str, ...] = ()
    features_required: tuple[str, ...] = ()
    features_optional: tuple[str, ...] = ()
    services_required: tuple[Service, ...] = ()
    services_optional: tuple[Service, ...] = ()
    services_produced: tuple[Service, ...] = ()
    dns_rules: tuple[DnsRule, ...] = ()
    traffic_rules: tuple[TrafficRule, ...] = ()


@dataclass(frozen=True)
class ImageRef(Json):
    """An image that the application runs.

    ``reference`` is as written: a registry reference, an address, or a path in the package, which
    ``embedded`` then repeats.  ``source`` says where it was found: the image list, the chart or the
    template.  ``size`` is as stated, for units differ; None where nothing is stated.
    """

    name: str
    version: str = ""
    reference: str = ""
    kind: Literal["container", "vm"] = "container"
    architecture: str = ""
    size: int | None = None
    disk_format: str = ""
    min_disk_gb: int | None = None
    min_ram: int | None = None
    checksum: str = ""
    operating_system: str = ""
    embedded: str | None = None
    source: Literal["list", "chart", "template"] = "list"


@dataclass(frozen=True)
class ChartPort(Json):
    """A port of a Service as far as it is written out; ``node_port`` is 0 where none is fixed."""

    port: int
    target_port: str = ""
    node_port: int = 0
    protocol: str = "TCP"


@dataclass(frozen=True)
class ChartObject(Json):
    """A Kubernetes object that a template seems to make; the name as written, braces and all."""

    kind: str
    name: str
    path: str
    line: int
    ports: tuple[ChartPort, ...] = ()


@dataclass(frozen=True)
class ChartInfo(Json):
    """A Helm chart of the package; ``values`` are the dotted keys of values.yaml."""

    path: str
    name: str
    version: str
    app_version: str = ""
    api_version: str = ""
    description: str = ""
    templates: int = 0
    objects: tuple[ChartObject, ...] = ()
    values: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class PackageInfo(Json):
    """All that was read from a package, and the report of its checks."""

    name: str
    version: str
    provider: str
    description: str
    app_class: Literal["container", "vm"]
    released_at: str
    sha256: str
    size: int
    layout: Layout
    manifest: Manifest
    requirements: Requirements
    template_metadata: dict[str, str] = field(default_factory=dict)
    images: tuple[ImageRef, ...] = ()
    charts: tuple[ChartInfo, ...] = ()
    checks: tuple[Check, ...] = ()
    files: tuple[FileInfo, ...] = ()

    @property
    def entry_definitions(self) -> str:
        """What TOSCA.meta names as the entry, as written."""
        return self.layout.entry_definitions

    def worst(self) -> Level:
        """The gravest level among the checks; "ok" when there is none."""
        order: tuple[Level, ...] = ("ok", "info", "warning", "error")
        return max((check.level for check in self.checks), key=order.index, default="ok")


def _plain(value: Any) -> Any:
    if isinstance(value, Reason):
        return value.as_json()
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    """The types of a dataclass's fields; working them out costs more than reading the data."""
    return get_type_hints(kind)


def _build(kind: type[T], data: Mapping[str, Any]) -> T:
    hints = _hints(cast(Hashable, kind))
    known = {name: _typed(hints[name], data[name]) for name in hints if name in data}
    return kind(**known)


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = get_origin(hint)
    if origin is tuple:
        return tuple(_typed(get_args(hint)[0], item) for item in value)
    if origin in (Union, types.UnionType):
        return _typed(next(arg for arg in get_args(hint) if arg is not type(None)), value)
    if hint is Reason:
        return Reason.from_json(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return _build(hint, value)
    return value
