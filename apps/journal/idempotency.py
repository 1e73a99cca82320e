"""``Idempotency-Key``: a POST that creates work is done once, however often it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from apps.common import clock
from apps.common.errors import Conflict, DomainError, Invalid
from apps.common.words import Reason
from apps.journal.models import RememberedAnswer


class KeyReused(DomainError):
    """The same key came with another body."""

    status = 422
    title = N_("Idempotency key used twice")
    default_code = "idempotency_key_reused"


ABANDONED = timedelta(minutes=15)
V = TypeVar("V", bound=APIView)
P = ParamSpec("P")


def idempotent(
    handler: Callable[Concatenate[V, Request, P], Response],
) -> Callable[Concatenate[V, Request, P], Response]:
    """Let ``handler`` run once per caller, route and key; the first answer is replayed for 24 h.

    What a handler raises is forgotten, since no work was taken on then; so is an answer that must
    not be stored (``Cache-Control: no-store``).
    """

    @wraps(handler)
    def once(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return handler(view, request, *args, **kwargs)
        row = _claim(request, key)
        if row.status:
            return Response(row.body, status=row.status, headers={"Idempotency-Replayed": "true"})
        try:
            response = handler(view, request, *args, **kwargs)
        except BaseException:
            row.delete()
            raise
        _remember(row, response)
        return response

    once.idempotent = True  # type: ignore[attr-defined]  # for the description
    return cast(Callable[Concatenate[V, Request, P], Response], once)


def drop_claims() -> int:
    """At the start of a site that is one process: nobody is answering anything any more."""
    return RememberedAnswer.objects.filter(status=0).delete()[0]


def _claim(request: Request, key: str) -> RememberedAnswer:
    if len(key) > 128:
        reason = Reason(N_("must be at most 128 characters"))
        raise Invalid(N_("The request is not valid."), fields={"Idempotency-Key": reason})
    scope: dict[str, Any] = {
        "caller": str(getattr(request.user, "actor_id", "")),
        "route": f"{request.method} {request.path}"[:255],
        "key": key,
    }
    digest = _digest(request)
    try:
        with transaction.atomic():
            return RememberedAnswer.objects.create(**scope, body_digest=digest)
    except IntegrityError:
        row = RememberedAnswer.objects.get(**scope)
    if row.body_digest != digest:
        raise KeyReused(N_("This Idempotency-Key was already used with another body."))
    if not row.status and row.created_at < clock.now() - ABANDONED:
        # Whoever had it died without an answer; the services below recognise what is done already.
        RememberedAnswer.objects.filter(pk=row.pk).update(created_at=clock.now())
        return row
    if not row.status:
        raise Conflict(N_("The first call with this Idempotency-Key is still being answered."))
    return row


def _digest(request: Request) -> str:
    """What makes two calls the same: the query, and every byte or part of a form of the body."""
    digest = hashlib.sha256(request.META.get("QUERY_STRING", "").encode())
    if not request.content_type.startswith("multipart/"):
        digest.update(b"\n" + request.body)
        return digest.hexdigest()
    for name, value in sorted(request.POST.items()):
        digest.update(f"{name}={value}\n".encode())
    for name, file in sorted(request.FILES.items()):
        digest.update(f"{name}:{file.name}:{file.size}\n".encode())
        for chunk in file.chunks():
            digest.update(chunk)
        file.seek(0)
    return digest.hexdigest()


def _remember(row: RememberedAnswer, response: Response) -> None:
    if response.status_code >= 500 or response.get("Cache-Control") == "no-store":
        row.delete()
        return
    row.status = response.status_code
    row.body = json.loads(json.dumps(response.data, cls=JSONEncoder))  # with times and ids as text
    row.save(update_fields=["status", "body"])
