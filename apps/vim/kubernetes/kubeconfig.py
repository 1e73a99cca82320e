"""A kubeconfig as it is uploaded: one context of it, read, checked and shown.  Calls nobody.

Only what is in the file counts.  A kubeconfig can also name programs and files of the machine that
reads it; that machine is the site, and whoever uploads must not run or read anything there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import yaml
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.vim.access import REACHED, shown_ca
from apps.vim.errors import CredentialsInvalid
from apps.vim.yamls import Unreadable, load

MOST_BYTES: Final = 1024 * 1024
# Members that name a program or a file of whoever reads the kubeconfig, with what would be right.
OF_THE_READER: Final = {
    "exec": N_("“%(field)s” would run a program at this site; use a token or a certificate."),
    "auth-provider": N_("“%(field)s” would run a program at this site; use a token."),
    "tokenFile": N_("“%(field)s” names a file of another machine; put the token into “token”."),
    "client-certificate": N_(
        "“%(field)s” names a file of another machine; use “client-certificate-data”."
    ),
    "client-key": N_("“%(field)s” names a file of another machine; use “client-key-data”."),
    "certificate-authority": N_(
        "“%(field)s” names a file of another machine; use “certificate-authority-data”."
    ),
    "proxy-url": N_("“%(field)s” is not followed; the site must reach the cluster directly."),
    "as": N_("“%(field)s” (impersonation) is not supported; use credentials of that user."),
    "as-groups": N_("“%(field)s” (impersonation) is not supported; use credentials of that user."),
    "as-uid": N_("“%(field)s” (impersonation) is not supported; use credentials of that user."),
    "as-user-extra": N_("“%(field)s” (impersonation) is not supported."),
}
Wrongs = dict[str, Reason]


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One context of a kubeconfig.  ``expires`` is None where nothing in it says so.

    ``known_as`` is how the cluster calls the user, as far as the credentials tell: the subject of
    the certificate, of the token, or the user name.
    """

    context: str
    cluster: str
    server: str
    user: str
    user_kind: str
    tls_server_name: str = ""
    insecure: bool = False
    ca: bytes | None = None
    token: str = field(default="", repr=False)
    client_certificate: bytes = field(default=b"", repr=False)
    client_key: bytes = field(default=b"", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    expires: datetime | None = None
    known_as: str = ""

    def describe(self) -> dict[str, Any]:
        """What a person may see: where it leads, as whom, and until when.  No secret."""
        return {
            "kind": "kubernetes",
            "simulated": False,
            "context": self.context,
            "cluster": self.cluster,
            "server": self.server,
            "user": self.user,
            "user_kind": self.user_kind,
            "known_as": self.known_as,
            "insecure": self.insecure,
            "tls_server_name": self.tls_server_name,
            "expires": self.expires.isoformat() if self.expires else None,
            "ca": shown_ca(self.ca),
        }

    def as_yaml(self) -> str:
        """A kubeconfig with this context alone, and nothing but what was understood."""
        cluster: dict[str, Any] = {"server": self.server}
        if self.ca:
            cluster["certificate-authority-data"] = base64.b64encode(self.ca).decode()
        if self.insecure:
            cluster["insecure-skip-tls-verify"] = True
        if self.tls_server_name:
            cluster["tls-server-name"] = self.tls_server_name
        user: dict[str, Any] = {}
        if self.token:
            user["token"] = self.token
        if self.client_certificate:
            user["client-certificate-data"] = base64.b64encode(self.client_certificate).decode()
            user["client-key-data"] = base64.b64encode(self.client_key).decode()
        if self.username:
            user |= {"username": self.username, "password": self.password}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "cluster", "cluster": cluster}],
                "users": [{"name": "user", "user": user}],
                "contexts": [{"name": "site", "context": {"cluster": "cluster", "user": "user"}}],
                "current-context": "site",
            }
        )


def read_kubeconfig(content: bytes) -> Kubeconfig:
    """The current context of a kubeconfig; CredentialsInvalid with a reason per wrong member."""
    try:
        data = load(content, most=MOST_BYTES)
    except Unreadable as unreadable:
        raise CredentialsInvalid.of({"file": unreadable.reason}) from None
    if not isinstance(data, dict) or data.get("kind", "Config") != "Config":
        raise _one("file", N_("“%(field)s” is no kubeconfig: it is not of kind Config."))
    context_name, context = _context(data)
    cluster_name, user_name = str(context.get("cluster")), str(context.get("user"))
    cluster = _named(data, "clusters", "cluster", cluster_name)
    user = _named(data, "users", "user", user_name)
    wrongs: Wrongs = {}
    _refuse_of_the_reader(f"clusters.{cluster_name}", cluster, wrongs)
    _refuse_of_the_reader(f"users.{user_name}", user, wrongs)
    server = _server(f"clusters.{cluster_name}.server", cluster.get("server"), wrongs)
    ca = _pem(f"clusters.{cluster_name}.certificate-authority-data", cluster, wrongs)
    _certificate(f"clusters.{cluster_name}.certificate-authority-data", ca, wrongs)
    insecure = _insecure(f"clusters.{cluster_name}.insecure-skip-tls-verify", cluster, ca, wrongs)
    held = _user(f"users.{user_name}", user, wrongs)
    if wrongs:
        raise CredentialsInvalid.of(wrongs)
    return Kubeconfig(
        context=context_name,
        cluster=cluster_name,
        server=server,
        user=user_name,
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        insecure=insecure,
        ca=ca or None,
        **held,
    )


def _context(data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    rows = [row for row in _rows(data, "contexts") if isinstance(row.get("context"), dict)]
    current = str(data.get("current-context") or "")
    if not rows:
        raise _one("contexts", N_("“%(field)s” is empty; a context names a cluster and a user."))
    if not current and len(rows) > 1:
        raise _one(
            "current-context",
            N_("“%(field)s” is missing, and there are several contexts: %(known)s."),
            known=", ".join(str(row.get("name")) for row in rows),
        )
    chosen = [row for row in rows if not current or str(row.get("name")) == current]
    if not chosen:
        raise _one(
            "current-context",
            N_("“%(field)s” is “%(name)s”, and there is no such context; there are: %(known)s."),
            name=current,
            known=", ".join(str(row.get("name")) for row in rows),
        )
    return str(chosen[0].get("name")), chosen[0]["context"]


def _rows(data: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    found = data.get(member)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _named(data: Mapping[str, Any], member: str, inner: str, name: str) -> Mapping[str, Any]:
    for row in _rows(data, member):
        if str(row.get("name")) == name and isinstance(row.get(inner), dict):
            found: Mapping[str, Any] = row[inner]
            return found
    raise _one(member, N_("“%(field)s” has no “%(name)s”, which the context names."), name=name)


def _one(at: str, text: str, **params: Any) -> CredentialsInvalid:
    return CredentialsInvalid.of({at: Reason(text, "field", {"field": at, **params})})


def _wrong(wrongs: Wrongs, at: str, text: str, **params: Any) -> None:
    wrongs.setdefault(at, Reason(text, "field", {"field": at, **params}))


def _refuse_of_the_reader(at: str, members: Mapping[str, Any], wrongs: Wrongs) -> None:
    for name, text in OF_THE_READER.items():
        if members.get(name):
            _wrong(wrongs, f"{at}.{name}", text)


def _server(at: str, value: Any, wrongs: Wrongs) -> str:
    """An https address; no place that only this machine or its cloud answers at."""
    text = str(value or "")
    if not text:
        _wrong(wrongs, at, N_("“%(field)s” is missing."))
    elif not text.startswith("https://"):
        _wrong(wrongs, at, N_("“%(field)s” must begin with https://."))
    else:
        refused = REACHED.check(text)
        if refused is not None and refused.code == "forbidden_address":
            _wrong(wrongs, at, N_("“%(field)s” is an address that no cluster has."))
        elif refused is not None or urlsplit(text).query:
            _wrong(wrongs, at, N_("“%(field)s” must be an address such as https://10.0.0.5:6443."))
    return text.rstrip("/")


def _insecure(at: str, cluster: Mapping[str, Any], ca: bytes, wrongs: Wrongs) -> bool:
    value = cluster.get("insecure-skip-tls-verify")
    if value is not None and not isinstance(value, bool):
        _wrong(wrongs, at, N_("“%(field)s” must be true or false."))
    elif value and ca:
        text = N_("“%(field)s” contradicts “certificate-authority-data”; leave one of them out.")
        _wrong(wrongs, at, text)
    return bool(value)


def _pem(at: str, members: Mapping[str, Any], wrongs: Wrongs) -> bytes:
    value = members.get(at.rpartition(".")[2])
    if not value:
        return b""
    try:
        return base64.b64decode("".join(str(value).split()), validate=True)
    except (binascii.Error, ValueError):
        _wrong(wrongs, at, N_("“%(field)s” is not base64."))
        return b""


def _certificate(at: str, data: bytes, wrongs: Wrongs) -> x509.Certificate | None:
    if not data:
        return None
    try:
        found = x509.load_pem_x509_certificates(data)[0]
        # The parts that are used later are read when they are asked for, so ask now.
        found.subject.rfc4514_string(), found.not_valid_after_utc, _public(found)
        return found
    except (ValueError, TypeError, UnsupportedAlgorithm):
        _wrong(wrongs, at, N_("“%(field)s” holds no certificate in PEM form."))
        return None


def _user(at: str, user: Mapping[str, Any], wrongs: Wrongs) -> dict[str, Any]:
    """The members of Kubeconfig that come from the user."""
    certificate = _pem(f"{at}.client-certificate-data", user, wrongs)
    key = _pem(f"{at}.client-key-data", user, wrongs)
    token, username = str(user.get("token") or ""), str(user.get("username") or "")
    if certificate or key:
        held = _pair(at, certificate, key, wrongs)
        return {
            "user_kind": "client_certificate", "client_certificate": certificate,
            "client_key": key, "expires": held and held.not_valid_after_utc,
            "known_as": held.subject.rfc4514_string() if held else "",
        }
    if token:
        if not token.isascii() or not token.isprintable() or " " in token:
            text = N_("“%(field)s” must be a line without spaces, as a token is.")
            _wrong(wrongs, f"{at}.token", text)
        expires, known_as = _told_by(token)
        _refuse_past(f"{at}.token", expires, wrongs)
        return {"user_kind": "token", "token": token, "expires": expires, "known_as": known_as}
    if username:
        password = str(user.get("password") or "")
        return {
            "user_kind": "basic", "username": username, "password": password, "known_as": username,
        }
    if not any(name.startswith(f"{at}.") for name in wrongs):
        _wrong(wrongs, at, N_("“%(field)s” has neither a token nor a client certificate."))
    return {"user_kind": "none"}


def _pair(at: str, certificate: bytes, key: bytes, wrongs: Wrongs) -> x509.Certificate | None:
    """Certificate and key must be there both, belong together, and be in force."""
    if not certificate or not key:
        missing = "client-key-data" if certificate else "client-certificate-data"
        _wrong(wrongs, f"{at}.{missing}", N_("“%(field)s” is missing."))
        return None
    held = _certificate(f"{at}.client-certificate-data", certificate, wrongs)
    try:
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        _wrong(wrongs, f"{at}.client-key-data", N_("“%(field)s” holds no private key in PEM form."))
        return None
    if held is None:
        return None
    if _public(private) != _public(held):
        text = N_("“%(field)s” does not belong to the client certificate.")
        _wrong(wrongs, f"{at}.client-key-data", text)
    _refuse_past(f"{at}.client-certificate-data", held.not_valid_after_utc, wrongs)
    return held


def _public(owner: Any) -> bytes:
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    found: bytes = owner.public_key().public_bytes(*form)
    return found


def _refuse_past(at: str, expires: datetime | None, wrongs: Wrongs) -> None:
    if expires is not None and expires <= clock.now():
        text = N_("“%(field)s” has expired on %(day)s.")
        _wrong(wrongs, at, text, day=expires.date().isoformat())


def _told_by(token: str) -> tuple[datetime | None, str]:
    """When a token says that it ends and for whom it is, where it is a JWT; nothing rests on it."""
    try:
        said = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
    except (jwt.InvalidTokenError, ValueError):
        return None, ""
    known_as = str(said.get("sub") or "")[:200]
    try:
        return datetime.fromtimestamp(int(said["exp"]), UTC), known_as
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None, known_as
