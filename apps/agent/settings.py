"""Who the agent speaks for and to whom: read from the environment and a file, checked at once."""

from __future__ import annotations

import os
import re
import ssl
import uuid
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from apps.agent import appinfo
from apps.agent.checks import SettingsError, wrong

CONFIG = "conf/app_instance_info.yaml"
LISTEN = "127.0.0.1:8080"
_AK = re.compile(r"[A-Za-z0-9_+/=]{20}")
_SK = re.compile(r"[A-Za-z0-9_+/=]{64}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_HTTP = re.compile(r"https?://[^\s/]+\S*")
_IN_DIRECTORY = {"AK": ("AK", "ak", "accesskey"), "SK": ("SK", "sk", "secretkey")}


@dataclass(frozen=True)
class Settings:
    """One application instance and its MEP.  ``base_url`` is what stands in front of ``/mep``."""

    base_url: str
    app_instance_id: str
    ak: str
    sk: str = field(repr=False)
    name: str = ""  # in the log; the instance's identifier when empty
    services: Sequence[dict[str, Any]] = ()
    subscriptions: Sequence[dict[str, Any]] = ()
    ca_cert: str = ""
    tls_name: str = ""
    callback: str = ""  # where the MEP reaches the agent; empty: it cannot, and is not subscribed
    relay: str = ""  # where the application next door wants to be told of its end

    def __post_init__(self) -> None:
        """Refuse what cannot work; raises SettingsError, which never tells a key."""
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise wrong("the MEP's address", "like https://host:port", self.base_url)
        object.__setattr__(self, "base_url", f"{parts.scheme}://{parts.netloc}")
        if self.callback:
            there = urlsplit(self.callback)
            if there.scheme not in ("http", "https") or not there.hostname or there.path.strip("/"):
                raise wrong("AGENT_CALLBACK", "like http://host:port", self.callback)
            object.__setattr__(self, "callback", f"{there.scheme}://{there.netloc}")
        if self.relay and not _HTTP.fullmatch(self.relay):
            raise wrong("AGENT_ON_TERMINATION", "like http://host:port/path", self.relay)
        try:
            uuid.UUID(self.app_instance_id)
        except (ValueError, AttributeError):
            raise wrong("APPINSTID", "a UUID", self.app_instance_id) from None
        for name, key, shape, length in (("AK", self.ak, _AK, 20), ("SK", self.sk, _SK, 64)):
            if not isinstance(key, str) or not shape.fullmatch(key):
                raise SettingsError(
                    f"{name} must have {length} characters, letters, digits and _ + / = only"
                )

    def tls(self) -> ssl.SSLContext:
        """Verifies servers by the system's authorities and CA_CERT; raises SettingsError."""
        if self.base_url.startswith("http:"):
            # Trusts nobody, and spares the megabytes of authorities that nobody would ask.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context = ssl.create_default_context()
        if self.ca_cert:
            try:
                context.load_verify_locations(self.ca_cert)
            except (OSError, ssl.SSLError):
                right = "the path of a readable certificate in PEM form"
                raise wrong("CA_CERT", right, self.ca_cert) from None
        return context


def from_environment(
    environ: MutableMapping[str, str] | None = None,
    *,
    config: str | None = None,
    services: Sequence[dict[str, Any]] | None = None,
    subscriptions: Sequence[dict[str, Any]] | None = None,
) -> Settings:
    """The settings of a deployed agent; the keys are gone from ``environ`` afterwards.

    An application that names its services or subscriptions itself needs no file.
    """
    given: MutableMapping[str, str] = os.environ if environ is None else environ
    ak, sk = _key(given, "AK"), _key(given, "SK")
    if services is None and subscriptions is None:
        path = config or given.get("AGENT_CONFIG") or CONFIG
        services, subscriptions = appinfo.read(Path(path))
    return Settings(
        base_url=_base_url(given),
        app_instance_id=_needed(given, "APPINSTID"),
        ak=ak,
        sk=sk,
        services=tuple(services or ()),
        subscriptions=tuple(subscriptions or ()),
        ca_cert=given.get("CA_CERT", "").strip(),
        tls_name=given.get("CA_CERT_DOMAIN_NAME", "").strip(),
        callback=given.get("AGENT_CALLBACK", "").strip(),
        relay=given.get("AGENT_ON_TERMINATION", "").strip(),
    )


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; raises SettingsError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not _HOST.fullmatch(host) or not _is_port(port, least=0):
        raise wrong("AGENT_LISTEN (--listen)", "HOST:PORT such as 127.0.0.1:8080", text)
    return host, int(port)


def _base_url(given: MutableMapping[str, str]) -> str:
    protocol = given.get("EG_PROTOCOL", "").strip().lower() or "https"
    if protocol not in ("http", "https"):
        raise wrong("EG_PROTOCOL", "http or https", given["EG_PROTOCOL"])
    host = _needed(given, "MEP_IP").removeprefix("[").removesuffix("]")
    if not _HOST.fullmatch(host):
        raise wrong("MEP_IP", "a host name or an IP address", host)
    port = given.get("MEP_APIGW_PORT", "").strip() or ("8443" if protocol == "https" else "8000")
    if not _is_port(port):
        raise wrong("MEP_APIGW_PORT", "a whole number from 1 to 65535", port)
    return f"{protocol}://{f'[{host}]' if ':' in host else host}:{port}"


def _is_port(text: str, least: int = 1) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and least <= int(text) <= 65535


def _needed(given: MutableMapping[str, str], name: str) -> str:
    value = given.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is missing from the environment")
    return value


def _key(given: MutableMapping[str, str], name: str) -> str:
    """AK or SK, from the variable or the file that NAME_FILE names; erased from the environment."""
    value, path = given.pop(name, "").strip(), given.get(f"{name}_FILE", "").strip()
    if value and path:
        raise SettingsError(f"{name} and {name}_FILE are both given; give one of them")
    return _from_file(name, Path(path)) if path else value or _needed(given, name)


def _from_file(name: str, path: Path) -> str:
    if path.is_dir():
        # A Kubernetes secret is mounted as a directory with one file for each of its keys.
        inside = [path / one for one in _IN_DIRECTORY[name]]
        found = [one for one in inside if one.is_file()]
        if not found:
            names = ", ".join(_IN_DIRECTORY[name])
            raise SettingsError(f"{name}_FILE: the directory {path} has none of {names}")
        path = found[0]
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}_FILE: {path} is no text file") from None
