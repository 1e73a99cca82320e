"""What a driver may raise, in the house's family.  Not for failed workloads: those are a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid, Upstream
from apps.common.words import Reason


class VimUnreachable(Upstream):
    """The VIM does not answer: nothing is known of what runs there, and asking later can help."""

    title = N_("The VIM does not answer")
    default_code = "vim_unreachable"


class VimRefused(Upstream):
    """The VIM answered no.  Asking again unchanged cannot help unless ``retryable`` is set."""

    title = N_("The VIM refused")
    default_code = "vim_refused"

    def __init__(self, text: str, /, *, retryable: bool = False, **params: Any) -> None:
        super().__init__(text, retryable=retryable, **params)


class DriverMissing(Upstream):
    """This site knows the kind of VIM and cannot drive it: no driver, or no SDK for it."""

    title = N_("No driver for this VIM")
    default_code = "driver_missing"

    def __init__(self, text: str, /, *, retryable: bool = False, **params: Any) -> None:
        super().__init__(text, retryable=retryable, **params)


class UnknownKind(Invalid):
    """Nobody has heard of this kind of VIM."""

    title = N_("Unknown kind of VIM")
    default_code = "vim_kind_unknown"


class CredentialsInvalid(Invalid):
    """The credentials cannot be used; ``fields`` says which part is wrong and why."""

    title = N_("Credentials cannot be used")
    default_code = "credentials_invalid"

    @classmethod
    def of(cls, fields: Mapping[str, Reason]) -> CredentialsInvalid:
        """The error for a set of wrong fields; its sentence is that of the first of them."""
        first = next(iter(fields.values()))
        details = [str(why) for why in fields.values()]
        return cls(first.text, fields=fields, details=details, **first.params)
