"""Orders for a cluster, of packages that are made on the spot."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_DNS, UUID, uuid4, uuid5

from apps.vim.contract import AppKeys, Credentials, HostSettings, InstallSpec, VimDriver
from apps.vim.kubernetes.helm import archive
from apps.vim.registry import driver_for
from examples.packages.archives import zipped

CHART = "Artifacts/Deployment/Charts/web.tgz"
TENANT, OTHER_TENANT = UUID(int=1), UUID(int=2)
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: web, image: "{image}", ports: [{{containerPort: 8080}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  type: {service}
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080{node_port}}}]
"""


def web(image="registry.example/web:1.0", *, replicas=2, node_port=None):
    """A template of a Deployment behind a Service."""
    return WEB.format(
        image=image,
        replicas=replicas,
        service="ClusterIP" if node_port is None else "NodePort",
        node_port=f", nodePort: {node_port}" if node_port else "",
    )


def order(folder: Path, template="", *, name="shop", version="1", instance=None, **more):
    """An order of a package whose chart is ``template``; the same version is the same package."""
    path = folder / f"{uuid4()}.csar"
    path.write_bytes(zipped({CHART: archive("web", {"templates/web.yaml": template or web()})}))
    fields = {
        "instance_id": instance or uuid4(),
        "tenant_id": TENANT,
        "app_name": name,
        "package_id": uuid5(NAMESPACE_DNS, f"{name} {version}"),
        "package_path": path,
        "app_class": "container",
        "charts": (CHART,),
        "keys": AppKeys("A" * 20, "S" * 64),
    }
    return InstallSpec(**(fields | more))


def driver_of(kubeconfig: str, host_id: UUID, **settings) -> VimDriver:
    """A driver for a cluster, as a restarted process would make it."""
    return driver_for(
        "kubernetes",
        host_id=host_id,
        credentials=Credentials("kubernetes", kubeconfig.encode()),
        state_dir=Path(),
        settings=HostSettings(**settings),
    )
