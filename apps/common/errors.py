"""The one family of errors that the house raises on purpose.  Not for bugs: those stay bare.

    DomainError
    ├── Unauthenticated    401
    ├── Denied             403
    ├── NotFound           404   also what belongs to somebody else
    ├── Invalid            400   a field, a file or a document is wrong
    ├── Conflict           409   the state does not allow it
    │   └── IllegalMove    409   names the verbs that the state does allow
    ├── NotSatisfiable     416   a range that is past the end
    ├── Locked             423
    ├── TooManyFailures    429   wrong passwords or signatures
    ├── Upstream           502   another system failed; ``retryable`` says whether to try again
    │   └── UpstreamTimeout 504
    └── NotOffered         501   the address is known, and what it stands for is not built

Each carries a :class:`~apps.common.words.Reason`, so that its sentence is rendered in the language
of whoever reads it, and not of whoever caused it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason


class DomainError(Exception):
    """Base of the family.

    ``text`` is an English msgid with ``%(name)s`` placeholders filled from ``params``.  ``fields``
    maps a field name to its own reason.  ``message`` and ``details`` replace what clients written
    for EdgeGallery read, where the original has words of its own.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = N_("Error")
    default_code: ClassVar[str] = "error"
    retryable: bool = False
    # Of a message to another system that went wrong: whether it may have arrived, and what came
    # back, if it was a problem document.
    sent: bool = True
    answer: Mapping[str, Any] = MappingProxyType({})
    # Seconds after which asking again may help; 0 where nobody knows.
    retry_after: ClassVar[int] = 0
    # What the answer of HTTP says beside its body.
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        text: str,
        /,
        *,
        code: str = "",
        fields: Mapping[str, Reason] | None = None,
        message: str = "",
        details: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> None:
        self.reason = Reason(text, code or self.default_code, params)
        self.code = self.reason.code
        self.fields = dict(fields or {})
        self.message = message
        self.details = list(details)
        self.extra = dict(extra or {})
        super().__init__(text)

    def __str__(self) -> str:
        return str(self.reason)


def cause_in(problem: Mapping[str, Any]) -> str:
    """The code at the end of the ``type`` of a problem document; empty where there is none."""
    return str(problem.get("type", "")).rpartition(":")[2]


class Unauthenticated(DomainError):
    """Nobody we know is asking: no token, or one that does not verify."""

    status = 401
    title = N_("Not signed in")
    default_code = "unauthenticated"


class Denied(DomainError):
    """We know who is asking, and they may not; the reason says why."""

    status = 403
    title = N_("Not allowed")
    default_code = "denied"


class NotFound(DomainError):
    """It does not exist, or not for this asker; the two are not told apart."""

    status = 404
    title = N_("Not found")
    default_code = "not_found"


class Invalid(DomainError):
    """What was sent is wrong; ``fields`` says where and what would be right."""

    status = 400
    title = N_("Invalid input")
    default_code = "invalid"


class Conflict(DomainError):
    """It would be right at another time or next to other data, but not now."""

    status = 409
    title = N_("Conflict")
    default_code = "conflict"


class PreconditionFailed(DomainError):
    """If-Match names another representation than the present one (RFC 9110 clause 13.1.1)."""

    status = 412
    title = N_("Precondition failed")
    default_code = "precondition_failed"


class IllegalMove(Conflict):
    """A state machine has no such move from this state; ``extra["allowed"]`` lists the verbs."""

    default_code = "illegal_move"


class NotSatisfiable(DomainError):
    """No byte of the part that is asked for is there (RFC 9110 clause 15.5.17)."""

    status = 416
    title = N_("Range not satisfiable")
    default_code = "range"

    def __init__(self, text: str, /, *, headers: Mapping[str, str], **params: Any) -> None:
        super().__init__(text, **params)
        self.headers = headers


class Locked(DomainError):
    """Another piece of work holds this object for the moment."""

    status = 423
    title = N_("Locked")
    default_code = "locked"
    retryable = True


class TooManyFailures(DomainError):
    """Too many wrong passwords or signatures for one name from one address, or from one address."""

    status = 429
    title = N_("Too many attempts")
    default_code = "too_many_attempts"
    retry_after = 300


class Upstream(DomainError):
    """Another system failed.  ``retryable`` is False when asking again cannot help."""

    status = 502
    title = N_("Another system failed")
    default_code = "upstream"

    def __init__(self, text: str, /, *, retryable: bool = True, **params: Any) -> None:
        super().__init__(text, **params)
        self.retryable = retryable


class UpstreamTimeout(Upstream):
    """Another system did not answer in time."""

    status = 504
    title = N_("Another system did not answer")
    default_code = "upstream_timeout"


class NotOffered(DomainError):
    """The address is known, and what it stands for is not built."""

    status = 501
    title = N_("Not offered")
    default_code = "not_offered"
