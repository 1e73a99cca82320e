"""The types of Mp1 and Mm5 as components of an OpenAPI 3.0 description.

What a type's members cannot say stands in its ``narrower``, next to the code that checks it.
"""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from apps.mep.types import Members

Schema = dict[str, Any]
REF = "#/components/schemas/{name}"


def schema_of(kind: Any) -> Schema:
    """The schema of a type; a component is referred to."""
    schemas, _ = msgspec.json.schema_components([kind], ref_template=REF)
    found: Schema = _plain(schemas[0])
    return found


def add(result: Schema, **_more: Any) -> Schema:
    """The hook of the description: add the components that its operations refer to.

    After drf-spectacular's own, which would give each list of words a component and a guessed name.
    """
    kinds = _by_name(Members)
    wanted = [kinds[name] for name in sorted(_references(result["paths"]) & kinds.keys())]
    _, found = msgspec.json.schema_components(wanted, ref_template=REF)
    known = result.setdefault("components", {}).setdefault("schemas", {})
    taken = known.keys() & found.keys()
    if taken:
        raise ValueError(f"two components of one name: {', '.join(taken)}")
    known |= {name: _component(schema, kinds[name]) for name, schema in found.items()}
    return result


def _references(within: Any) -> set[str]:
    """The names of the components that a part of a description refers to."""
    if isinstance(within, list):
        return set().union(*map(_references, within))
    if not isinstance(within, dict):
        return set()
    own = {str(within["$ref"]).rpartition("/")[2]} if "$ref" in within else set()
    return own.union(*map(_references, within.values()))


def _component(schema: Schema, kind: type[Members]) -> Schema:
    found: Schema = _plain(schema)
    found["description"] = inspect.cleandoc(kind.__doc__ or "")
    del found["title"]  # repeats the name
    if not found["required"]:
        del found["required"]  # OpenAPI 3.0 has no empty list here
    return found | kind.narrower


def _by_name(kind: type[Members]) -> dict[str, type[Members]]:
    found = {kind.__name__: kind}
    for one in kind.__subclasses__():
        found |= _by_name(one)
    return found


def _plain(schema: Any) -> Any:
    """In the words of OpenAPI 3.0, which knows no null, and of all engines' patterns."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _plain(value) for key, value in schema.items()}
    options = found.get("anyOf", [])
    if {"type": "null"} in options:
        del found["anyOf"]
        rest = [one for one in options if one != {"type": "null"}]
        found |= {"allOf": rest, "nullable": True}
    if isinstance(found.get("pattern"), str):
        # The end of a text is "\Z" in Python only, and "$" in every other engine.
        found["pattern"] = found["pattern"].replace(r"\Z", "$")
    return found
