"""Values given at deployment, checked against the inputs and chart values of the package."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.packages.csar import Input, PackageInfo

MOST = 50
LONGEST = 256
BOOLEANS = frozenset({"true", "false"})


def _whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return text.strip() == text


def _number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text.strip() == text
    except ValueError:
        return False


_KINDS: dict[str, tuple[Callable[[str], bool], str]] = {
    "integer": (_whole, N_("must be a whole number")),
    "float": (_number, N_("must be a number")),
    "boolean": (lambda text: text.lower() in BOOLEANS, N_("must be true or false")),
}


def names(info: PackageInfo) -> frozenset[str]:
    """What may be given at all: the inputs of the template and the dotted keys of the charts."""
    values = {key for chart in info.charts for key in chart.values}
    return frozenset(values | {one.name for one in info.requirements.inputs})


def check(info: PackageInfo, given: Mapping[str, str], *, complete: bool) -> dict[str, str]:
    """``given`` when all of it is declared and of its type; Invalid names each that is not.

    ``complete`` also refuses an order that leaves out what has no default.
    """
    declared = {one.name: one for one in info.requirements.inputs}
    known = names(info)
    wrong: dict[str, Reason] = {}
    for name, text in given.items():
        if name in declared:
            reason = _fault(declared[name], text)
        elif name in known:
            reason = None
        else:
            reason = Reason(N_("the package declares no parameter of this name"), "unknown")
        if reason is not None:
            wrong[f"parameters.{name}"] = reason
    if complete:
        for name in sorted(declared.keys() - given.keys()):
            if declared[name].required and declared[name].default is None:
                wrong[f"parameters.{name}"] = Reason(N_("must be given"), "required")
    if wrong:
        raise Invalid(N_("The request is not valid."), code="parameters", fields=wrong)
    return dict(given)


def _fault(one: Input, text: str) -> Reason | None:
    if not text and one.required and one.default is None:
        return Reason(N_("must be given"), "required")
    fits, sentence = _KINDS.get(one.type.lower(), (None, ""))
    if fits is None or fits(text) or (not text and not one.required):
        return None
    return Reason(sentence, "type")
