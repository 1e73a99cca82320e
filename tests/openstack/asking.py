"""What tests on a cloud do again and again: make what a server needs."""

from __future__ import annotations

from contextlib import contextmanager

from openstack.exceptions import NotFoundException

from tests.waiting import soon


@contextmanager
def image_of(connection, name, content=b"image", **more):
    """An image that is ACTIVE, removed afterwards."""
    form = {"disk_format": "raw", "container_format": "bare"} | more
    image = connection.image.create_image(name=name, data=content, **form)
    try:
        yield connection.image.get_image(image)
    finally:
        connection.image.delete_image(image)


@contextmanager
def flavor_of(connection, name, ram=512, vcpus=1, disk=1):
    """A flavor that all may use, removed afterwards."""
    flavor = connection.compute.create_flavor(name=name, ram=ram, vcpus=vcpus, disk=disk)
    try:
        yield flavor
    finally:
        connection.compute.delete_flavor(flavor)


@contextmanager
def network_of(connection, name, cidr="10.20.0.0/24"):
    """A network with a subnet, removed afterwards."""
    network = connection.network.create_network(name=name)
    try:
        connection.network.create_subnet(
            network_id=network.id, name=name, ip_version=4, cidr=cidr, enable_dhcp=False
        )
        yield network
    finally:
        connection.network.delete_network(network)


@contextmanager
def server_of(connection, name, image, flavor, network):
    """A server as it is when Nova is done with it, ACTIVE or ERROR; removed afterwards."""
    server = connection.compute.create_server(
        name=name, image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    try:
        soon(lambda: get_server(connection, server).status in ("ACTIVE", "ERROR"))
        yield get_server(connection, server)
    finally:
        connection.compute.delete_server(server)
        soon(lambda: not status(lambda: get_server(connection, server)))


def get_server(connection, server):
    """A server as it is now."""
    return connection.compute.get_server(server.id)


def status(get):
    """The status of what ``get`` reads; empty when it is not there any more."""
    try:
        return get().status
    except NotFoundException:
        return ""
