"""One cluster for all tests of the mark ``kubernetes``, and a look whether it is left clean."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest

from tests.kubernetes.asking import make_namespace, remove_namespace
from tests.waiting import soon
from tools.builds import Missing
from tools.cluster.plane import control_plane, named_cluster


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
    except Missing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))


@pytest.fixture
def plane(cluster):
    """The control plane, for tests that stop it or tell its nodes how to behave."""
    if not cluster.ours:
        pytest.skip("the cluster of KUBECONFIG is only used, neither stopped nor told to fail")
    return cluster


@pytest.fixture(scope="session")
def api(cluster):
    """A client of the API server with all rights."""
    with cluster.api() as client:
        yield client


@contextmanager
def left_as_found(cluster, seconds=60):
    """Kind, namespace and name of everything are afterwards what they were before."""
    before = cluster.inventory()
    yield
    found = {}

    def same():
        found["now"] = cluster.inventory()
        return found["now"] == before

    soon(same, seconds, lambda: {"left": found["now"] - before, "lost": before - found["now"]})


@pytest.fixture
def nothing_left(cluster):
    """After the test the cluster has what it had before."""
    with left_as_found(cluster):
        yield


@pytest.fixture(scope="module")
def file_leaves_nothing(cluster):
    """After the tests of one file the cluster has what it had before.

    Of one file and not of each test: a namespace takes Kubernetes 5 s to remove, many as long.
    """
    with left_as_found(cluster, seconds=90):
        yield


@pytest.fixture(scope="module")
def namespace(cluster, api, request):
    """A namespace for the tests of one file, removed after them: that takes Kubernetes 6 s."""
    name = request.module.__name__.rsplit(".", 1)[-1].replace("_", "-")
    with left_as_found(cluster):
        make_namespace(api, name)
        yield name
        remove_namespace(api, name)
