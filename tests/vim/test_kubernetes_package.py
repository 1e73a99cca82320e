"""From a package to the sealed chart, through Helm's real engine.  No cluster."""

from __future__ import annotations

import io
import json
import tarfile
from uuid import UUID

import pytest

from apps.vim.contract import Allowance, AppKeys, HostSettings, InstallSpec, Registry
from apps.vim.errors import VimRefused
from apps.vim.kubernetes import names
from apps.vim.kubernetes.helm import HelmRefused, archive, engine
from apps.vim.kubernetes.images import redirected
from apps.vim.kubernetes.objects import read
from apps.vim.kubernetes.package import digest_of, order_of
from apps.vim.kubernetes.policy import PolicyRefused, static_scope
from apps.vim.kubernetes.values import values_for
from examples.packages.archives import zipped

INSTANCE, TENANT, HOST = UUID(int=1), UUID(int=2), UUID(int=3)
LABELS = names.labels_for(INSTANCE, TENANT, HOST)
SPACE = names.namespace_of(INSTANCE)
# A tab behind a value, which Helm accepts and PyYAML does not.
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-web
  namespace: {{ .Values.appconfig.appnamespace }}
spec:
  replicas: 1\t
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: "{{ .Values.imagelocation.domainname }}/{{ .Values.imagelocation.project }}/web:1"
          env: [{name: TEXT, value: '{{ "{{ not a template }}" }}'}]
---
# only a comment
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {size: "{{ .Values.size }}"}}
"""
VALUES = """\
appconfig: {appnamespace: default, aksk: {secretname: x, accesskey: a, secretkey: s, appInsId: i}}
imagelocation: {domainname: registry.example, project: edge}
size: 3
nested: {flag: true, text: "007"}
"""


def chart(template=WEB, values=VALUES, **more):
    return archive("web", {"templates/web.yaml": template, "values.yaml": values, **more})


def spec(tmp_path, data=None, *, manifests=(), **more):
    path = tmp_path / "package.csar"
    files = {"Artifacts/Deployment/Charts/web.tgz": chart() if data is None else data}
    path.write_bytes(zipped(files | dict(manifests)))
    return InstallSpec(
        instance_id=INSTANCE,
        tenant_id=TENANT,
        app_name="Web Shop",
        package_id=UUID(int=9),
        package_path=path,
        app_class="container",
        charts=("Artifacts/Deployment/Charts/web.tgz",),
        manifests=tuple(dict(manifests)),
        keys=AppKeys("A" * 20, "S" * 64),
        **more,
    )


def order(wanted, settings=None):
    return order_of(
        wanted, settings or HostSettings(), engine(), labels=LABELS, namespaced=static_scope
    )


def by_kind(found, kind):
    return next(one.data for one in found.things if one.kind == kind)


def test_objects_are_ours_by_namespace_and_label(tmp_path):
    found = order(spec(tmp_path))
    web = by_kind(found, "Deployment")
    assert web["metadata"]["name"] == "web-shop-web"
    assert {one.namespace for one in found.things} == {SPACE}
    assert web["metadata"]["labels"] == LABELS
    assert web["spec"]["template"]["metadata"]["labels"] == {"app": "web"} | LABELS
    assert web["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    assert found.elsewhere == ()


def test_the_application_gets_its_keys_in_the_original_s_words(tmp_path):
    secret = by_kind(order(spec(tmp_path)), "Secret")
    assert secret["metadata"]["name"] == names.KEYS_SECRET
    assert secret["stringData"] == {
        "accesskey": "A" * 20,
        "secretkey": "S" * 64,
        "appInsId": str(INSTANCE),
    }


def test_a_chart_that_makes_the_secret_itself_keeps_its_own(tmp_path):
    own = """\
apiVersion: v1
kind: Secret
metadata: {name: "{{ .Values.appconfig.aksk.secretname }}"}
stringData: {accesskey: "{{ .Values.appconfig.aksk.accesskey }}"}
"""
    found = order(spec(tmp_path, chart(own)))
    assert [one.kind for one in found.things] == ["Secret"]
    assert found.things[0].data["stringData"] == {"accesskey": "A" * 20}


def test_images_come_from_the_host_s_registry(tmp_path):
    registry = Registry("images.site:5000/mec", "puller", "s3cret")
    found = order(spec(tmp_path), HostSettings(registry=registry))
    pod = by_kind(found, "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "images.site:5000/mec/web:1"
    assert pod["imagePullSecrets"] == [{"name": names.PULL_SECRET}]
    pull = next(one.data for one in found.things if one.name == names.PULL_SECRET)
    held = json.loads(pull["stringData"][".dockerconfigjson"])
    assert held["auths"]["images.site:5000"]["password"] == "s3cret"
    assert "s3cret" not in repr(registry)


def test_what_is_installed_is_what_was_judged(tmp_path):
    """The sealed chart renders to the very objects, and text that looks like a template stays."""
    found = order(spec(tmp_path))
    rendered = engine().render(found.chart, {"size": 8}, name="other", namespace="other")
    again = read(rendered.templates, engine().documents)
    assert [one.data for one in again] == [one.data for one in found.things]
    pod = by_kind(found, "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["env"][0]["value"] == "{{ not a template }}"


def test_parameters_take_the_type_of_the_value_that_they_replace():
    defaults = {"size": 3, "nested": {"flag": True, "text": "007"}, "none": None}
    given = {"size": "8", "nested.flag": "false", "nested.text": "008", "none": "x", "other": "1"}
    wanted = InstallSpec(INSTANCE, TENANT, "a", UUID(int=9), None, "container", parameters=given)
    assert values_for(defaults, wanted, namespace="n", registry=None) == {
        "size": 8,
        "nested": {"flag": False, "text": "008"},
        "none": "x",
    }


def test_the_chart_s_own_schema_decides_about_parameters(tmp_path):
    schema = json.dumps({"properties": {"size": {"type": "integer", "maximum": 5}}})
    data = chart(**{"values.schema.json": schema})
    assert order(spec(tmp_path, data, parameters={"size": "4"})).things
    with pytest.raises(HelmRefused) as refused:
        order(spec(tmp_path, data, parameters={"size": "6"}))
    assert "size" in refused.value.said


def test_a_template_that_helm_refuses_is_told_with_file_and_line(tmp_path):
    bad = "a: 1\nb: {{ .Values.list[0] }}\n"
    with pytest.raises(HelmRefused) as refused:
        order(spec(tmp_path, chart(bad)))
    assert "web/templates/web.yaml:2" in refused.value.said
    assert not refused.value.retryable


def test_objects_that_this_host_does_not_allow_are_named(tmp_path):
    bad = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: default}\n"
    with pytest.raises(PolicyRefused) as refused:
        order(spec(tmp_path, chart(bad)))
    assert "web.tgz/web/templates/web.yaml" in str(refused.value)


def test_a_chart_cannot_look_up_what_others_have(tmp_path):
    spy = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: x}
data: {found: '{{ lookup "v1" "Secret" "" "" | toJson }}'}
"""
    assert by_kind(order(spec(tmp_path, chart(spy))), "ConfigMap")["data"] == {"found": "{}"}


def test_plain_manifests_are_run_as_they_are(tmp_path):
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: '{{ x }}'}\n"
    wanted = spec(tmp_path, manifests=(("Artifacts/Deployment/plain.yaml", text),))
    found = [one for one in order(wanted).things if one.name == "plain"]
    assert found[0].data["data"] == {"a": "{{ x }}"}


@pytest.mark.parametrize("text", ["just text", "- a\n- b\n", "kind: Pod\nmetadata: {name: x}\n"])
def test_what_is_no_object_is_refused_by_file(tmp_path, text):
    with pytest.raises(VimRefused) as refused:
        order(spec(tmp_path, chart(text)))
    assert refused.value.code == "no_object"
    assert "web.yaml" in str(refused.value)


def test_a_package_with_nothing_to_run_is_refused(tmp_path):
    with pytest.raises(VimRefused) as refused:
        order(spec(tmp_path, chart("{{/* nothing */}}")))
    assert refused.value.code == "empty"


def test_custom_kinds_come_before_their_objects(tmp_path):
    crd = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: w}\n"
    )
    data = chart(**{"crds/w.yaml": crd})
    with pytest.raises(PolicyRefused):
        order(spec(tmp_path, data))
    settings = HostSettings(Allowance(cluster_kinds=("CustomResourceDefinition",)))
    found = order(spec(tmp_path, data), settings)
    with tarfile.open(fileobj=io.BytesIO(found.chart)) as tar:
        folders = {name.split("/")[1] for name in tar.getnames()}
    assert folders == {"Chart.yaml", "crds", "objects", "templates"}


def test_orders_are_told_apart_and_nothing_is_read_from_it(tmp_path):
    one = digest_of(spec(tmp_path, parameters={"size": "4"}), HostSettings())
    assert one == digest_of(spec(tmp_path, parameters={"size": "4"}), HostSettings())
    assert one != digest_of(spec(tmp_path, parameters={"size": "5"}), HostSettings())
    assert len(one) == 40


CUSTOM = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers: [{name: web, image: "far.example/shop/web:1"}, {name: b, image: "web:1"}]
---
apiVersion: shop.example/v1
kind: Till
metadata: {name: till}
spec: {parts: [{image: "far.example/shop/web:1"}], image: {name: "web:1"}, note: "web:1"}
"""


def test_exactly_the_references_of_the_package_s_images_are_replaced_by_their_copies():
    things = read({"a.yaml": CUSTOM}, engine().documents)
    copies = {"far.example/shop/web:1": "own.example/edge/web:1", "no.example/other:1": "x"}
    web, till = (one.data for one in redirected(things, copies))
    assert [one["image"] for one in web["spec"]["template"]["spec"]["containers"]] == [
        "own.example/edge/web:1", "web:1"]
    assert till["spec"] == {
        "parts": [{"image": "own.example/edge/web:1"}], "image": {"name": "web:1"},
        "note": "web:1"}
    assert things[0].data["spec"]["template"]["spec"]["containers"][0]["image"] == (
        "far.example/shop/web:1")
    assert redirected(things, {}) == things
