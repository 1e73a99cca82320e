"""From storage and installation discs to volumes of Cinder.  No OpenStack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.vim.openstack_templates import (
    SITE,
    definition,
    link,
    made,
    notes,
    one,
    port,
    refusal,
    stated,
    storage,
    unit,
)


def test_an_installation_disc_comes_with_an_empty_disk():
    document = one(sw_image_data={"name": "installer"})
    server = stated(document, "vdu")
    assert server["image"] == "image-empty"
    (disc,) = server["block_device_mapping_v2"]
    assert disc == {
        "volume_id": {"get_resource": "vdu_CDROM"},
        "device_type": "cdrom",
        "boot_index": 1,
    }
    assert stated(document, "vdu_CDROM") == {"size": 6, "image": "image-installer"}
    images = {"installer": SITE.image("installer")}
    error = refusal(document, site=replace(SITE, images=images))
    assert (error.code, error.reason.params["image"]) == ("image_missing", "empty-disk")
    assert refusal(document, site=replace(SITE, has_volumes=False)).code == "volumes_missing"


@pytest.mark.parametrize("kind", ["Vdu.VirtualStorage", "Vdu.VirtualBlockStorage"])
def test_storage_becomes_volumes(kind):
    disk = storage(30, kind=kind, volume_type={"volume_type_name": "fast", "back_end": "x"})
    disk["properties"]["nfvi_constraints"] = "zone-c"
    document = definition(vdu=unit(requires=["data"]), nic=port(), net=link(), data=disk)
    assert stated(document, "data") == {
        "size": 30,
        "volume_type": "fast",
        "availability_zone": "zone-c",
    }
    assert stated(document, "vdu")["block_device_mapping_v2"] == [
        {"volume_id": {"get_resource": "data"}, "boot_index": -1}
    ]
    assert ("property_unread", "virtual_storage_data.volume_type.back_end") in notes(document)
    assert refusal(document, site=replace(SITE, has_volumes=False)).code == "volumes_missing"


def test_the_block_of_the_standard_is_read_as_well():
    disk = {
        "type": "tosca.nodes.nfv.Vdu.VirtualBlockStorage",
        "properties": {"virtual_block_storage_data": {"size_of_storage": "40 GB"}},
    }
    document = definition(vdu=unit(requires=["data"]), nic=port(), net=link(), data=disk)
    assert stated(document, "data") == {"size": 40}


def test_a_server_without_an_image_boots_from_its_storage():
    disk = storage(5)
    disk["properties"]["sw_image_data"] = {"name": "linux"}
    document = definition(
        vdu=unit(sw_image_data=None, requires=["plain", "system", "rescue"]), nic=port(),
        net=link(), plain=storage(), system=disk, rescue=disk,
    )  # fmt: skip
    assert stated(document, "system") == {"size": 10, "image": "image-linux"}
    server = stated(document, "vdu")
    assert "image" not in server
    assert server["block_device_mapping_v2"] == [
        {"volume_id": {"get_resource": "plain"}, "boot_index": -1},
        {"volume_id": {"get_resource": "system"}, "boot_index": 0},
        {"volume_id": {"get_resource": "rescue"}, "boot_index": -1},
    ]


def test_two_units_have_each_a_volume_of_a_storage():
    document = definition(
        a=unit(requires=["data"]), b=unit(requires=["data"]), nic=port("a"), nic2=port("b"),
        net=link(), data=storage(),
    )  # fmt: skip
    assert {"data_a", "data_b"} < set(made(document))


def test_storage_that_is_no_disk_and_storage_that_is_not_there():
    document = definition(
        vdu=unit(requires=["data"]), nic=port(), net=link(),
        data=storage(type_of_storage="object_storage"),
    )  # fmt: skip
    assert refusal(document).code == "storage_kind"
    error = refusal(definition(vdu=unit(requires=["lost"]), nic=port(), net=link()))
    assert (error.code, error.reason.params["other"]) == ("reference_unknown", "lost")
