"""``POST /mep/token``: a token for an application that signs its request with its AK/SK."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.mep import credentials
from apps.mep.api.base import answer
from apps.mep.bodies import raw
from apps.mep.signature import Message


class TokenView(APIView):
    """The signature is the proof (SDK-HMAC-SHA256), so no other one is looked at."""

    authentication_classes = []
    permission_classes = [AllowAny]

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
