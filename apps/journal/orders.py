"""Orders between sites are numbered, so that one that was overtaken on its way is known.

The giver takes a number when it begins the work that the order is part of; the taker keeps the
greatest per subject, also of what is gone.  A lesser one is a duplicate or comes from a worker that
was overtaken, and must not undo what came after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Invalid, PreconditionFailed
from apps.common.models import VersionCounter, next_version
from apps.common.words import Reason
from apps.journal.models import OrderTaken

NUMBER_HEADER = "X-Order"
BASE_HEADER = "X-Based-On"
GREATEST = 2**62
# Causes of an answer that says that the order was not taken.
NOT_TAKEN = ("overtaken", "stale")
KEPT = timedelta(days=180)
# The number of the order that is being given, or taken, just now; 0 where there is none.
number: ContextVar[int] = ContextVar("order_number", default=0)
# The version that an order being taken is based on: of what it changes or, where its giver knows of
# none, that up to which it has read the feed; None where it does not say.
base: ContextVar[int | None] = ContextVar("order_base", default=None)


class Overtaken(Conflict):
    """A later order on the same subject was taken already; ``extra["taken"]`` is its number."""

    default_code = "overtaken"


class Stale(PreconditionFailed):
    """The order is based on a version that is not the present one."""

    default_code = "stale"


@contextmanager
def numbered(given: int) -> Iterator[None]:
    """Everything that is ordered in the block is part of the work with this number."""
    token = number.set(given)
    try:
        yield
    finally:
        number.reset(token)


@contextmanager
def none_taken() -> Iterator[None]:
    """In the block ``take`` may set what comes with an order; afterwards it is forgotten."""
    tokens = number.set(0), base.set(None)
    try:
        yield
    finally:
        number.reset(tokens[0])
        base.reset(tokens[1])


def take(headers: Mapping[str, str]) -> None:
    """The order that comes with a request of another site; Invalid for what is no number."""
    if NUMBER_HEADER in headers:
        number.set(_read(headers, NUMBER_HEADER))
    if BASE_HEADER in headers:
        base.set(_read(headers, BASE_HEADER))


def _read(headers: Mapping[str, str], name: str) -> int:
    text = headers[name]
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= GREATEST):
        raise Invalid(
            N_("The request is not valid."), fields={name: Reason(N_("must be a whole number"))}
        )
    return int(text)


def expect(version: int, *, there: bool = True) -> None:
    """Refuse an order that is based on another version than the present one.

    What is not ``there`` ended at ``version``, 0 where it never was: whoever has read what happened
    here up to then knows that.  Must be called under the lock of what the order changes.
    """
    given = base.get()
    if given is None:
        return
    known = given == version if there else given >= version
    if not known:
        raise Stale(
            N_("It was changed here meanwhile (version %(version)s, the order knows %(given)s)."),
            version=version,
            given=given,
            message="Precondition failed",
        )


def new_number() -> int:
    """A number greater than all before; to be taken before the work is claimed."""
    with transaction.atomic():
        return next_version()


def heed(subject: str) -> None:
    """Take the present order on ``subject``; raises Overtaken when a later one was taken.

    Must be called inside the transaction that carries the order out.  Without a number, as from
    people and from clients that know nothing of it, every order is taken.
    """
    given = number.get()
    if not given:
        return
    row = OrderTaken.objects.select_for_update().filter(subject=subject).first()
    if row is None:
        OrderTaken.objects.create(subject=subject, number=given)
    elif row.number > given:
        raise Overtaken(
            N_("A later order was taken already (%(taken)s, this is %(given)s)."),
            taken=row.number,
            given=given,
            extra={"taken": row.number},
        )
    elif row.number < given:
        row.number, row.at = given, clock.now()
        row.save(update_fields=["number", "at"])


@transaction.atomic
def heed_alone(subject: str) -> None:
    """The same for good, before the order is carried out: also one that then comes to nothing."""
    heed(subject)


def catch_up(taken: int) -> None:
    """Go on above ``taken``: this site was restored from a backup and numbers anew."""
    with transaction.atomic():
        next_version(0)
        VersionCounter.objects.filter(pk=1, value__lt=taken).update(value=taken)


def purge() -> int:
    """Forget orders that no late message can follow any more."""
    return OrderTaken.objects.filter(at__lt=clock.now() - KEPT).delete()[0]
