"""Every circulating layout is read into the same requirements.  Refusals are tested elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from apps.packages.csar import PackageInfo, read_member, read_package
from examples.packages import LAYOUTS, Request, build, package_files
from tests.packages.csar.conftest import Read


@pytest.mark.parametrize("top", ["", "package"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("app_class", ["container", "vm"])
def test_every_layout_says_the_same(read: Read, layout: str, app_class: str, top: str) -> None:
    info = read(digests="enforce", layout=layout, app_class=app_class, top=top)
    plain = read(app_class=app_class)

    assert info.requirements == plain.requirements
    assert info.images == plain.images
    assert info.charts == plain.charts
    assert (info.layout.top, info.app_class) == (top, app_class)
    assert {digest.result for digest in info.manifest.digests} == {"match"}
    assert info.worst() == "ok"
    assert PackageInfo.from_json(json.loads(json.dumps(info.as_json()))) == info


def test_a_container_package(read: Read) -> None:
    info = read(requires=(("location", "2.1"),))
    assert (info.name, info.version, info.provider) == ("River Gauge", "1.10", "Example Labs")
    assert (info.app_class, info.released_at) == ("container", "2024-05-06 10:30")
    assert info.layout.appd == "zip"
    assert info.entry_definitions == "APPD/river-gauge.zip"

    wants = info.requirements
    (unit,) = wants.compute
    assert (unit.vcpus, unit.memory_mb, unit.storage_gb) == (2, 2048, 10)
    assert (unit.architecture, wants.architecture) == ("x86_64", "x86_64")
    assert (unit.initial_instances, unit.max_instances) == (1, 2)
    assert unit.images == ("river-gauge:1.10",)
    assert [one.name for one in wants.services_required] == ["location"]
    assert [one.name for one in wants.services_optional] == ["traffic-notice"]
    (produced,) = wants.services_produced
    assert (produced.version, produced.category) == ("1.10", "monitoring")
    assert produced.dns_rules == ("river-gauge-name",)
    assert wants.features_required == ("UserApps",)
    assert (wants.app_name, wants.supports_mp1) == ("river-gauge", True)
    assert [one.default for one in wants.inputs] == ["info"]

    (image,) = info.images
    assert image.reference == "registry.example/edge/river-gauge:1.10"
    assert (image.kind, image.size, image.embedded) == ("container", 120, None)


def test_rules_take_the_shape_of_the_rule_api(read: Read) -> None:
    wants = read().requirements
    (dns,) = wants.dns_rules
    assert (dns.domain, dns.address, dns.ttl) == ("river-gauge.edge.example", "192.0.2.40", 300)
    (rule,) = wants.traffic_rules
    assert (rule.filter_type, rule.priority, rule.action) == ("FLOW", 12, "PASSTHROUGH")
    (one,) = rule.filters
    assert one["dstAddress"] == ["192.0.2.40/32"], "one value stands for a list"
    assert one["dstPort"] == ["8080"], "an integer port becomes text"
    assert (one["srcPort"], one["qCI"]) == ([], 5)
    (interface,) = rule.interfaces
    assert interface["tunnelInfo"]["tunnelType"] == "GTP_U"


def test_the_chart_is_looked_into(read: Read) -> None:
    (chart,) = read().charts
    assert (chart.name, chart.version, chart.templates) == ("river-gauge", "1.10", 2)
    kinds = [(one.kind, one.name) for one in chart.objects]
    assert kinds[:2] == [("Deployment", "river-gauge"), ("Service", "river-gauge")]
    assert kinds[2][0] == "Secret"
    assert "appconfig.aksk.secretname" in chart.values
    assert "imagelocation.domainname" in chart.values


def test_a_machine_package(read: Read) -> None:
    info = read(app_class="vm", signed=True)
    wants = info.requirements
    (unit,) = wants.compute
    assert (unit.vcpus, unit.memory_mb, unit.storage_gb) == (4, 8192, 40)
    assert (unit.availability_zone, unit.has_user_data) == ("nova", True)
    assert [(one.name, one.size_gb) for one in wants.storage] == [("records", 20)]
    assert [(one.unit, one.network, one.order) for one in wants.ports] == [
        ("gateway", "mp1", 0),
        ("gateway", "n6", 1),
    ]
    assert [(one.network, one.segment) for one in wants.networks] == [
        ("edge-mp1", "1100"),
        ("edge-n6", "1201"),
    ]
    (affinity,) = wants.affinity
    assert (affinity.kind, affinity.units) == ("anti-affinity", ("gateway",))
    assert info.charts == ()
    assert (info.images[0].kind, info.images[0].disk_format) == ("vm", "raw")
    assert info.manifest.has_signature


def test_without_an_image_list_the_template_tells(read: Read) -> None:
    info = read(image_list=False)
    assert [(one.name, one.source) for one in info.images] == [("river-gauge:1.10", "template")]
    assert "image_list_missing" in {check.code for check in info.checks}


def test_the_class_is_inferred_when_the_manifest_is_silent(tmp_path: Path) -> None:
    for app_class in ("container", "vm"):
        request = Request(app_class=app_class)  # type: ignore[arg-type]
        files = package_files(request)
        name = f"{request.short}.mf"
        manifest = files[name].replace(b"app_class", b"app_kind")
        path = build(tmp_path / "a.csar", app_class=app_class, extra={name: manifest})
        info = read_package(path, filename="a.csar")
        assert info.app_class == app_class
        assert "app_class_inferred" in {check.code for check in info.checks}


def test_a_template_elsewhere_is_found_and_reported(read: Read) -> None:
    meta = b"TOSCA-Meta-File-Version: 1.0\nentry-definitions: APPD/other.zip\n\nName: no.txt\n"
    info = read(extra={"TOSCA-Metadata/TOSCA.meta": meta})
    codes = {check.code for check in info.checks}
    assert {"entry_elsewhere", "meta_names_missing"} <= codes
    assert info.layout.template.startswith("APPD/river-gauge.zip/")


def test_an_appd_without_meta_is_read(read: Read) -> None:
    files = package_files(Request())
    inner = zipfile.ZipFile(io.BytesIO(files["APPD/river-gauge.zip"]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("gauge.yaml", inner.read("Definition/MainServiceTemplate.yaml"))
    info = read(extra={"APPD/river-gauge.zip": packed.getvalue()})
    assert info.layout.template == "APPD/river-gauge.zip/gauge.yaml"
    assert "appd_entry_missing" in {check.code for check in info.checks}


@pytest.mark.parametrize("streamed", [False, True])
def test_other_zip_writers_are_understood(tmp_path: Path, streamed: bool) -> None:
    """Folders, forced zip64 fields, and the data descriptors of writers that cannot seek."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, piece: object) -> int:
            self.data += bytes(piece)  # type: ignore[call-overload]
            return len(bytes(piece))  # type: ignore[call-overload]

    target: io.BytesIO | Pipe = Pipe() if streamed else io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.mkdir("Artifacts")
        for name, data in package_files(Request()).items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
                file.write(data)
    path = tmp_path / "other.csar"
    path.write_bytes(bytes(target.data) if isinstance(target, Pipe) else target.getvalue())
    assert read_package(path, filename="Other.CSAR", digests="enforce").name == "River Gauge"


def test_files_are_listed_and_members_read_again(tmp_path: Path) -> None:
    path = build(tmp_path / "a.csar", top="deep")
    info = read_package(path, filename="a.csar")
    sizes = {one.path: one.size for one in info.files}
    chart = read_member(path, info.charts[0].path)
    assert len(chart) == sizes[info.charts[0].path]
    assert info.size == path.stat().st_size
    with pytest.raises(KeyError):
        read_member(path, "no/such.file")


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.chdir(scratch)
    path = build(tmp_path / "a.csar")
    before = path.read_bytes()
    read_package(path, filename="a.csar")
    assert list(scratch.iterdir()) == []
    assert path.read_bytes() == before


def test_a_package_of_two_machines(read: Read) -> None:
    info = read(digests="enforce", app_class="vm", pair=True)
    wants = info.requirements
    assert [unit.node for unit in wants.compute] == ["front", "back"]
    assert all(unit.has_user_data for unit in wants.compute)
    assert [(one.network, one.cidrs) for one in wants.networks] == [
        ("edge-n6", ()),
        ("between", ("198.51.100.0/24",)),
    ]
    assert [(one.unit, one.network) for one in wants.ports] == [
        ("front", "n6"),
        ("front", "between"),
        ("back", "between"),
    ]
    (affinity,) = wants.affinity
    assert (affinity.kind, affinity.units) == ("anti-affinity", ("front", "back"))
    assert info.worst() == "ok"


def test_a_package_with_a_heat_template(read: Read, tmp_path: Path) -> None:
    info = read(digests="enforce", app_class="vm", heat=True)
    path = "Artifacts/Deployment/Heat/road-gateway.yaml"
    assert path in {one.source for one in info.manifest.digests if one.result == "match"}
    assert info.requirements == read(app_class="vm").requirements
    package = build(tmp_path / "package.csar", app_class="vm", heat=True)
    assert read_member(package, path).startswith(b"heat_template_version: 2018-08-31\n")
