"""How the operations of Mp1 and Mm5 get into the OpenAPI description.

A handler says with ``@described`` what it takes and answers; ``MepSchema`` adds what all have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from apps.common.problem import CONTENT_TYPE
from apps.common.schema import HouseSchema
from apps.mep import components
from apps.mep.answers import ProblemDetails

Schema = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])
JSON = "application/json"
_TEXT: Schema = {"type": "string"}

LOCATION: Schema = {
    "description": "The address of the new resource.", "required": True,
    "schema": {"type": "string", "format": "uri-reference"},
}
ETAG: Schema = {
    "description": "A strong validator of the representation.", "required": True,
    "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
}
RETRY: Schema = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
CHALLENGE: Schema = {"description": "How to ask.", "required": True, "schema": _TEXT}
ALLOW: Schema = {"description": "The methods that there are.", "required": True, "schema": _TEXT}
IF_MATCH: Schema = {
    "name": "If-Match", "in": "header",
    "description": "ETags of which one must be that of the present representation, or *.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[!-~]+$"},
}
_WHAT_HAPPENED = {
    400: "Malformed, or something in it is wrong; `errors` says what.",
    401: "No token, or one that does not hold.",
    403: "The caller may not; `detail` says why.",
    404: "There is no such resource, or not for this caller.",
    405: "The resource has no such method.",
    406: "Only JSON is answered.",
    409: "The present state, or a limit, does not allow it.",
    412: "If-Match names another state of the resource.",
    413: "The body is larger than it may be.",
    414: "The query is longer than 8192 bytes.",
    415: "The body is stated to be something other than JSON.",
    429: "Too many attempts.",
    503: "Too many such calls at once; try again.",
}
_HEADERS = {
    201: {"Location": LOCATION},
    401: {"WWW-Authenticate": CHALLENGE},
    405: {"Allow": ALLOW},
    429: {"Retry-After": RETRY},
    503: {"Retry-After": RETRY},
}


@dataclass(frozen=True)
class Described:
    """What one handler takes and answers.

    ``body`` and the values of ``answers`` are types, None for no content, or the name of the
    view's attribute that is the type.
    """

    answers: dict[int, Any]
    body: Any = None
    etag: bool = False
    if_match: bool = False
    problems: tuple[int, ...] = ()
    parameters: tuple[Schema, ...] = ()
    path: dict[str, Schema] = field(default_factory=dict)
    links: dict[str, Schema] = field(default_factory=dict)
    media_type: str = JSON
    # A proof that is no business of REST framework: the name and definition of its scheme.
    security: tuple[str, Schema] | None = None


def described(**about: Any) -> Callable[[F], F]:
    """Say what a handler takes and answers; the arguments are the fields of ``Described``."""

    def mark(handler: F) -> F:
        handler.described = Described(**about)  # type: ignore[attr-defined]
        return handler

    return mark


def link(operation: str, **parameters: str) -> Schema:
    """Where an answer leads: an operation's id, and its parameters taken from the exchange."""
    return {"operationId": operation, "parameters": parameters}


class MepSchema(HouseSchema):
    """The description of a handler that says with ``described`` what it does."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str,
        registry: ComponentRegistry,
    ) -> Any:
        """The operation as OpenAPI spells it; ``components.add`` adds what it refers to."""
        operation = cast(
            Schema, super().get_operation(path, path_regex, path_prefix, method, registry)
        )
        about: Described = getattr(self.view, method.lower()).described
        parameters = [self._path_parameter(one, about) for one in operation.get("parameters", [])]
        parameters += about.parameters
        if about.if_match:
            parameters.append(IF_MATCH)
        if parameters:
            operation["parameters"] = parameters
        if about.security:
            name, definition = about.security
            scheme = ResolvedComponent(  # type: ignore[no-untyped-call]
                name=name, type=ResolvedComponent.SECURITY_SCHEMA, object=name, schema=definition
            )
            registry.register_on_missing(scheme)
            operation["security"] = [{name: []}]
        if about.body:
            content = {JSON: {"schema": self._schema(about.body)}}
            operation["requestBody"] = {"required": True, "content": content}
        operation["responses"] = self._successes(about) | self._problems(about, parameters)
        return operation

    def get_summary(self) -> str:
        """The first sentence of the handler."""
        words: str = self.get_doc_of_handler().split("\n")[0]
        return words.rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        """What the handler does, and which resource of which clause it belongs to."""
        own = self.view.__class__.__doc__ or ""
        return f"{self.get_doc_of_handler()}\n\n{_clean(own)}"

    def get_doc_of_handler(self) -> str:
        """The handler's docstring."""
        return _clean(getattr(self.view, self.method.lower()).__doc__ or "")

    def _path_parameter(self, found: Schema, about: Described) -> Schema:
        opaque = {"type": "string", "minLength": 1, "description": "An opaque identifier."}
        schema = about.path.get(found["name"], opaque)
        return {"in": "path", "name": found["name"], "required": True, "schema": schema}

    def _successes(self, about: Described) -> Schema:
        found: Schema = {}
        for status, kind in about.answers.items():
            phrase = _WHAT_HAPPENED.get(status, HTTPStatus(status).phrase)
            response: Schema = {"description": phrase}
            headers = dict(_HEADERS.get(status, {}))
            if about.etag and kind is not None:
                headers["ETag"] = ETAG
            if headers:
                response["headers"] = headers
            if kind is not None:
                response["content"] = {about.media_type: {"schema": self._schema(kind)}}
            if about.links and status in (HTTPStatus.OK, HTTPStatus.CREATED):
                response["links"] = about.links
            found[str(status)] = response
        return found

    def _problems(self, about: Described, parameters: list[Schema]) -> Schema:
        statuses = {400, 405, *getattr(self.view, "problems", ()), *about.problems}
        if self.view.authentication_classes:
            statuses |= {401, 403}
        if any(one["in"] == "path" for one in parameters):
            statuses.add(404)
        if about.if_match:
            statuses.add(412)
        if about.body:
            statuses |= {413, 415}
        content = {CONTENT_TYPE: {"schema": self._schema(ProblemDetails)}}
        return {
            str(status): {
                "description": _WHAT_HAPPENED[status],
                **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
                "content": content,
            }
            for status in sorted(statuses)
        }

    def _schema(self, kind: Any) -> Schema:
        """The schema of a type, or of the one that the view's attribute of that name is."""
        return components.schema_of(getattr(self.view, kind) if isinstance(kind, str) else kind)


class ApplicationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """An application's token; an administrator's does as well."""

    target_class = "apps.mep.access.Mp1Authentication"
    name = "application"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """As OpenAPI spells it."""
        return {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The token of an application instance, from POST /mep/token.",
        }


def _clean(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())
