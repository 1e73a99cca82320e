"""Block storage of units as volumes of Cinder."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused
from apps.vim.openstack.draft import Draft
from apps.vim.openstack.site import SiteImage
from apps.vim.openstack.tosca import Entry, Template, as_map

# SOL 001 says VirtualBlockStorage, EdgeGallery's types VirtualStorage; both circulate.
STORAGE: Final = ("vdu.virtualstorage", "vdu.virtualblockstorage")
REQUIREMENT: Final = "virtual_storage"
STATED: Final = (
    "id", "virtual_storage_data", "virtual_block_storage_data", "sw_image_data",
    "nfvi_constraints",
)  # fmt: skip
DATA: Final = ("type_of_storage", "size_of_storage", "volume_type")


def image_name(entry: Entry) -> Any:
    """What a unit or storage states as the name of its image; may use an input."""
    stated = entry.properties.get("sw_image_data")
    return stated["name"] if isinstance(stated, dict) and "name" in stated else stated


class Volumes:
    """Adds volumes: one of its own for each server that requires a storage."""

    def __init__(self, draft: Draft, template: Template) -> None:
        self.draft, self.template = draft, template
        users = [name for unit in template.nodes.values() for name in unit.requires(REQUIREMENT)]
        self._single = {name for name in users if users.count(name) == 1}

    def of(self, unit: Entry, server: str, *, bootable: bool) -> list[dict[str, Any]]:
        """The block devices of a server; it boots from the first with an image if ``bootable``."""
        devices: list[dict[str, Any]] = []
        for name in dict.fromkeys(unit.requires(REQUIREMENT)):
            storage = self.template.node(unit, name, *STORAGE)
            alone = server == unit.name and name in self._single
            volume = self._volume(storage, name if alone else f"{name}_{server}")
            boots = bootable and bool(image_name(storage))
            bootable = bootable and not boots
            devices.append({"volume_id": volume, "boot_index": 0 if boots else -1})
        return devices

    def disc(self, unit: Entry, name: str, image: SiteImage) -> dict[str, Any]:
        """The block device of an installation disc, tried after the empty disk."""
        self._need_cinder(unit.name)
        size = {"size": image.volume_gb, "image": image.id}
        volume = self.draft.add(name, "OS::Cinder::Volume", size)
        return {"volume_id": volume, "device_type": "cdrom", "boot_index": 1}

    def image(self, entry: Entry, stated: Any) -> SiteImage:
        """The image that ``entry`` names; VimRefused where nobody has it."""
        inputs = self.draft.inputs
        found = self.draft.site.image(str(inputs.plain(stated)))
        if found is None:
            raise VimRefused(
                N_(
                    "The image “%(image)s” of “%(name)s” is neither at the site nor in the package."
                ),
                code="image_missing",
                image=inputs.words(stated),
                name=entry.name,
            )
        return found

    def _volume(self, storage: Entry, name: str) -> dict[str, str]:
        self._need_cinder(storage.name)
        draft, inputs, stated = self.draft, self.draft.inputs, storage.properties
        draft.unread(storage.name, stated, STATED, "")
        key = next((one for one in STATED[1:3] if one in stated), STATED[1])
        data = as_map(stated.get(key))
        draft.unread(storage.name, data, DATA, key)
        kind = str(inputs.plain(data.get("type_of_storage")))
        if kind not in ("", "block_storage"):
            text = N_("“%(name)s” is not block storage, and nothing else can be a disk.")
            raise VimRefused(text, code="storage_kind", name=storage.name)
        size = inputs.gigabytes(data.get("size_of_storage"))
        named = image_name(storage)
        image = self.image(storage, named) if named else None
        return draft.add(
            name,
            "OS::Cinder::Volume",
            {
                "size": max(size, image.volume_gb if image else 1),
                "image": image.id if image else None,
                "volume_type": self._type(storage, data.get("volume_type"), f"{key}.volume_type"),
                # Zones of Cinder are not those of Nova: it says itself which it lacks.
                "availability_zone": inputs.hot(stated.get("nfvi_constraints")),
            },
        )

    def _type(self, storage: Entry, stated: Any, at: str) -> Any:
        """The name of a volume type, written as it is or below volume_type_name."""
        block = as_map(stated)
        if "volume_type_name" not in block:
            return self.draft.inputs.hot(stated)
        self.draft.unread(storage.name, block, ("volume_type_name",), at)
        return self.draft.inputs.hot(block["volume_type_name"])

    def _need_cinder(self, name: str) -> None:
        if not self.draft.site.has_volumes:
            text = N_("“%(name)s” needs a volume, and the site has no Cinder to make one.")
            raise VimRefused(text, code="volumes_missing", name=name)
