"""Starting, changing and ending what runs of one instance.  Every step may be repeated.

The order of the steps makes a death between any two of them harmless: the namespace, which says
whose all of it is, comes first and goes last.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.vim.contract import Allowance, HostSettings, InstallSpec, Limits
from apps.vim.errors import VimRefused, VimUnreachable
from apps.vim.kubernetes import names
from apps.vim.kubernetes.cluster import Cluster, Object
from apps.vim.kubernetes.helm import Helm, HelmRefused, Revision, Target
from apps.vim.kubernetes.kinds import annotation, label
from apps.vim.kubernetes.package import Order, digest_of, order_of
from apps.vim.kubernetes.sweeping import sweep
from apps.vim.settings import NAMESPACE_PREFIX
from apps.vim.turns import turn_of

HOOK_SECONDS: Final = 120
REMOVE_SECONDS: Final = 60
PORT_TAKEN: Final = re.compile(
    r"nodePort: Invalid value: (\d+): provided port is already allocated"
)
# Helm's words in an error for a server that did not answer.
LOST: Final = re.compile(
    r"connection refused|cluster unreachable|i/o timeout|context deadline|EOF|connection reset"
    r"|TLS handshake|no such host",
    re.IGNORECASE,
)
_log = logging.getLogger("mecm.kubernetes")


@dataclass(frozen=True, slots=True)
class Site:
    """What all steps work with: the cluster, and what is decided about the host."""

    host_id: UUID
    cluster: Cluster
    helm: Helm
    settings: HostSettings

    def target(self, instance_id: UUID, release: str) -> Target:
        """The Helm release of an instance."""
        return Target(self.cluster.kubeconfig, names.namespace_of(instance_id), release)


def install(site: Site, spec: InstallSpec) -> None:
    """Make the instance run what ``spec`` says; see the contract for what a repeat does."""
    with turn_of(spec.instance_id):
        space = _space(site, spec.instance_id)
        if space is not None:
            _refuse_foreign(space, spec)
        labels = names.labels_for(spec.instance_id, spec.tenant_id, site.host_id)
        release = names.release_of(spec.app_name)
        target = site.target(spec.instance_id, release)
        history = site.helm.history(target) if space is not None else []
        digest = digest_of(spec, site.settings)
        if _runs(history, digest):
            return
        order = order_of(
            spec, site.settings, site.helm, labels=labels, upgrade=_is_deployed(history),
            namespaced=site.cluster.namespaced,
        )
        _prepare(site, spec, order, labels)
        marks = labels | {names.DIGEST: digest}
        if _is_deployed(history):
            _change(site, target, order, history, marks)
        else:
            _begin(site, spec, target, order, history, marks)


def uninstall(site: Site, instance_id: UUID) -> None:
    """Start removing everything of the instance; the namespace goes last."""
    with turn_of(instance_id):
        space = _space(site, instance_id)
        if space is None:
            return
        path = _path(instance_id)
        if not space["metadata"].get("deletionTimestamp"):
            mark = {names.REMOVING: clock.now().isoformat()}
            site.cluster.merge(path, {"metadata": {"annotations": mark}})
        _remove(site, instance_id, space)


def _remove(site: Site, instance_id: UUID, space: Object) -> None:
    target = site.target(instance_id, annotation(space, names.RELEASE) or "app")
    elsewhere = annotation(space, names.ELSEWHERE)
    if not space["metadata"].get("deletionTimestamp"):
        try:
            site.helm.uninstall(target, timeout=REMOVE_SECONDS)
        except HelmRefused as refusal:
            _raise_if_lost(refusal)
            # Removed one by one instead: a release that Helm cannot read must not stay for ever.
            _log.warning("release %s: %s", target.name, refusal.said)
            elsewhere = elsewhere or "*"
    if elsewhere:
        sweep(site.cluster, instance_id, keep=target.namespace)
    site.cluster.delete(_path(instance_id))


def _begin(
    site: Site, spec: InstallSpec, target: Target, order: Order, history: list[Revision],
    marks: dict[str, str],
) -> None:
    """A first release; one that was left half-way, or failed, is taken away before."""
    try:
        if history:
            site.helm.uninstall(target, timeout=REMOVE_SECONDS)
        site.helm.install(target, order.chart, labels=marks, timeout=HOOK_SECONDS)
    except HelmRefused as refusal:
        _raise_if_lost(refusal)
        why = _explained(site, spec, refusal)
        space = _space(site, spec.instance_id)
        if space is not None:
            _remove(site, spec.instance_id, space)
        raise why from refusal


def _change(
    site: Site, target: Target, order: Order, history: list[Revision], marks: dict[str, str]
) -> None:
    """Another revision: an earlier one where there is one like it.  Refused: the former goes on."""
    if history[-1].status.startswith("pending"):
        # Whoever was at it is dead; Helm refuses a second change until the first has an end.
        site.helm.rollback(target, _last_deployed(history), timeout=HOOK_SECONDS)
        history = site.helm.history(target)
    alike = [one for one in history if one.labels.get(names.DIGEST) == marks[names.DIGEST]
             and one.status in ("deployed", "superseded")]
    try:
        if alike:
            site.helm.rollback(target, alike[-1].number, timeout=HOOK_SECONDS)
        else:
            site.helm.upgrade(target, order.chart, labels=marks, timeout=HOOK_SECONDS)
    except HelmRefused as refusal:
        _raise_if_lost(refusal)
        with suppress(HelmRefused):
            site.helm.rollback(target, _last_deployed(history), timeout=HOOK_SECONDS)
        raise VimRefused(
            N_("The new version was refused, and the former one goes on: %(said)s"),
            code="upgrade_refused", said=refusal.said,
        ) from refusal


def _prepare(site: Site, spec: InstallSpec, order: Order, labels: dict[str, str]) -> None:
    """The namespace with its marks, and what it may ask for."""
    notes = {
        names.APP_NAME: spec.app_name,
        names.RELEASE: order.release,
        names.ELSEWHERE: ",".join(order.elsewhere),
    }
    namespace = names.namespace_of(spec.instance_id)
    marks = labels | {names.POD_SECURITY: _standard(site.settings.allowance)}
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": marks, "annotations": notes},
    }
    made = site.cluster.apply(_path(spec.instance_id), body)
    if made["metadata"].get("deletionTimestamp"):
        raise _still_removing()
    hard = _hard(spec.limits)
    if hard:
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": names.LIMITS, "labels": labels},
            "spec": {"hard": hard},
        }
        path = f"/api/v1/namespaces/{namespace}/resourcequotas/{names.LIMITS}"
        site.cluster.apply(path, quota)
        site.cluster.apply(
            f"/api/v1/namespaces/{namespace}/limitranges/{names.LIMITS}", _usual(labels)
        )


def _standard(allowance: Allowance) -> str:
    """The Pod Security Standard that the cluster itself enforces (Kubernetes 1.25 and later).

    It also holds what an application makes at run time, which nobody has judged.
    """
    lifted = (
        allowance.privileged, allowance.host_path, allowance.host_namespaces, allowance.host_ports,
        allowance.capabilities,
    )
    return "privileged" if any(lifted) else "baseline"


def _hard(limits: Limits) -> dict[str, str]:
    hard = {}
    if limits.vcpus is not None:
        hard["requests.cpu"] = f"{limits.vcpus:g}"
    if limits.memory_mb is not None:
        hard["requests.memory"] = f"{limits.memory_mb:g}Mi"
    if limits.pods is not None:
        hard["pods"] = str(limits.pods)
    return hard


def _usual(labels: dict[str, str]) -> dict[str, Any]:
    """What a container asks for that does not say: under a quota nothing may stay unsaid."""
    usual = {"type": "Container", "defaultRequest": {"cpu": "100m", "memory": "128Mi"}}
    metadata = {"name": names.LIMITS, "labels": labels}
    return {
        "apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": [usual]}
    }


def _space(site: Site, instance_id: UUID) -> Object | None:
    return site.cluster.find(_path(instance_id))


def _path(instance_id: UUID) -> str:
    return f"/api/v1/namespaces/{names.namespace_of(instance_id)}"


def _refuse_foreign(space: Object, spec: InstallSpec) -> None:
    """A namespace that is going, or that carries somebody else's marks."""
    if space["metadata"].get("deletionTimestamp") or annotation(space, names.REMOVING):
        raise _still_removing()
    if label(space, names.INSTANCE) != str(spec.instance_id):
        text = N_("The namespace “%(name)s” exists in the cluster and is not ours.")
        raise VimRefused(text, code="namespace_taken", name=space["metadata"]["name"])


def _still_removing() -> VimRefused:
    text = N_("The instance is still being removed.")
    return VimRefused(text, code="still_removing", retryable=True)


def _runs(history: list[Revision], digest: str) -> bool:
    """Whether the newest revision is this very order, and complete."""
    if not history:
        return False
    return history[-1].status == "deployed" and history[-1].labels.get(names.DIGEST) == digest


def _is_deployed(history: list[Revision]) -> bool:
    """Whether some revision has been complete, so that there is one to go back to."""
    return any(one.status in ("deployed", "superseded") for one in history)


def _last_deployed(history: list[Revision]) -> int:
    done = [one for one in history if one.status == "deployed"]
    return (done or [one for one in history if one.status == "superseded"])[-1].number


def _raise_if_lost(refusal: HelmRefused) -> None:
    if refusal.kind == "timeout" or LOST.search(refusal.said):
        raise VimUnreachable(
            N_("The cluster was lost in the middle of it: %(said)s"), said=refusal.said
        ) from refusal


def _explained(site: Site, spec: InstallSpec, refusal: HelmRefused) -> VimRefused:
    """Helm's refusal, and who holds a node port that is taken."""
    taken = PORT_TAKEN.search(refusal.said)
    if not taken:
        return refusal
    port = int(taken[1])
    holder = _holder(site.cluster, port)
    if holder is None:
        text = N_("The node port %(port)s is taken.")
        return VimRefused(text, code="node_port_taken", port=port)
    if label(holder, names.TENANT) == str(spec.tenant_id):
        text = N_("The node port %(port)s is taken by “%(name)s” (%(instance)s).")
        return VimRefused(
            text, code="node_port_taken", port=port, name=annotation(holder, names.APP_NAME),
            instance=label(holder, names.INSTANCE),
        )
    if label(holder, names.INSTANCE):
        text = N_("The node port %(port)s is taken by an instance of another tenant.")
        return VimRefused(text, code="node_port_taken", port=port)
    text = N_("The node port %(port)s is taken by “%(name)s”, which is not one of ours.")
    name = f"{holder['metadata']['name']}"
    return VimRefused(text, code="node_port_taken", port=port, name=name)


def _holder(cluster: Cluster, port: int) -> Object | None:
    """The namespace of the Service that has a node port, or the Service where that is not ours."""
    services, _ = cluster.list("/api/v1/services")
    for one in services:
        spec = one.get("spec") or {}
        held = {row.get("nodePort") for row in spec.get("ports") or ()}
        if port in held | {spec.get("healthCheckNodePort")}:
            owner = label(one, names.INSTANCE)
            place = f"{NAMESPACE_PREFIX}{owner}" if owner else one["metadata"]["namespace"]
            return cluster.find(f"/api/v1/namespaces/{place}") or one
    return None
