"""Virtual machines of the tenants of the walls."""

from __future__ import annotations

from pathlib import Path

from apps.orchestration.drivers import driver_of
from apps.vim.contract import InstallSpec, WorkloadUnit


def run_server(instance):
    """A machine of an instance at the VIM of its host, which is up at once; its id."""
    driver = driver_of(instance.host)
    unit = WorkloadUnit(f"{instance.app_name}-machine", "VM", vcpus=1, memory_mb=64)
    driver.install(InstallSpec(
        instance.pk, instance.tenant_id, instance.app_name, instance.package_id, Path("p.csar"),
        "vm", (unit,)))
    return driver.status(instance.pk).servers[0].id
