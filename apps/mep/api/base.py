"""What the views of Mp1 share: who calls, which application the path names, and answers."""

from __future__ import annotations

import re
from typing import Any, NoReturn, cast

import msgspec
from django.http import HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common import conditional
from apps.common.errors import DomainError, Invalid
from apps.common.words import Reason
from apps.mep import documents
from apps.mep.access import Caller, Mp1Authentication, as_uuid, owned, unknown
from apps.mep.api.description import MepSchema, Schema
from apps.mep.models import Application, MecService
from apps.mep.selectors import Query, service_of


class UriTooLong(DomainError):
    """More query than any client needs."""

    status = 414
    title = N_("URI too long")
    default_code = "uri_too_long"


MOST_QUERY = 8192


class MepView(APIView):
    """A view of Mp1 or Mm5, whose handlers say with ``described`` what they do."""

    schema = MepSchema()
    # What any request may meet with, whatever the handler does.
    problems: tuple[int, ...] = (406,)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """The methods, in Allow (RFC 9110 clause 9.3.7), and nothing of what is there."""
        return nothing()


class Mp1View(MepView):
    """A view of Mp1.  Checks in the order 401, 404, 403, 404, 400, 412, then the domain's own."""

    authentication_classes = [Mp1Authentication]
    problems = (406, 414)
    queries: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authentication first, then nothing in the query that nobody knows."""
        super().initial(request, *args, **kwargs)
        if len(request.META.get("QUERY_STRING", "")) > MOST_QUERY:
            raise UriTooLong(N_("The query is longer than %(most)s bytes."), most=MOST_QUERY)

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return cast(Caller, self.request.user)

    def application(self, text: str) -> Application:
        """The application of the path, if the caller speaks for it."""
        found = owned(self.caller, text)
        self.check_query()
        return found

    def service(self, application: Application, text: str) -> MecService:
        """A service of the application."""
        found = service_of(application, as_uuid(text))
        if found is None:
            raise unknown(N_("There is no such service."))
        return found

    def check_query(self) -> None:
        """Refuse query parameters that the resource does not have."""
        for name in self.request.query_params:
            if name not in self.queries:
                bad_query(name, Reason(N_("is not a parameter of this resource"), "unknown"))


def bad_query(name: str, reason: Reason) -> NoReturn:
    """Raise the 400 for one query parameter."""
    raise Invalid(N_("The request is not valid."), fields={name: reason})


def answer(data: Any, *, status: int = 200, location: str = "", etag: str = "") -> HttpResponse:
    """A JSON answer."""
    response = HttpResponse(
        msgspec.json.encode(data), status=status, content_type="application/json"
    )
    if location:
        response["Location"] = location
    if etag:
        response["ETag"] = etag
    return response


def single(document: documents.Document, *, status: int = 200, location: str = "") -> HttpResponse:
    """The answer with one resource and its validator."""
    return answer(document, status=status, location=location, etag=documents.etag(document))


def nothing() -> HttpResponse:
    """204 with no body at all."""
    response = HttpResponse(status=204)
    del response["Content-Type"]
    return response


def check_match(request: Request, document: documents.Document) -> None:
    """Refuse when If-Match is given and names no present representation; nothing is changed."""
    given = request.headers.get("If-Match")
    if given is not None:
        conditional.check_match(given, [documents.etag(document)])


_QUERY_NAMES = (
    "ser_instance_id", "ser_name", "ser_category_id", "consumed_local_only", "is_local",
    "scope_of_locality",
)
_EXCLUSIVE, _ONE_VALUE = _QUERY_NAMES[:3], _QUERY_NAMES[2:]
_SCOPES = ("MEC_SYSTEM", "MEC_HOST", "NFVI_POP", "ZONE", "ZONE_GROUP", "NFVI_NODE")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORD: Schema = {"type": "string", "minLength": 1, "pattern": r"^[^\x00-\x1f\x7f]+$"}
# Repeated, or separated by commas.
_WORDS: Schema = {
    "type": "array", "minItems": 1, "items": _WORD | {"pattern": r"^[^\x00-\x1f\x7f,]+$"},
}


def _parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


QUERY: tuple[Schema, ...] = (
    _parameter("ser_instance_id", _WORDS, "Ids; excludes ser_name and ser_category_id."),
    _parameter("ser_name", _WORDS, "Names; excludes ser_instance_id and ser_category_id."),
    _parameter(
        "ser_category_id", _WORD,
        "Id or name of a category; excludes ser_instance_id and ser_name.",
    ),
    _parameter("consumed_local_only", {"type": "boolean"}, "The service's consumedLocalOnly."),
    _parameter("is_local", {"type": "boolean"}, "Locality relative to the caller."),
    _parameter(
        "scope_of_locality", {"type": "string", "enum": list(_SCOPES)},
        "The service's scopeOfLocality.",
    ),
)


class FilteredView(Mp1View):
    """A view with the service query (clause 8.2.3.3.1)."""

    queries = _QUERY_NAMES


def query_of(request: Request) -> Query:
    """The service query; Invalid for contradictions and values that no service can have."""
    given = request.query_params
    used = [name for name in _EXCLUSIVE if name in given]
    if len(used) > 1:
        names = ", ".join(_EXCLUSIVE)
        bad_query(
            used[1], Reason(N_("excludes the others of %(names)s"), params={"names": names})
        )
    for name in _ONE_VALUE:
        if len(given.getlist(name)) > 1:
            bad_query(name, Reason(N_("may be given once"), "invalid"))
    scope = given.get("scope_of_locality", "")
    if "scope_of_locality" in given and scope not in _SCOPES:
        bad_query("scope_of_locality", _one_of(_SCOPES))
    return Query(
        ids=tuple(as_uuid(text) for text in _words(request, "ser_instance_id")),
        names=tuple(_words(request, "ser_name")),
        category=_text(request, "ser_category_id"),
        consumed_local_only=_truth(request, "consumed_local_only"),
        is_local=_truth(request, "is_local"),
        scope=scope,
    )


def _words(request: Request, name: str) -> list[str]:
    """The values of a parameter, repeated or separated by commas."""
    found = [
        word for value in request.query_params.getlist(name) for word in value.split(",") if word
    ]
    if name in request.query_params and not found:
        bad_query(name, Reason(N_("needs a value"), "empty"))
    _check_plain(name, *found)
    return found


def _text(request: Request, name: str) -> str:
    """The value of a parameter that has one; empty where it is not given."""
    found = request.query_params.get(name)
    if found == "":
        bad_query(name, Reason(N_("needs a value"), "empty"))
    _check_plain(name, found or "")
    return found or ""


def _check_plain(name: str, *words: str) -> None:
    if any(map(_CONTROL.search, words)):
        bad_query(name, Reason(N_("must not contain control characters"), "invalid"))


def _truth(request: Request, name: str) -> bool | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if text not in ("true", "false"):
        bad_query(name, _one_of(("true", "false")))
    return text == "true"


def _one_of(values: tuple[str, ...]) -> Reason:
    return Reason(N_("must be one of %(values)s"), params={"values": ", ".join(values)})

