"""Faults of the original package manager that no other test is about."""

from __future__ import annotations

import json
import uuid

import pytest
from django.db import IntegrityError, transaction

from apps.common.errors import Conflict
from apps.packages import distribution, distribution_work
from apps.packages.csar import read_package
from apps.packages.local import LocalPackageTarget
from apps.packages.models import Distribution, Package
from apps.tenants.actors import SYSTEM
from examples.packages import build
from examples.packages.archives import tgz
from examples.packages.builder import Request, chart_path
from examples.packages.chart import chart_files
from tests import factories as make


class Stubborn(LocalPackageTarget):
    """A host that does not let go."""

    def remove(self, package, host, *, actor):
        raise Conflict("The host holds on to it.")


def work():
    """One round of the workers."""
    for key in distribution_work.due():
        distribution_work.work_on(key)


def test_removal_that_a_host_refuses_is_told_at_that_host_and_the_package_stays(
    red, now, monkeypatch
):
    """P5 P6 Q66: an error at the edge is not hidden behind "success"."""
    owner, package, host = make.Api(make.user(red)), make.package(red), make.host()
    distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
    work()
    url = f"/apm/v1/tenants/{red.pk}/packages/{package.package_id}"
    monkeypatch.setattr(distribution_work, "target_for", lambda _: Stubborn())
    assert owner.send("DELETE", url).content == b"success"
    work()
    told = owner.send("GET", url).json()
    assert told["removing"] is False
    assert told["mecHostInfo"][0]["status"] == "Error"
    assert "holds on" in told["mecHostInfo"][0]["error"]
    monkeypatch.undo()
    assert owner.send("DELETE", f"{url}/hosts/{host.ip}").status_code == 200
    work()
    assert owner.send("GET", url).json()["mecHostInfo"] == []


@pytest.mark.parametrize(
    ("method", "more"), [("GET", ""), ("DELETE", ""), ("GET", "/download"), ("POST", "")],
    ids=["P3 Q66", "P5 Q66", "P7 Q66", "POST Q66"],
)
def test_package_that_is_unknown_is_404_as_json(red, method, more):
    """Q66 Q80: neither 400 nor 500, and never bare text."""
    url = f"/apm/v1/tenants/{red.pk}/packages/{uuid.uuid4().hex * 2}{more}"
    body = {"hostIp": ["10.1.1.1"]} if method == "POST" else None
    answer = make.Api(make.user(red)).send(method, url, body)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["message"] == "record not found"


@pytest.mark.parametrize("name", ["starter", "target", "guitarist"])
def test_image_whose_name_contains_tar_is_not_taken_for_a_file(tmp_path, name):
    """Q68: what an image is, is told by its ending and not by letters in it."""
    image = {"id": "1", "name": name, "version": "1.0", "swImage": f"registry.example/{name}:1.0",
             "containerFormat": "dockerImage", "architecture": "X86"}
    files = {"Image/SwImageDesc.json": json.dumps([image]).encode()}
    path = build(tmp_path / "a.csar", extra=files)
    listed = [one for one in read_package(path, filename=path.name).images
              if one.source == "list"]
    assert [(one.reference, one.embedded) for one in listed] == [
        (f"registry.example/{name}:1.0", None)]


def test_chart_named_tar_gz_without_imagelocation_is_read_and_left_as_it_is(red, tmp_path):
    """Q69 P7: nothing in a package is written anew."""
    request = Request()
    files = {
        name: data.replace(b"imagelocation", b"whereimages")
        for name, data in chart_files(request.title, request.version).items()
    }
    values = next(name for name in files if name.endswith("values.yaml"))
    files[values] = b"# a comment that stays\n" + files[values]
    chart = tgz(files)
    other = chart_path(request).replace(".tgz", ".tar.gz")
    path = build(tmp_path / "a.csar", extra={chart_path(request): None, other: chart})
    found = read_package(path, filename=path.name)
    assert [one.path for one in found.charts] == [other]
    assert "imagelocation" not in " ".join(found.charts[0].values)
    owner, content = make.Api(make.user(red)), path.read_bytes()
    base = f"/apm/v1/tenants/{red.pk}/packages"
    file = make.uploaded(content, "a.csar")
    key = owner.send("POST", f"{base}/upload", form={"file": file}).json()["appPackageId"]
    assert make.content_of(owner.send("GET", f"{base}/{key}/download")) == content


def test_package_is_at_a_host_once_whoever_writes(red, now):
    """Q77: the database itself keeps one row per package and host."""
    package, host = make.package(red), make.host()
    distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk, host.pk])
    assert Distribution.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Distribution(package=package, host=host).save(force_insert=True)
    assert Package.objects.count() == 1
