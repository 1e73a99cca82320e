"""Heat templates (HOT): what a translation makes, and those that packages bring themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.contract import InstallSpec
from apps.vim.errors import VimRefused
from apps.vim.openstack import allowed
from apps.vim.openstack.allowed import Rule, Shape
from apps.vim.openstack.inputs import MISSING, known_facts
from apps.vim.openstack.site import SiteFacts
from apps.vim.openstack.tosca import as_map
from apps.vim.yamls import Unreadable, load

# Heat takes 512 KiB with everything around it.
MOST_BYTES: Final = 256 * 1024
MOST_BRACKETS: Final = 5000
UNASKED: Final = N_("The order gives “%(name)s”, which the template does not ask for.")
SERVER: Final = "OS::Nova::Server"
SECTIONS: Final = (
    "heat_template_version", "description", "parameter_groups", "parameters", "conditions",
    "resources", "outputs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hot:
    """A template with the values of its parameters, which may be secrets.

    ``servers`` are the names of its servers as resources; ``notes`` are for the person who ordered.
    """

    template: dict[str, Any]
    parameters: dict[str, Any] = field(repr=False)
    notes: tuple[Reason, ...] = ()
    servers: tuple[str, ...] = ()


def of_hot(text: str, spec: InstallSpec, site: SiteFacts) -> Hot:
    """A template that a package brings: as it is, with the parameters that it declares.

    Raises VimRefused for what is no template, has a parameter without a value, or does what no
    package may (:mod:`apps.vim.openstack.allowed`).
    """
    document = _read(text)
    declared = {name: as_map(body) for name, body in as_map(document.get("parameters")).items()}
    given: dict[str, Any] = {}
    for name, body in declared.items():
        value = spec.parameters.get(name, known_facts(spec, name))
        if value is not None:
            given[name] = value
        elif body.get("default") is None:
            raise VimRefused(MISSING, code="input_missing", name=name)
    values = {name: given.get(name, body.get("default")) for name, body in declared.items()}
    _Judge(document["resources"], values, site).judge(document)
    unknown = sorted(set(spec.parameters) - set(declared))
    return Hot(
        template=document,
        parameters=given,
        notes=tuple(Reason(UNASKED, "parameter_unknown", {"name": name}) for name in unknown),
        servers=tuple(
            sorted(name for name, one in document["resources"].items() if one["type"] == SERVER)
        ),
    )


def _read(text: str) -> dict[str, Any]:
    """The template as plain JSON data: Heat reads dates, among them its version, as text."""
    try:
        found = load(text.encode(), most=MOST_BYTES, brackets=MOST_BRACKETS)
        found = json.loads(json.dumps(found, default=str))
    except Unreadable as error:
        params = {**error.reason.params, "field": "HOT"}
        raise VimRefused(error.reason.text, code="hot_unreadable", **params) from None
    except (TypeError, ValueError):
        text = N_("The Heat template has keys that are no texts.")
        raise VimRefused(text, code="hot_malformed") from None
    sections = found if isinstance(found, dict) else {}
    for name in ("heat_template_version", "resources"):
        if not sections.get(name):
            text = N_("The Heat template has no “%(name)s”.")
            raise VimRefused(text, code="hot_malformed", name=name)
    for name in ("parameters", "resources"):
        if not isinstance(sections.get(name) or {}, dict):
            text = N_("“%(name)s” of the Heat template is not written as names and their values.")
            raise VimRefused(text, code="hot_malformed", name=name)
    return sections


class _Judge:
    """Refuses what a template of a package may not do.  Reads only what is plainly written."""

    def __init__(
        self, resources: Mapping[str, Any], values: Mapping[str, Any], site: SiteFacts
    ) -> None:
        self.resources, self.values, self.site = resources, values, site
        self.types = dict(allowed.TYPES)
        if site.may_create_flavors:
            self.types |= allowed.FLAVOR
        if site.may_create_provider_networks:
            self.types |= allowed.PROVIDER_NETWORK

    def judge(self, document: Mapping[str, Any]) -> None:
        """Refuse the template for the first thing that it may not have."""
        for name in sorted(set(document) - set(SECTIONS)):
            self._refuse("", name)
        for function in _functions(document):
            if function in allowed.FORBIDDEN_FUNCTIONS:
                text = N_("The Heat template uses “%(word)s”, which no package may.")
                raise VimRefused(text, code="function_forbidden", word=function)
        for name in sorted(self.resources):
            self._resource(name, self.resources[name], allowed.RESOURCE)

    def _resource(self, name: str, resource: Any, keys: tuple[str, ...]) -> None:
        body = resource if isinstance(resource, dict) else {}
        kind = body.get("type")
        shape = self.types.get(kind) if isinstance(kind, str) else None
        if shape is None:
            raise VimRefused(
                N_("“%(name)s” is of the type “%(type)s”. A package may bring here: %(known)s."),
                code="resource_type_forbidden",
                name=name,
                type=str(kind),
                known=", ".join(sorted(self.types)),
            )
        for key in sorted(set(body) - set(keys)):
            self._refuse(name, key)
        if body.get("deletion_policy") not in (None, "Delete", "delete"):
            self._refuse(name, "deletion_policy")
        self._value(name, "properties", body.get("properties"), dict(shape))

    def _value(self, name: str, path: str, value: Any, shape: Shape) -> None:
        """Refuse a value that is not of its shape; a function could become any other."""
        if value is None or shape is Rule.FREE:
            return
        if isinstance(shape, list):
            if not isinstance(value, list):
                self._refuse(name, path)
            for item in value:
                self._value(name, path, item, shape[0])
        elif isinstance(shape, dict):
            if not isinstance(value, dict):
                self._refuse(name, path)
            for key in sorted(value):
                if key not in shape:
                    self._refuse(name, f"{path}.{key}")
                self._value(name, f"{path}.{key}", value[key], shape[key])
        elif shape is Rule.DEFINITION:
            self._resource(f"{name}.{path}", value, allowed.DEFINED)
        else:
            self._reference(name, path, value, shape)

    def _reference(self, name: str, path: str, value: Any, rule: Rule) -> None:
        """Refuse a value that leads to what is neither the template's own nor the site's."""
        if rule is not Rule.ZONE and self._is_own(value):
            return
        text = self._plain(value)
        offered: Mapping[Rule, frozenset[str]] = {
            Rule.NETWORK: self.site.networks,
            Rule.ZONE: self.site.zones,
            Rule.GROUP: frozenset({"default"}),
            Rule.OWN: frozenset(),
        }
        if text not in offered[rule]:
            raise VimRefused(
                N_(
                    "“%(path)s” of “%(name)s” leads out of the template. It may be a reference "
                    "(get_resource) or one of these, plainly written: %(known)s."
                ),
                code="reference_foreign",
                path=path,
                name=name,
                known=", ".join(sorted(offered[rule])) or "-",
            )

    def _is_own(self, value: Any) -> bool:
        if not isinstance(value, dict) or set(value) != {"get_resource"}:
            return False
        name = value["get_resource"]
        resource = self.resources.get(name) if isinstance(name, str) else None
        return isinstance(resource, dict) and resource.get("type") in allowed.REFERABLE

    def _plain(self, value: Any) -> str:
        """The text that is written or that a parameter holds; nothing for anything else."""
        if isinstance(value, dict) and set(value) == {"get_param"}:
            name = value["get_param"]
            value = self.values.get(name) if isinstance(name, str) else None
        return value if isinstance(value, str) else ""

    def _refuse(self, name: str, path: str) -> None:
        raise VimRefused(
            N_("“%(path)s” of “%(name)s” is nothing that a Heat template of a package may have."),
            code="property_forbidden",
            path=path,
            name=name or "HOT",
        )


def _functions(value: Any) -> Iterator[str]:
    """The only keys of the maps that have one, which is how functions are written."""
    if isinstance(value, dict):
        if len(value) == 1:
            yield from value
        for item in value.values():
            yield from _functions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _functions(item)
