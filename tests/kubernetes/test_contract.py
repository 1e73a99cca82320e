"""The suite that every VIM driver has to pass, on a real API server."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
import yaml

from tests.contract.test_vim_driver import *  # noqa: F403 - the whole suite
from tests.kubernetes.packages import driver_of, order, web

pytestmark = pytest.mark.kubernetes
SECRET = "s3cret-of-the-site"
NOBODY = "https://127.0.0.1:9"


class KubernetesHarness:
    """The control plane of this session; every instance in a namespace of its own."""

    kind = "kubernetes"
    app_classes = ("container",)

    def __init__(self, cluster, folder):
        self.cluster, self.folder, self.host_id = cluster, folder, uuid4()

    def driver(self):
        """A driver as a restarted process would make it."""
        return driver_of(self.cluster.kubeconfig, self.host_id)

    def unreachable(self):
        """A driver for a port where nobody listens."""
        document = yaml.safe_load(self.cluster.kubeconfig)
        document["clusters"][0]["cluster"]["server"] = NOBODY
        return driver_of(yaml.safe_dump(document), self.host_id)

    def unmeasured(self):
        """A driver for the cluster while it has no metrics API."""
        if not self.cluster.ours:
            pytest.skip("the metrics of the cluster of KUBECONFIG are left on")
        self.cluster.metrics(on=False)
        return self.driver()

    def credentials(self):
        """A token is the secret of a kubeconfig."""
        document = yaml.safe_load(self.cluster.kubeconfig)
        document["users"][0]["user"] = {"token": SECRET}
        return yaml.safe_dump(document).encode()

    def spec(self, app_class):
        """An order of two replicas whose parameters hold a secret."""
        return order(self.folder, name="demo", parameters={"sk": SECRET})

    def broken(self, app_class):
        """An order whose image no registry has."""
        return order(self.folder, web("registry.example/no-such-image:1"), name="broken")

    def pause(self):
        """A tenth of a second."""
        time.sleep(0.1)


@pytest.fixture
def vim(cluster, tmp_path, file_leaves_nothing):
    harness = KubernetesHarness(cluster, tmp_path)
    yield harness
    for one in harness.driver().carried():
        harness.driver().remove_object(one)
    if cluster.ours:
        cluster.metrics(on=True)
