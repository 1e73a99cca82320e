"""The driver for Kubernetes: one namespace and one Helm release for each instance.

A thin class: what it does is in :mod:`apps.vim.kubernetes`, a file for each promise.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final
from uuid import UUID

from apps.common import clock
from apps.vim.contract import (
    Credentials,
    HostSettings,
    InstallSpec,
    ProbeResult,
    Usage,
    WorkloadStatus,
)
from apps.vim.kubernetes import hearing, installing, metrics, names, probing, watching
from apps.vim.kubernetes.cluster import Cluster, Refused, cluster_for
from apps.vim.kubernetes.helm import engine
from apps.vim.kubernetes.installing import Site
from apps.vim.kubernetes.kinds import COLLECTIONS, Found, trimmed
from apps.vim.kubernetes.kubeconfig import read_kubeconfig
from apps.vim.kubernetes.status import status_of
from apps.vim.kubernetes.sweeping import carried
from apps.vim.leftovers import Leftover
from apps.vim.voices import LogPage, LogQuery, WorkloadEvent

# For so long after a change of our own the watches may not have seen it yet.
LAG_SECONDS: Final = 1.0
MOST_CHANGED: Final = 2048


class KubernetesVim:
    """A cluster with one set of credentials."""

    upgrades_in_place = True

    def __init__(
        self,
        *,
        host_id: UUID,
        credentials: Credentials,
        state_dir: Path,
        settings: HostSettings | None = None,
    ) -> None:
        self._host_id = host_id
        self._settings = settings or HostSettings()
        self._cluster = cluster_for(read_kubeconfig(credentials.content).as_yaml())

    @staticmethod
    def describe_credentials(content: bytes) -> dict[str, Any]:
        """Context, server, CA, user and expiry; no secret."""
        return read_kubeconfig(content).describe()

    @property
    def _site(self) -> Site:
        return Site(self._host_id, self._cluster, engine(), self._settings)

    def probe(self) -> ProbeResult:
        """Version, nodes, capacity, and what the credentials may not do."""
        return probing.probe(self._cluster, prometheus=bool(self._settings.prometheus_url))

    def install(self, spec: InstallSpec) -> None:
        """One namespace, one release; see the contract for what a repeat does."""
        _note_change(spec.instance_id)
        try:
            installing.install(self._site, spec)
        finally:
            _note_change(spec.instance_id)

    def status(self, instance_id: UUID) -> WorkloadStatus:
        """The truth as the watches have seen it; where there are none, as the cluster tells now."""
        mirror = watching.mirror_of(self._cluster)
        if mirror is not None and not _is_fresh(instance_id):
            return status_of(mirror.found(instance_id), clock.now())
        return status_of(read(self._cluster, instance_id), clock.now())

    def uninstall(self, instance_id: UUID) -> None:
        """Take the release away, then the namespace."""
        _note_change(instance_id)
        try:
            installing.uninstall(self._site, instance_id)
        finally:
            _note_change(instance_id)

    def usage(self, instance_id: UUID | None = None) -> Usage:
        """What the metrics API or Prometheus measured; None and a reason where nobody does."""
        return metrics.usage(self._cluster, self._settings.prometheus_url, instance_id)

    def events(self, instance_id: UUID) -> tuple[WorkloadEvent, ...]:
        """The events of the instance's namespace."""
        return hearing.events(self._cluster, instance_id)

    def logs(self, instance_id: UUID, query: LogQuery) -> LogPage:
        """A page of a container's log."""
        return hearing.logs(self._cluster, instance_id, query)

    def follow(self, changed: Callable[[UUID], None], stop: Event) -> None:
        """Watch the cluster; ``status`` is answered from what the watches see meanwhile."""
        watching.follow(self._cluster, changed, stop)

    def carried(self) -> list[Leftover]:
        """Everything in the cluster that carries the labels of this host's instances."""
        return list(carried(self._cluster, f"{names.HOST}={self._host_id}"))

    def remove_object(self, one: Leftover) -> bool:
        """Take one of them away; False where it was gone already."""
        return self._cluster.delete(one.path)


def read(cluster: Cluster, instance_id: UUID) -> Found:
    """All that the cluster has of one instance; a kind that it does not know has none."""
    found: Found = {}
    for one in COLLECTIONS:
        selector = one.selector.replace(names.INSTANCE, f"{names.INSTANCE}={instance_id}")
        try:
            rows, _ = cluster.list(one.path, accept=one.accept, labelSelector=selector)
        except Refused as refusal:
            if refusal.answered == 404:
                continue
            raise
        found[one.name] = [trimmed(row) for row in rows]
    return found


_changed: OrderedDict[UUID, float] = OrderedDict()
_lock = Lock()


def _note_change(instance_id: UUID) -> None:
    with _lock:
        _changed.pop(instance_id, None)
        _changed[instance_id] = time.monotonic()
        while len(_changed) > MOST_CHANGED:
            _changed.popitem(last=False)


def _is_fresh(instance_id: UUID) -> bool:
    """Whether we changed it ourselves so lately that the watches may not know."""
    with _lock:
        at = _changed.get(instance_id)
    return at is not None and time.monotonic() - at < LAG_SECONDS
