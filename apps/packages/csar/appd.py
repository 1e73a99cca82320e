"""The service template (AppD) as typed requirements; tolerant of the forms that circulate.

Reads node templates by type, resolves ``get_input`` to defaults, and interprets nothing else of
TOSCA: for containers the chart is what runs, and for machines the driver reads the template itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from django.utils.translation import gettext_noop as N_

from apps.packages.csar import appconfig
from apps.packages.csar.checks import Report
from apps.packages.csar.info import (
    Affinity,
    ComputeUnit,
    Input,
    Network,
    Port,
    Requirements,
    Storage,
)
from apps.packages.csar.shapes import (
    as_bool,
    as_gigabytes,
    as_int,
    as_list,
    as_map,
    as_maps,
    as_megabytes,
    as_text,
    as_texts,
)

ARCHITECTURES = {"x86": "x86_64", "x86_64": "x86_64", "amd64": "x86_64", "x64": "x86_64"}
ARCHITECTURES |= {"arm": "aarch64", "arm64": "aarch64", "aarch64": "aarch64", "armv8": "aarch64"}
Node = tuple[str, dict[str, Any]]


class Template:
    """A parsed service template: its nodes by type, with inputs resolved to their defaults."""

    def __init__(self, document: Any, *, path: str, report: Report) -> None:
        self.path = path
        self.report = report
        self.document = as_map(document)
        topology = as_map(self.document.get("topology_template"))
        self.inputs = _inputs(as_map(topology.get("inputs")))
        self._defaults = {one.name: one.default for one in self.inputs}
        self._undeclared: dict[str, None] = {}
        self._topology = as_map(self._resolve(topology, skip="inputs"))
        self._report_inputs()

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata block of the template, as written."""
        texts = as_map(self.document.get("metadata"))
        return {key: as_text(value) for key, value in texts.items()}

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """The node templates by name."""
        found = as_map(self._topology.get("node_templates"))
        return {name: as_map(node) for name, node in found.items()}

    def of_type(self, *endings: str) -> Iterator[Node]:
        """The nodes whose type ends in one of ``endings``, with their names."""
        for name, node in self.nodes.items():
            if as_text(node.get("type")).casefold().endswith(endings):
                yield name, node

    def named(self, key: str) -> Iterator[Node]:
        """The entries of ``topology_template.<key>``, which is a map or a list of maps."""
        for block in as_maps(self._topology.get(key)):
            for name, body in block.items():
                yield name, as_map(body)

    def named_files(self) -> Iterator[tuple[str, str]]:
        """Node name and file for each artifact that names a file."""
        for name, node in [*self.nodes.items(), ("topology_template", self._topology)]:
            artifacts = node.get("artifacts")
            for block in as_maps(artifacts):
                for artifact in block.values():
                    file = as_text(as_map(artifact).get("file")) or as_text(artifact)
                    if file:
                        yield name, file

    def imports(self) -> Iterator[str]:
        """The files that the template imports, in TOSCA's short and long forms."""
        for item in as_list(self.document.get("imports")):
            if isinstance(item, dict):
                for value in [item["file"]] if "file" in item else item.values():
                    yield as_text(as_map(value).get("file")) or as_text(value)
            else:
                yield as_text(item)

    def _resolve(self, value: Any, *, skip: str = "") -> Any:
        """``value`` with get_input and concat replaced; an input without default becomes ""."""
        if isinstance(value, list):
            return [self._resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and "get_input" in value:
            name = as_text(next(iter(as_list(value["get_input"])), ""))
            if name not in self._defaults:
                self._undeclared[name] = None
            return self._defaults.get(name) or ""
        if len(value) == 1 and "concat" in value:
            return "".join(as_text(self._resolve(item)) for item in as_list(value["concat"]))
        return {key: self._resolve(item) for key, item in value.items() if key != skip}

    def _report_inputs(self) -> None:
        for name in self._undeclared:
            self.report.warning(
                "input_undeclared",
                N_("“%(path)s” uses the input “%(name)s”, which it does not declare."),
                self.path,
                name=name,
            )
        needed = [one.name for one in self.inputs if one.required and one.default is None]
        if needed:
            self.report.info(
                "input_needed",
                N_("These inputs have no default and are asked for at instantiation: %(names)s."),
                self.path,
                names=", ".join(needed[:20]),
            )


def read_requirements(template: Template, app_class: Literal["container", "vm"]) -> Requirements:
    """What the application wants of an edge, from its template."""
    compute = tuple(_compute(name, node) for name, node in template.of_type("vdu.compute"))
    settings = appconfig.read(template.of_type("app.configuration"), template.path, template.report)
    ports = tuple(_port(name, node) for name, node in template.of_type("vducp"))
    requirements = Requirements(
        app_name=settings.app_name,
        supports_mp1=settings.supports_mp1,
        architecture=_common_architecture(compute),
        compute=compute,
        storage=tuple(_storage(name, node) for name, node in template.of_type("virtualstorage")),
        ports=ports,
        networks=tuple(_network(name, node) for name, node in template.of_type("virtuallink")),
        affinity=tuple(_affinities(template)),
        inputs=template.inputs,
        capabilities=tuple(
            dict.fromkeys(one for unit in compute for one in unit.host_capabilities)
        ),
        features_required=settings.features_required,
        features_optional=settings.features_optional,
        services_required=settings.services_required,
        services_optional=settings.services_optional,
        services_produced=settings.services_produced,
        dns_rules=settings.dns_rules,
        traffic_rules=settings.traffic_rules,
    )
    _check_references(requirements, app_class, template)
    return requirements


def architecture(text: str) -> str:
    """``x86_64`` or ``aarch64`` for their many spellings; anything else as written, lower case."""
    plain = text.strip().casefold().replace("-", "_")
    return ARCHITECTURES.get(plain, plain)


def _common_architecture(compute: tuple[ComputeUnit, ...]) -> str:
    found = {unit.architecture for unit in compute if unit.architecture}
    return found.pop() if len(found) == 1 else ""


def _inputs(block: dict[str, Any]) -> tuple[Input, ...]:
    return tuple(
        Input(
            name=name,
            type=as_text(as_map(body).get("type")) or "string",
            default=None if (default := as_map(body).get("default")) is None else as_text(default),
            description=as_text(as_map(body).get("description")),
            required=as_bool(as_map(body).get("required"), default=True),
        )
        for name, body in block.items()
    )


def _compute(name: str, node: dict[str, Any]) -> ComputeUnit:
    properties = as_map(node.get("properties"))
    capability = as_map(as_map(node.get("capabilities")).get("virtual_compute"))
    virtual = as_map(capability.get("properties"))
    cpu, memory = as_map(virtual.get("virtual_cpu")), as_map(virtual.get("virtual_memory"))
    disks = as_maps(virtual.get("virtual_local_storage"))
    profile = as_map(properties.get("vdu_profile"))
    initial = as_int(profile.get("initial_number_of_instances"))
    minimum = as_int(profile.get("min_number_of_instances"))
    minimum = 1 if minimum is None else minimum
    specs = as_map(profile.get("flavor_extra_specs"))
    return ComputeUnit(
        name=as_text(properties.get("name")) or name,
        node=name,
        description=as_text(properties.get("description")),
        vcpus=as_int(cpu.get("num_virtual_cpu")) or 0,
        memory_mb=as_megabytes(memory.get("virtual_mem_size")),
        storage_gb=sum(as_gigabytes(disk.get("size_of_storage")) for disk in disks),
        architecture=architecture(as_text(cpu.get("cpu_architecture"))),
        images=_image_names(properties),
        initial_instances=minimum if initial is None else initial,
        min_instances=minimum,
        max_instances=as_int(profile.get("max_number_of_instances")) or max(minimum, 1),
        availability_zone=as_text(properties.get("nfvi_constraints")),
        depends_on=as_texts(properties.get("depend_on")),
        host_capabilities=tuple(_host_capabilities(properties)),
        extra_specs={key: as_text(value) for key, value in specs.items()},
        has_user_data=bool(as_map(properties.get("bootdata")).get("user_data")),
    )


def _image_names(properties: dict[str, Any]) -> tuple[str, ...]:
    data = properties.get("sw_image_data")
    names = as_text(as_map(data).get("name")) or as_text(data)
    if not names and (image := as_text(properties.get("image"))):
        version = as_text(properties.get("image_version"))
        names = f"{image}:{version}" if version else image
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _host_capabilities(properties: dict[str, Any]) -> Iterator[str]:
    """The mandatory ones of vdu_mec_host_requirements, as their names without the affixes."""
    for key, body in as_map(properties.get("vdu_mec_host_requirements")).items():
        if as_bool(as_map(body).get("mandatory")):
            yield key.removeprefix("mec_host_").removesuffix("_affinity").lower()


def _storage(name: str, node: dict[str, Any]) -> Storage:
    properties = as_map(node.get("properties"))
    data = as_map(properties.get("virtual_storage_data")) or properties
    return Storage(
        name=name,
        size_gb=as_gigabytes(data.get("size_of_storage")),
        kind=as_text(data.get("type_of_storage")),
        image=as_text(as_map(properties.get("sw_image_data")).get("name")),
    )


def _target(node: dict[str, Any], requirement: str) -> str:
    """The node that ``node`` requires: written as its name or as {node: name}."""
    for block in as_maps(node.get("requirements")):
        if requirement in block:
            value = block[requirement]
            return as_text(as_map(value).get("node")) or as_text(value)
    return ""


def _port(name: str, node: dict[str, Any]) -> Port:
    properties = as_map(node.get("properties"))
    return Port(
        name=name,
        unit=_target(node, "virtual_binding"),
        network=_target(node, "virtual_link"),
        interface=as_text(properties.get("vnic_name")),
        order=as_int(properties.get("order")) or 0,
        vnic_type=as_text(properties.get("vnic_type")),
        security=as_bool(properties.get("port_security_enabled"), default=True),
    )


def _network(name: str, node: dict[str, Any]) -> Network:
    profile = as_map(as_map(node.get("properties")).get("vl_profile"))

    def first(*keys: str) -> str:
        return next((text for key in keys if (text := as_text(profile.get(key)))), "")

    layers = as_maps(profile.get("l3_protocol_data"))
    return Network(
        name=name,
        network=first("network_name", "networkName"),
        kind=first("network_type", "networkType").lower(),
        physical_network=first("physical_network", "physicalNetwork"),
        segment=first("provider_segmentation_id", "segmentationId"),
        cidrs=as_texts([layer.get("cidr") for layer in [*layers, profile]]),
    )


def _affinities(template: Template) -> Iterator[Affinity]:
    groups = {name: _members(group) for name, group in template.named("groups")}
    for name, policy in template.named("policies"):
        kind = as_text(policy.get("type")).casefold()
        if not kind.endswith("affinityrule"):
            continue
        units = [
            unit
            for target in as_texts(policy.get("targets"))
            for unit in groups.get(target, (target,))
        ]
        yield Affinity(
            name=name,
            kind="anti-affinity" if "antiaffinity" in kind.replace("-", "") else "affinity",
            scope=as_text(as_map(policy.get("properties")).get("scope")),
            units=tuple(dict.fromkeys(units)),
        )


def _members(group: dict[str, Any]) -> tuple[str, ...]:
    """Members stand in the group or, in some templates, among its properties."""
    inside = as_map(group.get("properties")).get("members")
    return as_texts(group.get("members")) or as_texts(inside)


def _check_references(
    found: Requirements, app_class: Literal["container", "vm"], template: Template
) -> None:
    report, path = template.report, template.path
    units = {unit.node for unit in found.compute}
    networks = {network.name for network in found.networks}
    for port in found.ports:
        for target, known in ((port.unit, units), (port.network, networks)):
            if target and target not in known:
                # A machine is built from its ports; a container's are only told about.
                report.add(
                    "warning" if app_class == "vm" else "info",
                    "port_without_target",
                    N_("The port “%(name)s” refers to “%(other)s”, which the template lacks."),
                    path,
                    name=port.name,
                    other=target,
                )
    for unit in found.compute:
        if not (unit.vcpus and unit.memory_mb):
            report.info(
                "compute_unstated",
                N_("“%(name)s” does not state how many CPUs and how much memory it needs."),
                path,
                name=unit.name,
            )
    if not found.compute:
        report.add(
            "error" if app_class == "vm" else "info",
            "compute_missing",
            N_("“%(path)s” has no compute unit (Vdu.Compute)."),
            path,
        )
