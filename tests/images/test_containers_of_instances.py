"""Container images where instances are ordered: in the host's registry before anything is started.
"""

from __future__ import annotations

import json

import pytest

from apps.hosts.driver_settings import SettingsSpec, set_settings, settings_of
from apps.images.models import HostImage
from apps.instances.models import AppInstance
from apps.orchestration import images
from apps.orchestration.workload import install_spec
from apps.packages import distribution
from apps.tenants.actors import SYSTEM
from apps.vim.kubernetes import names
from apps.vim.kubernetes.helm import engine
from apps.vim.kubernetes.objects import containers_of, pod_templates
from apps.vim.kubernetes.package import order_of
from apps.vim.kubernetes.policy import static_scope
from examples.packages.archives import tgz, zipped
from tests import factories as make
from tests.images.registries import PASSWORD, USER, RegistryServer, digest, image, lacking, saved
from tests.orchestration.conftest import Stage
from tools.cluster.certificates import Authority

NAMED = "registry.example/edge/gauge:1.10"
COPY = "registry.test:5000/edge/gauge:1.10"


@pytest.fixture
def quay(now, program):
    """The stage at a host with a registry, to which a stand-in copies."""
    make.repo("registry.example")
    stage = Stage(now)
    use(stage.host, "registry.test:5000/edge")
    return stage


def use(host, address, user="", password=""):
    spec = SettingsSpec(
        registry_address=address, registry_user=user, registry_password=password)
    set_settings(actor=SYSTEM, host_id=host.pk, spec=spec)
    host.refresh_from_db()


def run(stage, until="Instantiated", name="camera"):
    """An instance that was ordered to run."""
    instance = stage.create(name=name)
    stage.instantiate(instance)
    for _ in range(90):
        stage.work(1)
        instance.refresh_from_db()
        if instance.state == until:
            break
    return AppInstance.objects.get(pk=instance.pk)


def steps(stage):
    return [line["name"] for line in stage.operation().steps]


class Frozen(dict):
    """Files that may be a key of a cache."""

    def __hash__(self):
        return hash(tuple(sorted(self.items())))


def test_image_is_in_the_registry_before_the_workload_is_ordered(quay, program):
    instance = run(quay)
    row = HostImage.objects.get()
    assert (row.kind, row.state, row.name, row.vim_id) == ("container", "active", NAMED, COPY)
    assert (row.package_id, row.tenant_id) == (quay.package.pk, quay.tenant.pk)
    assert "bring_images" in steps(quay)
    assert dict(install_spec(instance).images) == {NAMED: COPY}
    assert len(program.copies()) == 1


def test_second_instance_copies_nothing(quay, program):
    run(quay)
    run(quay, name="other")
    assert (len(program.copies()), HostImage.objects.count()) == (1, 1)
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Instantiated"}


def test_image_that_somebody_deleted_in_the_registry_is_brought_again(quay, program):
    run(quay)
    (program.home / "manifest").unlink()
    quay.now.advance(seconds=5)
    run(quay, name="other")
    assert len(program.copies()) == 2


def test_host_without_a_registry_pulls_by_itself(now, program):
    stage = Stage(now)
    instance = run(stage)
    assert "bring_images" not in steps(stage)
    assert (HostImage.objects.count(), program.read("calls")) == (0, "")
    assert dict(install_spec(instance).images) == {}


def test_image_that_cannot_be_had_fails_the_instance_and_the_next_order_tries_again(quay, program):
    program.does("echo 'reading blob: unauthorized' >&2; exit 1")
    instance = run(quay, until="Instantiation failed")
    assert (instance.state, instance.info.code) == ("Instantiation failed", "registry_login")
    program.does("cp $home/source $home/manifest")
    quay.now.advance(seconds=5)
    quay.instantiate(instance)
    assert quay.work(30, until="Instantiated")[-1] == "Instantiated"


def test_list_of_images_says_what_became_of_each(quay, program):
    instance = run(quay)
    (line,) = images.lines_at(quay.host, actor=quay.actor)
    assert (line.kind, line.name, line.reference, line.status, line.source) == (
        "container", "gauge:1.10", COPY, "active", "registry")
    assert (line.size, line.sent_bytes, line.packages) == (42, 42, (str(instance.package_id),))
    fault = {"text": "no", "code": "no"}
    HostImage.objects.update(state="failed", fault=fault, size=None)
    (line,) = images.lines_at(quay.host, actor=quay.actor)
    assert (line.status, str(line.fault)) == ("killed", "no")
    use(quay.host, "")
    (line,) = images.lines_at(quay.host, actor=quay.actor)
    assert (line.reference, line.status, line.fault) == (NAMED, "", None)
    assert dict(install_spec(instance).images) == {}


def test_row_goes_with_the_package_and_the_tag_stays(quay, program):
    instance = run(quay)
    quay.terminate(instance)
    quay.work(30, until="gone")
    assert images.release_unused() == 0
    distribution.withdraw(actor=SYSTEM, package_id=quay.package.pk, host_id=quay.host.pk)
    quay.work(2)
    assert images.release_unused() == 1
    quay.work(2)
    assert not HostImage.objects.exists()
    assert program.read("manifest")


def test_two_images_that_would_be_one_in_the_registry_are_refused(quay):
    rows = [{"name": "web", "swImage": f"{one}.example/web:1"} for one in ("a", "b")]
    listed = Frozen({"Image/SwImageDesc.json": json.dumps(rows).encode()})
    quay.package = make.package(quay.tenant, name="twice", extra=listed)
    instance = run(quay, until="Instantiation failed")
    assert instance.info.code == "image_twice"
    assert not HostImage.objects.exists()


# --- to the end, with real programs ----------------------------------------------------------

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: far, image: "%s"}]
      containers:
        - name: web
          image: "{{ .Values.imagelocation.domainname }}/{{ .Values.imagelocation.project }}/web:1"
        - {name: db, image: "db:1"}
        - {name: other, image: "docker.io/library/other:1"}
"""
VALUES = "imagelocation: {domainname: registry.example, project: mecm}\n"


@pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")
def test_what_is_rendered_names_images_that_the_registry_has(now, house, tmp_path, monkeypatch):
    authority = Authority(tmp_path / "pki")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    own, far = (RegistryServer(tmp_path, authority, name) for name in ("own", "far"))
    try:
        own.start()
        far.start()
        far.push("shop/cache", "2", "cached")
        make.stores.register(
            make.AppRepo, actor=SYSTEM, spec=make.RepoSpec(far.address, USER, "far", PASSWORD))
        stage, named = Stage(now), f"{far.address}/shop/cache:2"
        use(stage.host, f"{own.address}/edge", USER, PASSWORD)
        stage.package = make.package(stage.tenant, name="shop", extra=_files(named))
        found = _images(run(stage))
        assert found == {
            "far": f"{own.address}/edge/cache:2", "web": f"{own.address}/edge/web:1",
            "db": f"{own.address}/edge/db:1", "other": "docker.io/library/other:1"}
        for name, tag, text in (("cache", "2", "cached"), ("web", "1", "w"), ("db", "1", "d")):
            config = json.loads(own.manifest(f"edge/{name}", tag))["config"]
            assert config["digest"] == digest(image(text)[1])
    finally:
        own.stop()
        far.stop()


def _files(named):
    """A package with a chart of ours, two images in archives, and one that is named."""
    chart = {
        "shop/Chart.yaml": b"apiVersion: v2\nname: shop\nversion: 0.1.0\n",
        "shop/values.yaml": VALUES.encode(), "shop/templates/web.yaml": (WEB % named).encode(),
    }
    listed = [{"name": "web:1", "swImage": "Image/all.zip/all/web.tar"},
              {"name": "db", "version": "1", "swImage": "Image/all.zip/all/db.tar"},
              {"name": "cache:2", "swImage": named}]
    return Frozen({
        "Artifacts/Deployment/Charts/shop.tgz": tgz(chart),
        "Image/SwImageDesc.json": json.dumps(listed).encode(),
        "Image/all.zip": zipped({"all/web.tar": saved(web="w"), "all/db.tar": saved(db="d")}),
    })


def _images(instance):
    """The image of each container that would be started."""
    labels = names.labels_for(instance.pk, instance.tenant_id, instance.host_id)
    order = order_of(
        install_spec(instance), settings_of(instance.host), engine(), labels=labels,
        namespaced=static_scope)
    pods = [pod for thing in order.things for pod in pod_templates(thing.data)]
    return {one["name"]: one["image"] for pod in pods for one in containers_of(pod["spec"])}
