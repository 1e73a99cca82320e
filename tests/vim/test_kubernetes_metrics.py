"""Load of a cluster: quantities, the metrics API, Prometheus, and what nobody measures."""

from __future__ import annotations

import http.server
import json
import math
import threading
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import Upstream
from apps.vim.contract import Meter, Usage, VimUnreachable
from apps.vim.kubernetes import metrics, prometheus
from apps.vim.kubernetes.cluster import Refused
from apps.vim.kubernetes.names import INSTANCE
from apps.vim.kubernetes.quantities import MIB, measured

AT = "2026-03-01T10:00:00Z"
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": 1, "k": 10**3,
    "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18, "Ki": 2**10, "Mi": 2**20,
    "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60, "e3": 10**3, "E-2": Decimal("0.01"),
}


@given(
    st.decimals(min_value=0, max_value=10**6, places=3, allow_nan=False),
    st.sampled_from(sorted(SUFFIXES)),
)
def test_quantity_in_every_notation(number, suffix):
    found = measured(f"{number}{suffix}")
    assert found is not None
    assert math.isclose(found, float(number * SUFFIXES[suffix]), rel_tol=1e-9, abs_tol=1e-18)


@given(st.text(max_size=12) | st.none() | st.booleans() | st.lists(st.integers(), max_size=1))
def test_quantity_of_nonsense_is_not_known_and_raises_nothing(text):
    found = measured(text)
    assert found is None or (math.isfinite(found) and found >= 0)


@pytest.mark.parametrize("text", ["", "Ki", "NaN", "Infinity", "-1", "ten", "1Xi", "0x10", None])
def test_no_quantity_is_no_zero(text):
    assert measured(text) is None


def node(name, cpu="4", memory="8Gi"):
    return {"metadata": {"name": name}, "status": {"allocatable": {"cpu": cpu, "memory": memory}}}


def pod(name, instance, node_name, *containers, namespace=None):
    return {
        "metadata": {
            "name": name, "namespace": namespace or f"mecm-{instance}",
            "labels": {INSTANCE: str(instance)},
        },
        "spec": {
            "nodeName": node_name,
            "containers": [
                {"name": one, "resources": {"limits": limits}} for one, limits in containers
            ],
        },
    }


def of_node(name, cpu, memory, at=AT):
    return {"metadata": {"name": name}, "timestamp": at, "window": "20s",
            "usage": {"cpu": cpu, "memory": memory}}


def of_pod(name, instance, at=AT, **containers):
    return {
        "metadata": {"name": name, "namespace": f"mecm-{instance}"}, "timestamp": at,
        "containers": [
            {"name": one, "usage": {"cpu": cpu, "memory": memory}}
            for one, (cpu, memory) in containers.items()
        ],
    }


NODES = [node("a"), node("b", "2", "4194304Ki")]
PODS = [
    pod("web-0", ONE, "a", ("web", {"cpu": "500m", "memory": "256Mi"}), ("side", {})),
    pod("web-0", OTHER, "b", ("web", {"cpu": "1", "memory": "1Gi"})),
]
POD_METRICS = [
    of_pod("web-0", ONE, web=("100m", "128Mi"), side=("12345678n", "2048Ki")),
    of_pod("web-0", OTHER, web=("250m", "512Mi")),
    of_pod("stranger", "x", web=("3", "3Gi")),
]
NODE_METRICS = [of_node("a", "1500m", "2Gi"), of_node("b", "250000000n", "1048576Ki",
                                                     "2026-03-01T09:59:30Z")]


class FakeCluster:
    """An API server as far as load needs it; a path in ``faults`` raises."""

    def __init__(self, faults=()):
        self.faults = dict(faults)

    def list(self, path, *, labelSelector="", **query):
        if path in self.faults:
            raise self.faults[path]
        rows = {
            "/api/v1/nodes": NODES,
            "/api/v1/pods": PODS,
            f"{metrics.METRICS}/nodes": NODE_METRICS,
            f"{metrics.METRICS}/pods": POD_METRICS,
        }[path]
        wanted = labelSelector.partition("=")[2]
        if wanted:
            rows = [row for row in rows if row["metadata"]["namespace"].endswith(wanted)]
        return rows, "1"


def refused(answered):
    return Refused("no", answered=answered, word="Word")


def test_site_is_the_sum_of_its_nodes_against_what_they_have():
    load = metrics.usage(FakeCluster(), "", None)
    assert load.cpu == Meter(1.75, 6)
    assert load.memory == Meter(3072, 12288)
    assert load.storage == Meter(None, None)
    assert load.source == "metrics.k8s.io"
    assert load.as_of == datetime(2026, 3, 1, 9, 59, 30, tzinfo=UTC)
    assert Usage.from_json(json.loads(json.dumps(load.as_json()))) == load


def test_site_tells_whose_each_container_is_though_pods_share_a_name():
    load = metrics.usage(FakeCluster(), "", None)
    found = {(one.instance, one.container): one for one in load.containers}
    assert set(found) == {(str(ONE), "web"), (str(ONE), "side"), (str(OTHER), "web")}
    assert found[str(ONE), "web"].cpu == Meter(0.1, 0.5)
    assert found[str(OTHER), "web"].memory == Meter(512, 1024)
    side = found[str(ONE), "side"]
    assert (side.cpu.total, side.memory) == (4, Meter(2, 8192))
    assert side.storage == Meter(None, None)


def test_site_tells_the_load_of_each_instance_as_if_it_had_been_asked_for_alone():
    site = metrics.usage(FakeCluster(), "", None)
    assert {one.instance for one in site.instances} == {str(ONE), str(OTHER)}
    for one in site.instances:
        alone = metrics.usage(FakeCluster(), "", uuid.UUID(one.instance))
        assert (one.cpu, one.memory) == (alone.cpu, alone.memory)


def test_instance_is_the_sum_of_its_containers_and_a_node_counts_once():
    load = metrics.usage(FakeCluster(), "", ONE)
    assert load.cpu.used == pytest.approx(0.112345678)
    assert load.cpu.total == 4, "one container without a limit may use its whole node, no more"
    assert {one.instance for one in load.containers} == {str(ONE)}
    assert metrics.usage(FakeCluster(), "", OTHER).cpu == Meter(0.25, 1)


def test_instance_that_is_not_there_has_no_load():
    load = metrics.usage(FakeCluster(), "", uuid.uuid4())
    assert (load.source, load.reason.code, load.cpu.used) == ("", "absent", None)


def test_node_without_a_measurement_does_not_dilute_the_others():
    load = metrics.usage_from_metrics(NODES, [], NODE_METRICS[:1], [])
    assert load.cpu == Meter(1.5, 4)


def test_total_is_not_known_where_nodes_may_not_be_listed():
    load = metrics.usage(FakeCluster({"/api/v1/nodes": refused(403)}), "", None)
    assert load.cpu == Meter(1.75, None)


def test_no_metrics_api_is_no_source_and_never_zero():
    load = metrics.usage(FakeCluster({f"{metrics.METRICS}/nodes": refused(404)}), "", None)
    assert (load.source, load.reason.code) == ("", "no_metrics")
    assert [one.used for one in (load.cpu, load.memory, load.storage)] == [None] * 3


@pytest.mark.parametrize("fault", [refused(403), VimUnreachable("down")])
def test_metrics_api_that_does_not_answer_says_so(fault):
    load = metrics.usage(FakeCluster({f"{metrics.METRICS}/nodes": fault}), "", None)
    assert (load.source, load.reason.code) == ("", "metrics_silent")


def test_cluster_that_does_not_answer_is_unreachable():
    with pytest.raises(VimUnreachable):
        metrics.usage(FakeCluster({"/api/v1/nodes": VimUnreachable("down")}), "", None)


def test_empty_metrics_are_not_known():
    load = metrics.usage_from_metrics(NODES, PODS, [], [])
    assert (load.source, load.reason.code, load.cpu.used) == ("", "not_measured", None)


# --- Prometheus ----------------------------------------------------------------------------------
def sample(value, at=1772359200.5):
    return {"status": "success", "data": {"resultType": "vector", "result": [
        {"metric": {}, "value": [at, str(value)]}]}}


EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}


def answers(text):
    """What a Prometheus with these series says to the queries."""
    for part, value in (
        ("requests{resource=\"cpu\"}", 3), ("allocatable{resource=\"cpu\"}", 8),
        ("requests{resource=\"memory\"}", 2 * 2**30), ("allocatable{resource=\"memory\"}", 2**33),
        ("- node_filesystem_free", 25 * 2**30), ("node_filesystem_size", 100 * 2**30),
    ):
        if part in text:
            return sample(value)
    raise AssertionError(text)


def test_prometheus_tells_the_three_ratios_in_units_with_the_time_of_the_samples():
    load = metrics.usage_from_prometheus(answers)
    assert (load.cpu, load.memory, load.storage) == (Meter(3, 8), Meter(2048, 8192), Meter(25, 100))
    assert load.as_of == datetime.fromtimestamp(1772359200.5, UTC)
    assert load.source == "Prometheus"


def test_old_names_are_asked_for_where_the_present_ones_find_nothing():
    texts = []
    metrics.usage_from_prometheus(lambda text: texts.append(text) or EMPTY)
    old = (
        "kube_pod_container_resource_requests_cpu_cores",
        "kube_node_status_allocatable_cpu_cores",
        "kube_pod_container_resource_requests_memory_bytes",
        "kube_node_status_allocatable_memory_bytes",
    )
    for name in old:
        assert any(name in text.partition(" or sum(")[2] for text in texts), name


def test_prometheus_that_knows_nothing_is_no_zero():
    load = metrics.usage_from_prometheus(lambda text: EMPTY)
    assert (load.source, load.reason.code, load.cpu.used) == ("", "no_metrics", None)


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"data": None}, {"data": {"resultType": "matrix", "result": []}},
     sample("NaN"), sample("+Inf"), sample("-1"), sample("x"), sample(1, 1e300),
     {"data": {"resultType": "vector", "result": [{"value": []}]}},
     {"data": {"resultType": "vector", "result": sample(1)["data"]["result"] * 2}}],
)
def test_odd_answer_is_not_known(answer):
    assert prometheus.read_sample(answer) == (None, None)


def test_scalar_is_read():
    assert prometheus.read_sample({"data": {"resultType": "scalar", "result": [0, "2"]}})[1] == 2


@contextmanager
def served(body, status=200):
    """A web server on loopback that answers everything with ``body``, or what it makes of a query.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
            said = body(query) if callable(body) else body
            said = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/prom/"
        server.shutdown()


@pytest.fixture
def nearby(settings):
    settings.PROMETHEUS_NETWORKS = "127.0.0.0/8"


def test_prometheus_fills_what_the_metrics_api_does_not_measure(nearby):
    with served(answers) as url:
        load = metrics.usage(FakeCluster(), url, None)
    assert (load.cpu, load.storage) == (Meter(1.75, 6), Meter(25, 100))
    assert load.source == "metrics.k8s.io, Prometheus"
    assert load.containers


def test_prometheus_stands_in_for_the_metrics_api(nearby):
    cluster = FakeCluster({f"{metrics.METRICS}/nodes": refused(404)})
    with served(answers) as url:
        load = metrics.usage(cluster, url, None)
    assert (load.cpu, load.source, load.reason) == (Meter(3, 8), "Prometheus", None)


def test_prometheus_does_not_tell_the_load_of_an_instance(nearby):
    cluster = FakeCluster({f"{metrics.METRICS}/pods": refused(404)})
    load = metrics.usage(cluster, "http://127.0.0.1:1", ONE)
    assert (load.source, load.reason.code, load.cpu.used) == ("", "no_metrics", None)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", 200), (b"[]", 200), ({"status": "error", "error": "parse error"}, 400),
     (b"x" * (prometheus.ANSWER_BYTES + 1), 200)],
)
def test_answer_that_is_none_is_said_in_words(nearby, body, status):
    cluster = FakeCluster({f"{metrics.METRICS}/nodes": refused(404)})
    with served(body, status) as url:
        load = metrics.usage(cluster, url, None)
    assert (load.source, load.cpu.used) == ("", None)
    assert str(load.reason)


def test_prometheus_in_a_network_that_is_not_allowed_is_not_called(settings):
    settings.PROMETHEUS_NETWORKS = ""
    with served(answers) as url, prometheus.Client(url) as client, pytest.raises(Upstream) as no:
        client.query("up")
    assert no.value.code == "forbidden_address"


def test_memory_is_told_in_mib():
    assert measured("64Mi", MIB) == 64
