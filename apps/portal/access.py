"""What a person may see of the access file of a host, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.words import Text
from apps.hosts.models import HostCredential
from apps.monitoring.marks import BAD, EXPIRES_SOON, WARN

# What is said of how they were tried, and not of what is in them.
_ABOUT_THE_TRIAL: Final = frozenset({"tested_at", "untested"})
_USER_KINDS: Final[Mapping[str, Text]] = {
    "token": _("token"),
    "client_certificate": _("client certificate"),
    "basic": _("user name and password"),
    "password": _("user name and password"),
    "v3applicationcredential": _("application credential"),
}
_KUBERNETES: Final[Mapping[str, Text]] = {
    "context": _("Context"),
    "cluster": _("Cluster"),
    "server": _("API server"),
    "tls_server_name": _("Name in its certificate"),
    "user": _("User"),
    "known_as": _("Known to the cluster as"),
}
_OPENSTACK: Final[Mapping[str, Text]] = {
    "source": _("Read from"),
    "server": _("Keystone"),
    "region": _("Region"),
    "project": _("Project"),
    "project_domain_name": _("Domain of the project"),
    "user": _("User"),
    "user_domain_name": _("Domain of the user"),
    "interface": _("Interface"),
}
_LABELS: Final[Mapping[str, Mapping[str, Text]]] = {
    "kubernetes": _KUBERNETES, "openstack": _OPENSTACK,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line; ``tone`` is empty where nothing is wrong.  A value of None is not known."""

    label: Text
    value: Any
    tone: str = ""


def facts_of(credential: HostCredential) -> list[Fact]:
    """The lines about what is in the file, and about whether it was tried."""
    summary = credential.summary
    labels = _LABELS.get(str(summary.get("kind")))
    said = _any(summary) if labels is None else _known(summary, labels)
    return [*said, *_trial(credential)]


def _any(summary: Mapping[str, Any]) -> Iterator[Fact]:
    for name, value in summary.items():
        if name not in _ABOUT_THE_TRIAL:
            yield Fact(name, None if value == "" else value)


def _known(summary: Mapping[str, Any], labels: Mapping[str, Text]) -> Iterator[Fact]:
    for name, label in labels.items():
        if summary.get(name):
            yield Fact(label, summary[name])
    for service, url in (summary.get("overrides") or {}).items():
        yield Fact(service, url)
    kind = str(summary.get("user_kind"))
    yield Fact(gettext_lazy("Signs in with"), _USER_KINDS.get(kind, kind))
    if summary.get("expires") or labels is _KUBERNETES:
        yield _end(gettext_lazy("Valid until"), summary.get("expires"))
    authority = summary.get("ca")
    if authority:
        yield Fact(gettext_lazy("CA"), authority.get("subject"))
        yield Fact(gettext_lazy("CA, SHA-256"), authority.get("fingerprint"))
        yield _end(gettext_lazy("CA valid until"), authority.get("expires"))
    elif summary.get("insecure"):
        text = _("Not verified: whoever answers at the address is taken for the VIM.")
        yield Fact(gettext_lazy("CA"), text, WARN)
    else:
        yield Fact(gettext_lazy("CA"), _("one that this site's machine trusts"))


def _end(label: Text, said: Any) -> Fact:
    """A moment at which something ends, and whether that is near or past."""
    if not said:
        return Fact(label, None)
    moment = datetime.fromisoformat(said)
    day = f"{timezone.localtime(moment):%Y-%m-%d %H:%M %Z}"
    if moment <= clock.now():
        return Fact(label, gettext("%(day)s: expired") % {"day": day}, BAD)
    if moment <= clock.now() + EXPIRES_SOON:
        return Fact(label, gettext("%(day)s: soon") % {"day": day}, WARN)
    return Fact(label, day)


def _trial(credential: HostCredential) -> Iterator[Fact]:
    label = gettext_lazy("Tried")
    tried_at = credential.summary.get("tested_at")
    if credential.is_untested:
        yield Fact(label, _("no: stored as they were, without asking the VIM"), WARN)
    elif tried_at:
        day = timezone.localtime(datetime.fromisoformat(tried_at))
        yield Fact(label, f"{day:%Y-%m-%d %H:%M %Z}")
    elif credential.delivered_at and not credential.host.is_local:
        yield Fact(label, _("yes, by the edge"))
