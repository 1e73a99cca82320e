"""JSON schemas of what MEC 011 v2.2.1 and v3.1.1 let a platform answer, written from the standard.

They say nothing about members that the standard does not name: answers carry some of EdgeGallery's.
"""

from __future__ import annotations

from jsonschema import Draft202012Validator

STRING = {"type": "string", "minLength": 1}
BOOLEAN = {"type": "boolean"}
SECONDS = {"type": "integer", "minimum": 0}
UINT32 = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
EXPONENT = {"type": "integer", "minimum": 3, "maximum": 17}


def one_of(*values):
    """A string of a closed list."""
    return {"enum": list(values)}


def constant(value):
    """One value only."""
    return {"const": value}


def array(items, **more):
    """A list of one kind."""
    return {"type": "array", "items": items, **more}


def object_of(required=(), **properties):
    """An object with these members, of which some must be there."""
    return {"type": "object", "properties": properties, "required": list(required)}


LINK = object_of(["href"], href=STRING)
STATE = one_of("ACTIVE", "INACTIVE", "SUSPENDED")
RULE_STATE = one_of("ACTIVE", "INACTIVE")
SERIALIZER = one_of("JSON", "XML", "PROTOBUF3")
LOCALITY = one_of("MEC_SYSTEM", "MEC_HOST", "NFVI_POP", "ZONE", "ZONE_GROUP", "NFVI_NODE")
TRANSPORT_TYPE = one_of(
    "REST_HTTP", "MB_TOPIC_BASED", "MB_ROUTING", "MB_PUBSUB", "RPC", "RPC_STREAMING", "WEBSOCKET"
)
GRANT_TYPE = one_of(
    "OAUTH2_AUTHORIZATION_CODE", "OAUTH2_IMPLICIT_GRANT", "OAUTH2_RESOURCE_OWNER",
    "OAUTH2_CLIENT_CREDENTIALS",
)
TIME_STAMP = object_of(
    ["seconds", "nanoSeconds"],
    seconds=UINT32,
    nanoSeconds={"type": "integer", "minimum": 0, "maximum": 999_999_999},
)

# --- service management --------------------------------------------------------------------------
CategoryRef = object_of(
    ["href", "id", "name", "version"], href=STRING, id=STRING, name=STRING, version=STRING
)
EndPointInfo = {
    "type": "object",
    "oneOf": [
        object_of(["uris"], uris=array(STRING)),
        object_of(["fqdn"], fqdn=array(STRING)),
        object_of(
            ["addresses"], addresses=array(object_of(["host", "port"], host=STRING, port=UINT32))
        ),
        object_of(["alternative"], alternative={"type": "object"}),
    ],
}
SecurityInfo = object_of(
    oAuth2Info=object_of(
        ["grantTypes"],
        grantTypes=array(GRANT_TYPE, minItems=1, maxItems=4),
        tokenEndpoint=STRING,
    )
)
TransportInfo = object_of(
    ["id", "name", "type", "protocol", "version", "endpoint", "security"],
    id=STRING,
    name=STRING,
    description={"type": "string"},
    type=TRANSPORT_TYPE,
    protocol=STRING,
    version=STRING,
    endpoint=EndPointInfo,
    security=SecurityInfo,
    implSpecificInfo={"type": "object"},
)
TransportInfoList = array(TransportInfo)
ServiceInfo = object_of(
    ["serInstanceId", "serName", "version", "state", "transportInfo", "serializer", "_links",
     "scopeOfLocality", "consumedLocalOnly", "isLocal"],
    serInstanceId=STRING,
    serName=STRING,
    serCategory=CategoryRef,
    version=STRING,
    state=STATE,
    transportInfo=TransportInfo,
    serializer=SERIALIZER,
    scopeOfLocality=LOCALITY,
    consumedLocalOnly=BOOLEAN,
    isLocal=BOOLEAN,
    livenessInterval=SECONDS,
    _links=object_of(["self"], self=LINK, liveness=LINK),
)
ServiceInfoList = array(ServiceInfo)
ServiceLivenessInfo = object_of(
    ["state", "timeStamp", "interval"], state=STATE, timeStamp=TIME_STAMP, interval=SECONDS
)
FilteringCriteria = object_of(
    serInstanceIds=array(STRING),
    serNames=array(STRING),
    serCategories=array(CategoryRef),
    states=array(STATE),
    isLocal=BOOLEAN,
)
SerAvailabilityNotificationSubscription = object_of(
    ["subscriptionType", "callbackReference", "_links"],
    subscriptionType=constant("SerAvailabilityNotificationSubscription"),
    callbackReference=STRING,
    filteringCriteria=FilteringCriteria,
    _links=object_of(["self"], self=LINK),
)
# "rel" is the name of v2.1.1, "subscriptionType" of what came after; both are sent.
SubscriptionLinkList = object_of(
    ["_links"],
    _links=object_of(
        ["self"],
        self=LINK,
        subscriptions=array(
            object_of(
                ["href", "rel", "subscriptionType"],
                href=STRING,
                rel=STRING,
                subscriptionType=STRING,
            )
        ),
    ),
)
ServiceAvailabilityNotification = object_of(
    ["notificationType", "serviceReferences", "_links"],
    notificationType=constant("SerAvailabilityNotification"),
    serviceReferences=array(
        object_of(
            ["serName", "serInstanceId", "state", "changeType"],
            link=LINK,
            serName=STRING,
            serInstanceId=STRING,
            state=STATE,
            changeType=one_of("ADDED", "REMOVED", "STATE_CHANGED", "ATTRIBUTES_CHANGED"),
        ),
        minItems=1,
    ),
    _links=object_of(["subscription"], subscription=LINK),
)

# --- application support -------------------------------------------------------------------------
DnsRule = object_of(
    ["dnsRuleId", "domainName", "ipAddressType", "ipAddress", "state"],
    dnsRuleId=STRING,
    domainName=STRING,
    ipAddressType=one_of("IP_V6", "IP_V4"),
    ipAddress=STRING,
    ttl=UINT32,
    state=RULE_STATE,
)
DnsRuleList = array(DnsRule)
_WORDS = array({"type": "string"})
TrafficFilter = object_of(
    **dict.fromkeys(
        ("srcAddress", "dstAddress", "srcPort", "dstPort", "protocol", "token", "tag",
         "srcTunnelAddress", "tgtTunnelAddress", "srcTunnelPort", "dstTunnelPort"),
        _WORDS,
    ),
    qCI={"type": "integer"},
    dSCP={"type": "integer"},
    tC={"type": "integer"},
)
DestinationInterface = object_of(
    ["interfaceType"],
    interfaceType=one_of("TUNNEL", "MAC", "IP"),
    tunnelInfo=object_of(
        ["tunnelType"],
        tunnelType=one_of("GTP_U", "GRE"),
        tunnelDstAddress=STRING,
        tunnelSrcAddress=STRING,
    ),
    srcMacAddress=STRING,
    dstMacAddress=STRING,
    dstIpAddress=STRING,
)
TrafficRule = object_of(
    ["trafficRuleId", "filterType", "priority", "trafficFilter", "action", "state"],
    trafficRuleId=STRING,
    filterType=one_of("FLOW", "PACKET"),
    priority={"type": "integer", "minimum": 0, "maximum": 255},
    trafficFilter=array(TrafficFilter, minItems=1),
    action=one_of(
        "DROP", "FORWARD_DECAPSULATED", "FORWARD_ENCAPSULATED", "FORWARD_AS_IS", "PASSTHROUGH",
        "DUPLICATE_DECAPSULATED", "DUPLICATE_ENCAPSULATED", "DUPLICATE_AS_IS",
    ),
    # The suite's own schema knows one object only; two need an array.
    dstInterface={
        "oneOf": [DestinationInterface, array(DestinationInterface, minItems=2, maxItems=2)]
    },
    state=RULE_STATE,
)
TrafficRuleList = array(TrafficRule)
NtpServer = object_of(
    ["ntpServerAddrType", "ntpServerAddr", "minPollingInterval", "maxPollingInterval",
     "localPriority", "authenticationOption", "authenticationKeyNum"],
    ntpServerAddrType=one_of("IP_ADDRESS", "DNS_NAME"),
    ntpServerAddr=STRING,
    minPollingInterval=EXPONENT,
    maxPollingInterval=EXPONENT,
    localPriority=UINT32,
    authenticationOption=one_of("NONE", "SYMMETRIC_KEY", "AUTO_KEY"),
    authenticationKeyNum=UINT32,
)
TimingCaps = object_of(
    ["timeStamp", "ntpServers", "ptpMasters"],
    timeStamp=TIME_STAMP,
    ntpServers=array(NtpServer, minItems=1),
    ptpMasters=array(
        object_of(
            ["ptpMasterIpAddress", "ptpMasterLocalPriority", "delayReqMaxRate"],
            ptpMasterIpAddress=STRING,
            ptpMasterLocalPriority=UINT32,
            delayReqMaxRate=UINT32,
        )
    ),
)
CurrentTime = object_of(
    ["seconds", "nanoSeconds", "timeSourceStatus"],
    seconds=UINT32,
    nanoSeconds={"type": "integer", "minimum": 0, "maximum": 999_999_999},
    timeSourceStatus=one_of("TRACEABLE", "NONTRACEABLE"),
)
AppTerminationNotificationSubscription = object_of(
    ["subscriptionType", "callbackReference", "_links", "appInstanceId"],
    subscriptionType=constant("AppTerminationNotificationSubscription"),
    callbackReference=STRING,
    appInstanceId=STRING,
    _links=object_of(["self"], self=LINK),
)
AppTerminationNotification = object_of(
    ["notificationType", "operationAction", "maxGracefulTimeout", "_links"],
    notificationType=constant("AppTerminationNotification"),
    operationAction=one_of("STOPPING", "TERMINATING"),
    maxGracefulTimeout=UINT32,
    _links=object_of(["subscription"], subscription=LINK, confirmTermination=LINK),
)

# --- registration (v3) ---------------------------------------------------------------------------
TransportDescriptor = object_of(
    ["name", "type", "protocol", "version", "security"],
    name=STRING,
    description={"type": "string"},
    type=TRANSPORT_TYPE,
    protocol=STRING,
    version=STRING,
    security=SecurityInfo,
)
ServiceDependency = object_of(
    ["serName", "version"],
    serName=STRING,
    version=STRING,
    serCategory=CategoryRef,
    serTransportDependencies=array(
        object_of(
            ["transport", "serializers", "labels"],
            transport=TransportDescriptor,
            serializers=array(SERIALIZER, minItems=1),
            labels=array(STRING, minItems=1),
        )
    ),
)
FeatureDependency = object_of(["featureName", "version"], featureName=STRING, version=STRING)
AppInfo = object_of(
    ["appName", "appInstanceId"],
    appName=STRING,
    appProvider={"type": "string"},
    appCategory=CategoryRef,
    appDId=STRING,
    appInstanceId=STRING,
    endpoint=EndPointInfo,
    appServiceRequired=array(ServiceDependency),
    appServiceOptional=array(ServiceDependency),
    appFeatureRequired=array(FeatureDependency),
    appFeatureOptional=array(FeatureDependency),
    isInsByMec=BOOLEAN,
    appProfile={"type": "object"},
)

# --- errors, and what EdgeGallery's management reads ---------------------------------------------
ProblemDetails = object_of(
    ["type", "title", "status", "detail", "instance"],
    type=STRING,
    title=STRING,
    status={"type": "integer", "minimum": 400, "maximum": 599},
    detail=STRING,
    instance=STRING,
)
TaskProgress = object_of(
    ["taskId", "appInstanceId", "configResult", "configPhase", "Detailed", "detailed"],
    taskId=STRING,
    appInstanceId=STRING,
    configResult=one_of("PROCESSING", "SUCCESS", "FAILURE"),
    configPhase={"type": "string", "pattern": r"^(\d{1,2}|100)$"},
    Detailed={"type": "string"},
    detailed={"type": "string"},
)


def conforms(document, schema):
    """Every way in which ``document`` is not as ``schema`` says; empty when it is."""
    found = Draft202012Validator(schema).iter_errors(document)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]
