"""Which addresses that others give us may be called: a guard against being sent to our own side.

Whoever names an address could name one that only this machine reaches: a database on loopback, a
neighbour in the data centre, the metadata service of a cloud.  The guard judges the text of an
address and the addresses that a name resolves to; ``apps.common.outward`` makes the calls.  Not for
other sites and managers, which administrators enter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import httpx
from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URI_LENGTH = 2048

# IANA's registries of special-purpose addresses, multicast and reserved space.  Written out, since
# what ``ipaddress`` calls global differs between releases of Python.  192.88.99.0/24, 2001::/23
# (Teredo) and 2002::/16 (6to4) are ways into IPv4 that nobody has to use any more.
_SPECIAL_4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/4 240.0.0.0/4
"""
_SPECIAL_6 = "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
_SPECIAL = tuple(ip_network(text) for text in (_SPECIAL_4 + _SPECIAL_6).split())
_GLOBAL_6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOOPBACK: list[Address] = [IPv4Address("127.0.0.1"), IPv6Address("::1")]

# Where clouds hand credentials to whoever asks from inside; some look like public addresses.
_METADATA = """
    169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192
    fd00:ec2::254 fd00:ec2::23 fd20:ce::254
"""
METADATA = frozenset(ip_address(text) for text in _METADATA.split())

# Printable ASCII without what RFC 3986 leaves out; other alphabets arrive percent-encoded.
_URI = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_PARTS = re.compile(r"https?://(?P<authority>[^/?#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::(?P<port>[0-9]*))?")
_NAME = re.compile(r"(?=.{1,253}\.?\Z)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")

FORBIDDEN = N_("%(host)s is not a public address, and this site does not allow calls to it.")
NO_HOST = Reason(N_("The address names no usable host."), "uri_host")


@dataclass(frozen=True)
class Guard:
    """Which addresses may be called: public ones, and those in the networks ``allowed``."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> Guard:
        """The guard for a setting such as ``127.0.0.0/8, ::1``; ValueError names what is wrong."""
        return cls(networks(text))

    def permits(self, address: Address) -> bool:
        """Whether a connection to this address may be made, whatever form it is written in."""
        return all(self._permits_one(form) for form in _stands_for(address))

    def _permits_one(self, address: Address) -> bool:
        if address in METADATA:
            return ip_network(address) in self.allowed
        return _is_public(address) or any(address in network for network in self.allowed)

    def check(self, uri: str) -> Reason | None:
        """Why this address may not be called, from its text alone; None when nothing says so.

        A name is not resolved here, since it may come to life later: it is looked at again by
        whoever connects.
        """
        reason = _form(uri)
        if reason is not None:
            return reason
        host = httpx.URL(uri).raw_host.decode()
        try:
            literal = literal_addresses(host)
        except ValueError:
            return NO_HOST
        if literal and not any(self.permits(address) for address in literal):
            return Reason(FORBIDDEN, "forbidden_address", {"host": host})
        return None


@lru_cache(maxsize=16)
def networks(text: str) -> tuple[Network, ...]:
    """The networks of a comma-separated list; ValueError for what is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _form(uri: str) -> Reason | None:
    """What is wrong with the form of a URI."""
    if len(uri) > URI_LENGTH:
        return Reason(
            N_("The address is longer than %(limit)s characters."),
            "uri_length",
            {"limit": URI_LENGTH},
        )
    if not _URI.fullmatch(uri):
        return Reason(
            N_("The address contains a space, a backslash or another character that no URI has."),
            "uri_characters",
        )
    if "#" in uri:
        return Reason(N_("The address must have no fragment (#)."), "uri_fragment")
    parts = _PARTS.match(uri)
    if parts is None:
        return Reason(N_("The address must begin with http:// or https://."), "uri_scheme")
    if "@" in parts["authority"]:
        return Reason(N_("The address must hold no user name or password."), "uri_user_info")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None or not _read_alike(uri, authority["host"]):
        return NO_HOST
    port = authority["port"]
    if port is not None and not 1 <= int(port or 0) <= 65535:
        return Reason(N_("The port must be a number from 1 to 65535."), "uri_port")
    return None


def _read_alike(uri: str, host: str) -> bool:
    """Whether the client that makes the call reads the same host; it knows about IDNA too."""
    try:
        url = httpx.URL(uri)
        return bool(url.host) and url.raw_host.decode().lower() == host.strip("[]").lower()
    except (httpx.InvalidURL, ValueError):
        return False


def literal_addresses(host: str) -> list[Address]:
    """The addresses that a host means without any resolver; none for a name.

    ValueError for what is neither a name nor an address, such as ``1.2.3.4.5`` or ``%31.1.1.1``.
    """
    if ":" in host:
        return [IPv6Address(host.strip("[]"))]
    if not _NAME.fullmatch(host):
        raise ValueError(host)
    labels = host.removesuffix(".").lower().split(".")
    if labels[-1] == "localhost":
        return list(_LOOPBACK)
    return [_ipv4(labels)] if _NUMBER.fullmatch(labels[-1]) else []


def _ipv4(labels: list[str]) -> IPv4Address:
    """An IPv4 address in any form that resolvers take: 127.1, 0x7f000001, 0177.0.0.1.

    The rules are those of the URL Standard: at most four numbers, the last of which fills the rest.
    """
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise ValueError(".".join(labels))
    *head, last = (_number(label) for label in labels)
    if any(number > 255 for number in head) or last >= 256 ** (4 - len(head)):
        raise ValueError(".".join(labels))
    return IPv4Address(sum(part << 8 * (3 - at) for at, part in enumerate(head)) + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def _stands_for(address: Address) -> list[Address]:
    """The addresses that packets to this one may reach: itself, or what it carries inside."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:  # what DNS64 gives for IPv4-only names in a network without IPv4
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    inside = [address.sixtofour, *(address.teredo or ())]
    return [IPv6Address(int(address)), *(form for form in inside if form is not None)]


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_6:
        return False
    return not any(address in network for network in _SPECIAL)
