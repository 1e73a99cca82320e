"""From the service template of a package of machines to a Heat template.  Pure: calls nobody.

The order of entries in the template decides nothing: the same package gives the same stack, so
that a second translation of an order is no change of what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.contract import InstallSpec
from apps.vim.openstack import networking, placing, security, servers, storage
from apps.vim.openstack.draft import UNREAD, Draft
from apps.vim.openstack.hot import UNASKED, Hot
from apps.vim.openstack.inputs import Inputs
from apps.vim.openstack.site import SiteFacts
from apps.vim.openstack.tosca import Template

VERSION: Final = "2018-08-31"
NODES: Final = (servers.UNIT, networking.LINK, networking.POINT, *storage.STORAGE)
# What the package is, and what is configured at the MEC platform and not in the VIM.
DESCRIPTIVE: Final = ("nodes.nfv.vnf", "app.configuration")
ENTRIES: Final = (
    "type", "properties", "attributes", "capabilities", "requirements", "description", "metadata",
    "artifacts",
)  # fmt: skip
GROUPS: Final = (placing.PLACEMENT, security.GROUP)
RULES: Final = (placing.RULE, security.RULE)
TOPOLOGY: Final = (
    "description", "inputs", "node_templates", "groups", "policies", "substitution_mappings",
)  # fmt: skip


def translate(definition: Mapping[str, Any], spec: InstallSpec, site: SiteFacts) -> Hot:
    """The Heat template that runs ``definition`` at ``site`` as ``spec`` orders it.

    What has no translation is said in the notes.  Raises VimRefused, with a code and a sentence
    that says what would be right, for what cannot run there.
    """
    template = Template(definition)
    inputs = Inputs(template.inputs, spec)
    draft = Draft(inputs, site, spec.instance_id)
    units = servers.units_of(template, inputs)
    groups = placing.server_groups(draft, template, units)
    ports = networking.Ports(draft, template, units)
    ports.add_all()
    machines = servers.Servers(draft, template, units, ports.of_server, groups)
    for unit in units.values():
        machines.add(unit)
    _say_what_is_left(draft, template, units)
    document: dict[str, Any] = {
        "heat_template_version": VERSION,
        "description": template.description or spec.app_name,
        "parameters": inputs.parameters,
        "resources": draft.resources,
        "outputs": machines.outputs,
    }
    return Hot(
        template=document,
        parameters=inputs.given,
        notes=draft.notes,
        servers=tuple(machines.outputs),
    )


def _say_what_is_left(draft: Draft, template: Template, units: Mapping[str, servers.Unit]) -> None:
    """Notes about all that the template states and the stack has nothing of."""
    draft.unread("topology_template", template.topology, TOPOLOGY, "")
    for kind, entries, known in (
        ("node_templates", template.nodes, (*NODES, *DESCRIPTIVE)),
        ("groups", template.groups, GROUPS),
        ("policies", template.policies, RULES),
    ):
        for entry in entries.values():
            if not entry.kind.replace("-", "").endswith(known):
                draft.note(UNREAD, "node_unread", name=entry.name, property=f"{kind}: {entry.kind}")
    for node in template.nodes.values():
        draft.unread(node.name, node.body, ENTRIES, "")
    used = {
        name
        for node in template.nodes.values()
        for key in ("virtual_link", storage.REQUIREMENT)
        for name in node.requires(key)
    }
    for node in template.of(networking.LINK, *storage.STORAGE):
        if node.name not in used:
            text = N_("Nothing uses “%(name)s”, and it is left out.")
            draft.note(text, "node_unused", name=node.name)
    for unit in units.values():
        if not unit.servers:
            text = N_("“%(name)s” is to have no server at the beginning, and it is left out.")
            draft.note(text, "unit_empty", name=unit.name)
    for name, where in draft.inputs.unread:
        draft.note(UNREAD, "property_unread", name=name, property=where)
    for name in draft.inputs.ignored:
        draft.note(UNASKED, "parameter_unknown", name=name)
