"""The inputs of a service template as parameters of a Heat template, and values that use them.

A value is taken from the order, else from what the house knows (the key pair, the instance), else
from the template.  Values of the order may be secrets: they are sent as parameters, never written
into the template, and never told in a reason.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.contract import InstallSpec
from apps.vim.errors import VimRefused
from apps.vim.openstack.tosca import as_list, as_map, as_name

# TOSCA Simple Profile 1.2 clause 3.3 and EdgeGallery's text and password, in HOT's words.
TYPES: Final = {
    "integer": "number",
    "number": "number",
    "float": "number",
    "boolean": "boolean",
    "map": "json",
    "list": "json",
    "json": "json",
}
NUMBER: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*")
SIGNED: Final = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
TRUTHS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# In MiB.
UNITS: Final = {"mb": 1.0, "mib": 1.0, "gb": 1024.0, "gib": 1024.0}
BOUNDS: Final = {
    "greater_or_equal": ("range", "min"),
    "less_or_equal": ("range", "max"),
    "min_length": ("length", "min"),
    "max_length": ("length", "max"),
}
MISSING = N_(
    "The input “%(name)s” has no value: the order has to give one, or the template a default."
)


def known_facts(spec: InstallSpec, name: str) -> str | None:
    """What the house itself knows for an input or parameter of that name, or None."""
    facts = {
        "appinsid": str(spec.instance_id),
        "appinstanceid": str(spec.instance_id),
        "appname": spec.app_name,
    }
    if spec.keys is not None:
        facts |= {"ak": spec.keys.access_key, "sk": spec.keys.secret_key}
    return facts.get(name.casefold().replace("_", ""))


class Inputs:
    """The declared inputs: ``parameters`` is HOT's section, ``given`` what is sent with it."""

    def __init__(self, block: Mapping[str, Any], spec: InstallSpec) -> None:
        self.parameters: dict[str, dict[str, Any]] = {}
        self.given: dict[str, Any] = {}
        self.unread: list[tuple[str, str]] = []
        self._block = block
        self._spec = spec
        for name in sorted(block):
            self._declare(name, as_map(block[name]))

    @property
    def ignored(self) -> list[str]:
        """The names of the order's parameters that the template has no use for."""
        return sorted(set(self._spec.parameters) - set(self.given))

    def has(self, name: str) -> bool:
        """Whether there is an input of that name with a value that is not empty."""
        return name in self.parameters and self._value(name) != ""

    def hot(self, value: Any) -> Any:
        """A scalar of the service template as HOT has it: get_input and concat are translated."""
        if isinstance(value, Mapping) and len(value) == 1:
            word, argument = next(iter(value.items()))
            if word == "get_input":
                return {"get_param": self._used(argument)}
            if word == "concat":
                return self.joined(as_list(argument))
        if isinstance(value, Mapping | list | tuple):
            word = next(iter(as_map(value)), "")
            raise VimRefused(
                N_(
                    "The template has a list or a function (“%(word)s”) where one value is wanted: "
                    "get_input and concat are translated."
                ),
                code="value_unreadable",
                word=word,
            )
        if isinstance(value, datetime.date):
            return str(value)
        return "" if value is None else value

    def joined(self, parts: Iterable[Any], between: str = "") -> Any:
        """Values after one another, as text; literal where they all are."""
        pieces = [self.text(part) for part in parts]
        if all(isinstance(one, str) for one in pieces):
            return between.join(pieces)
        return {"list_join": [between, pieces]}

    def text(self, value: Any) -> Any:
        """A scalar as text: list_join and metadata take no numbers (Heat's functions.py)."""
        found = self.hot(value)
        if not isinstance(found, dict):
            return _as_text(found)
        name = found.get("get_param")
        if name is None or self.parameters[name]["type"] == "string":
            return found
        return {"str_replace": {"template": "$value$", "params": {"$value$": found}}}

    def plain(self, value: Any) -> Any:
        """The scalar itself, for decisions.  It may be a secret: never to be told."""
        found = self._resolved(value, self._value)
        return found.strip() if isinstance(found, str) else found

    def words(self, value: Any) -> str:
        """The value as a reason may tell it: what the order gives is only named."""
        return _as_text(self._resolved(value, self._told))

    def whole(self, value: Any, default: int = 0) -> int:
        """A whole number; the default where nothing is stated."""
        return self._quantity(value, default, {"": 1.0})

    def megabytes(self, value: Any) -> int:
        """A size in MiB, rounded up; a bare number is one of MiB; 0 where nothing is stated."""
        return self._quantity(value, 0, {"": 1.0} | UNITS)

    def gigabytes(self, value: Any) -> int:
        """A size in GiB, rounded up; a bare number is one of GiB; 0 where nothing is stated."""
        return self._quantity(value, 0, {"": 1.0} | {key: one / 1024 for key, one in UNITS.items()})

    def truth(self, value: Any, *, default: bool = False) -> bool:
        """A truth; the default where nothing is stated.  VimRefused where it is none."""
        found = self.plain(value)
        if isinstance(found, bool):
            return found
        if found == "":
            return default
        try:
            return TRUTHS[str(found).casefold()]
        except KeyError:
            raise self._unreadable(value, "true, false") from None

    def _quantity(self, value: Any, default: int, units: Mapping[str, float]) -> int:
        found = self.plain(value)
        if found == "":
            return default
        match = NUMBER.fullmatch(str(found))
        factor = units.get(match[2].casefold()) if match else None
        if match is None or factor is None or isinstance(found, bool):
            raise self._unreadable(value, ", ".join(["1", *(f"1 {one}" for one in units if one)]))
        return -int(-float(match[1]) * factor // 1)

    def _unreadable(self, value: Any, wanted: str) -> VimRefused:
        return VimRefused(
            N_("“%(value)s” cannot be read. It has to be like one of these: %(wanted)s."),
            code="value_invalid",
            value=self.words(value),
            wanted=wanted,
        )

    def _resolved(self, value: Any, of: Any) -> Any:
        found = self.hot(value)
        if not isinstance(found, dict):
            return found
        if "get_param" in found:
            return of(found["get_param"])
        return "".join(_as_text(self._resolved(one, of)) for one in as_list(value["concat"]))

    def _value(self, name: str) -> Any:
        return self.given.get(name, self.parameters[name].get("default"))

    def _told(self, name: str) -> Any:
        secret = name in self.given or self.parameters[name].get("hidden")
        return f"{{get_input: {name}}}" if secret else self._value(name)

    def _used(self, argument: Any) -> str:
        """The name of an input that something uses; one that is not declared has to be given."""
        names = as_list(argument)
        name = as_name(names[0]) if len(names) == 1 else ""
        if name not in self.parameters:
            if name in self._block:
                raise VimRefused(MISSING, code="input_missing", name=name)
            self._declare(name, {}, undeclared=True)
        return name

    def _declare(self, name: str, body: dict[str, Any], *, undeclared: bool = False) -> None:
        kind = as_name(body.get("type")).casefold() or "string"
        parameter: dict[str, Any] = {"type": TYPES.get(kind, "string")}
        given = self._spec.parameters.get(name, known_facts(self._spec, name))
        default = body.get("default")
        if given is not None:
            self.given[name] = _typed(name, given, parameter["type"])
        elif default is None and undeclared:
            text = N_(
                "The template uses the input “%(name)s”, which it does not declare and the order "
                "does not give."
            )
            raise VimRefused(text, code="input_undeclared", name=name)
        elif default is None and _as_text(body.get("required", True)) != "false":
            raise VimRefused(MISSING, code="input_missing", name=name)
        elif default is None and parameter["type"] == "string":
            default = ""
        if default is not None:
            parameter["default"] = _typed(name, default, parameter["type"])
        elif given is None:
            return
        if description := as_name(body.get("description")):
            parameter["description"] = description
        if kind == "password" or name.casefold() == "sk":
            parameter["hidden"] = True
        if constraints := self._constraints(name, body.get("constraints"), parameter["type"]):
            parameter["constraints"] = constraints
        self.parameters[name] = parameter

    def _constraints(self, name: str, block: Any, kind: str) -> list[dict[str, Any]]:
        """TOSCA's constraints in HOT's words; Heat itself checks the values against them."""
        found: list[dict[str, Any]] = []
        for word, value in (pair for one in as_list(block) for pair in as_map(one).items()):
            if word in ("valid_values", "equal"):
                values = [_typed(name, one, kind) for one in as_list(value)]
                found.append({"allowed_values": values})
            elif word == "pattern":
                found.append({"allowed_pattern": str(value)})
            elif word == "length":
                found.append({"length": {"min": value, "max": value}})
            elif word == "in_range" and len(as_list(value)) == 2:
                ends = zip(("min", "max"), as_list(value), strict=True)
                found.append({"range": {end: one for end, one in ends if one != "UNBOUNDED"}})
            elif word in BOUNDS:
                bounded, end = BOUNDS[word]
                found.append({bounded: {end: value}})
            else:
                self.unread.append((name, f"constraints.{word}"))
        return found


def _typed(name: str, value: Any, kind: str) -> Any:
    """A value as a parameter of this kind; VimRefused, without telling it, where it is none."""
    if kind == "string":
        return _as_text(value)
    try:
        if kind == "json":
            return json.loads(value) if isinstance(value, str) else value
        text = _as_text(value).strip()
        if kind == "boolean":
            return TRUTHS[text.casefold()]
        if not SIGNED.fullmatch(text):
            raise ValueError
        return float(text) if "." in text else int(text)
    except (ValueError, KeyError, RecursionError):
        text = N_("The value of the input “%(name)s” is not of its type (%(type)s).")
        raise VimRefused(text, code="input_invalid", name=name, type=kind) from None


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
