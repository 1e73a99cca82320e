"""Affinity and anti-affinity of units as server groups of Nova."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused
from apps.vim.openstack.draft import Draft
from apps.vim.openstack.security import known_group
from apps.vim.openstack.servers import UNIT
from apps.vim.openstack.tosca import Entry, Template

PLACEMENT: Final = "placementgroup"
RULE: Final = "affinityrule"
STATED: Final = ("scope", "enforced", "description")
NODE: Final = "nfvi_node"


def server_groups(
    draft: Draft, template: Template, units: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Add a group for each rule; the references by the units that are in one."""
    members = {unit: [unit] for unit in units}
    for group in template.groups.values():
        if group.kind.endswith(PLACEMENT):
            members[group.name] = [
                template.node(group, name, UNIT).name for name in group.names("members")
            ]
    found: dict[str, dict[str, str]] = {}
    for policy in template.policies.values():
        if not policy.kind.replace("-", "").endswith(RULE):
            continue
        for target in policy.names("targets"):
            known_group(policy, target, members)
        about = {unit for target in policy.names("targets") for unit in members[target]}
        if twice := sorted(about & set(found)):
            # Nova takes one group for a server and ignores others.
            text = N_("“%(name)s” is in two rules of (anti-)affinity; Nova can keep one.")
            raise VimRefused(text, code="placement_twice", name=twice[0])
        reference = _group(draft, policy)
        found |= dict.fromkeys(sorted(about), reference)
    return found


def _group(draft: Draft, policy: Entry) -> dict[str, str]:
    inputs, stated = draft.inputs, policy.properties
    draft.unread(policy.name, stated, STATED, "")
    scope = str(inputs.plain(stated.get("scope"))) or NODE
    if scope.casefold() != NODE:
        raise VimRefused(
            N_("“%(name)s” is about the scope “%(scope)s”; Nova places by %(node)s."),
            code="placement_scope",
            name=policy.name,
            scope=inputs.words(stated["scope"]),
            node=NODE,
        )
    kind = "anti-affinity" if "antiaffinity" in policy.kind.replace("-", "") else "affinity"
    soft = "" if inputs.truth(stated.get("enforced"), default=True) else "soft-"
    return draft.add(policy.name, "OS::Nova::ServerGroup", {"policies": [f"{soft}{kind}"]})
