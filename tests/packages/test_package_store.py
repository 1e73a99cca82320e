"""Taking packages in: a good one is kept whole, a bad one leaves nothing but one refusal."""

from __future__ import annotations

import hashlib
import os
import uuid
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError

from apps.common import clock
from apps.common.errors import Conflict
from apps.common.models import Origin
from apps.hosts.models import MecHost
from apps.journal.models import Entry
from apps.packages import services
from apps.packages.csar import SENTENCES
from apps.packages.models import Package
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from examples.packages import ENFORCED, FLAWS, INNER_FLAWS
from tests import factories as make
from tests.packages.conftest import url_of


def upload(owner, tenant, content, name="gauge.csar", **form):
    """Send a file to the site."""
    file = SimpleUploadedFile(name, content)
    return owner.send("POST", url_of(tenant, "upload"), form={"file": file, **form})


def store_of(settings):
    """Everything that lies at the site, by name and hash."""
    return {
        str(path.relative_to(settings.SITE_DIR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in settings.SITE_DIR.rglob("*")
        if path.is_file()
    }


# --- good ones -----------------------------------------------------------------------------------


@pytest.mark.parametrize("app_class", ["container", "vm"])
@pytest.mark.parametrize("layout", ["zipped", "unpacked", "definitions"])
def test_good_package_is_kept_byte_for_byte_and_described(house, owner, red, app_class, layout):
    content = make.csar(app_class=app_class, layout=layout)
    answer = upload(owner, red, content)
    assert answer.status_code == 202
    ids = answer.json()
    assert ids.keys() == {"appPackageId", "appId"}
    assert ids["appPackageId"][:32] == ids["appId"]
    package = Package.objects.get()
    assert store_of(house) == {
        f"packages/{ids['appPackageId']}.csar": hashlib.sha256(content).hexdigest()}
    assert package.path.stat().st_mode & 0o777 == 0o600
    found = owner.send("GET", url_of(red, ids["appPackageId"])).json()
    assert found["appClass"] == app_class
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert (found["size"], found["tenantId"]) == (len(content), str(red.pk))
    assert (found["appPkgVersion"], found["appProvider"]) == ("1.10", "Example Labs")
    assert found["mecHostInfo"] == []
    assert found["checks"]
    download = owner.send("GET", url_of(red, ids["appPackageId"], "/download"))
    assert make.content_of(download) == content
    assert download["Content-Disposition"] == 'attachment; filename="gauge.csar"'
    assert Entry.objects.filter(kind="package").values_list("verb", "actor_name").get() == (
        "packages.package.onboarded", "rita")


def test_name_and_version_of_the_form_stand_before_those_of_the_manifest(owner, red):
    upload(owner, red, make.csar(), appPackageName="my-gauge", appPackageVersion="7")
    package = Package.objects.get()
    assert (package.name, package.package_version) == ("my-gauge", "7")


def test_hosts_of_the_form_get_the_package_at_once(owner, red):
    hosts = [make.host(), make.host()]
    addresses = " , ".join(host.ip for host in hosts)
    answer = upload(owner, red, make.csar(), hostList=addresses)
    assert answer.status_code == 202
    rows = Package.objects.get().distributions.all()
    assert {row.host_id for row in rows} == {host.pk for host in hosts}


def test_list_of_twenty_hosts_with_long_addresses_is_taken_and_of_more_refused(house, owner, red):
    house.LIMITS = house.LIMITS | {"hosts": 30}
    hosts = [make.host(f"100.100.100.{100 + number}") for number in range(21)]
    addresses = [host.ip for host in hosts]
    answer = upload(owner, red, make.csar(), hostList=",".join(addresses[:20]))
    assert answer.status_code == 202
    assert Package.objects.get().distributions.count() == 20
    answer = upload(owner, red, make.csar(), hostList=", ".join(addresses))
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["hostList"])
    short = ",".join(["10.0.0.1"] * 21)
    answer = upload(owner, red, make.csar(), hostList=short)
    assert "20" in str(answer.json()["errors"]["hostList"])


@pytest.mark.parametrize(
    ("app_class", "cordoned", "code"),
    [("container", True, "host_cordoned"), ("vm", False, "wrong_class")],
)
def test_upload_for_a_host_that_does_not_take_it_is_refused_and_nothing_is_kept(
    house, owner, red, app_class, cordoned, code
):
    good, bad = make.host(), make.host(vim="Simulated" if cordoned else "K8S", access="")
    MecHost.objects.filter(pk=bad.pk).update(cordoned=cordoned)
    before, content = store_of(house), make.csar(app_class=app_class)
    for _ in range(2):
        answer = owner.send(
            "POST", url_of(red, "upload"), headers={"Idempotency-Key": "once"},
            form={"file": SimpleUploadedFile("gauge.csar", content),
                  "hostList": f"{good.ip},{bad.ip}"},
        )
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, code)
        assert store_of(house) == before
        assert not Package.objects.exists()
    assert not Entry.objects.filter(verb__startswith="packages.package.onboarded").exists()


@pytest.mark.parametrize(
    ("form", "field"),
    [({"hostList": "10.99.0.1"}, "hostList"), ({"hostList": "x"}, "hostList"),
     ({"hostList": "1,2"}, "hostList"), ({"appPackageName": "a b"}, "appPackageName"),
     ({"appPackageName": "-"}, "appPackageName"), ({"appPackageVersion": "x" * 256},
                                                   "appPackageVersion")],
)
def test_wrong_field_of_an_upload_answers_400_and_nothing_is_kept(house, owner, red, form, field):
    answer = upload(owner, red, make.csar(), **form)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not Package.objects.exists()
    assert store_of(house) == {}


def test_upload_without_a_file_or_of_no_form_at_all_is_refused(owner, red):
    assert owner.send("POST", url_of(red, "upload"), form={"x": "y"}).status_code == 400
    assert owner.send("POST", url_of(red, "upload"), {"file": "x"}).status_code == 415


def test_same_file_twice_is_two_packages(owner, red):
    content = make.csar()
    ids = {upload(owner, red, content).json()["appPackageId"] for _ in range(2)}
    assert len(ids) == Package.objects.count() == 2


def test_limit_of_packages_answers_409_and_nothing_is_kept(house, owner, red):
    house.LIMITS = house.LIMITS | {"packages_per_tenant": 1}
    upload(owner, red, make.csar())
    before = store_of(house)
    answer = upload(owner, red, make.csar())
    assert (answer.status_code, answer.json()["limit"], answer.json()["used"]) == (409, 1, 1)
    assert store_of(house) == before
    other = make.tenant()
    assert upload(make.Api(make.user(other)), other, make.csar()).status_code == 202


# --- bad ones ------------------------------------------------------------------------------------
# Codes that differ in nothing but their entry are tested at the reader; sizes cost time there.
SLOW = {"archive_too_big", "total_too_big", "too_many_entries", "entry_too_big"}
BAD = [(code, code, make_it) for code, make_it in FLAWS.items() if code not in SLOW | ENFORCED]
BAD += [(name, code, make_it) for name, (code, make_it) in INNER_FLAWS.items() if code not in SLOW]


@pytest.mark.parametrize(("name", "code", "flaw"), BAD, ids=[name for name, _, _ in BAD])
def test_bad_package_answers_its_sentence_and_leaves_one_refusal_only(
    house, owner, red, tmp_path_factory, name, code, flaw
):
    """P1 Q57 Q58 Q61: sizes and paths are looked at first; of a refused file nothing is kept."""
    kept = make.package(red, name="kept")
    before, entries = store_of(house), Entry.objects.count()
    path = flaw(tmp_path_factory.mktemp("bad") / "bad.csar")
    answer = upload(owner, red, path.read_bytes(), name=path.name)
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["type"] == f"urn:mecm:problem:{code}"
    assert problem["detail"].startswith(SENTENCES[code].split("%")[0])
    assert "%(" not in problem["detail"]
    assert store_of(house) == before
    assert list(Package.objects.all()) == [kept]
    assert Entry.objects.count() == entries + 1
    entry = Entry.objects.latest("id")
    assert (entry.verb, entry.subject_name, entry.tenant_id, entry.actor_name) == (
        "packages.package.refused", path.name, red.pk, "rita")
    assert entry.data["reason"]["code"] == code


def test_archive_over_the_limit_of_the_site_is_refused(house, owner, red):
    house.PACKAGE_MAX_BYTES = 1000
    answer = upload(owner, red, make.csar())
    assert answer.json()["type"] == "urn:mecm:problem:archive_too_big"
    assert store_of(house) == {}


@pytest.mark.parametrize("code", sorted(ENFORCED))
def test_wrong_digest_is_a_remark_and_under_the_strict_policy_a_refusal(
    house, owner, red, tmp_path_factory, code
):
    content = FLAWS[code](tmp_path_factory.mktemp("bad") / "bad.csar").read_bytes()
    ids = upload(owner, red, content).json()
    checks = owner.send("GET", url_of(red, ids["appPackageId"])).json()["checks"]
    assert code in {check["code"] for check in checks if check["level"] != "ok"}
    house.PACKAGE_ENFORCE_DIGESTS = True
    answer = upload(owner, red, content)
    assert (answer.status_code, answer.json()["type"]) == (400, f"urn:mecm:problem:{code}")
    assert Package.objects.count() == 1


def test_row_that_cannot_be_written_leaves_no_file(house, red, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(services.journal, "record", full)
    with pytest.raises(OSError, match="No space"):
        services.upload_package(actor=SYSTEM, tenant_id=red.pk, file=make.uploaded(make.csar()))
    assert not Package.objects.exists()
    assert [name for name in store_of(house) if name.startswith("packages/")] == []


def test_file_that_cannot_be_put_in_its_place_leaves_no_row(house, red):
    house.PACKAGE_DIR.rmdir()
    house.PACKAGE_DIR.write_text("not a folder")
    with pytest.raises(OSError, match="exists"):
        services.upload_package(actor=SYSTEM, tenant_id=red.pk, file=make.uploaded(make.csar()))
    assert not Package.objects.exists()


# --- the same package again, at an edge ----------------------------------------------------------


def identity(package_id=None):
    """Ids that a center gave."""
    return services.Identity(uuid.uuid4(), package_id or uuid.uuid4(), Origin.MEO)


def take_in(tenant, content, ids):
    """Upload under given ids."""
    return services.upload_package(
        actor=SYSTEM, tenant_id=tenant.pk, file=make.uploaded(content), identity=ids
    )


def test_package_sent_again_under_its_id_is_stored_once_also_at_the_limit(house, red):
    house.LIMITS = house.LIMITS | {"packages_per_tenant": 1}
    content, ids = make.csar(), identity()
    first = take_in(red, content, ids)
    assert take_in(red, content, ids).pk == first.pk == ids.package_id
    assert Package.objects.count() == 1
    assert first.path.read_bytes() == content


def test_other_package_under_a_known_id_is_refused_and_the_first_one_stays(house, red):
    content, ids = make.csar(), identity()
    first = take_in(red, content, ids)
    with pytest.raises(Conflict) as caught:
        take_in(red, make.csar(version="9"), ids)
    assert caught.value.code == "package_differs"
    with pytest.raises(Conflict):
        take_in(make.tenant(), content, ids)
    assert first.path.read_bytes() == content


@pytest.mark.parametrize("other", [False, True], ids=["the same", "another"])
def test_package_that_comes_twice_at_once_is_stored_once_with_its_file(
    house, red, monkeypatch, other
):
    content, ids = make.csar(), identity()
    read = services.read_package

    def read_slowly(path, **options):
        # While this one is read, its twin arrives and is stored.
        monkeypatch.setattr(services, "read_package", read)
        take_in(red, content, ids)
        return read(path, **options)

    monkeypatch.setattr(services, "read_package", read_slowly)
    if other:
        with pytest.raises(Conflict):
            take_in(red, make.csar(version="9"), ids)
    else:
        assert take_in(red, content, ids).pk == ids.package_id
    assert Package.objects.get().path.read_bytes() == content


def test_error_of_the_database_that_is_about_something_else_is_not_hidden(house, red, monkeypatch):
    def broken(*args, **kwargs):
        raise IntegrityError("something else")

    monkeypatch.setattr(services.journal, "record", broken)
    with pytest.raises(IntegrityError):
        take_in(red, make.csar(), identity())


# --- whose it is, and what is left behind --------------------------------------------------------


def test_file_of_a_package_is_not_reached_by_its_id_alone(owner, red):
    """Q4: another tenant, who knows the id, neither reads the file nor removes it."""
    content = make.csar()
    key = upload(owner, red, content).json()["appPackageId"]
    blue = make.tenant("blue")
    stranger = make.Api(make.user(blue))
    for tenant in (red, blue):
        assert stranger.send("GET", url_of(tenant, key, "/download")).status_code == 404
        assert stranger.send("DELETE", url_of(tenant, key)).status_code == 404
    assert make.content_of(owner.send("GET", url_of(red, key, "/download"))) == content


def test_download_of_a_package_whose_file_is_elsewhere_answers_404(owner, red):
    package = make.package(red)
    package.path.unlink()
    answer = owner.send("GET", url_of(red, package.package_id, "/download"))
    assert answer.status_code == 404
    assert answer.json()["message"] == "csar package file does not exists"


@pytest.mark.parametrize("odd", ["x", "0" * 64, "g" * 64, "0" * 63, "%00" * 64, "0" * 32])
def test_package_id_of_any_shape_that_is_unknown_answers_404(owner, red, odd):
    assert owner.send("GET", url_of(red, odd)).status_code == 404


def test_package_is_found_only_under_its_whole_id(owner, red):
    package = make.package(red)
    half = "0" * 32 + package.pk.hex
    assert owner.send("GET", url_of(red, half)).status_code == 404


def test_files_that_no_row_names_are_swept_once_they_are_old(house, red):
    package = make.package(red)
    orphan, young = (house.PACKAGE_DIR / f"{name}.csar" for name in ("orphan", "young"))
    for path in (orphan, young):
        path.write_bytes(b"x")
    start = datetime(2030, 1, 1, tzinfo=UTC)
    os.utime(orphan, times=(start.timestamp() - 3700,) * 2)
    os.utime(young, times=(start.timestamp() - 10,) * 2)
    with clock.frozen(start):
        assert services.sweep_orphans() == 1
        assert services.sweep_orphans() == 0
    assert sorted(path.name for path in house.PACKAGE_DIR.iterdir()) == sorted(
        [package.path.name, "young.csar"])
    assert Tenant.objects.count() == 1
