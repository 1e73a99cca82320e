"""A virtual machine and an image of it, for the walls of an edge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apps.hosts.drivers import driver_of
from apps.images.models import HostImage
from apps.vim.images import NewImage
from tests.contract.test_vim_driver import order


@dataclass(frozen=True)
class Machine:
    """The VIM's id of a server of an instance, and an image that the instance has."""

    vm_id: str
    image: HostImage


def machine_of(word, instance):
    """Let the host run a machine for an instance, and keep an image of it."""
    driver = driver_of(instance.host)
    driver.install(replace(order("vm"), instance_id=instance.pk))
    image = HostImage(
        host=instance.host, tenant_id=instance.tenant_id, instance_id=instance.pk,
        name=f"{word}-image", source="snapshot", state="active", disk_format="raw",
    )
    new = NewImage(key=image.pk, name=image.name, instance_id=instance.pk)
    made = driver.upload_image(new, [word.encode()])
    image.vim_id, image.vim_status = made.id, made.status
    image.size, image.checksum = made.size, made.checksum
    image.save()
    return Machine(driver.status(instance.pk).servers[0].id, image)
