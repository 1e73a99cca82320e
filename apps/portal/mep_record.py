"""The record of a service as lines that a person reads: all attributes of ETSI's ServiceInfo."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.words import Text
from apps.mep import documents
from apps.mep.models import MecService


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: ``code`` is shown as it is written, ``copied`` can be taken along."""

    label: Text
    value: str
    code: bool = False
    copied: bool = False


def record_of(service: MecService) -> list[Fact]:
    """Everything that its application said of a service, and the platform's links to it."""
    return [fact for fact in _lines(service) if fact.value]


def _lines(service: MecService) -> Iterator[Fact]:
    yield Fact(_("Service id"), str(service.pk), True, True)
    yield Fact(_("Application id"), str(service.application_id), True, True)
    yield from _category(_mapping(service.category))
    yield Fact(_("Serializer"), service.serializer)
    transport = _mapping(service.transport)
    yield from _endpoint(_mapping(transport.get("endpoint")))
    yield from _transport(transport)
    yield from _security(_mapping(_mapping(transport.get("security")).get("oAuth2Info")))
    yield Fact(_("Scope of locality"), service.scope_of_locality)
    local = gettext("yes") if service.consumed_local_only else gettext("no")
    yield Fact(_("Consumed locally only"), local)
    links = documents.service(service)["_links"]
    yield Fact(_("Resource link"), links["self"]["href"], True, True)
    yield Fact(_("Link of its heartbeat"), links.get("liveness", {}).get("href", ""), True, True)


def _category(category: Mapping[str, Any]) -> Iterator[Fact]:
    words = [str(category[key]) for key in ("name", "id", "version") if category.get(key)]
    yield Fact(_("Category"), " · ".join(words) or "–")
    yield Fact(_("Category reference"), str(category.get("href") or ""), True, True)


def _transport(transport: Mapping[str, Any]) -> Iterator[Fact]:
    kind = " · ".join(_words(transport, "name", "type"))
    yield Fact(_("Transport"), kind)
    yield Fact(_("Protocol"), " ".join(_words(transport, "protocol", "version")))
    yield Fact(_("Transport id"), str(transport.get("id") or ""), True)
    yield Fact(_("Description"), str(transport.get("description") or ""))
    yield Fact(_("Implementation"), _document(transport.get("implSpecificInfo")), True)


def _endpoint(endpoint: Mapping[str, Any]) -> Iterator[Fact]:
    """One of four forms (clause 8.1.5.3)."""
    found = [str(one) for key in ("uris", "fqdn") for one in _list(endpoint.get(key))]
    addresses = (_mapping(one) for one in _list(endpoint.get("addresses")))
    found += [f"{one.get('host', '')}:{one.get('port', '')}" for one in addresses]
    for one in found:
        yield Fact(_("Endpoint"), one, True, True)
    yield Fact(_("Endpoint"), _document(endpoint.get("alternative")), True)


def _security(oauth: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact(_("Grant types"), ", ".join(str(one) for one in _list(oauth.get("grantTypes"))))
    yield Fact(_("Token endpoint"), str(oauth.get("tokenEndpoint") or ""), True, True)


def _words(of: Mapping[str, Any], *keys: str) -> list[str]:
    return [str(of[key]) for key in keys if of.get(key)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _document(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""
