"""The data types of MEC 011 as an application sends them: decoded and checked in one step.

Unknown members are ignored, as ETSI's own generated clients need it.  Answers are plain dicts
(``documents.py``); these classes describe them to OpenAPI as well.  Knows no Django.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

# No control characters: what an application sends is shown to people and stands in logs.  "\Z",
# since Python's "$" passes over a last newline; the description has "$", which is it elsewhere.
_PLAIN = r"^[^\x00-\x1f\x7f]*\Z"

# Labels of a domain name, the first of which may stand for any (RFC 1035, RFC 4592); services and
# texts of DNS begin with an underscore.  A last dot says that the name is whole.
_DOMAIN = (
    r"(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.?"
)
_is_domain = re.compile(_DOMAIN).fullmatch
# An address that the platform may call (apps.common.guard, which says what is wrong with others).
_CALLBACK = (
    r"^[Hh][Tt][Tt][Pp][Ss]?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?)"
    r"(:[1-9][0-9]{0,4})?([/?][!$-;=?-\[\]_a-z~]*)?$"
)


# With hyphens or without.
UUID = "^[0-9A-Fa-f]{8}(-([0-9A-Fa-f]{4}-){3}|[0-9A-Fa-f]{12})[0-9A-Fa-f]{12}$"


class Members(Struct, kw_only=True):
    """Base of all: attributes are optional unless said, in any order."""

    # What OpenAPI has to be told beside the members.
    narrower: ClassVar[dict[str, Any]] = {}


def one_of(*names: str) -> dict[str, Any]:
    """Exactly one of these members is there."""
    return {"oneOf": [{"required": [name]} for name in names]}


def not_both(*names: str) -> dict[str, Any]:
    """At most one of these members is there."""
    pairs = [{"required": list(pair)} for pair in itertools.combinations(names, 2)]
    return {"not": {"anyOf": pairs}}


Text = Annotated[str, Meta(max_length=1024, pattern=_PLAIN)]
Short = Annotated[str, Meta(min_length=1, max_length=128, pattern=_PLAIN)]
Version = Annotated[str, Meta(min_length=1, max_length=64, pattern=_PLAIN)]
Uri = Annotated[str, Meta(min_length=1, max_length=2048, pattern=_PLAIN)]
RuleId = Annotated[str, Meta(min_length=1, max_length=63, pattern=_PLAIN)]
UInt32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[int, Meta(ge=0, le=2**31 - 2)]

SettableState = Literal["ACTIVE", "INACTIVE"]
State = Literal["ACTIVE", "INACTIVE", "SUSPENDED"]
Serializer = Literal["JSON", "XML", "PROTOBUF3"]
Locality = Literal["MEC_SYSTEM", "MEC_HOST", "NFVI_POP", "ZONE", "ZONE_GROUP", "NFVI_NODE"]
TransportType = Literal[
    "REST_HTTP", "MB_TOPIC_BASED", "MB_ROUTING", "MB_PUBSUB", "RPC", "RPC_STREAMING", "WEBSOCKET"
]
GrantType = Literal[
    "OAUTH2_AUTHORIZATION_CODE",
    "OAUTH2_IMPLICIT_GRANT",
    "OAUTH2_RESOURCE_OWNER",
    "OAUTH2_CLIENT_CREDENTIALS",
]


class CategoryRef(Members):
    """Clause 8.1.5.2: the category of a service."""

    href: Uri
    id: Short
    name: Short
    version: Version


class Address(Members):
    """A host and a port."""

    host: Short
    port: Port


class EndPointInfo(Members):
    """Clause 8.1.5.3: exactly one way to reach the service."""

    narrower = one_of("uris", "fqdn", "addresses", "alternative")

    uris: Annotated[list[Uri], Meta(max_length=64)] | UnsetType = UNSET
    fqdn: Annotated[list[Short], Meta(max_length=64)] | UnsetType = UNSET
    addresses: Annotated[list[Address], Meta(max_length=64)] | UnsetType = UNSET
    alternative: dict[str, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        ways = (self.uris, self.fqdn, self.addresses, self.alternative)
        if sum(way is not UNSET for way in ways) != 1:
            raise ValueError("give exactly one of uris, fqdn, addresses and alternative")


class OAuth2Info(Members):
    """Clause 8.1.5.4: how a token for the service is had."""

    # A repeated grant type is one of ETSI's own test cases.
    grantTypes: Annotated[list[GrantType], Meta(min_length=1, max_length=4)]
    tokenEndpoint: Uri | UnsetType = UNSET


class SecurityInfo(Members):
    """Clause 8.1.5.4."""

    oAuth2Info: OAuth2Info | UnsetType = UNSET


class TransportInfo(Members):
    """Clause 8.1.2.3: the transport over which a service is offered."""

    id: Short
    name: Short
    type: TransportType
    protocol: Short
    version: Version
    endpoint: EndPointInfo
    security: SecurityInfo
    description: Text | UnsetType = UNSET
    implSpecificInfo: dict[str, Any] | UnsetType = UNSET


# The one transport that the platform itself offers.
OFFERED = "mep-rest-http"


class ServiceInfo(Members):
    """Clause 8.1.2.2 as a producer sends it.

    ``serInstanceId``, ``isLocal`` and ``_links`` are the platform's and ignored when sent.  The
    platform alone sets SUSPENDED.  ``transportId`` names a transport of ``/transports`` and is not
    looked at where ``transportInfo`` is given.
    """

    narrower = {
        "anyOf": [
            {"required": ["transportInfo"]},
            {"required": ["transportId"], "properties": {"transportId": {"enum": [OFFERED]}}},
        ]
    }

    serName: Short
    version: Version
    state: SettableState
    serializer: Serializer
    serCategory: CategoryRef | None = None
    transportId: Short | UnsetType = UNSET
    transportInfo: TransportInfo | UnsetType = UNSET
    scopeOfLocality: Locality = "MEC_HOST"
    consumedLocalOnly: bool = True
    # Seconds; absent: no heartbeat, 0: the platform chooses.
    livenessInterval: Seconds | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.transportId is UNSET and self.transportInfo is UNSET:
            raise ValueError("give transportInfo, or the transportId of one that is offered")


class ServiceLivenessUpdate(Members):
    """Clause 8.1.2.5: the heartbeat."""

    state: Literal["ACTIVE"]


class FilteringCriteria(Members):
    """Clause 8.1.3.2: which services a subscriber wants to hear of; all given ones must fit."""

    narrower = not_both("serInstanceIds", "serNames", "serCategories")

    serInstanceIds: Annotated[list[Short], Meta(max_length=200)] | UnsetType = UNSET
    serNames: Annotated[list[Short], Meta(max_length=200)] | UnsetType = UNSET
    serCategories: Annotated[list[CategoryRef], Meta(max_length=200)] | UnsetType = UNSET
    states: Annotated[list[State], Meta(max_length=3)] | UnsetType = UNSET
    isLocal: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        exclusive = (self.serInstanceIds, self.serNames, self.serCategories)
        if sum(one is not UNSET for one in exclusive) > 1:
            raise ValueError("serInstanceIds, serNames and serCategories exclude each other")


Callback = Annotated[
    str, Meta(min_length=1, max_length=2048, extra_json_schema={"pattern": _CALLBACK})
]


class SerAvailabilityNotificationSubscription(Members):
    """Clause 8.1.3.2.  The callback must be at a public address, or at one that the site allows."""

    subscriptionType: Literal["SerAvailabilityNotificationSubscription"]
    callbackReference: Callback
    filteringCriteria: FilteringCriteria | None = None


class AppTerminationNotificationSubscription(Members):
    """Clause 7.1.3.2.  ``appInstanceId`` is echoed; the path says which application it is."""

    subscriptionType: Literal["AppTerminationNotificationSubscription"]
    callbackReference: Callback
    appInstanceId: Short


class AppTerminationConfirmation(Members):
    """Clause 7.1.4.4."""

    operationAction: Literal["STOPPING", "TERMINATING"]


class AppReadyConfirmation(Members):
    """Clause 7.1.4.5."""

    indication: Literal["READY"]


class DnsRule(Members):
    """Clause 7.1.2.2.  The path's rule id wins over the body's; no two rules have one domain."""

    narrower = {
        "oneOf": [
            {
                "properties": {
                    "ipAddressType": {"enum": [f"IP_V{version}", f"IPv{version}"]},
                    "ipAddress": {"type": "string", "format": f"ipv{version}"},
                }
            }
            for version in (4, 6)
        ]
    }

    domainName: Annotated[
        str,
        Meta(min_length=1, max_length=255, extra_json_schema={"pattern": f"^{_DOMAIN}$"}),
    ]
    ipAddressType: Literal["IP_V6", "IP_V4", "IPv4", "IPv6"]
    ipAddress: Annotated[str, Meta(min_length=2, max_length=45)]
    state: SettableState
    dnsRuleId: RuleId | UnsetType = UNSET
    ttl: UInt32 | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not _is_domain(self.domainName):
            raise ValueError("domainName must be a domain name")
        version = 4 if self.ipAddressType in ("IP_V4", "IPv4") else 6
        try:
            # Without a zone, which means something on one machine only (RFC 4007).
            found = ipaddress.ip_address(self.ipAddress.replace("%", " "))
        except ValueError:
            raise ValueError("ipAddress must be an IPv4 or IPv6 address") from None
        if found.version != version:
            raise ValueError(f"ipAddress must be of the type {self.ipAddressType}")
        self.ipAddressType = "IP_V4" if version == 4 else "IP_V6"


_Words = Annotated[list[Annotated[str, Meta(max_length=128, pattern=_PLAIN)]], Meta(max_length=16)]


class TrafficFilter(Members):
    """Clause 7.1.5.3; every attribute is optional, and inside one array any entry matches.

    ``dstTunnelAddress`` is what MECM calls ``tgtTunnelAddress``, and kept under that name.
    """

    narrower = not_both("tgtTunnelAddress", "dstTunnelAddress")

    srcAddress: _Words | UnsetType = UNSET
    dstAddress: _Words | UnsetType = UNSET
    srcPort: _Words | UnsetType = UNSET
    dstPort: _Words | UnsetType = UNSET
    protocol: _Words | UnsetType = UNSET
    token: _Words | UnsetType = UNSET
    tag: _Words | UnsetType = UNSET
    srcTunnelAddress: _Words | UnsetType = UNSET
    tgtTunnelAddress: _Words | UnsetType = UNSET
    dstTunnelAddress: _Words | UnsetType = UNSET
    srcTunnelPort: _Words | UnsetType = UNSET
    dstTunnelPort: _Words | UnsetType = UNSET
    qCI: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    dSCP: Annotated[int, Meta(ge=0, le=63)] | UnsetType = UNSET
    tC: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.dstTunnelAddress is UNSET:
            return
        if self.tgtTunnelAddress is not UNSET:
            raise ValueError("give tgtTunnelAddress or dstTunnelAddress, not both")
        self.tgtTunnelAddress, self.dstTunnelAddress = self.dstTunnelAddress, UNSET


class TunnelInfo(Members):
    """Clause 7.1.5.5."""

    tunnelType: Literal["GTP_U", "GRE"]
    tunnelDstAddress: Short | UnsetType = UNSET
    tunnelSrcAddress: Short | UnsetType = UNSET


class DestinationInterface(Members):
    """Clause 7.1.5.4."""

    interfaceType: Literal["TUNNEL", "MAC", "IP"]
    tunnelInfo: TunnelInfo | UnsetType = UNSET
    srcMacAddress: Short | UnsetType = UNSET
    dstMacAddress: Short | UnsetType = UNSET
    dstIpAddress: Short | UnsetType = UNSET


class TrafficRule(Members):
    """Clause 7.1.5.2.  ``dstInterface`` is one object up to v2.1.1 and an array after it."""

    filterType: Literal["FLOW", "PACKET"]
    priority: Annotated[int, Meta(ge=0, le=255)]
    trafficFilter: Annotated[list[TrafficFilter], Meta(min_length=1, max_length=16)]
    action: Literal[
        "DROP",
        "FORWARD_DECAPSULATED",
        "FORWARD_ENCAPSULATED",
        "FORWARD_AS_IS",
        "PASSTHROUGH",
        "DUPLICATE_DECAPSULATED",
        "DUPLICATE_ENCAPSULATED",
        "DUPLICATE_AS_IS",
    ]
    state: SettableState
    trafficRuleId: RuleId | UnsetType = UNSET
    dstInterface: (
        DestinationInterface
        | Annotated[list[DestinationInterface], Meta(max_length=2)]
        | UnsetType
    ) = UNSET
