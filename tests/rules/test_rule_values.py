"""Every field of a configuration with values that are wrong, and those that are just right."""

from __future__ import annotations

import pytest

from apps.rules import wire
from apps.rules.serializers import AppdConfigSerializer
from tests.rules.conftest import config, dns, traffic

T, D = "appTrafficRule", "appDNSRule"
TUNNEL = {"tunnelType": "GTP_U", "tunnelDstAddress": "192.0.2.1", "tunnelSrcAddress": "2001:db8::1"}


def without(body, name):
    """A body that lacks a member."""
    return {key: value for key, value in body.items() if key != name}


def filters(**fields):
    """A configuration with one filter."""
    return config(appTrafficRule=[traffic(trafficFilter=[fields])])


def going(**fields):
    """A configuration with one destination."""
    return config(appTrafficRule=[traffic(dstInterface=[fields])])


def one_dns(**fields):
    """A configuration with one DNS rule."""
    return config(appDNSRule=[dns(**fields)])


def one_traffic(**fields):
    """A configuration with one traffic rule."""
    return config(appTrafficRule=[traffic(**fields)])


LONG = "x" * 129
WRONG = [
    ("appName", without(config(), "appName")),
    ("appName", config(appName="")), ("appName", config(appName=LONG)),
    ("appName", config(appName="-a")), ("appName", config(appName=7)),
    ("appName", config(appName=None)), ("appName", config(appName="a\n")),
    ("appSupportMp1", config(appSupportMp1="true")),
    # Q24: null is no list, and no 500.
    (T, config(appTrafficRule=None)), (D, config(appDNSRule=None)),
    (T, config(appTrafficRule={})), (D, config(appDNSRule="x")),
    (f"{D}.0", config(appDNSRule=[None])), (f"{T}.0", config(appTrafficRule=[7])),
    (T, config(appTrafficRule=[traffic(n) for n in range(17)])),
    (D, config(appDNSRule=[dns(n) for n in range(33)])),
    (T, config(appTrafficRule=[traffic(), traffic()])), (D, config(appDNSRule=[dns(), dns()])),
    ("appDnsRule", config(appDnsRule=[])),
    *((f"{T}.0.{name}", config(appTrafficRule=[without(traffic(), name)]))
      for name in ("trafficRuleId", "filterType", "priority", "action")),
    (f"{T}.0.trafficRuleId", one_traffic(trafficRuleId="")),
    (f"{T}.0.trafficRuleId", one_traffic(trafficRuleId=LONG)),
    (f"{T}.0.trafficRuleId", one_traffic(trafficRuleId="a\x00")),
    (f"{T}.0.filterType", one_traffic(filterType="flow")),
    (f"{T}.0.filterType", one_traffic(filterType=None)),
    *((f"{T}.0.priority", one_traffic(priority=value))
      for value in (0, 256, -1, "7", 1.5, None, True)),
    (f"{T}.0.action", one_traffic(action="FORWARD")),
    (f"{T}.0.trafficFilter", one_traffic(trafficFilter=[{}] * 17)),
    (f"{T}.0.trafficFilter", one_traffic(trafficFilter=None)),
    (f"{T}.0.dstInterface", one_traffic(dstInterface=[{}] * 3)),
    *((f"{T}.0.trafficFilter.0.{name}.0", filters(**{name: [value]}))
      for name in ("srcAddress", "dstAddress", "srcTunnelAddress", "dstTunnelAddress")
      for value in ("10.0.0.256", "10.0.0.0/33", "::1/129", "fe80::1%eth0", "")),
    *((f"{T}.0.trafficFilter.0.{name}.0", filters(**{name: [value]}))
      for name in ("srcPort", "dstPort", "srcTunnelPort", "dstTunnelPort")
      for value in ("0", "65536", "080", "80-90", 80)),
    (f"{T}.0.trafficFilter.0.srcPort", filters(srcPort=["1"] * 17)),
    (f"{T}.0.trafficFilter.0.protocol", filters(protocol=["TCP"] * 65)),
    (f"{T}.0.trafficFilter.0.tag", filters(tag=["a"] * 17)),
    (f"{T}.0.trafficFilter.0.qci", filters(qci=256)),
    (f"{T}.0.trafficFilter.0.dSCP", filters(dSCP=64)),
    (f"{T}.0.trafficFilter.0.tc", filters(tc="1")),
    (f"{T}.0.trafficFilter.0.qCI", filters(qci=1, qCI=2)),
    (f"{T}.0.dstInterface.0.interfaceType", going(dstIpAddress="192.0.2.1")),
    (f"{T}.0.dstInterface.0.interfaceType", going(interfaceType="WIRE")),
    (f"{T}.0.dstInterface.0.dstIpAddress", going(interfaceType="IP")),
    (f"{T}.0.dstInterface.0.dstIpAddress", going(interfaceType="IP", dstIpAddress="")),
    (f"{T}.0.dstInterface.0.dstIpAddress", going(interfaceType="IP", dstIpAddress="here")),
    (f"{T}.0.dstInterface.0.dstMacAddress", going(interfaceType="MAC")),
    (f"{T}.0.dstInterface.0.dstMacAddress",
     going(interfaceType="MAC", dstMacAddress="02:00-5e:10:00:01")),
    (f"{T}.0.dstInterface.0.tunnelInfo", going(interfaceType="TUNNEL")),
    # Q20: what is within a tunnel is checked too.
    *((f"{T}.0.dstInterface.0.tunnelInfo.{name}",
       going(interfaceType="TUNNEL", tunnelInfo=without(TUNNEL, name))) for name in TUNNEL),
    *((f"{T}.0.dstInterface.0.tunnelInfo.{name}",
       going(interfaceType="TUNNEL", tunnelInfo=TUNNEL | {name: "there"})) for name in TUNNEL),
    (f"{T}.0.dstInterface.0.tunnelInfo.tunnelSpecificData",
     going(interfaceType="TUNNEL", tunnelInfo=TUNNEL | {"tunnelSpecificData": "x" * 257})),
    *((f"{D}.0.{name}", config(appDNSRule=[without(dns(), name)])) for name in dns()),
    (f"{D}.0.dnsRuleId", one_dns(dnsRuleId=LONG)),
    *((f"{D}.0.domainName", one_dns(domainName=value))
      for value in ("", "a..b", "-a.example", "a b", "x" * 256, "a." + "b" * 64)),
    (f"{D}.0.ipAddressType", one_dns(ipAddressType="IPv4")),
    *((f"{D}.0.ipAddress", one_dns(ipAddress=value))
      for value in ("192.0.2.256", "192.0.2.0/24", "2001:db8::1", "")),
    # Q20: an address of version 6 is one of version 6.
    *((f"{D}.0.ipAddress", one_dns(ipAddressType="IP_V6", ipAddress=value))
      for value in ("192.0.2.1", "2001:db8::/32", "fe80::1%1")),
    *((f"{D}.0.ttl", one_dns(ttl=value)) for value in (0, -1, 2**32, "9", None)),
]
RIGHT = [
    config(appTrafficRule=[], appDNSRule=[]), without(without(config(), T), D),
    config(appName="a" * 128), config(appSupportMp1=None), config(unknownMember={"a": []}),
    without(config(), D) | {"appDnsRule": [dns()]},
    config(appTrafficRule=[traffic(n) for n in range(16)]),
    config(appDNSRule=[dns(n) for n in range(32)]),
    one_traffic(priority=1), one_traffic(priority=255), one_traffic(trafficRuleId="x" * 128),
    config(appTrafficRule=[without(traffic(), "trafficFilter")]),
    filters(srcAddress=["10.0.0.1", "10.0.0.0/8", "::", "2001:db8::/32", "::1/128"],
            protocol=["TCP"] * 64, srcPort=["1", "65535"], qCI=9, dSCP=63, tC=255),
    going(interfaceType="IP", dstIpAddress="2001:db8::1"),
    going(interfaceType="IP", dstIpAddress="192.0.2.0/24", srcMacAddress="", tunnelInfo=None),
    going(interfaceType="MAC", dstMacAddress="02-00-5e-10-00-01"),
    going(interfaceType="MAC", dstMacAddress="02005e100001"),
    going(interfaceType="TUNNEL", tunnelInfo=TUNNEL | {"tunnelSpecificData": ""}),
    going(interfaceType="TUNNEL", TunnelInfo=TUNNEL),
    one_dns(ipAddressType="IP_V6", ipAddress="2001:db8::1"), one_dns(domainName="*.a_b.example."),
    one_dns(ttl=2**32 - 1),
]


@pytest.mark.parametrize(("field", "body"), WRONG, ids=[field for field, _ in WRONG])
def test_wrong_value_is_named_at_its_field(house, field, body):
    """Q19 Q20 Q24: what is declared holds in every level, and is a 400 and no 500."""
    form = AppdConfigSerializer(data=body)
    assert not form.is_valid()
    where, error = field.split("."), form.errors
    for name in where:
        error = error[int(name) if name.isdigit() else name]
    assert error


@pytest.mark.parametrize("body", RIGHT)
def test_right_values_are_taken(house, body):
    form = AppdConfigSerializer(data=body)
    assert form.is_valid(), form.errors


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"", b"null", b"\xff"])
def test_body_that_is_no_document_is_a_400(scene, body):
    """Q24: malformed JSON is the client's mistake."""
    answer = scene.api.send("POST", scene.url(), body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_both_spellings_of_classes_are_one_and_zero_is_none():
    """Q21: qCI, dSCP and tC are not dropped."""
    told = []
    for fields in ({"qci": 5, "dscp": 0, "tc": 1}, {"qCI": 5, "dSCP": 0, "tC": 1}):
        form = AppdConfigSerializer(data=filters(**fields))
        assert form.is_valid()
        told.append(form.to_spec().traffic["traffic1"]["trafficFilter"])
    assert told[0] == told[1] == [{"qci": 5, "tc": 1}]


def test_rules_in_the_words_of_the_platform():
    """Names, actions and ids that MEC 011 has otherwise."""
    body = one_traffic(
        trafficRuleId="x" * 128, action="DUPLICATED_DECAPSULATED",
        trafficFilter=[{"dstTunnelAddress": ["192.0.2.1"], "qci": 3}],
        dstInterface=[{"interfaceType": "TUNNEL",
                       "tunnelInfo": TUNNEL | {"tunnelSpecificData": "x"}}],
    )
    form = AppdConfigSerializer(data=body)
    assert form.is_valid()
    ((key, rule),) = wire.platform_traffic(form.to_spec().traffic).items()
    assert len(key) == 63
    assert key != wire.platform_id("x" * 127)
    assert rule["action"] == "DUPLICATE_DECAPSULATED"
    assert rule["trafficFilter"] == [{"tgtTunnelAddress": ["192.0.2.1"], "qCI": 3}]
    assert rule["dstInterface"] == [{"interfaceType": "TUNNEL", "tunnelInfo": TUNNEL}]
    assert wire.platform_traffic({"a": traffic(trafficFilter=[])})["a"]["trafficFilter"] == [{}]
