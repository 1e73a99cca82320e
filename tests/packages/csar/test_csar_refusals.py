"""Every flaw is refused under its own code and sentence, wherever it hides."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.packages.csar import SENTENCES, PackageRefused, read_package
from examples.packages import ENFORCED, FLAWS, INNER_FLAWS, Request, package_files
from examples.packages.archives import zipped
from tests.packages.csar.conftest import Read, Refused


def refusal(path: Path, digests: str = "warn") -> PackageRefused:
    with pytest.raises(PackageRefused) as caught:
        read_package(path, filename=path.name, digests=digests)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize("code", FLAWS)
def test_each_flaw_has_its_own_refusal(code: str, tmp_path: Path) -> None:
    path = FLAWS[code](tmp_path / "package.csar")
    error = refusal(path, "enforce" if code in ENFORCED else "warn")
    assert error.code == code
    assert error.status == 400
    assert str(error).endswith("."), "the sentence is complete, its parameters all given"
    assert "%(" not in str(error)
    assert list(tmp_path.iterdir()) == [path], "nothing is left behind"


@pytest.mark.parametrize("name", INNER_FLAWS)
def test_the_same_inside_appd_and_chart(name: str, tmp_path: Path) -> None:
    code, make = INNER_FLAWS[name]
    error = refusal(make(tmp_path / "package.csar"))
    assert error.code == code
    inner = "APPD/river-gauge.zip" if name.endswith("appd") else "river-gauge.tgz"
    assert inner in str(error), "the sentence says in which archive"


@pytest.mark.parametrize("code", sorted(ENFORCED))
def test_digests_are_only_reported_by_default(code: str, tmp_path: Path) -> None:
    path = FLAWS[code](tmp_path / "package.csar")
    info = read_package(path, filename=path.name)
    assert code in {check.code for check in info.checks}


def test_every_sentence_is_told_apart_and_has_a_flaw() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES)
    assert set(FLAWS) == set(SENTENCES)


def test_a_refusal_says_where(tmp_path: Path) -> None:
    error = refusal(FLAWS["yaml_malformed"](tmp_path / "package.csar"))
    assert error.reason.params["path"] == "APPD/Definition/MainServiceTemplate.yaml"
    assert error.reason.params["line"] == 2


@pytest.mark.parametrize("name", ["package.zip", "package", "package.csar.exe", ".csar.", ""])
def test_wrong_extensions(name: str, tmp_path: Path) -> None:
    path = tmp_path / "package"
    path.write_bytes(zipped(package_files(Request())))
    with pytest.raises(PackageRefused) as caught:
        read_package(path, filename=name)
    assert caught.value.code == "wrong_extension"


def test_an_artifact_that_is_there_is_no_flaw(read: Read) -> None:
    from_chart = {"type": "x", "file": "Artifacts/ChangeLog.txt"}
    from_net = "https://images.example/gateway.qcow2"
    template = {
        "topology_template": {
            "node_templates": {"a": {"artifacts": {"one": from_chart, "two": from_net}}}
        }
    }
    assert read(template=template).name == "River Gauge"


def test_a_template_can_name_a_missing_file_in_short_form(refused: Refused) -> None:
    template = {"topology_template": {"node_templates": {"a": {"artifacts": [{"x": "no.sh"}]}}}}
    error = refused(zipped(package_files(Request(template=template))))
    assert error.code == "template_names_missing_file"
    assert error.reason.params["other"] == "no.sh"
