"""A site with a simulated host, and images that are worked on by hand on a clock that stands."""

from __future__ import annotations

import hashlib
import io
import uuid
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from apps.hosts.drivers import driver_of
from apps.images import services, work
from apps.images.models import HostImage
from apps.images.specs import WantedImage
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.images.stand_in import StandIn

# Three pieces, the last of them short.
DISK = hashlib.shake_256(b"disk").digest(2 * 1024 * 1024 + 5)
MEMBER = "Image/disk.img"


def md5(content):
    """The checksum that Glance reports."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def archive(files, name="some.csar"):
    """A file among the site's packages with these files in it; returns its name."""
    path = Path(settings.PACKAGE_DIR) / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for member, content in files.items():
            made.writestr(member, content)
    return name


def zipped(files):
    """The bytes of a zip."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        for member, content in files.items():
            made.writestr(member, content)
    return data.getvalue()


class Bench:
    """One tenant, one host, and images for it."""

    def __init__(self, now):
        self.now = now
        self.tenant = make.tenant("red")
        self.host = make.host(name="quay")

    @property
    def driver(self):
        """The driver of the host."""
        return driver_of(self.host)

    def want(self, **fields):
        """Order an image for a package of its own, from an archive unless ``fields`` say else."""
        given = {"package_id": uuid.uuid4(), "tenant_id": self.tenant.pk, "name": "disk"}
        if not {"reference", "archive"} & fields.keys():
            given |= {"archive": archive({MEMBER: DISK}), "member": MEMBER}
        wanted = WantedImage(**given | fields)
        return services.ensure(actor=SYSTEM, host=self.host, wanted=wanted)

    def work(self, seconds=0.0):
        """Do what is due, for so long."""
        for _ in range(int(seconds) + 1):
            for image_id in work.due():
                work.work_on(image_id)
            if seconds:
                self.now.advance(seconds=1)

    def read(self, image):
        """The bytes that the VIM has."""
        return b"".join(self.driver.read_image(image.vim_id))

    def remove(self, image):
        """Order its end and work on it."""
        services.remove(actor=SYSTEM, image=image)
        self.work()

    def fresh(self, image):
        """The row as it is now."""
        return HostImage.objects.get(pk=image.pk)


@pytest.fixture
def bench(now):
    """The bench at a site with a host of its own."""
    return Bench(now)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A stand-in for skopeo."""
    return StandIn(tmp_path / "home", monkeypatch)
