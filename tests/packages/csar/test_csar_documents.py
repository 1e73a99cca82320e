"""The text forms in a package: YAML as written, forgiving JSON, manifests, charts, requirements."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from apps.packages.csar import Limits, PackageRefused
from apps.packages.csar.manifest import parse_manifest
from apps.packages.csar.shapes import as_bool, as_gigabytes, as_int, as_list, as_megabytes
from apps.packages.csar.texts import load_json, load_yaml
from examples.packages import Request, package_files
from examples.packages.archives import tgz
from examples.packages.builder import chart_path
from examples.packages.chart import chart_files
from tests.packages.csar.conftest import Read

LIMITS = Limits()


def yaml(text: str) -> Any:
    return load_yaml(text, path="a.yaml", limits=LIMITS)


def test_yaml_scalars_stay_as_written() -> None:
    text = "v: 1.10\nd: 2024-05-06\nn: 0755\nb: yes\nt: 12:30:45\nnone: null\nempty:\nq: ''\n"
    assert yaml(text) == {
        "v": "1.10",
        "d": "2024-05-06",
        "n": "0755",
        "b": "yes",
        "t": "12:30:45",
        "none": None,
        "empty": None,
        "q": "",
    }


def test_yaml_aliases_and_merges_work_when_they_are_few() -> None:
    text = "base: &b {x: 1}\ntwo: {<<: *b, y: 2}\nthree: *b\n"
    assert yaml(text)["two"] == {"x": "1", "y": "2"}
    assert yaml(text)["three"] == {"x": "1"}


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "[" * 200,
        "- " * 200 + "x",
        "- x\n" * 30_000,
        "a: &a {" + ", ".join(f"k{n}: 1" for n in range(500)) + "}\nb: {<<: ["
        + ", ".join(["*a"] * 500) + "]}\n",
    ],
    ids=["self", "self in map", "deep flow", "deep block", "many", "merges"],
)  # fmt: skip
def test_yaml_that_grows_is_refused(text: str) -> None:
    with pytest.raises(PackageRefused) as caught:
        yaml(text)
    assert caught.value.code == "yaml_bomb"


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [ls]",
        "a: !x y",
        "a: b: c",
        "a: 1\n\tb: 2\n",
        "--- a\n--- b",
    ],
)
def test_yaml_that_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(PackageRefused) as caught:
        yaml(text)
    assert caught.value.code == "yaml_malformed"


def test_yaml_forgives_tabs_at_the_end_of_a_line() -> None:
    assert yaml("a: 8443\t\t  \nb:\t\n  - c\n") == {"a": "8443", "b": ["c"]}


def test_json_forgives_comments_and_trailing_commas() -> None:
    text = '// list\n[{"name": "a//b", /* two\nlines */ "n": "x,]",},]\n'
    assert load_json(text, path="a") == [{"name": "a//b", "n": "x,]"}]


@pytest.mark.parametrize("text", ["[" * 100_000, "/*" * 50_000, '"\\' * 50_000, "9" * 5000, ""])
def test_json_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PackageRefused) as caught:
        load_json(text, path="a")
    assert caught.value.code == "json_malformed"


def test_a_manifest_as_it_circulates() -> None:
    text = (
        'metadata:\r\n  app_product_name: "Cam: two"\r\napp_package_version: 1.0\r\n'
        "App_Class:container\r\n# a remark: none\r\n\r\n"
        "Source: a.txt\r\nAlgorithm: SHA-256\r\nHash: ABC\r\n"
        "Source: b.txt\r\nAlgorithm: sha-512\r\n\r\n"
        "-----BEGIN CMS-----\r\nSource: evil\r\nMIAG:x\r\n-----END CMS-----\r\n"
    )
    manifest = parse_manifest(text, path="a.mf")
    assert manifest.metadata == {
        "app_product_name": "Cam: two",
        "app_package_version": "1.0",
        "app_class": "container",
    }
    assert [(one.source, one.expected) for one in manifest.digests] == [
        ("a.txt", "ABC"),
        ("b.txt", ""),
    ]
    assert manifest.has_signature


def test_digests_of_other_lengths_and_cases(read: Read) -> None:
    request = Request()
    files = package_files(request)
    name = "Artifacts/ChangeLog.txt"
    digest = hashlib.sha512(files[name]).hexdigest().upper()
    manifest = (
        files["river-gauge.mf"]
        + (
            f"Source: ./{name}\nAlgorithm: SHA512\nHash: {digest}\n\n"
            f"Source: {name}\nAlgorithm: MD5\nHash: 0\n"
        ).encode()
    )
    info = read(extra={"river-gauge.mf": manifest})
    assert [one.result for one in info.manifest.digests[-2:]] == ["match", "unknown_algorithm"]
    assert info.worst() == "warning"


def broken_chart(template: bytes, **more: bytes) -> dict[str, bytes | None]:
    files = chart_files("River Gauge", "1.10")
    files["river-gauge/templates/extra.yaml"] = template
    files |= {f"river-gauge/{name.replace('__', '.')}": data for name, data in more.items()}
    return {chart_path(Request()): tgz(files)}


@pytest.mark.parametrize(
    ("template", "code", "line"),
    [
        (b"a:\n  b: {{ .Values.x[0].name }}\n", "chart_refused", 2),
        (b"a: 1\n{{ end }}\n", "chart_refused", 2),
        (b"a: 1\nb: {{ .Values.x\n", "chart_refused", 3),
        (b"a:\n  b: {{ .Value.x }}\n", "chart_needs_values", 2),
        (b"x:\n  - nodePort: 32000\n", "chart_node_port", 2),
    ],
)
def test_chart_remarks_say_where(read: Read, template: bytes, code: str, line: int) -> None:
    info = read(extra=broken_chart(template))
    (check,) = [one for one in info.checks if one.code == code]
    assert check.line == line
    assert check.path.endswith("templates/extra.yaml")


SPACE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: default}\n"
ROOT = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {hostPID: true, containers: []}\n"
HOOK = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, annotations: {helm.sh/hook: a}}\n"


@pytest.mark.parametrize(
    ("template", "level", "code"),
    [
        (SPACE, "warning", "policy_namespace"),
        (ROOT, "warning", "policy_host_namespaces"),
        (HOOK, "info", "chart_hooks"),
        ("just text", "error", "chart_no_object"),
    ],
)
def test_objects_are_judged_as_a_host_would(
    read: Read, template: str, level: str, code: str
) -> None:
    info = read(extra=broken_chart(template.encode()))
    (check,) = [one for one in info.checks if one.code == code]
    assert check.level == level
    assert "%(" not in str(check.reason)


GOOD = b"""\
{{/* [0] }} */}}
{{- range $i, $e := .Values.none -}}{{ else }}{{- end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: x, namespace: "{{ .Release.Namespace }}"}
data:
  port: "8443"\t\t
  list: {{ "[0]" | quote }}
"""


@pytest.mark.parametrize("template", [GOOD, b"# only a comment\n", b""])
def test_good_templates_are_left_alone(read: Read, template: bytes) -> None:
    info = read(extra=broken_chart(template))
    assert {check.level for check in info.checks} <= {"ok", "info"}


def test_values_that_only_helm_can_read_are_no_refusal(read: Read) -> None:
    info = read(extra=broken_chart(b"a: 1\n", values__yaml=b"a: 'x\n"))
    assert "chart_values_unread" in {check.code for check in info.checks}


def test_images_written_out_in_a_chart_stand_in_for_the_list(read: Read) -> None:
    template = b"spec:\n  containers:\n    - image: quay.example/x/y:2.0\n"
    info = read(extra=broken_chart(template), image_list=False)
    assert [(one.name, one.version, one.source) for one in info.images] == [
        ("y:2.0", "2.0", "chart")
    ]


def test_an_image_list_as_it_circulates(read: Read) -> None:
    listed = (
        b'{"name": "a", "swImage": "Image/a.zip/a/a.tar", "size": "12", // one object\n'
        b' "supportedVirtualizationEnvironment": "linux"}'
    )
    extra = {"Image/SwImageDesc.json": listed, "Image/a.zip": b"x"}
    info = read(extra=extra)
    (image,) = info.images
    assert (image.embedded, image.size) == ("Image/a.zip/a/a.tar", 12)
    assert "image_spelling" in {check.code for check in info.checks}
    missing = read(extra={"Image/SwImageDesc.json": listed})
    assert "image_not_in_package" in {check.code for check in missing.checks}


def test_a_template_with_odd_shapes(read: Read) -> None:
    template = {
        "imports": [{"types": "a.yaml"}, {"file": "b.yaml"}],
        "topology_template": {
            "inputs": {"cpu": {"default": 3}, "free": None},
            "node_templates": {
                "u": {
                    "type": "tosca.nodes.nfv.Vdu.Compute",
                    "properties": {"image": "redis", "image_version": "7", "vdu_profile": None},
                    "capabilities": {
                        "virtual_compute": {
                            "properties": {
                                "virtual_memory": {"virtual_mem_size": "8 GB"},
                                "virtual_cpu": {
                                    "num_virtual_cpu": {"get_input": "cpu"},
                                    "cpu_architecture": "ARM64",
                                },
                                "virtual_local_storage": [{"size_of_storage": "512 MB"}],
                            }
                        }
                    },
                },
                "p": {
                    "type": "tosca.nodes.nfv.VduCp",
                    "properties": {"vnic_name": {"get_input": "gone"}},
                    "requirements": {"virtual_binding": {"node": "u"}},
                },
                "c": {
                    "type": "tosca.nodes.nfv.app.configuration",
                    "properties": {
                        "appName": {"concat": ["a", {"get_input": "cpu"}]},
                        "appDnsRule": {"dnsRuleId": "d", "ttl": "60"},
                        "appServiceProduced": {"serName": "s", "trafficRuleIdList": "t"},
                    },
                },
            },
            "policies": {"near": {"type": "tosca.policies.nfv.AffinityRule", "targets": "u"}},
        },
    }
    info = read(template=template)
    wants = info.requirements
    (unit,) = wants.compute
    assert (unit.vcpus, unit.memory_mb, unit.storage_gb) == (3, 8192, 1)
    assert (unit.architecture, unit.images) == ("aarch64", ("redis:7",))
    assert wants.app_name == "a3"
    assert [rule.ttl for rule in wants.dns_rules] == [60]
    assert wants.ports[0].unit == "u"
    assert [(one.kind, one.units) for one in wants.affinity] == [("affinity", ("u",))]
    codes = {check.code for check in info.checks}
    assert {"input_undeclared", "import_missing", "service_rule_missing", "input_needed"} <= codes


def test_shapes() -> None:
    assert [as_int(one) for one in ("2", 2, "2.0", "2 MB", "x", None, True)] == [
        2, 2, 2, None, None, None, None,
    ]  # fmt: skip
    assert [as_megabytes(one) for one in ("8096 MB", 2048, "2G", "1024 KB", "x")] == [
        8096, 2048, 2048, 1, 0,
    ]  # fmt: skip
    assert [as_gigabytes(one) for one in (20, "4G", "512 MB", "")] == [20, 4, 1, 0]
    assert [as_bool(one) for one in ("True", True, "no", "", None)] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert (as_list(None), as_list(""), as_list("x"), as_list([1])) == ([], [], ["x"], [1])
