"""``POST /mep/token``: a token for an application that signs its request with its AK/SK."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from apps.mep import credentials
from apps.mep.answers import TokenAnswer
from apps.mep.api.base import MepView, answer
from apps.mep.api.description import Schema, described
from apps.mep.bodies import raw
from apps.mep.signature import Message

_DAY = (
    "((0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-9])|(0[13-9]|1[0-2])30|(0[13578]|1[02])31)"
)
_SIGNED: tuple[Schema, ...] = (
    {
        "name": "X-Sdk-Date", "in": "header", "required": True,
        "description": "When the request was signed; not more than 15 minutes from now.",
        "schema": {
            "type": "string",
            "pattern": f"^[12][0-9]{{3}}{_DAY}T([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z$",
            "example": "20210625T100000Z",
        },
    },
    {
        "name": "Host", "in": "header", "required": True,
        "description": "The site's host and port, as they were signed.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"},
    },
)
_SCHEME: Schema = {
    "type": "apiKey", "in": "header", "name": "Authorization",
    "description": "SDK-HMAC-SHA256 Access={AK}, SignedHeaders=content-type;host;x-sdk-date,"
    " Signature={64 hex digits}: signed with the application's SK over method, path, query, the"
    " named headers and the body. Each signed request is good for one use.",
}


class ApplicationTokenView(MepView):
    """The signature is the proof (SDK-HMAC-SHA256), so no other one is looked at."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @described(
        answers={200: TokenAnswer}, parameters=_SIGNED, security=("signature", _SCHEME),
        problems=(401, 403, 413, 415, 429),
    )
    def post(self, request: Request) -> HttpResponse:
        """A bearer token with its lifetime in seconds."""
        address = request.META.get("REMOTE_ADDR", "")
        message = Message(
            method="POST",
            path=request.path,
            headers=list(request.headers.items()),
            query=[
                (key, value) for key, values in request.query_params.lists() for value in values
            ],
            body=raw(request),
        )
        authorization = request.headers.get("Authorization", "")
        application = credentials.sign_in(message, authorization, address=address)
        return answer(credentials.issue(application, address=address))
