"""How a site signs in at an OpenStack: read from an openrc file or a clouds.yaml.  Calls nobody.

Only what is in the file counts: neither the environment nor the clouds.yaml of the machine that
reads it, nor any file that it names.  A CA of the site's own stands in the file itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.access import REACHED, shown_ca
from apps.vim.errors import CredentialsInvalid
from apps.vim.openstack.openrc import read_openrc
from apps.vim.yamls import Unreadable, load

MOST_BYTES: Final = 64 * 1024
PASSWORD: Final = "password"
APPLICATION_CREDENTIAL: Final = "v3applicationcredential"
_CLOUDS: Final = re.compile(r"^[\"']?clouds[\"']?\s*:", re.MULTILINE)
# What the service types of the catalog are called in EdgeGallery's access files.
_OVERRIDES: Final = {
    "HEAT_URL": "orchestration",
    "NOVA_URL": "compute",
    "GLANCE_URL": "image",
    "NEUTRON_URL": "network",
    "CINDER_URL": "block_storage",
    "GNOCCHI_URL": "metric",
}
# The names of an openrc file for what clouds.yaml calls the members of ``auth``.
_AUTH: Final = {
    "auth_url": ("OS_AUTH_URL",),
    "username": ("OS_USERNAME",),
    "user_id": ("OS_USER_ID",),
    "password": ("OS_PASSWORD",),
    "project_name": ("OS_PROJECT_NAME", "OS_TENANT_NAME"),
    "project_id": ("OS_PROJECT_ID", "OS_TENANT_ID"),
    "user_domain_name": ("OS_USER_DOMAIN_NAME",),
    "user_domain_id": ("OS_USER_DOMAIN_ID",),
    "project_domain_name": ("OS_PROJECT_DOMAIN_NAME",),
    "project_domain_id": ("OS_PROJECT_DOMAIN_ID",),
    "application_credential_id": ("OS_APPLICATION_CREDENTIAL_ID",),
    "application_credential_name": ("OS_APPLICATION_CREDENTIAL_NAME",),
    "application_credential_secret": ("OS_APPLICATION_CREDENTIAL_SECRET",),
}
_SHOWN: Final = (
    "username", "user_id", "user_domain_name", "user_domain_id", "project_name", "project_id",
    "project_domain_name", "project_domain_id", "application_credential_id",
    "application_credential_name",
)
MISSING = N_("“%(field)s” is missing.")
NO_URL = N_("“%(field)s” must be an address such as https://cloud.example:5000/v3.")
NO_CLOUD_THERE = N_("“%(field)s” is an address that no cloud has.")
NO_FILE = N_(
    "“%(field)s” names a file of another machine; put the certificate itself, in PEM form, into"
    " the access file."
)
NO_PEM = N_("“%(field)s” holds no certificate in PEM form.")
NOT_OFFERED = N_("“%(field)s” is “%(value)s”; a password or an application credential is needed.")
CONTRADICTS = N_("“%(field)s” contradicts the certificate in the file; leave one of them out.")
Wrongs = dict[str, Reason]


@dataclass(frozen=True, slots=True)
class CloudLogin:
    """One project of one region of a cloud.  ``region`` is empty where the file names none.

    ``auth`` has the members that keystoneauth's plugin ``auth_type`` takes; ``overrides`` the
    addresses of services that are not taken from the catalog, by service type.
    """

    source: str
    auth_type: str
    auth: Mapping[str, str] = field(repr=False)
    region: str = ""
    interface: str = "public"
    ca: str = ""
    insecure: bool = False
    overrides: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """What a person may see: where it leads and as whom.  No secret."""
        return {
            "kind": "openstack",
            "simulated": False,
            "source": self.source,
            "server": self.auth["auth_url"],
            "user_kind": self.auth_type,
            "user": self._first("username", "user_id", "application_credential_name",
                                "application_credential_id"),
            "project": self._first("project_name", "project_id"),
            "region": self.region,
            "interface": self.interface,
            "insecure": self.insecure,
            "ca": shown_ca(self.ca.encode()),
            "overrides": dict(self.overrides),
            "expires": None,
            **{name: self.auth[name] for name in _SHOWN if self.auth.get(name)},
        }

    def _first(self, *names: str) -> str:
        return next((self.auth[name] for name in names if self.auth.get(name)), "")


def read_login(content: bytes) -> CloudLogin:
    """The one login of an access file; CredentialsInvalid with a reason per wrong member."""
    if len(content) > MOST_BYTES:
        raise _one("file", N_("“%(field)s” is larger than %(limit)s bytes."), limit=MOST_BYTES)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _one("file", N_("“%(field)s” is not UTF-8 text.")) from None
    if "\0" in text or not text.strip():
        raise _one("file", N_("“%(field)s” is neither an openrc file nor a clouds.yaml."))
    if _CLOUDS.search(text):
        return _of_clouds_yaml(content)
    return _of_openrc(text)


def _of_openrc(text: str) -> CloudLogin:
    found = read_openrc(text)
    values = found.values
    auth = {
        member: next((values[name] for name in names if values.get(name)), "")
        for member, names in _AUTH.items()
    }
    # A file that a person exports for several commands says its CA by path; the PEM is what counts.
    wrongs: Wrongs = {}
    if values.get("OS_CACERT") and not found.certificates:
        wrongs["OS_CACERT"] = _reason("OS_CACERT", NO_FILE)
    overrides = {kind: values[name] for name, kind in _OVERRIDES.items() if values.get(name)}
    return _made(
        wrongs,
        {member: names[0] for member, names in _AUTH.items()},
        source="openrc",
        auth_type=values.get("OS_AUTH_TYPE", ""),
        auth=auth,
        region=values.get("OS_REGION_NAME", ""),
        interface=values.get("OS_INTERFACE") or values.get("OS_ENDPOINT_TYPE", ""),
        ca=found.certificates,
        insecure=values.get("OS_INSECURE", "").lower() in ("1", "true", "yes"),
        overrides=overrides,
    )


def _of_clouds_yaml(content: bytes) -> CloudLogin:
    try:
        data = load(content, most=MOST_BYTES)
    except Unreadable as unreadable:
        raise CredentialsInvalid.of({"file": unreadable.reason}) from None
    clouds = data.get("clouds") if isinstance(data, dict) else None
    if not isinstance(clouds, dict) or len(clouds) != 1:
        raise _one("clouds", N_("“%(field)s” must hold exactly one cloud."))
    name, cloud = next(iter(clouds.items()))
    at = f"clouds.{name}"
    if not isinstance(cloud, dict) or not isinstance(cloud.get("auth"), dict):
        raise _one(f"{at}.auth", MISSING)
    wrongs: Wrongs = {}
    for member in ("profile", "cert", "key"):
        if cloud.get(member):
            text = N_("“%(field)s” is not followed; write what it stands for.")
            wrongs[f"{at}.{member}"] = _reason(f"{at}.{member}", text)
    auth = {member: _text(cloud["auth"].get(member)) for member in _AUTH}
    overrides = {
        key.removesuffix("_endpoint_override"): _text(value)
        for key, value in cloud.items()
        if isinstance(key, str) and key.endswith("_endpoint_override") and value
    }
    ca = _text(cloud.get("cacert"))
    if ca and "BEGIN CERTIFICATE" not in ca:
        wrongs[f"{at}.cacert"] = _reason(f"{at}.cacert", NO_FILE)
    return _made(
        wrongs,
        {member: f"{at}.auth.{member}" for member in _AUTH},
        source="clouds.yaml",
        auth_type=_text(cloud.get("auth_type")),
        auth=auth,
        region=_region(f"{at}.region_name", cloud),
        interface=_text(cloud.get("interface")),
        ca="" if wrongs else ca,
        insecure=cloud.get("verify") is False,
        overrides=overrides,
    )


def _region(at: str, cloud: Mapping[str, Any]) -> str:
    regions = cloud.get("regions")
    if cloud.get("region_name") or not isinstance(regions, list) or not regions:
        return _text(cloud.get("region_name"))
    if len(regions) > 1:
        text = N_("“%(field)s” is missing, and there are several regions: %(known)s.")
        raise _one(at, text, known=", ".join(map(str, regions)))
    only = regions[0]
    return _text(only.get("name")) if isinstance(only, dict) else _text(only)


def _made(
    wrongs: Wrongs, called: Mapping[str, str], *, auth: Mapping[str, str], **members: Any
) -> CloudLogin:
    """The login, once all of it is right; ``called`` is what the file calls the members of auth."""
    auth = {member: value for member, value in auth.items() if value}
    kind = _kind(members["auth_type"], auth, wrongs)
    for member in _needed(kind, auth):
        wrongs.setdefault(called[member], _reason(called[member], MISSING))
    if kind == PASSWORD:
        auth = {"user_domain_name": "Default", "project_domain_name": "Default"} | auth
        for one in ("user_domain", "project_domain"):
            if auth.get(f"{one}_id"):
                auth.pop(f"{one}_name")
    addresses = {called["auth_url"]: auth.get("auth_url", ""), **members["overrides"]}
    for at, address in addresses.items():
        if address:
            _look_at(at, address, wrongs)
    if members["ca"]:
        _certificates("OS_CACERT", members["ca"], wrongs)
        if members["insecure"]:
            wrongs.setdefault("OS_INSECURE", _reason("OS_INSECURE", CONTRADICTS))
    if wrongs:
        raise CredentialsInvalid.of(wrongs)
    interface = members["interface"].removesuffix("URL") or "public"
    return CloudLogin(auth=auth, **(members | {"auth_type": kind, "interface": interface}))


def _kind(stated: str, auth: Mapping[str, str], wrongs: Wrongs) -> str:
    """The plugin that signs in; a file that names none has the members of one."""
    stated = stated.lower()
    if stated in ("", "v3password", PASSWORD):
        return APPLICATION_CREDENTIAL if auth.get("application_credential_secret") else PASSWORD
    if stated in ("v3applicationcredential", "applicationcredential"):
        return APPLICATION_CREDENTIAL
    wrongs["auth_type"] = Reason(NOT_OFFERED, "field", {"field": "auth_type", "value": stated})
    return PASSWORD


def _needed(kind: str, auth: Mapping[str, str]) -> list[str]:
    """The members that are missing for this way of signing in."""
    if kind == APPLICATION_CREDENTIAL:
        wanted = [("auth_url",), ("application_credential_secret",),
                  ("application_credential_id", "application_credential_name")]
        if not auth.get("application_credential_id"):
            wanted.append(("username", "user_id"))
    else:
        wanted = [("auth_url",), ("username", "user_id"), ("password",),
                  ("project_name", "project_id")]
    return [names[0] for names in wanted if not any(auth.get(name) for name in names)]


def _look_at(at: str, address: str, wrongs: Wrongs) -> None:
    refused = REACHED.check(address)
    if refused is not None and refused.code == "forbidden_address":
        wrongs[at] = _reason(at, NO_CLOUD_THERE)
    elif refused is not None or urlsplit(address).query:
        wrongs[at] = _reason(at, NO_URL)


def _certificates(at: str, text: str, wrongs: Wrongs) -> None:
    try:
        for one in x509.load_pem_x509_certificates(text.encode()):
            # The parts that are shown are read when they are asked for, so ask now.
            one.subject.rfc4514_string(), one.not_valid_after_utc
    except (ValueError, TypeError):
        wrongs.setdefault(at, _reason(at, NO_PEM))


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


def _reason(at: str, text: str) -> Reason:
    return Reason(text, "field", {"field": at})


def _one(at: str, text: str, **params: Any) -> CredentialsInvalid:
    return CredentialsInvalid.of({at: Reason(text, "field", {"field": at, **params})})
