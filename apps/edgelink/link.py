"""The link to one edge: where it is reached, tokens bound to it, domain errors.  No models."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, Self

import httpx
from django.conf import settings
from django.utils.translation import gettext_noop as N_

from apps.common import clock, http
from apps.common.errors import DomainError, Upstream, cause_in
from apps.edgelink import ahead, through
from apps.hosts import managers
from apps.hosts.models import AppLcm
from apps.journal import orders
from apps.journal.context import request_id
from apps.tenants import tokens
from apps.tenants.actors import SYSTEM, Actor

NOT_DIALLED = N_("%(where)s has not dialled in yet.")


class EdgeLink:
    """The link to one edge on behalf of ``actor``; use as a context manager.

    ``url`` is where the edge is reached, whichever side opened the link.  ``waiting`` surrounds
    each time in which nothing is done but to wait for the edge's answer.
    """

    def __init__(
        self,
        edge: AppLcm,
        *,
        actor: Actor = SYSTEM,
        tenant_name: str = "",
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.edge = edge
        self.actor = actor
        self.tenant_name = tenant_name
        self._waiting = waiting
        self.url = edge.base_url
        if edge.dials_in:
            self.url = through.url_of(edge.channel_url or edge.base_url, edge.pk)
        self._token, self._token_until, self._ahead = "", clock.now(), tokens.NOTHING

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "_http" in vars(self):
            self._http.close()

    @cached_property
    def _http(self) -> httpx.Client:
        # Only who sends something needs it: to make one takes as long as a request.
        session = http.client(self.url)
        session.event_hooks["response"].append(through.raise_fault)
        return session

    def headers(self) -> dict[str, str]:
        """A token for the edge that names the acting user, and the request's id.

        One for the way through this center where the edge opens the link.  Raises Upstream while it
        has none open, and for an edge that was shut out: nothing is asked of it any more.
        """
        if self.edge.revoked_at is not None:
            raise Upstream(
                N_("“%(where)s” was shut out; nothing is ordered there any more."),
                where=self.edge.name,
                retryable=False,
                code="revoked",
            )
        way = self._way()
        if self.edge.site_id is None:
            self._meet()
        assert self.edge.site_id is not None  # noqa: S101 - _meet pins it or raises
        if clock.now() >= self._token_until:
            site, name = self.edge.site_id, self.tenant_name
            self._token = tokens.site_token(
                self.actor, audience=site, tenant_name=name, ahead=self._ahead
            )
            self._token_until = clock.now() + settings.SITE_TOKEN_LIFETIME / 2
        headers = {"Authorization": f"Bearer {self._token}"} | way
        return headers | ({"X-Request-ID": request_id.get()} if request_id.get() else {})

    def _way(self) -> dict[str, str]:
        """What the process that holds the edge's line wants to see; nothing when we dial."""
        if not self.edge.dials_in:
            return {}
        if self.edge.channel_url:
            return {through.TOKEN_HEADER: tokens.through_token(self.edge.pk)}
        since = self.edge.since if self.edge.reachable is False else None
        text = N_("%(where)s has not dialled in since %(since)s.") if since else NOT_DIALLED
        when = f"{since:%Y-%m-%d %H:%M} UTC" if since else ""
        raise Upstream(text, where=self.edge.name, since=when, code="unreachable")

    def _meet(self) -> None:
        """Learn who answers there and pin it: every later token is bound to that identity."""
        with self._waiting():
            said = http.send(
                self._http, "GET", "/sync/v1/site", called=self.edge.name, headers=self._way()
            )
        try:
            site_id = uuid.UUID(said.json()["site_id"])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._stranger(retryable=False) from None
        managers.note_identity(applcm_id=self.edge.pk, site_id=site_id)
        self.edge.site_id = site_id

    def _read(self, shape: type, url: str, **options: Any) -> Any:
        """The JSON that the edge answers; Upstream when it is none, as from a page of a proxy."""
        try:
            found = self._send("GET", url, **options).json()
        except ValueError:
            raise self._stranger(retryable=True) from None
        if not isinstance(found, shape):
            raise self._stranger(retryable=True)
        return found

    def _stranger(self, *, retryable: bool) -> Upstream:
        return Upstream(
            N_("What answers at %(where)s is not an edge."),
            where=self.edge.name,
            retryable=retryable,
            code="not_an_edge",
        )

    def _order(
        self, method: str, url: str, *, based_on: int | None = None, **options: Any
    ) -> httpx.Response:
        """Send an order with its number; one that the edge knows better than is tried again later.

        What the edge changed meanwhile comes with its feed, and the order is then given anew.
        """
        extra = {orders.NUMBER_HEADER: str(orders.number.get())} if orders.number.get() else {}
        if based_on is not None:
            extra[orders.BASE_HEADER] = str(based_on)
        try:
            return self._send(method, url, extra=extra, **options)
        except DomainError as error:
            said = cause_in(error.answer)
            if said == "overtaken":
                orders.catch_up(int(error.answer.get("taken") or 0))
            if said in orders.NOT_TAKEN:
                why = error.reason
                raise Upstream(why.text, code=said, **why.params) from None
            raise

    def _send(
        self, method: str, url: str, *, extra: dict[str, str] | None = None,
        again: bool = True, **options: Any,
    ) -> httpx.Response:
        try:
            headers, session = self.headers() | (extra or {}), self._http
            with self._waiting():
                return http.send(
                    session, method, url, called=self.edge.name, headers=headers, **options
                )
        except DomainError as error:
            # A token that was too old says nothing of what was asked with it.
            is_old = cause_in(error.answer) == "token_expired"
            error.retryable = error.retryable or is_old
            self._ahead = ahead.told_by(error)
            if not (again and is_old):
                raise
        self._token_until = clock.now()
        return self._send(method, url, extra=extra, again=False, **options)
