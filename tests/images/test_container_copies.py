"""Container images between real registries, by the real skopeo."""

from __future__ import annotations

import json
import os
import tracemalloc
import uuid
from pathlib import Path

import pytest

from apps.hosts import stores
from apps.hosts.driver_settings import SettingsSpec, set_settings
from apps.hosts.models import AppRepo
from apps.hosts.specs import RepoSpec
from apps.images import registry as copier
from apps.images import services, work
from apps.images.models import HostImage
from apps.images.references import Reference
from apps.images.specs import WantedImage
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.images.conftest import Bench, archive, zipped
from tests.images.registries import (
    PASSWORD,
    USER,
    RegistryServer,
    digest,
    image,
    lacking,
    leftovers,
    saved,
    tarred,
)
from tests.threads import at_once
from tools.cluster.certificates import Authority

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")
TAR = "Image/web.zip/web/web.tar"
WRITES = ("POST", "PUT", "PATCH")


class Quay:
    """A host with a registry of its own, and another registry from which images come."""

    def __init__(self, bench, own, far):
        self.bench, self.host, self.own, self.far = bench, bench.host, own, far
        self.use()

    def use(self, host=None, password=PASSWORD, project="edge"):
        """Have a host use its registry; the address."""
        address = f"{self.own.address}/{project}"
        spec = SettingsSpec(
            registry_address=address, registry_user=USER, registry_password=password)
        set_settings(actor=SYSTEM, host_id=(host or self.host).pk, spec=spec)
        (host or self.host).refresh_from_db()
        return address

    def know_far(self, password=PASSWORD):
        """Register the other registry with its user."""
        spec = RepoSpec(self.far.address, USER, "far", password=password)
        stores.register(AppRepo, actor=SYSTEM, spec=spec)

    def want(self, name, *, host=None, tenant=None, **fields):
        """Order an image for a package of its own."""
        wanted = WantedImage(
            package_id=uuid.uuid4(), tenant_id=(tenant or self.bench.tenant).pk, name=name,
            kind="container", copy=Reference.parse(name).copy_in(f"{self.own.address}/edge"),
            **fields,
        )
        return services.ensure(actor=SYSTEM, host=host or self.host, wanted=wanted)

    def carry(self, text="hello", **fields):
        """Order one that a package carries."""
        files = {"Image/web.zip": zipped({"web/web.tar": saved(web=text)})}
        name = archive(files, f"{text}.csar")
        return self.want("web:1", archive=name, member=TAR, **fields)

    def name(self, path="shop/web:1", **fields):
        """Order one that a package names."""
        named = f"{self.far.address}/{path}"
        return self.want(named, reference=named, **fields)

    def outcome(self, row):
        """State and code of the fault."""
        now = self.bench.fresh(row)
        return now.state, now.fault_reason.code


@pytest.fixture
def servers(tmp_path, house, monkeypatch):
    """The host's registry and another one, which this site trusts."""
    house.IMAGES = {**house.IMAGES, "networks": "127.0.0.0/8"}
    authority = Authority(tmp_path / "pki")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    made = [RegistryServer(tmp_path, authority, name) for name in ("own", "far")]
    for one in made:
        one.start()
    yield made
    for one in made:
        one.stop()
    assert leftovers(house.FILE_UPLOAD_TEMP_DIR) == []


@pytest.fixture
def quay(bench, servers):
    return Quay(bench, *servers)


def test_image_that_a_package_carries_is_in_the_registry_of_the_host(quay):
    row = quay.carry()
    quay.bench.work()
    assert quay.outcome(row) == ("active", "")
    row = quay.bench.fresh(row)
    raw = quay.own.manifest("edge/web", "1")
    assert (row.vim_id, row.sha256, row.source) == (
        f"{quay.own.address}/edge/web:1", digest(raw).partition(":")[2], "package")
    assert json.loads(raw)["config"]["digest"] == digest(image("hello")[1])
    assert row.size == row.sent_bytes > 0
    assert work.is_there(row)


def test_image_that_is_there_already_is_not_copied_again(quay):
    quay.carry()
    quay.bench.work()
    written = quay.own.asked(*WRITES)
    again = quay.carry()
    quay.bench.work()
    assert quay.outcome(again) == ("active", "")
    assert quay.bench.fresh(again).source == "found"
    assert quay.own.asked(*WRITES) == written > 0


def test_other_content_under_the_same_tag_is_copied(quay):
    quay.carry()
    quay.bench.work()
    old = quay.own.manifest("edge/web", "1")
    row = quay.carry("changed")
    quay.bench.work()
    new = quay.own.manifest("edge/web", "1")
    assert quay.outcome(row) == ("active", "")
    assert old != new
    assert not work.is_there(HostImage.objects.exclude(pk=row.pk).get())


def test_no_tenant_changes_what_another_one_has_there(quay):
    quay.carry()
    quay.bench.work()
    old = quay.own.manifest("edge/web", "1")
    other = make.tenant("blue")
    row, same = quay.carry("changed", tenant=other), quay.carry(tenant=other)
    quay.bench.work()
    assert quay.outcome(row) == ("failed", "image_taken")
    assert quay.outcome(same) == ("active", "")
    assert quay.own.manifest("edge/web", "1") == old


def test_image_of_another_registry_is_copied_with_the_password_of_the_repository(quay):
    raw = quay.far.push("shop/web", "1")
    quay.know_far()
    row = quay.name()
    quay.bench.work()
    assert quay.outcome(row) == ("active", "")
    assert quay.own.manifest("edge/web", "1") == raw
    assert quay.bench.fresh(row).source == "registry"
    written = quay.own.asked(*WRITES)
    quay.name()
    quay.bench.work()
    assert quay.own.asked(*WRITES) == written


def test_list_is_copied_with_all_its_architectures(quay):
    raw = quay.far.push_list("shop/web", "1", "amd64", "arm64")
    quay.know_far()
    row = quay.name()
    quay.bench.work()
    assert quay.outcome(row) == ("active", "")
    assert quay.own.manifest("edge/web", "1") == raw
    for one in json.loads(raw)["manifests"]:
        assert quay.own.manifest("edge/web", one["digest"]) is not None


def test_list_with_images_that_nobody_has_is_copied_for_the_machine_of_the_site(quay):
    here = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    quay.far.push_list("shop/web", "1", here, absent=("s390x",))
    quay.know_far()
    row = quay.name()
    quay.bench.work()
    assert quay.outcome(row) == ("active", "")
    raw = quay.own.manifest("edge/web", "1")
    assert json.loads(raw)["config"]["digest"] == digest(image(here, here)[1])


def test_digest_says_which_image_is_meant(quay):
    raw = quay.far.push("shop/web", "1")
    quay.know_far()
    row = quay.name(f"shop/web:1@{digest(raw)}")
    lost = quay.name(f"shop/web:2@{digest(b'other')}")
    quay.bench.work()
    assert (quay.outcome(row), quay.outcome(lost)) == (("active", ""), ("failed", "image_missing"))
    assert quay.own.manifest("edge/web", "1") == raw


def test_image_that_was_pushed_by_hand_serves_where_its_source_is_closed(quay):
    raw = quay.own.push("edge/web", "1")
    row, nowhere = quay.name(), quay.want("web:1")
    quay.bench.work()
    assert (quay.outcome(row), quay.outcome(nowhere)) == (("active", ""), ("active", ""))
    assert quay.own.manifest("edge/web", "1") == raw


def test_what_cannot_be_had_is_told(quay):
    broken = archive({"Image/web.zip": zipped({"web/web.tar": tarred({"x": b"y"})})}, "broken.csar")
    none = quay.want("none:1")
    closed = quay.name()
    row = quay.want("bad:1", archive=broken, member=TAR)
    quay.bench.work()
    assert quay.outcome(none) == ("failed", "image_missing")
    assert quay.outcome(closed) == ("failed", "registry_login")
    assert quay.outcome(row) == ("failed", "archive_broken")
    quay.know_far()
    missing = quay.name("shop/missing:1")
    quay.bench.work()
    assert quay.outcome(missing) == ("failed", "image_missing")
    assert quay.far.address in str(quay.bench.fresh(missing).fault_reason)


def test_archive_of_several_images_gives_the_one_that_is_meant(quay):
    name = archive({"Image/web.zip": zipped({"web/web.tar": saved(web="a", db="b")})})
    found = quay.want("db:1", archive=name, member=TAR)
    lost = quay.want("cache:1", archive=name, member=TAR)
    quay.bench.work()
    assert (quay.outcome(found), quay.outcome(lost)[0]) == (("active", ""), "failed")
    raw = quay.own.manifest("edge/db", "1")
    assert json.loads(raw)["config"]["digest"] == digest(image("b")[1])


@pytest.mark.parametrize("which", ["own", "far"])
def test_wrong_password_is_told_with_its_registry_and_tried_again_by_order(quay, which):
    quay.far.push("shop/web", "1")
    quay.know_far("wrong" if which == "far" else PASSWORD)
    quay.use(password="wrong" if which == "own" else PASSWORD)
    row = quay.name()
    quay.bench.work()
    assert quay.outcome(row) == ("failed", "registry_login")
    assert getattr(quay, which).address in str(quay.bench.fresh(row).fault_reason)
    AppRepo.objects.all().delete()
    quay.know_far()
    quay.use()
    services.try_again(actor=SYSTEM, image=row)
    quay.bench.work()
    assert quay.outcome(row) == ("active", "")


def test_registry_that_is_down_is_tried_until_it_is_up(quay):
    quay.own.stop()
    row = quay.carry()
    quay.bench.work()
    assert quay.outcome(row) == ("waiting", "registry_unreachable")
    quay.own.start()
    quay.bench.work(3)
    assert quay.outcome(row) == ("active", "")


def test_certificate_of_a_stranger_is_not_trusted(quay, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    row = quay.carry()
    quay.bench.work()
    assert quay.outcome(row) == ("failed", "registry_certificate")


@pytest.mark.django_db(transaction=True)
def test_two_workers_copy_it_once(now, apart, servers):
    row, = at_once(lambda: Quay(Bench(now), *servers).carry())
    came = at_once(*[lambda: work.work_on(row.pk)] * 2)
    assert sorted(came) == ["arrived", "not due"]
    assert servers[0].asked("PUT") == 3  # a layer, a configuration, a manifest


@pytest.mark.django_db(transaction=True)
def test_image_for_two_hosts_with_one_registry_is_copied_once(now, apart, servers):
    def order():
        quay, other = Quay(Bench(now), *servers), make.host(name="pier")
        quay.use(other)
        return quay, [quay.carry(), quay.carry(host=other)]

    ((quay, rows),) = at_once(order)
    came = at_once(*[lambda row=row: work.work_on(row.pk) for row in rows])
    assert set(came) <= {"arrived", "waiting"}
    at_once(lambda: quay.bench.work(3))
    assert at_once(lambda: [quay.outcome(row) for row in rows]) == [[("active", "")] * 2]
    assert servers[0].asked("PUT") == 3


def test_use_ends_and_the_tag_stays(quay):
    row = quay.carry()
    quay.bench.work()
    quay.bench.remove(row)
    assert not HostImage.objects.exists()
    assert quay.own.manifest("edge/web", "1") is not None


def test_image_is_never_whole_in_memory(quay, monkeypatch):
    size, most = 192 * 2**20, []
    name = archive({"Image/web.zip": zipped({"web/web.tar": saved(web="x" * size)})})
    written = copier._written

    def look(pid):
        found = Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()
        most.extend(int(found[0]) for _ in found[:1])
        return written(pid)

    monkeypatch.setattr(copier, "_written", look)
    row = quay.want("web:1", archive=name, member=TAR)
    tracemalloc.start()
    quay.bench.work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert quay.outcome(row) == ("active", "")
    assert peak < 16 * 2**20
    assert 0 < max(most) < size // 1024 * 3 // 4
