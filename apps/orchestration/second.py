"""The second generation of the edge's API: the views of the first in EdgeGallery's envelope.

Success is ``{"data", "retCode": 0, "message", "params"}`` with the first generation's answer as
data.  A refusal keeps its HTTP status and its problem document, with ``retCode`` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.errors import cause_in

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

SUCCESS = 0
# The original's numbers: by the field that is wrong, by what went wrong, and by status.
BY_FIELD = {
    "hostIp": 31003,
    "appId": 31007,
    "packageId": 31008,
    "tenantId": 31009,
    "tenant_id": 31009,
    "appName": 31010,
    "capability_id": 31020,
    "origin": 31029,
    "vim": 31032,
    "appInstances": 31035,
    "configFile": 31100,
    "package": 31100,
}
BY_CODE = {
    "instance_differs": 31013,
    "limit": 31025,
    "malformed": 31024,
    "no_voices": 31203,
    "not_a_zip": 31105,
    "too_large": 31103,
    "credentials_invalid": 31100,
    "credentials_missing": 31204,
    "driver_missing": 31201,
    "vim_refused": 31202,
    "vim_unreachable": 31204,
}
BY_STATUS = {
    400: 31027,
    401: 31001,
    403: 31000,
    404: 31303,
    409: 31400,
    412: 31400,
    413: 31005,
    501: 31503,
    502: 31016,
    504: 31016,
}
OTHER = 31503


class Enveloped:
    """Wraps what the view below it answers."""

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """The same answer in the envelope; a file or a stream stays what it is."""
        if isinstance(response, Response):
            response.data = _wrapped(response)
        parent: Any = super()
        done: HttpResponseBase = parent.finalize_response(request, response, *args, **kwargs)
        return done


def _wrapped(response: Response) -> dict[str, Any]:
    if response.status_code < 400:
        return {"data": response.data, "retCode": SUCCESS, "message": "success", "params": None}
    body = response.data if isinstance(response.data, dict) else {}
    return {**body, "retCode": code_of(response.status_code, body), "params": None}


def code_of(status: int, problem: Mapping[str, Any]) -> int:
    """The original's number for a problem: the wrong field's, else the cause's, else a general."""
    for name in problem.get("errors") or {}:
        field = str(name).split("[")[0].split(".")[0]
        if field in BY_FIELD:
            return BY_FIELD[field]
    return BY_CODE.get(cause_in(problem)) or BY_STATUS.get(status, OTHER)


@cache
def second(view: type[APIView]) -> type[APIView]:
    """The view of the second generation: ``view`` in the envelope, under a name of its own."""
    name = f"{view.__name__.removesuffix('View')}SecondView"
    return type(name, (Enveloped, view), {"__doc__": view.__doc__, "__module__": view.__module__})
