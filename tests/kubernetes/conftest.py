"""One cluster for all tests of the mark ``kubernetes``, and a look whether it is left clean."""

from __future__ import annotations

import os

import pytest

from tests.kubernetes.asking import remove_namespace, soon
from tools.cluster import binaries
from tools.cluster.plane import control_plane, named_cluster

NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """The cluster that KUBECONFIG names, else a control plane of our own with two nodes."""
    named = named_cluster()
    if named is not None:
        yield named
        return
    try:
        with control_plane(tmp_path_factory.mktemp("cluster")) as plane:
            yield plane
    except binaries.Missing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))


@pytest.fixture
def plane(cluster):
    """The control plane, for tests that stop it or tell its nodes how to behave."""
    if not cluster.ours:
        pytest.skip("the cluster of KUBECONFIG is only used, neither stopped nor told to fail")
    return cluster


@pytest.fixture
def api(cluster):
    """A client of the API server with all rights."""
    with cluster.api() as client:
        yield client


@pytest.fixture
def nothing_left(cluster):
    """After the test, kind, namespace and name of everything are what they were before."""
    before = cluster.inventory()
    yield
    found = {}

    def same():
        found["now"] = cluster.inventory()
        return found["now"] == before

    soon(same, 60, lambda: {"left": found["now"] - before, "lost": before - found["now"]})


@pytest.fixture
def namespace(api, nothing_left, request):
    """A namespace of the test's own, removed afterwards."""
    name = request.node.name.replace("_", "-").split("[")[0][:50].rstrip("-")
    api.post(NAMESPACES, json={"metadata": {"name": name}}).raise_for_status()
    account = f"{NAMESPACES}/{name}/serviceaccounts/default"
    soon(lambda: api.get(account).status_code == 200, 20)
    yield name
    remove_namespace(api, name)
