"""What is asked of skopeo, how it is ended, and what is told when it fails.  With a stand-in."""

from __future__ import annotations

import base64
import json
import time
import uuid
from pathlib import Path

import pytest

from apps.common.errors import Conflict, Upstream, UpstreamTimeout
from apps.hosts.driver_settings import SettingsSpec, set_settings
from apps.images import registry as copier
from apps.images import services, work
from apps.images.models import HostImage
from apps.images.references import Reference
from apps.images.registry import Manifest, Place, Skopeo, explained
from apps.images.specs import WantedImage
from apps.tenants.actors import SYSTEM
from apps.vim.settings import Registry
from tests import factories as make
from tests.images.conftest import archive
from tests.images.registries import leftovers, saved
from tests.images.stand_in import COPY

SECRET = "s3cret-of-the-registry"
OWN = Registry("registry.test:5000/edge", "pusher", SECRET)
TARGET = Place("registry.test:5000/edge/web:1", OWN)
SOURCE = Place("far.test/shop/web:1")
@pytest.fixture
def skopeo(program, tmp_path):
    """The layer over it, in a directory of its own."""
    folder = tmp_path / "attempt"
    folder.mkdir(mode=0o700)
    return Skopeo(folder, lambda _: None, limit=2**30)


@pytest.fixture
def quay(bench, program, settings):
    """The bench with a registry at its host, and far registries that may be called."""
    settings.IMAGES = {**settings.IMAGES, "networks": "127.0.0.0/8"}
    use(bench.host, OWN.address)
    return bench


def use(host, address):
    spec = SettingsSpec(
        registry_address=address, registry_user=OWN.user_name, registry_password=SECRET)
    set_settings(actor=SYSTEM, host_id=host.pk, spec=spec)
    host.refresh_from_db()


def wanted(bench, name="localhost:5001/shop/web:1", address=OWN.address, **fields):
    return WantedImage(**{
        "package_id": uuid.uuid4(), "tenant_id": bench.tenant.pk, "name": name,
        "reference": name, "kind": "container", "copy": Reference.parse(name).copy_in(address),
        **fields})


def order(bench, *given, **fields):
    return services.ensure(
        actor=SYSTEM, host=bench.host, wanted=wanted(bench, *given, **fields))


def outcome(bench, row):
    now = bench.fresh(row)
    return now.state, now.fault_reason.code


# --- what is asked of it ---------------------------------------------------------------------


def test_password_is_in_a_private_file_and_nowhere_else(skopeo, program, tmp_path, caplog):
    caplog.set_level("DEBUG")
    skopeo.copy(SOURCE, TARGET, every=True, exact=True)
    words = program.read("calls").split()
    assert words[:5] == [
        "copy", "--all", "--preserve-digests", "--src-tls-verify=true", "--dest-tls-verify=true"]
    assert words[-2:] == ["docker://far.test/shop/web:1", "docker://registry.test:5000/edge/web:1"]
    pair = base64.b64encode(f"pusher:{SECRET}".encode()).decode()
    assert program.read("access").count(pair) == 1
    assert '"registry.test:5000"' in program.read("access")
    assert set(program.read("modes").split()) == {"700", "600"}
    for text in (program.read("calls"), program.read("env"), caplog.text, repr(TARGET)):
        assert SECRET not in text
        assert pair not in text


def test_environment_of_the_site_stays_outside(skopeo, program, monkeypatch, tmp_path):
    monkeypatch.setenv("MECM_SECRET_KEY", "of-the-site")
    monkeypatch.setenv("SSL_CERT_FILE", "/some/ca.crt")
    skopeo.copy(SOURCE, TARGET)
    env = dict(line.split("=", 1) for line in program.read("env").splitlines())
    assert "MECM_SECRET_KEY" not in env
    assert env["SSL_CERT_FILE"] == "/some/ca.crt"
    assert env["HOME"] == env["XDG_RUNTIME_DIR"] == env["TMPDIR"] == str(tmp_path / "attempt")


def test_manifest_tells_size_and_configuration_and_a_list_neither(skopeo):
    found = skopeo.manifest(SOURCE)
    assert (found.size, found.config, found.is_list) == (42, "sha256:c", False)
    assert skopeo.manifest(TARGET) is None
    several = Manifest.read(b'{"manifests": []}', "far")
    assert (several.is_list, several.size) == (True, None)
    with pytest.raises(Upstream, match="no manifest"):
        Manifest.read(b"<html>", "far")


# --- how it ends -----------------------------------------------------------------------------


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(pid):
    """It ends soon after it was killed."""
    for _ in range(100):
        if not lives(pid):
            return True
        time.sleep(0.05)
    return False


CHILD = "sleep 300 & echo $! > $home/child.new; mv $home/child.new $home/child; wait"


def test_copy_that_is_not_wanted_any_more_ends_with_its_children(quay, program, monkeypatch):
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0)
    program.does(CHILD)
    row, keep = order(quay), work._note

    def note(image, **fields):
        if program.read("child"):
            services.remove(actor=SYSTEM, image=quay.fresh(image))
        keep(image, **fields)

    monkeypatch.setattr(work, "_note", note)
    assert work.work_on(row.pk) == "overtaken"
    assert gone(int(program.read("child")))
    quay.work()
    assert not HostImage.objects.exists()


@pytest.mark.parametrize("is_copied", [True, False])
def test_use_of_a_registry_ends_with_its_host(quay, program, is_copied):
    program.does(COPY)
    row = order(quay)
    if is_copied:
        quay.work()
        assert outcome(quay, row) == ("active", "")
    make.hosts.remove_host(actor=SYSTEM, host_id=quay.host.pk)
    assert not HostImage.objects.exists()
    assert work.work_on(row.pk) == "not due"


def test_machine_image_keeps_the_host_beside_a_copy_in_a_registry(quay):
    order(quay)
    quay.want(name="root-disk")
    with pytest.raises(Conflict, match="root-disk"):
        make.hosts.remove_host(actor=SYSTEM, host_id=quay.host.pk)
    assert HostImage.objects.count() == 2


def test_worker_that_lost_its_lease_ends_its_copy_and_writes_nothing(quay, program, monkeypatch):
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0)
    program.does(CHILD)
    row, keep = order(quay), work._note

    def note(image, **fields):
        if program.read("child"):
            HostImage.objects.update(lease="of-another")
        keep(image, **fields)

    monkeypatch.setattr(work, "_note", note)
    assert work.work_on(row.pk) == "overtaken"
    assert gone(int(program.read("child")))
    assert (quay.fresh(row).state, quay.fresh(row).lease) == ("copying", "of-another")


def test_copy_in_which_nothing_moves_ends_and_is_tried_again(quay, program, monkeypatch):
    monkeypatch.setattr(copier, "SILENT_SECONDS", -1)
    program.does(CHILD)
    row = order(quay)
    quay.work()
    assert outcome(quay, row) == ("waiting", UpstreamTimeout.default_code)
    program.does(COPY)
    quay.work(2)
    assert outcome(quay, row) == ("active", "")


def test_copy_that_is_too_large_ends(quay, program, settings, monkeypatch):
    settings.IMAGES = {**settings.IMAGES, "max_bytes": 10_000}
    program.does("printf '%02000d' 1; printf '%020000d' 1 > /dev/null; sleep 300")
    row = order(quay)
    quay.work()
    assert outcome(quay, row) == ("failed", "image_too_large")


def test_lease_is_renewed_while_it_copies(quay, program, monkeypatch):
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0)
    program.does(f"printf '%02000d' 1; while [ ! -e $home/enough ]; do sleep 0.1; done; {COPY}")
    row, keep, seen = order(quay), work._note, []

    def note(image, **fields):
        keep(image, **fields)
        seen.append(fields.get("sent_bytes"))
        quay.now.advance(seconds=60)
        if len(seen) > 20:
            (program.home / "enough").touch()

    monkeypatch.setattr(work, "_note", note)
    monkeypatch.setattr(copier, "SILENT_SECONDS", 1e9)
    assert work.work_on(row.pk) == "arrived"
    assert max(one or 0 for one in seen) >= 2000


def test_missing_program_is_named(quay, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    row = order(quay)
    quay.work()
    assert outcome(quay, row) == ("failed", "skopeo_missing")
    assert "skopeo" in str(quay.fresh(row).fault_reason)


def test_nothing_is_left_of_attempts_that_were_killed(quay, program, settings):
    row = order(quay)
    left = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"image-{row.pk}-dead"
    left.mkdir()
    (left / "access-1.json").write_text(SECRET)
    quay.work()
    assert outcome(quay, row) == ("active", "")
    assert leftovers(settings.FILE_UPLOAD_TEMP_DIR) == []


# --- where it comes from and goes to ---------------------------------------------------------


@pytest.mark.parametrize("where", ["10.0.0.1", "169.254.169.254:80", "localhost:5001"])
def test_registry_inside_is_not_called_unless_it_is_registered(quay, program, settings, where):
    settings.IMAGES = {**settings.IMAGES, "networks": ""}
    row = order(quay, f"{where}/shop/web:1")
    quay.work()
    assert outcome(quay, row) == ("failed", "forbidden_address")
    assert where not in program.read("calls")
    if where == "localhost:5001":
        make.repo(where)
        services.try_again(actor=SYSTEM, image=row)
        quay.work()
        assert outcome(quay, row) == ("active", "")


def test_registry_of_an_app_store_opens_with_its_password(quay, program):
    make.store(repo_user_name="reader")
    row = order(quay, "registry.example:5000/shop/web:1")
    quay.work()
    assert outcome(quay, row) == ("active", "")
    pair = base64.b64encode(f"reader:{make.TOKEN}".encode()).decode()
    assert {"registry.example:5000": {"auth": pair}} in [
        json.loads(text + "}}}")["auths"] for text in program.read("access").split("}}}")[:-1]
        if text.startswith('{"auths": {"registry.example')]


def test_image_is_brought_to_the_registry_that_its_host_has_now(quay, program):
    first = wanted(quay)
    row = services.ensure(actor=SYSTEM, host=quay.host, wanted=first)
    quay.work()
    (program.home / "manifest").unlink()
    use(quay.host, "registry.test:5000/other")
    again = wanted(quay, address="registry.test:5000/other", package_id=first.package_id)
    assert services.ensure(actor=SYSTEM, host=quay.host, wanted=again).pk == row.pk
    quay.work()
    assert (outcome(quay, row), quay.fresh(row).vim_id) == (
        ("active", ""), "registry.test:5000/other/web:1")
    assert len(program.copies()) == 2


def test_registry_that_takes_another_form_gets_it(quay, program):
    program.does(
        f"case \"$*\" in *--preserve*) echo manifest invalid >&2; exit 1 ;; *) {COPY} ;; esac")
    row = order(quay)
    quay.work()
    assert outcome(quay, row) == ("active", "")


def test_archive_has_no_longer_a_file_afterwards(quay, program, settings):
    row = order(quay, "web:1", reference="", archive=archive({"web.tar": saved(web="a")}),
                member="web.tar")
    program.does(f"ls -l image.tar > $home/tar; {COPY}")
    quay.work()
    assert outcome(quay, row) == ("active", "")
    assert "image.tar" in program.read("tar")
    assert leftovers(settings.FILE_UPLOAD_TEMP_DIR) == []


# --- what it says ----------------------------------------------------------------------------

ARCHIVE = Place("/tmp/x.tar", label="Image/web.zip/web.tar")  # noqa: S108 - never opened


@pytest.mark.parametrize(
    ("said", "source", "code", "where"),
    [
        ("reading manifest 1 in far.test/shop/web: manifest unknown", SOURCE,
         "image_missing", "far.test"),
        ("reading manifest 1 in far.test/shop/web: unauthorized: authentication required", SOURCE,
         "registry_login", "far.test"),
        (("reading manifest latest in docker.io/x/y: errors:\ndenied: requested access to the"
          " resource is denied"), SOURCE, "registry_login", "far.test"),
        (("trying to reuse blob sha256:1 at destination: checking whether a blob exists:"
          " unauthorized"), ARCHIVE, "registry_login", "registry.test:5000"),
        (("writing blob: initiating layer upload: dial tcp 10.0.0.1:443: connect: connection"
          " refused"), SOURCE, "registry_unreachable", "registry.test:5000"),
        ("writing blob: received unexpected HTTP status: 503 Service Unavailable", SOURCE,
         "registry_unreachable", "registry.test:5000"),
        ("reading blob sha256:1: Get https://far.test/v2/: net/http: TLS handshake timeout", SOURCE,
         "registry_unreachable", "far.test"),
        (("pinging container registry far.test: tls: failed to verify certificate: x509:"
          " certificate signed by unknown authority"), SOURCE, "registry_certificate", "far.test"),
        ("pinging container registry far.test: http: server gave HTTP response to HTTPS client",
         SOURCE, "registry_certificate", "far.test"),
        (("initializing source docker-archive:x.tar: loading tar component manifest.json:"
          " unexpected EOF"), ARCHIVE, "archive_broken", ARCHIVE.label),
        ("writing /x/tmp: no space left on device", ARCHIVE, "disk_full", ""),
        ("something new", SOURCE, "registry_trouble", "far.test"),
    ],
)
def test_what_it_says_becomes_a_sentence_of_ours(said, source, code, where):
    error = explained(f'time="now" level=fatal msg="{said}"', source, TARGET)
    assert (error.code, error.reason.params.get("where", "")) == (code, where)
    assert said not in str(error)
    transient = ("registry_unreachable", "registry_trouble", "disk_full")
    assert error.retryable == (code in transient)


@pytest.mark.parametrize(
    ("text", "exact", "copy"),
    [
        ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("shop/web:1", "docker.io/shop/web:1", "web:1"),
        ("Registry.Example/edge/deep/web:v1.2", "registry.example/edge/deep/web:v1.2", "web:v1.2"),
        ("localhost:5000/web", "localhost:5000/web:latest", "web:latest"),
        (f"a.b/web:1@sha256:{'0' * 64}", f"a.b/web@sha256:{'0' * 64}", "web:1"),
        (f"a.b/web@sha256:{'0' * 64}", f"a.b/web@sha256:{'0' * 64}", f"web:sha256-{'0' * 64}"),
    ],
)
def test_reference_is_read_as_docker_reads_it(text, exact, copy):
    found = Reference.parse(text)
    assert (found.exact, found.copy_in("r.test:5/p")) == (exact, f"r.test:5/p/{copy}")


@pytest.mark.parametrize(
    "text", ["", "Web:1", "a b", "http://a.b/web", "a.b/web:1:2", "--all", "web:-1",
             "a/" * 130 + "a", "web:1\n", "a.b/../web", "a.b/web@sha256:1"],
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(Conflict, match="not the reference"):
        Reference.parse(text)
