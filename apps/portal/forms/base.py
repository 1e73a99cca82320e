"""What the portal's forms share: refusals of the domain land at the field that they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

from django import forms

from apps.common.errors import Denied, DomainError, NotFound
from apps.common.words import say

T = TypeVar("T")


class PortalForm(forms.Form):
    """A form whose values survive a refusal.

    ``domain_names`` maps the field names of the domain to ours where they differ; a refusal with a
    ``code`` named in ``code_fields`` is about that field.
    """

    domain_names: ClassVar[Mapping[str, str]] = {}
    code_fields: ClassVar[Mapping[str, str]] = {}
    use_required_attribute = False

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def carry_out(self, work: Callable[[], T], *, takes_all: bool = False) -> T | None:
        """What ``work`` returns, or None with the refusal at its field or at the top.

        "Not allowed" and "not found" are pages of their own unless the form ``takes_all``.
        """
        try:
            return work()
        except (NotFound, Denied) as error:
            if not error.fields and not takes_all:
                raise
            self.take(error)
        except DomainError as error:
            self.take(error)
        return None

    def take(self, error: DomainError) -> None:
        """Put the sentences of ``error`` where they belong."""
        placed = False
        for name, reason in error.fields.items():
            ours = self.domain_names.get(name, name)
            if ours in self.fields:
                self.add_error(ours, say(reason))
                placed = True
        if placed:
            return
        at_field = self.code_fields.get(error.code)
        told = [say(error.reason), *(say(reason) for reason in error.fields.values())]
        self.add_error(at_field, " ".join(dict.fromkeys(told)))
