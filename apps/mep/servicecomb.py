"""A client of Apache ServiceComb's service center, and MEC services in its words.

An operator whose applications already look services up in a service center can have the services of
this platform there too.  The lease of an instance says that this platform vouches for it; whether
the application itself is well is the status of the instance.  Not for asking who is there: MEC
services are found through the platform.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from django.utils.translation import gettext_noop as N_

from apps.common import http
from apps.common.errors import Conflict, DomainError, Invalid, NotFound, Upstream

Pair = tuple[str, str]
JsonObject = dict[str, Any]

APP_ID = "default"  # where EdgeGallery registers MEC services, and where consumers look first
LEASE_SECONDS = 30
LEASE_TIMES = 3  # service center forgets an instance after (times + 1) intervals
NAME_LENGTH = 128
HOST_LENGTH = 64
VERSION_PART = 32767

# ETSI's states.  An inactive service was taken out by its producer; a suspended one is silent.
STATUS = {"ACTIVE": "UP", "INACTIVE": "OUTOFSERVICE", "SUSPENDED": "DOWN"}

# What service center means by its error codes; it sends all of these with status 400.
_MEANINGS: dict[str, tuple[type[DomainError], str]] = {
    "400010": (Conflict, "service_exists"),
    "400012": (NotFound, "no_service"),
    "400013": (Conflict, "has_instances"),
    "400017": (NotFound, "no_instance"),
    "400023": (Conflict, "has_consumers"),
    "400025": (Conflict, "endpoint_taken"),
    "400026": (NotFound, "no_service"),
    "400100": (Upstream, "quota"),
}

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HOSTED = re.compile(r"https?", re.IGNORECASE)


class ServiceCenter:
    """The registry of one service center, for one domain and project.

    Raises NotFound with code ``no_service`` or ``no_instance``, Conflict, Invalid, and Upstream
    when the service center cannot do its work or is something else.
    """

    def __init__(
        self,
        base_url: str,
        *,
        project: str = "default",
        domain: str = "default",
        session: httpx.Client | None = None,
    ) -> None:
        self._session = session or http.client(base_url)
        self._session.headers["X-Domain-Name"] = domain
        self._session.event_hooks = {"response": [self._raise_what_it_says]}
        self._root = f"/v4/{quote(project, safe='')}/registry"

    def __enter__(self) -> ServiceCenter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the service center."""
        self._session.close()

    def find_microservice(self, app_id: str, name: str, version: str) -> str | None:
        """The id of a registered microservice, or None."""
        query = {"type": "microservice", "appId": app_id, "serviceName": name, "version": version}
        try:
            return self._text(self._send("GET", "/existence", params=query), "serviceId")
        except NotFound:
            return None

    def register_microservice(self, service: Mapping[str, Any]) -> str:
        """Register it, or find it when it is there already; the id."""
        try:
            answer = self._send("POST", "/microservices", json={"service": dict(service)})
        except Conflict:
            key = (str(service.get(name, "")) for name in ("appId", "serviceName", "version"))
            found = self.find_microservice(*key)
            if found is None:
                raise
            return found
        return self._text(answer, "serviceId")

    def delete_microservice(self, service_id: str, *, force: bool = False) -> None:
        """Delete it if it is there; Conflict while it has instances, unless with ``force``."""
        self._gone("DELETE", _service(service_id), params={"force": "1" if force else "0"})

    def register_instance(self, service_id: str, instance: Mapping[str, Any]) -> str:
        """Register an instance and return its id; NotFound when the microservice is unknown.

        An id that is registered already is only kept alive: to change endpoints or properties,
        delete the instance first.
        """
        path = f"{_service(service_id)}/instances"
        return self._text(self._send("POST", path, json={"instance": dict(instance)}), "instanceId")

    def instances(self, service_id: str) -> list[JsonObject]:
        """The instances of a microservice as service center holds them."""
        answer = self._object(self._send("GET", f"{_service(service_id)}/instances"))
        return list(answer.get("instances") or [])

    def set_status(self, service_id: str, instance_id: str, status: str) -> None:
        """Set UP, DOWN or OUTOFSERVICE."""
        path = f"{_instance(service_id, instance_id)}/status"
        self._send("PUT", path, params={"value": status})

    def set_properties(
        self, service_id: str, instance_id: str, properties: Mapping[str, str]
    ) -> None:
        """Put other properties in the place of an instance's."""
        path = f"{_instance(service_id, instance_id)}/properties"
        self._send("PUT", path, json={"properties": dict(properties)})

    def heartbeat(self, service_id: str, instance_id: str) -> None:
        """Renew one lease; NotFound when it has run out and the instance is forgotten."""
        self._send("PUT", f"{_instance(service_id, instance_id)}/heartbeat")

    def heartbeats(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Renew many leases in one call; the pairs (service, instance) that are forgotten.

        Some releases name the forgotten ones in the answer, others refuse the whole call and have
        renewed the rest all the same.  Then each is asked for by itself.
        """
        asked = list(dict.fromkeys(pairs))
        if not asked:
            return []
        beats = [{"serviceId": service, "instanceId": instance} for service, instance in asked]
        try:
            answer = self._send("PUT", "/heartbeats", json={"Instances": beats})
        except NotFound:
            return [pair for pair in asked if self._is_forgotten(*pair)]
        told = self._object(answer).get("instances") or [] if answer.content.strip() else []
        lost = {
            (beat.get("serviceId"), beat.get("instanceId"))
            for beat in told
            if beat.get("errMessage")
        }
        return [pair for pair in asked if pair in lost]

    def delete_instance(self, service_id: str, instance_id: str) -> None:
        """Delete an instance if it is there."""
        self._gone("DELETE", _instance(service_id, instance_id))

    def _is_forgotten(self, service_id: str, instance_id: str) -> bool:
        try:
            self.heartbeat(service_id, instance_id)
        except NotFound:
            return True
        return False

    def _gone(self, method: str, path: str, **options: Any) -> None:
        try:
            self._send(method, path, **options)
        except NotFound:
            return

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return http.send(self._session, method, self._root + path, **options)

    def _raise_what_it_says(self, response: httpx.Response) -> None:
        """Read an error of service center by its own code; other failures are left to ``send``.

        A page that is missing is not an instance that is missing: service center has no 404.
        """
        if response.is_success:
            return
        response.read()
        try:
            body = response.json()
        except ValueError:
            body = None
        if isinstance(body, dict) and "errorCode" in body:
            raise self._error(str(body["errorCode"]), body)
        if response.status_code == httpx.codes.NOT_FOUND:
            raise self._something_else()

    def _error(self, number: str, body: Mapping[str, Any]) -> DomainError:
        said = ": ".join(str(body[key]) for key in ("errorMessage", "detail") if body.get(key))
        other = (Invalid if number.startswith("400") else Upstream, "upstream_refused")
        kind, code = _MEANINGS.get(number, other)
        error = kind(
            N_("Service center at %(where)s refused: %(said)s"),
            code=code,
            where=self._where,
            said=said,
        )
        if isinstance(error, Upstream):
            error.retryable = number.startswith("5")
        return error

    @property
    def _where(self) -> str:
        return str(self._session.base_url).rstrip("/")

    def _object(self, response: httpx.Response) -> JsonObject:
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._something_else()
        return body

    def _text(self, response: httpx.Response, name: str) -> str:
        value = self._object(response).get(name)
        if not isinstance(value, str) or not value:
            raise self._something_else()
        return value

    def _something_else(self) -> Upstream:
        return Upstream(
            N_("What answers at %(where)s is not a service center."),
            retryable=False,
            code="not_a_service_center",
            where=self._where,
        )


def _service(service_id: str) -> str:
    return f"/microservices/{quote(service_id, safe='')}"


def _instance(service_id: str, instance_id: str) -> str:
    return f"{_service(service_id)}/instances/{quote(instance_id, safe='')}"


def microservice_of(info: Mapping[str, Any], *, app_id: str = APP_ID) -> JsonObject:
    """The microservice that a MEC ServiceInfo belongs to: all of one name and version share it."""
    return {
        "appId": app_id,
        "serviceName": service_name(str(info.get("serName", ""))),
        "version": version_of(str(info.get("version", ""))),
        "status": "UP",
    }


def instance_of(info: Mapping[str, Any], service_id: str) -> JsonObject:
    """A MEC ServiceInfo as an instance of a microservice.

    Everything that the ServiceInfo says stays readable in ``properties`` as flat text, the name and
    version as the producer wrote them among it.
    """
    transport = info.get("transportInfo") or {}
    endpoints = _endpoints(transport)
    host = _host(endpoints[0]) if endpoints else ""
    instance = {
        "serviceId": service_id,
        "hostName": (host or str(info.get("serInstanceId") or "unknown"))[:HOST_LENGTH],
        "endpoints": endpoints,
        "status": STATUS.get(str(info.get("state")), "DOWN"),
        "properties": _properties(info),
        "healthCheck": {"mode": "push", "interval": LEASE_SECONDS, "times": LEASE_TIMES},
    }
    given = str(info.get("serInstanceId") or "")
    if _ID.fullmatch(given):  # else service center makes one up
        instance["instanceId"] = given
    return instance


def service_name(name: str) -> str:
    """A name that service center takes; one that had to be changed ends in a mark of its own."""
    plain = _NOT_A_NAME.sub("-", name).strip("_.-")
    if plain == name and 0 < len(name) <= NAME_LENGTH:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    kept = plain[: NAME_LENGTH - len(mark) - 1].rstrip("_.-")
    return f"{kept}-{mark}" if kept else f"service-{mark}"


def version_of(version: str) -> str:
    """The version as three numbers: the first three in it, and nothing where there are fewer."""
    numbers = [min(int(text[:6]), VERSION_PART) for text in re.findall(r"[0-9]+", version)[:3]]
    return ".".join(str(number) for number in (*numbers, 0, 0, 0)[:3])


def _endpoints(transport: Mapping[str, Any]) -> list[str]:
    """The endpoints in the form that ServiceComb's consumers read, ``rest://host:port``."""
    endpoint = transport.get("endpoint") or {}
    scheme = "rest" if transport.get("type") in (None, "REST_HTTP") else "tcp"
    found = [_from_uri(str(uri)) for uri in endpoint.get("uris") or []]
    found += [
        f"{scheme}://{_bracketed(str(address.get('host')))}:{address.get('port')}"
        for address in endpoint.get("addresses") or []
    ]
    found += [f"{scheme}://{name}" for name in endpoint.get("fqdn") or []]
    return [text for text in dict.fromkeys(found) if text]


def _from_uri(uri: str) -> str:
    """An http or https URI as rest; others as they are.  The path is kept in the properties."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return uri
    if not _HOSTED.fullmatch(parts.scheme) or not parts.hostname:
        return uri
    secure = parts.scheme == "https"
    host = f"{_bracketed(parts.hostname)}:{port or (443 if secure else 80)}"
    return f"rest://{host}?sslEnabled=true" if secure else f"rest://{host}"


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _properties(info: Mapping[str, Any]) -> dict[str, str]:
    """Flat text under the keys that EdgeGallery uses, such as ``transportInfo/endpoint/uris``."""
    plain = {key: value for key, value in info.items() if key != "_links"}
    if "state" in plain:
        plain["mecState"] = plain.pop("state")
    return dict(_flat("", plain))


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{prefix}/{key}" if prefix else str(key), inner)
    elif isinstance(value, list) and not any(isinstance(item, Mapping | list) for item in value):
        yield prefix, ",".join(_word(item) for item in value)
    elif isinstance(value, list):
        yield prefix, json.dumps(value, sort_keys=True, ensure_ascii=False)
    elif value is not None:
        yield prefix, _word(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
