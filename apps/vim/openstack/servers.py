"""Units of computing (Vdu.Compute) as servers of Nova, with their flavors, images and volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused
from apps.vim.openstack.bootdata import boot_properties, text_map
from apps.vim.openstack.draft import Draft
from apps.vim.openstack.inputs import Inputs
from apps.vim.openstack.site import EMPTY_DISK, MADE, own_name, usual_name
from apps.vim.openstack.storage import Volumes, image_name
from apps.vim.openstack.tosca import Entry, Template, as_list, as_map

UNIT: Final = "vdu.compute"
MOST_SERVERS: Final = 100
STATED: Final = (
    "name", "description", "nfvi_constraints", "depend_on", "vdu_profile", "sw_image_data",
    "bootdata",
)  # fmt: skip
PROFILE: Final = (
    "min_number_of_instances", "max_number_of_instances", "initial_number_of_instances",
    "flavor_extra_specs",
)  # fmt: skip
# The architecture is a matter of placement: an image runs where it can.
COMPUTE: Final = {
    "virtual_cpu": ("num_virtual_cpu", "cpu_architecture"),
    "virtual_memory": ("virtual_mem_size",),
    "virtual_local_storage": ("size_of_storage",),
}


@dataclass(frozen=True)
class Unit:
    """One Vdu.Compute with the names of its servers as resources."""

    entry: Entry
    servers: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its node."""
        return self.entry.name

    def suffixed(self, name: str) -> list[str]:
        """``name`` once for each server: as it is, or with the number of the server."""
        if self.servers == (self.name,):
            return [name]
        return [f"{name}_{number}" for number in range(1, len(self.servers) + 1)]


def units_of(template: Template, inputs: Inputs) -> dict[str, Unit]:
    """The units by name, as many servers each as are wanted at the beginning."""
    found: dict[str, Unit] = {}
    for entry in template.of(UNIT):
        profile = as_map(entry.properties.get("vdu_profile"))
        least = inputs.whole(profile.get("min_number_of_instances"), 1)
        count = inputs.whole(profile.get("initial_number_of_instances"), least)
        if count > MOST_SERVERS:
            text = N_("“%(name)s” wants %(count)s servers; %(limit)s are the most that one may.")
            raise VimRefused(
                text, code="servers_too_many", name=entry.name, count=count, limit=MOST_SERVERS
            )
        numbered = tuple(f"{entry.name}_{number}" for number in range(1, count + 1))
        found[entry.name] = Unit(entry, (entry.name,) if count == 1 else numbered)
    if not any(unit.servers for unit in found.values()):
        text = N_("The template has no unit of computing (Vdu.Compute) that is to run.")
        raise VimRefused(text, code="empty")
    return found


class Servers:
    """Adds the servers of units; ``ports`` and ``groups`` are references that were made before."""

    def __init__(
        self,
        draft: Draft,
        template: Template,
        units: Mapping[str, Unit],
        ports: Mapping[str, list[dict[str, str]]],
        groups: Mapping[str, dict[str, str]],
    ) -> None:
        self.draft, self.template, self.units = draft, template, units
        self.ports, self.groups = ports, groups
        self.volumes = Volumes(draft, template)
        self.outputs: dict[str, Any] = {}

    def add(self, unit: Unit) -> None:
        """Add all servers of ``unit`` and what belongs to them."""
        if not unit.servers:
            return
        draft, entry, inputs = self.draft, unit.entry, self.draft.inputs
        draft.unread(unit.name, entry.properties, STATED, "")
        # All servers of a unit boot and weigh alike.
        common = {
            "flavor": self._flavor(unit),
            "availability_zone": self._zone(entry),
            **boot_properties(draft, entry),
        }
        group = self.groups.get(unit.name)
        titles = self._titles(unit, inputs)
        suffixes = unit.suffixed("")
        for server, title, suffix in zip(unit.servers, titles, suffixes, strict=True):
            networks: list[Any] = [{"port": port} for port in self.ports.get(server, ())]
            if not networks:
                # Nova would put it on whichever network the project has.
                networks = [{"allocate_network": "none"}]
                text = N_("“%(name)s” has no port (VduCp), and thus no network.")
                draft.note(text, "unit_unconnected", name=unit.name)
            draft.add(
                server,
                "OS::Nova::Server",
                common
                | self._disks(entry, server, suffix)
                | {"name": title, "networks": networks}
                | {"scheduler_hints": {"group": group} if group else None},
                depends_on=self._first(entry),
            )
            self.outputs[server] = {
                "description": f"{unit.name}: {server}",
                "value": {
                    "vmId": {"get_resource": server},
                    "networks": {"get_attr": [server, "addresses"]},
                },
            }

    def _titles(self, unit: Unit, inputs: Inputs) -> list[Any]:
        """What the servers are called in Nova."""
        stated = unit.entry.properties.get("name") or unit.name
        if unit.servers == (unit.name,):
            return [inputs.text(stated)]
        return [inputs.joined([stated, str(n)], "-") for n in range(1, len(unit.servers) + 1)]

    def _first(self, entry: Entry) -> list[str]:
        """The servers that have to be there before those of ``entry``."""
        return [
            server
            for name in entry.names("depend_on")
            for server in self.units[self.template.node(entry, name, UNIT).name].servers
        ]

    def _zone(self, entry: Entry) -> Any:
        inputs, stated = self.draft.inputs, entry.properties.get("nfvi_constraints")
        zone = str(inputs.plain(stated))
        if zone and zone not in self.draft.site.zones:
            # Among others "ZONE:HOST", with which Nova lets an administrator pass the scheduler.
            raise VimRefused(
                N_("“%(name)s” is for the zone “%(zone)s”, and the site has these: %(known)s."),
                code="zone_unknown",
                name=entry.name,
                zone=inputs.words(stated),
                known=", ".join(sorted(self.draft.site.zones)) or "-",
            )
        return inputs.hot(stated) if zone else None

    def _flavor(self, unit: Unit) -> Any:
        """A flavor of exactly the stated sizes: one of the site's, or one of the stack's own."""
        draft, inputs, entry = self.draft, self.draft.inputs, unit.entry
        vcpus, memory, disk = self._sizes(entry)
        profile = as_map(entry.properties.get("vdu_profile"))
        draft.unread(unit.name, profile, PROFILE, "vdu_profile")
        specs = text_map(inputs, unit.name, as_map(profile.get("flavor_extra_specs")))
        usual = usual_name(vcpus, memory, disk)
        if not specs and (name := draft.site.flavor(vcpus, memory, disk)):
            return name
        if not draft.site.may_create_flavors:
            text = (
                N_(
                    "“%(name)s” needs a flavor with extra specs (%(specs)s), and the host's "
                    "credentials may not make one."
                )
                if specs
                else N_(
                    "“%(name)s” needs a flavor of %(vcpus)s vCPUs, %(memory)s MiB and %(disk)s GiB "
                    "(such as “%(usual)s”), which the site lacks and the host's credentials may "
                    "not make."
                )
            )
            raise VimRefused(
                text, code="flavor_missing", name=unit.name, vcpus=vcpus, memory=memory,
                disk=disk, usual=usual, specs=", ".join(specs),
            )  # fmt: skip
        return draft.add(
            f"{unit.name}_FLAVOR",
            "OS::Nova::Flavor",
            {
                "name": own_name(f"{MADE}{unit.name}", draft.instance_id),
                "vcpus": vcpus, "ram": memory, "disk": disk,
                "extra_specs": specs, "is_public": False,
            },
        )  # fmt: skip

    def _sizes(self, entry: Entry) -> tuple[int, int, int]:
        """Processors, MiB of memory and GiB of disk that each server has."""
        inputs, stated = self.draft.inputs, entry.capability("virtual_compute")
        self.draft.unread(entry.name, stated, COMPUTE, "virtual_compute")
        parts = {key: [as_map(one) for one in as_list(stated.get(key))] for key in COMPUTE}
        for key, blocks in parts.items():
            for block in blocks:
                self.draft.unread(entry.name, block, COMPUTE[key], f"virtual_compute.{key}")
        vcpus = sum(inputs.whole(one.get("num_virtual_cpu")) for one in parts["virtual_cpu"])
        memory = sum(
            inputs.megabytes(one.get("virtual_mem_size")) for one in parts["virtual_memory"]
        )
        disk = sum(
            inputs.gigabytes(one.get("size_of_storage")) for one in parts["virtual_local_storage"]
        )
        if not (vcpus and memory):
            text = N_("“%(name)s” does not state how many CPUs and how much memory it needs.")
            raise VimRefused(text, code="compute_unstated", name=entry.name)
        return vcpus, memory, disk

    def _disks(self, entry: Entry, server: str, suffix: str) -> dict[str, Any]:
        """The image that a server boots from, and its volumes."""
        stated = image_name(entry)
        volumes = self.volumes.of(entry, server, bootable=not stated)
        if not stated:
            if not any(one["boot_index"] == 0 for one in volumes):
                text = N_("“%(name)s” names no image to boot from (sw_image_data).")
                raise VimRefused(text, code="image_unstated", name=entry.name)
            return {"block_device_mapping_v2": volumes}
        image = self.volumes.image(entry, stated)
        if image.disk_format == "iso":
            disc = self.volumes.disc(entry, f"{entry.name}_CDROM{suffix}", image)
            image, volumes = self.volumes.image(entry, EMPTY_DISK), [disc, *volumes]
        return {"image": image.id, "block_device_mapping_v2": volumes}
