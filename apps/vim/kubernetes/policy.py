"""What the objects of a package may not do on a host unless its administrator allows it.

Two things: rules that keep an instance inside its namespace, and the Pod Security Standard
"Baseline" (kubernetes.io/docs/concepts/security/pod-security-standards), which keeps its pods off
the node.  Judged before anything is sent.  Calls no cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.errors import VimRefused
from apps.vim.kubernetes.objects import Thing, containers_of, pod_templates
from apps.vim.settings import ALLOWABLE_CLUSTER_KINDS, CLOSED_NAMESPACES, Allowance

# Kinds without a namespace in every cluster; what a cluster has besides, it tells itself.
CLUSTER_KINDS: Final = frozenset(ALLOWABLE_CLUSTER_KINDS) | {
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "FlowSchema",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PodSecurityPolicy",
    "PriorityLevelConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
}
BASELINE_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    }
)  # fmt: skip
SENTENCES: Final = {
    "namespace": N_(
        "“%(path)s”: %(kind)s “%(name)s” is for the namespace “%(what)s” and not its own, "
        "which the host has to allow."
    ),
    "namespace_foreign": N_(
        "“%(path)s”: %(kind)s “%(name)s” is for the namespace “%(what)s”, which no package "
        "may reach."
    ),
    "cluster_kind": N_(
        "“%(path)s”: %(kind)s “%(name)s” belongs to the whole cluster, which the host has to "
        "allow."
    ),
    "cluster_kind_never": N_(
        "“%(path)s”: %(kind)s “%(name)s” belongs to the whole cluster, which no package may "
        "change."
    ),
    "privileged": N_(
        "“%(path)s”: %(kind)s “%(name)s” has the privileged container “%(what)s”, which the "
        "host has to allow."
    ),
    "host_path": N_(
        "“%(path)s”: %(kind)s “%(name)s” mounts “%(what)s” of the node (hostPath), which the "
        "host has to allow."
    ),
    "host_namespaces": N_(
        "“%(path)s”: %(kind)s “%(name)s” shares the node's %(what)s, which the host has to "
        "allow."
    ),
    "host_ports": N_(
        "“%(path)s”: %(kind)s “%(name)s” opens the port %(what)s of the node itself "
        "(hostPort), which the host has to allow."
    ),
    "capabilities": N_(
        "“%(path)s”: %(kind)s “%(name)s” adds the capability %(what)s, which the host has to "
        "allow."
    ),
    "confinement": N_(
        "“%(path)s”: %(kind)s “%(name)s” lifts the container's confinement (%(what)s), which "
        "no package may."
    ),
    "external_ips": N_(
        "“%(path)s”: Service “%(name)s” claims the addresses %(what)s (externalIPs), which "
        "no package may."
    ),
}
Scope = Callable[[str, str], bool | None]


@dataclass(frozen=True, slots=True)
class Violation:
    """One object that does what it may not: the rule's code, its sentence, the object."""

    code: str
    path: str
    kind: str
    name: str
    what: str = ""

    @property
    def reason(self) -> Reason:
        """The sentence."""
        params = {"path": self.path, "kind": self.kind, "name": self.name, "what": self.what}
        return Reason(SENTENCES[self.code], f"policy_{self.code}", params)


class PolicyRefused(VimRefused):
    """Objects of the package do what this host does not allow; ``violations`` says which."""

    default_code = "policy_refused"

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        first = self.violations[0].reason
        details = [str(one.reason) for one in self.violations]
        super().__init__(first.text, code=first.code, details=details, **first.params)


def static_scope(api_version: str, kind: str) -> bool | None:
    """Whether a kind stands in namespaces, as far as that is known without a cluster."""
    return kind not in CLUSTER_KINDS


def judge(
    things: Iterable[Thing], allowance: Allowance, *, own: str, namespaced: Scope = static_scope
) -> list[Violation]:
    """All violations of the objects of one instance whose namespace is ``own``.

    ``namespaced`` tells whether a kind (by group and version) stands in namespaces; None where the
    cluster does not know it.
    """
    return [one for thing in things for one in _judge(thing, allowance, own, namespaced)]


def _judge(
    thing: Thing, allowance: Allowance, own: str, namespaced: Scope
) -> Iterator[Violation]:
    def violation(code: str, what: str = "") -> Violation:
        return Violation(code, thing.where, thing.kind, thing.name, what)

    if stands_in_cluster(thing, namespaced):
        if thing.kind not in ALLOWABLE_CLUSTER_KINDS:
            yield violation("cluster_kind_never")
        elif thing.kind not in allowance.cluster_kinds:
            yield violation("cluster_kind")
    elif thing.namespace not in ("", own):
        if is_closed(thing.namespace):
            yield violation("namespace_foreign", thing.namespace)
        elif thing.namespace not in allowance.namespaces:
            yield violation("namespace", thing.namespace)
    if thing.kind == "PersistentVolume" and not allowance.host_path:
        volume = _map(thing.data.get("spec"))
        for source in ("hostPath", "local"):
            if source in volume:
                yield violation("host_path", str(_map(volume[source]).get("path", "")))
    if thing.kind == "Service" and _map(thing.data.get("spec")).get("externalIPs"):
        yield violation("external_ips", ", ".join(map(str, thing.data["spec"]["externalIPs"])))
    for template in pod_templates(thing.data):
        spec = _map(template.get("spec"))
        for code, what in (*_node_level(spec, allowance), *_confinement(spec, template)):
            yield violation(code, what)
        for one in containers_of(spec):
            for code, what in _container(one, allowance):
                yield violation(code, what)


def is_closed(namespace: str) -> bool:
    """Whether a namespace is nobody's to be allowed: another instance's, or the cluster's own."""
    return namespace.startswith(CLOSED_NAMESPACES)


def stands_in_cluster(thing: Thing, namespaced: Scope) -> bool:
    """Whether an object has no namespace, as far as anybody knows."""
    return thing.kind in CLUSTER_KINDS or namespaced(thing.api_version, thing.kind) is False


def _node_level(spec: Mapping[str, Any], allowance: Allowance) -> Iterator[tuple[str, str]]:
    if not allowance.host_namespaces:
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(name):
                yield "host_namespaces", name
    if not allowance.host_path:
        for volume in spec.get("volumes") or ():
            if "hostPath" in _map(volume):
                yield "host_path", str(_map(volume["hostPath"]).get("path", ""))


def _confinement(spec: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What Baseline forbids and nobody may allow: it is not about the application."""
    pod = _map(spec.get("securityContext"))
    for sysctl in pod.get("sysctls") or ():
        if _map(sysctl).get("name") not in SAFE_SYSCTLS:
            yield "confinement", f"sysctl {_map(sysctl).get('name')}"
    contexts = [pod, *(_map(one.get("securityContext")) for one in containers_of(spec))]
    for context in contexts:
        if _map(context.get("seccompProfile")).get("type") == "Unconfined":
            yield "confinement", "seccompProfile"
        if _map(context.get("appArmorProfile")).get("type") == "Unconfined":
            yield "confinement", "appArmorProfile"
        if context.get("procMount") not in (None, "Default"):
            yield "confinement", "procMount"
        if _map(context.get("windowsOptions")).get("hostProcess"):
            yield "confinement", "hostProcess"
        options = _map(context.get("seLinuxOptions"))
        if options.get("user") or options.get("role"):
            yield "confinement", "seLinuxOptions"
    for key, value in _map(_map(template.get("metadata")).get("annotations")).items():
        if "apparmor.security.beta" in str(key) and value == "unconfined":
            yield "confinement", "AppArmor"


def _container(one: Mapping[str, Any], allowance: Allowance) -> Iterator[tuple[str, str]]:
    context = _map(one.get("securityContext"))
    if context.get("privileged") and not allowance.privileged:
        yield "privileged", str(one.get("name"))
    usual = BASELINE_CAPABILITIES | set(allowance.capabilities)
    for name in _map(context.get("capabilities")).get("add") or ():
        if str(name).removeprefix("CAP_") not in usual and not allowance.privileged:
            yield "capabilities", str(name)
    if not allowance.host_ports:
        for port in one.get("ports") or ():
            if _map(port).get("hostPort"):
                yield "host_ports", str(port["hostPort"])


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
