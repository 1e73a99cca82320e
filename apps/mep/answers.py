"""What the MEC platform answers, for its OpenAPI description.

Answers are made as plain dicts (``documents.py`` and the views); these types say to readers and to
the tests of the description what is in them.  Nothing is decoded into them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from apps.mep.types import (
    AppTerminationNotificationSubscription,
    CategoryRef,
    DnsRule,
    Locality,
    Members,
    RuleId,
    SerAvailabilityNotificationSubscription,
    Serializer,
    State,
    TrafficRule,
    TransportInfo,
    UInt32,
)
from apps.mep.types3 import AppInfo

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Count = Annotated[int, Meta(ge=0)]


class ProblemDetails(Members):
    """RFC 9457, with ``message`` and ``details`` as EdgeGallery's clients read them.

    Some problems have members of their own, such as ``limit``.
    """

    type: str
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    instance: str
    message: str
    details: list[str]
    errors: Annotated[dict[str, str], Meta(description="What is wrong, by field.")] | UnsetType = (
        UNSET
    )


class LinkType(Members):
    """Clause 6.2.4: the address of a resource."""

    href: str


class SelfLink(LinkType):
    """The address of a service; ``liveness`` is where EdgeGallery's agents look for it."""

    liveness: str | UnsetType = UNSET


class ServiceLinks(Members):
    """The links of a service."""

    own: SelfLink = field(name="self")
    appInstanceId: Uuid
    liveness: LinkType | UnsetType = UNSET


class ServiceInfoAnswer(Members):
    """Clause 8.1.2.2 as the platform answers it."""

    serInstanceId: Uuid
    serName: str
    version: str
    state: State
    transportInfo: TransportInfo
    serializer: Serializer
    scopeOfLocality: Locality
    consumedLocalOnly: bool
    isLocal: bool
    links: ServiceLinks = field(name="_links")
    serCategory: CategoryRef | UnsetType = UNSET
    livenessInterval: Annotated[int, Meta(ge=1)] | UnsetType = UNSET


class TimeStamp(Members):
    """Time since 1970-01-01T00:00:00Z."""

    seconds: UInt32
    nanoSeconds: Annotated[int, Meta(ge=0, le=999_999_999)]


class ServiceLivenessInfo(Members):
    """Clause 8.1.2.4: state, time of the last heartbeat, and seconds between two of them."""

    state: State
    timeStamp: TimeStamp
    interval: Annotated[int, Meta(ge=1)]


class OwnLinks(Members):
    """The address of the resource itself."""

    own: LinkType = field(name="self")


class SerAvailabilityNotificationSubscriptionAnswer(
    SerAvailabilityNotificationSubscription, kw_only=True
):
    """Clause 8.1.3.2 as the platform answers it."""

    subscriptionId: Uuid
    links: OwnLinks = field(name="_links")


class AppTerminationNotificationSubscriptionAnswer(
    AppTerminationNotificationSubscription, kw_only=True
):
    """Clause 7.1.3.2 as the platform answers it."""

    subscriptionId: Uuid
    links: OwnLinks = field(name="_links")


class SubscriptionLink(LinkType):
    """A subscription; ``rel`` is what v2.1.1 calls ``subscriptionType``."""

    rel: str
    subscriptionType: str


class SubscriptionLinks(Members):
    """The address of the list, and those of its entries."""

    own: LinkType = field(name="self")
    subscriptions: list[SubscriptionLink]


class SubscriptionLinkList(Members):
    """Clause 6.2.2."""

    links: SubscriptionLinks = field(name="_links")


class ServiceReference(Members):
    """What happened to a service; no link to one that is gone."""

    serName: str
    serInstanceId: Uuid
    state: State
    changeType: Literal["ADDED", "REMOVED", "STATE_CHANGED", "ATTRIBUTES_CHANGED"]
    link: LinkType | UnsetType = UNSET


class SubscriptionOf(Members):
    """The subscription that a notification was sent for."""

    subscription: LinkType


class ServiceAvailabilityNotification(Members):
    """Clause 8.1.4.2."""

    notificationType: Literal["SerAvailabilityNotification"]
    serviceReferences: Annotated[list[ServiceReference], Meta(min_length=1)]
    links: SubscriptionOf = field(name="_links")


class TerminationLinks(SubscriptionOf):
    """The subscription, and where the application says that it is ready for its end."""

    confirmTermination: LinkType


class AppTerminationNotification(Members):
    """Clause 7.1.4.2."""

    notificationType: Literal["AppTerminationNotification"]
    operationAction: Literal["STOPPING", "TERMINATING"]
    maxGracefulTimeout: UInt32
    links: TerminationLinks = field(name="_links")


class Delivered(Members):
    """How far a notification has come; ``sequence`` is the header X-Mec-Sequence."""

    sequence: Annotated[int, Meta(ge=1)]
    state: Literal["pending", "delivered", "dead"]
    attempts: Count


class DeliveredAvailability(Delivered):
    """A notification of an availability subscription."""

    notification: ServiceAvailabilityNotification


class DeliveredTermination(Delivered):
    """A notification of a termination subscription."""

    notification: AppTerminationNotification


class DnsRuleAnswer(DnsRule, kw_only=True):
    """Clause 7.1.2.2 as the platform answers it."""

    dnsRuleId: RuleId
    ipAddressType: Literal["IP_V6", "IP_V4"]


class TrafficRuleAnswer(TrafficRule, kw_only=True):
    """Clause 7.1.2.3 as the platform answers it: one destination is an object, two an array."""

    trafficRuleId: RuleId


class NtpServer(Members):
    """A time server; the polling intervals are exponents of two in seconds."""

    ntpServerAddrType: Literal["IP_ADDRESS", "DNS_NAME"]
    ntpServerAddr: str
    minPollingInterval: Annotated[int, Meta(ge=3, le=17)]
    maxPollingInterval: Annotated[int, Meta(ge=3, le=17)]
    localPriority: UInt32
    authenticationOption: Literal["NONE", "SYMMETRIC_KEY", "AUTO_KEY"]
    authenticationKeyNum: UInt32


class PtpMaster(Members):
    """A PTP master; this platform knows none."""

    ptpMasterIpAddress: str
    ptpMasterLocalPriority: UInt32
    delayReqMaxRate: UInt32


class TimingCaps(Members):
    """Clause 7.1.2.4."""

    timeStamp: TimeStamp
    ntpServers: list[NtpServer]
    ptpMasters: list[PtpMaster]


class CurrentTime(TimeStamp):
    """Clause 7.1.2.5; TRACEABLE is a clock that is locked to UTC."""

    timeSourceStatus: Literal["TRACEABLE", "NONTRACEABLE"]


class AppInfoAnswer(AppInfo, kw_only=True):
    """Clause 7.1.2.6 as the platform answers it."""

    appInstanceId: Uuid


class TokenAnswer(Members):
    """A bearer token and its lifetime in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Count


class AccessKey(Members):
    """The public half of an AK/SK pair."""

    accessKeyId: str


class AuthInfoAnswer(Members):
    """The wrapper of the pair, of which the secret is never answered."""

    credentials: AccessKey


class ConfsAnswer(Members):
    """What was stored."""

    authInfo: AuthInfoAnswer


class StoredConfs(Members):
    """What is stored, without the secret."""

    app_ins_id: Uuid
    ak: str
    app_name: str
    required_services: list[str]


class AppDConfigAnswer(Members):
    """The configuration of an application as it is now."""

    appName: str
    appSupportMp1: bool
    appTrafficRule: list[TrafficRuleAnswer]
    appDNSRule: list[DnsRuleAnswer]


class TaskProgress(Members):
    """How an order to configure goes; ``configPhase`` is ``progress`` as text, in percent.

    ``Detailed`` is the original's spelling of ``detailed``.
    """

    taskId: Uuid
    appInstanceId: Uuid
    configResult: Literal["PROCESSING", "SUCCESS", "FAILURE"]
    configPhase: str
    progress: Annotated[int, Meta(ge=0, le=100)]
    Detailed: str
    detailed: str


class CapabilityConsumer(Members):
    """An application that subscribed to a capability."""

    applicationInstanceId: Uuid


class Capability(Members):
    """A service of the platform and the applications that subscribed to it."""

    capabilityId: Uuid
    capabilityName: str
    status: State
    version: str
    consumers: list[CapabilityConsumer]


class CallSeries(Members):
    """Calls of the last seven days (UTC), today first."""

    name: str
    desc: str
    callTimes: Annotated[list[Count], Meta(min_length=7, max_length=7)]


class CallStatistic(Members):
    """Calls of registered services, as their gateways told, and of the registry itself."""

    appServices: list[CallSeries]
    mepServices: list[CallSeries]


class SubscribeNumbers(Members):
    """Subscribed applications, and services that somebody subscribed to."""

    appSubscribeNum: Count
    serviceSubscribedNum: Count


class SubscribeRelation(Members):
    """An application and the services that its subscriptions fit."""

    subscribeAppId: Uuid
    serviceList: list[Uuid]


class SubscribeStatistic(Members):
    """Who subscribed to what."""

    subscribeNum: SubscribeNumbers
    subscribeRelations: list[SubscribeRelation]


class GovernedService(ServiceInfoAnswer, kw_only=True):
    """A service with its application."""

    appInstanceId: Uuid


class GovernedServices(Members):
    """All services, in the wrapper of later EdgeGallery releases."""

    data: list[GovernedService]
    retCode: Literal[0]
    message: str
    # Always null; the original has the parameters of a message here.
    params: Any
