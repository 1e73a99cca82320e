"""How the OpenAPI description is made: request bodies from serializers, one name per operation."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from apps.common.pagination import FURTHEST, MOST

JSON, PROBLEM = "application/json", "application/problem+json"
PROBLEMS = {
    400: "Malformed, or something in it is wrong; `errors` says what.",
    401: "No token, or one that does not hold.",
    403: "The caller may not; `detail` says why.",
    404: "There is no such thing, or not for this caller.",
    405: "The resource has no such method.",
    406: "Only JSON is answered.",
    409: "The present state, or a limit, does not allow it.",
    412: "The state of the instance, or If-Match, does not allow it.",
    413: "The body is larger than it may be.",
    415: "The body is of another media type than those that are read.",
    422: "The Idempotency-Key was used with another body, or the document cannot be taken.",
    423: "Another piece of work holds it for the moment.",
    429: "Too many attempts.",
    501: "Not offered.",
    502: "Another system failed.",
    504: "Another system did not answer in time.",
}
IDEMPOTENCY_KEY = {
    "in": "header", "name": "Idempotency-Key", "schema": {"type": "string", "maxLength": 128},
    "description": "The same call with the same key is answered once and replayed for 24 h.",
}
IF_MATCH = {
    "in": "header", "name": "If-Match", "schema": {"type": "string"},
    "description": "The ETag of what was read; 412 when it has changed since (RFC 9110, 13.1.1).",
}
PAGING = [
    {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": MOST},
     "description": "How many at most; all where it is not given."},
    {"in": "query", "name": "offset",
     "schema": {"type": "integer", "minimum": 0, "maximum": FURTHEST},
     "description": "How many to leave out at the beginning."},
]
Endpoint = tuple[str, str, str, Callable[..., Any]]


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem of RFC 9457, with what clients written for EdgeGallery read."""

    type = serializers.CharField(help_text="What kind of problem it is, as a URN.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened, in the reader's language.")
    instance = serializers.CharField(help_text="The path that was asked.")
    message = serializers.CharField(help_text="The words of EdgeGallery where it has some.")
    details = serializers.ListField(child=serializers.CharField())
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False, help_text="What is wrong, by field."
    )


class HouseSchema(AutoSchema):
    """Views build their answers themselves, so an answer is an object unless the view says more."""

    def get_operation_id(self) -> str:
        """``InstanceListView`` and POST make ``instance_list_post``."""
        name = type(self.view).__name__.removesuffix("View")
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        mount, _, rest = self.path.strip("/").partition("/")
        if getattr(self.view, "spellings", False):
            # One view at several addresses: which one it is stands in the name.
            words = f"{mount}_{words}" + ("_of_tenant" if "{tenant_id}" in rest else "")
        return f"{words}_{self.method.lower()}"

    def get_request_serializer(self) -> Any:
        """The view's ``serializer_class`` is what its body has to be; without one there is none."""
        return getattr(self.view, "serializer_class", None)

    def _get_request_body(self, direction: Any = "request") -> Any:
        """As usual, and where the view's ``bodies`` say by method whether there must be one."""
        method = self.method
        must = getattr(self.view, "bodies", {}).get(method)
        if must is None:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        self.method = "POST"  # of a DELETE no body is ever described
        try:
            found = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
            return found | {"required": must}
        finally:
            self.method = method

    def _get_parameters(self) -> Any:
        """Without the tenant in the query where the address has one; with what handlers honour."""
        found = super()._get_parameters() + self._honoured()
        if "{tenant_id}" not in self.path:
            return found
        return [one for one in found if (one["in"], one["name"]) != ("query", "tenant_id")]

    def _honoured(self) -> list[Any]:
        """Paging of a list, and the headers that a decorator of the handler looks at."""
        handler = getattr(self.view, self.method.lower(), None)
        found = []
        if getattr(handler, "idempotent", False):
            found.append(IDEMPOTENCY_KEY)
        if getattr(handler, "conditional", False):
            found.append(IF_MATCH)
        if self.method == "GET" and getattr(self.view, "paged", False):
            found += PAGING
        return deepcopy(found)

    def get_response_serializers(self) -> Any:
        """JSON unless the view's ``answers`` say more.

        ``answers`` maps a method to its statuses of success and their media types, one or several.
        """
        said = getattr(self.view, "answers", {}).get(self.method, {"2XX": JSON})
        kinds = {JSON: OpenApiTypes.ANY, "text/plain": OpenApiTypes.STR}
        return {
            (status, media): OpenApiResponse(
                kinds.get(media, OpenApiTypes.BINARY), description="What was asked for."
            )
            for status, several in said.items()
            for media in ((several,) if isinstance(several, str) else several)
        }

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """Whatever a view says of its answers, a problem for all that can go wrong."""
        found = super()._get_response_bodies(direction)
        for status, words in PROBLEMS.items():
            if str(status) not in found:
                problem = OpenApiResponse(ProblemSerializer, description=words)
                found[str(status)] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    problem, str(status), [PROBLEM], direction
                )
        return found

    def get_tags(self) -> list[str]:
        """Operations are grouped by the mount that they belong to."""
        return [self.path.strip("/").split("/")[0]]


def without_twins(endpoints: list[Endpoint], **_: Any) -> list[Endpoint]:
    """Drop the spelling with a trailing slash where the one without is described too."""
    paths = {path for path, *_ in endpoints}
    return [one for one in endpoints if not (one[0].endswith("/") and one[0][:-1] in paths)]
