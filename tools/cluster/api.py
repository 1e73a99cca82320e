"""Plain HTTP to an API server, as the user of a kubeconfig."""

from __future__ import annotations

import base64
import ssl
import tempfile
from dataclasses import dataclass
from typing import Any

import httpx
import yaml


@dataclass(frozen=True)
class Access:
    """What a kubeconfig's current context says: where, who signs, and who is asking."""

    server: str
    authority: bytes
    token: str = ""
    certificate: bytes = b""
    key: bytes = b""

    @classmethod
    def read(cls, kubeconfig: str) -> Access:
        """Of the text of a kubeconfig; certificates may be data or files."""
        content = yaml.safe_load(kubeconfig)
        context = _named(content["contexts"], content["current-context"])["context"]
        cluster = _named(content["clusters"], context["cluster"])["cluster"]
        user = _named(content["users"], context["user"])["user"]
        return cls(
            server=cluster["server"],
            authority=_bytes(cluster, "certificate-authority"),
            token=user.get("token", ""),
            certificate=_bytes(user, "client-certificate"),
            key=_bytes(user, "client-key"),
        )

    def ssl_context(self) -> ssl.SSLContext:
        """A context that trusts the cluster's CA and shows the user's certificate."""
        context = ssl.create_default_context(cadata=self.authority.decode() or None)
        # CAs of clusters made by hand often lack what this flag asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate:
            with tempfile.NamedTemporaryFile() as pair:
                pair.write(self.certificate + b"\n" + self.key)
                pair.flush()
                context.load_cert_chain(pair.name)
        return context

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def open_api(kubeconfig: str, timeout: float = 20) -> httpx.Client:
    """A client of the API server; raises what httpx raises."""
    access = Access.read(kubeconfig)
    return httpx.Client(
        base_url=access.server,
        verify=access.ssl_context(),
        headers=access.headers,
        timeout=timeout,
        trust_env=False,
    )


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)


def _bytes(mapping: dict[str, Any], name: str) -> bytes:
    if f"{name}-data" in mapping:
        return base64.b64decode(mapping[f"{name}-data"])
    if name in mapping:
        with open(mapping[name], "rb") as file:  # noqa: PTH123 - as the kubeconfig spells it
            return file.read()
    return b""
