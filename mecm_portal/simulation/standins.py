"""What the sites stand on while they are simulated: chance, the wire, the VIM, and what is slow.

Each is put where the sites' code looks for it, and taken away again afterwards.  Slow things are
done by the sites' own code once and then remembered: tokens, and what is in a package.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from apps.common import clock, http
from apps.hosts.models import MecHost
from apps.images import containers
from apps.images.models import HostImage
from apps.journal import fanout
from apps.orchestration import delivery, local, orphans
from apps.packages import services as packages
from apps.packages.csar import PackageInfo, read_package
from apps.tenants import authentication, tokens
from apps.tenants.actors import Actor
from apps.vim.images import ACTIVE, VimImage
from mecm_portal.simulation.quick import Quick
from mecm_portal.simulation.vim import Everything, Vim

REMEMBERED = timedelta(seconds=20)
MIDDLEWARE = [
    "apps.common.middleware.RequestIdMiddleware",
    "apps.common.middleware.DomainErrorMiddleware",
]
QUIET = ("django.request", "httpx")


class _Client(httpx.Client):
    """One client for the whole run: making one takes longer than a request."""

    def close(self) -> None:
        """Stay open."""

    def __exit__(self, *_: object) -> None:
        """Stay open."""


class Chance:
    """All randomness of the sites, from the seed of the run."""

    def __init__(self) -> None:
        self.dice = random.Random(0)  # noqa: S311 - to be the same again

    def seed(self, seed: int) -> None:
        """Begin another run."""
        self.dice.seed(seed)
        random.seed(seed)

    def urandom(self, size: int) -> bytes:
        """Stands for the system's."""
        return self.dice.randbytes(size)


class Tokens:
    """Remembers tokens and whose they are for as long as the sites' own code would say the same."""

    def __init__(self) -> None:
        self._make, self._read = tokens.site_token, tokens.read
        self._made: dict[Any, tuple[datetime, str]] = {}
        self._known: dict[tuple[str, str], tuple[datetime, Actor]] = {}

    def site_token(
        self,
        actor: Actor,
        *,
        audience: Any,
        tenant_name: str = "",
        ahead: timedelta = tokens.NOTHING,
    ) -> str:
        """A token that was made less than ``REMEMBERED`` ago, or a new one."""
        key, moment = (actor, audience, tenant_name, ahead), clock.now()
        at, token = self._made.get(key, (None, ""))
        if at is None or not at <= moment < at + REMEMBERED:
            token = self._make(
                actor, audience=audience, tenant_name=tenant_name, ahead=ahead
            )
            self._made[key] = (moment, token)
        return token

    def read(self, token: str, *, use: str = "access") -> Actor:
        """Whose it is, if it was read less than ``REMEMBERED`` ago by the same clock."""
        moment = clock.now()
        at, actor = self._known.get((token, use), (None, None))
        if at is None or actor is None or not at <= moment < at + REMEMBERED:
            actor = self._read(token, use=use)
            self._known[token, use] = (moment, actor)
        return actor

    def forget(self) -> None:
        """Begin another run."""
        self._made.clear()
        self._known.clear()


class Reader:
    """Reads each package once."""

    def __init__(self) -> None:
        self._read = read_package
        self._known: dict[tuple[bytes, str], PackageInfo] = {}

    def __call__(self, path: Path, **options: Any) -> PackageInfo:
        """What the real reader found in the same bytes."""
        key = (hashlib.sha256(path.read_bytes()).digest(), str(options.get("filename")))
        if key not in self._known:
            self._known[key] = self._read(path, **options)
        return self._known[key]


class Complaints(logging.Handler):
    """What the sites' code wrote into its log as an error: somebody would have to look."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        why = record.exc_info[1] if record.exc_info else None
        self.told.append(f"{record.getMessage()}: {why!r}" if why else record.getMessage())


def bring(row: HostImage, *_: object) -> tuple[VimImage, str]:
    """A registry that has every image by the time it is asked for."""
    return VimImage(row.vim_id, row.name, ACTIVE, size=1), "0" * 64


@contextmanager
def swapped(*places: tuple[Any, str, Any]) -> Iterator[None]:
    """Put a value at each ``(owner, name, value)`` for the length of the block."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    try:
        for owner, name, value in places:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


@contextmanager
def standing_in(
    *, chance: Chance, everything: Everything, remembered: Tokens, complaints: Complaints,
    transport: Callable[[], httpx.BaseTransport],
) -> Iterator[None]:
    """In the block the sites stand on what is given."""
    clients: dict[str, _Client] = {}

    def client(base_url: str, *, read_seconds: float = 0) -> httpx.Client:
        if base_url not in clients:
            clients[base_url] = _Client(
                base_url=base_url, transport=transport(), trust_env=False, timeout=None
            )
        clients[base_url].event_hooks = {}
        return clients[base_url]

    def driver_of(host: MecHost) -> Vim:
        return Vim(everything, host)

    log = logging.getLogger("mecm")
    wiring, levels = fanout.wiring(), [(name, logging.getLogger(name).level) for name in QUIET]
    log.addHandler(complaints)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Nobody hears of anything: what has to be done is found by looking, as after a lost message.
    fanout.install(())
    try:
        with swapped(
            (os, "urandom", chance.urandom),
            (random, "_urandom", chance.urandom),
            (http, "client", client),
            (local, "driver_of", driver_of),
            (orphans, "driver_of", driver_of),
            (delivery, "driver_of", driver_of),
            (tokens, "site_token", remembered.site_token),
            (authentication, "read", remembered.read),
            (packages, "read_package", Reader()),
            (containers, "bring", bring),
            (containers, "is_there", lambda row: True),
            (settings, "MIDDLEWARE", MIDDLEWARE),
            (settings, "ALLOWED_HOSTS", ["*"]),
            (settings, "LIMITS", dict.fromkeys(settings.LIMITS, 10_000)),
            *Quick().places(),
        ):
            yield
    finally:
        fanout.install(wiring)
        log.removeHandler(complaints)
        for name, level in levels:
            logging.getLogger(name).setLevel(level)
