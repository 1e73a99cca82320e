"""MEC services in an Apache ServiceComb service center: translated, kept alive, taken out."""

from __future__ import annotations

import os
import uuid

import httpx
import pytest

from apps.common import clock, http
from apps.common.errors import Conflict, DomainError, Invalid, NotFound, Upstream, UpstreamTimeout
from apps.mep import servicecomb
from apps.mep.servicecomb import ServiceCenter, instance_of, microservice_of
from tests.mep.servicecomb_fake import FakeServiceCenter

INFO = {
    "serInstanceId": "a" * 32,
    "serName": "rnis",
    "serCategory": {"href": "/cat", "id": "c1", "name": "RNI", "version": "2.0"},
    "version": "2.1.1",
    "state": "ACTIVE",
    "transportInfo": {
        "id": "t1",
        "type": "REST_HTTP",
        "security": {"oAuth2Info": {"grantTypes": ["OAUTH2_CLIENT_CREDENTIALS", "x"]}},
        "endpoint": {"uris": ["https://rnis.apps:8443/rni/v2", "http://10.1.1.1/rni"]},
    },
    "serializer": "JSON",
    "consumedLocalOnly": True,
    "livenessInterval": 60,
    "_links": {"self": {"href": "/mep/x"}},
}


@pytest.fixture
def center():
    """A service center of today."""
    return FakeServiceCenter()


def client(fake, **options):
    """A client of that service center."""
    session = httpx.Client(base_url="http://sc:30100", transport=httpx.MockTransport(fake))
    return ServiceCenter("http://sc:30100", session=session, **options)


def published(link, **changes):
    """The ids under which a service is found there."""
    info = INFO | changes
    service = link.register_microservice(microservice_of(info))
    return service, link.register_instance(service, instance_of(info, service))


def test_service_is_translated_for_those_who_look_in_service_center():
    assert microservice_of(INFO) == {
        "appId": "default",
        "serviceName": "rnis",
        "version": "2.1.1",
        "status": "UP",
    }
    instance = instance_of(INFO, "s1")
    assert instance.pop("properties") == {
        "serInstanceId": "a" * 32,
        "serName": "rnis",
        "serCategory/href": "/cat",
        "serCategory/id": "c1",
        "serCategory/name": "RNI",
        "serCategory/version": "2.0",
        "version": "2.1.1",
        "mecState": "ACTIVE",
        "transportInfo/id": "t1",
        "transportInfo/type": "REST_HTTP",
        "transportInfo/security/oAuth2Info/grantTypes": "OAUTH2_CLIENT_CREDENTIALS,x",
        "transportInfo/endpoint/uris": "https://rnis.apps:8443/rni/v2,http://10.1.1.1/rni",
        "serializer": "JSON",
        "consumedLocalOnly": "true",
        "livenessInterval": "60",
    }
    assert instance == {
        "serviceId": "s1",
        "instanceId": "a" * 32,
        "hostName": "rnis.apps",
        "endpoints": ["rest://rnis.apps:8443?sslEnabled=true", "rest://10.1.1.1:80"],
        "status": "UP",
        "healthCheck": {"mode": "push", "interval": 30, "times": 3},
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1.2.3", "1.2.3"),
        ("1", "1.0.0"),
        ("1.2", "1.2.0"),
        ("v2.1.1-rc.4", "2.1.1"),
        ("1.2.3.4", "1.2.3"),
        ("2024.100000.1", "2024.32767.1"),
        ("9" * 5000, "32767.0.0"),
        ("latest", "0.0.0"),
        ("", "0.0.0"),
    ],
)
def test_version_becomes_three_numbers_and_the_original_stays_readable(written, read):
    info = INFO | {"version": written}
    assert microservice_of(info)["version"] == read
    assert instance_of(info, "s")["properties"]["version"] == written


@pytest.mark.parametrize("name", ["a b", "-rnis-", "位置", "", "x" * 200, "a/b?c", "rnis "])
def test_name_that_service_center_would_refuse_gets_one_of_its_own(center, name):
    link = client(center)
    service, _ = published(link, serName=name)
    other, _ = published(link, serName=name + "!")
    assert service != other, "two names stay two services"
    assert published(link, serName=name)[0] == service
    assert link.instances(service)[0]["properties"]["serName"] == name


def test_plain_name_is_kept():
    for name in ("rnis", "a", "Video-Analytics_2.x", "x" * 128):
        assert servicecomb.service_name(name) == name


@pytest.mark.parametrize(
    ("state", "status"),
    [("ACTIVE", "UP"), ("INACTIVE", "OUTOFSERVICE"), ("SUSPENDED", "DOWN"), ("else", "DOWN")],
)
def test_state_becomes_a_status_and_is_kept(state, status):
    instance = instance_of(INFO | {"state": state}, "s")
    assert instance["status"] == status
    assert instance["properties"]["mecState"] == state


@pytest.mark.parametrize(
    ("transport", "endpoints", "host"),
    [
        ({"addresses": [{"host": "10.0.0.1", "port": 80}]}, ["rest://10.0.0.1:80"], "10.0.0.1"),
        ({"addresses": [{"host": "fd00::1", "port": 80}]}, ["rest://[fd00::1]:80"], "fd00::1"),
        ({"fqdn": ["rnis.example"]}, ["rest://rnis.example"], "rnis.example"),
        ({"uris": ["mqtt://b:1883/t"]}, ["mqtt://b:1883/t"], "b"),
        ({"uris": ["http://h:x/", "/relative"]}, ["http://h:x/", "/relative"], "h"),
        (
            {"uris": ["http://[fd00::2]/a", "http://[fd00::2]/b"]},
            ["rest://[fd00::2]:80"],
            "fd00::2",
        ),
        (
            {"uris": [f"http://{'h' * 60}.example"]},
            [f"rest://{'h' * 60}.example:80"],
            "h" * 60 + ".exa",
        ),
        ({"uris": ["http://[bad"]}, ["http://[bad"], "a" * 32),
        ({"alternative": {"topic": [{"a": 1}]}}, [], "a" * 32),
    ],
)
def test_every_kind_of_endpoint(center, transport, endpoints, host):
    info = INFO | {"transportInfo": {"type": "REST_HTTP", "endpoint": transport}}
    instance = instance_of(info, "s")
    assert (instance["endpoints"], instance["hostName"]) == (endpoints, host)
    assert published(client(center), **info)


def test_transport_that_is_not_http_is_not_called_rest():
    endpoint = {"addresses": [{"host": "10.0.0.1", "port": 1883}]}
    info = INFO | {"transportInfo": {"type": "MB_PUBSUB", "endpoint": endpoint}}
    assert instance_of(info, "s")["endpoints"] == ["tcp://10.0.0.1:1883"]
    assert instance_of({"serName": "bare"}, "s")["hostName"] == "unknown"


@pytest.mark.parametrize("given", ["not an id", "..", "", "x" * 65])
def test_id_that_service_center_would_refuse_is_left_to_it(center, given):
    _, instance = published(client(center), serInstanceId=given)
    assert instance != given


def test_registering_twice_gives_the_same_ids(center):
    for strict in (False, True):
        center.strict = strict
        link = client(center)
        assert published(link) == published(link)
        assert len(link.instances(published(link)[0])) == 1


def test_microservice_is_found_by_its_key(center):
    link = client(center)
    service, _ = published(link)
    assert link.find_microservice("default", "rnis", "2.1.1") == service
    assert link.find_microservice("default", "rnis", "2.1.2") is None


def test_domains_and_projects_are_apart(center):
    service, instance = published(client(center))
    for elsewhere in (client(center, domain="other"), client(center, project="other")):
        assert elsewhere.find_microservice("default", "rnis", "2.1.1") is None
        with pytest.raises(NotFound):
            elsewhere.heartbeat(service, instance)


def test_instance_lives_as_long_as_it_is_vouched_for(center):
    with clock.frozen() as now:
        link = client(center)
        service, instance = published(link)
        for _ in range(5):
            now.advance(seconds=110)
            link.heartbeat(service, instance)
        assert [one["instanceId"] for one in link.instances(service)] == [instance]
        now.advance(seconds=121)
        with pytest.raises(NotFound) as caught:
            link.heartbeat(service, instance)
        assert caught.value.code == "no_instance"
        assert link.instances(service) == []
        assert published(link) == (service, instance), "and comes back under its id"


@pytest.mark.parametrize("names_forgotten", [True, False])
def test_many_heartbeats_renew_all_that_live_and_name_those_that_are_forgotten(names_forgotten):
    center = FakeServiceCenter(names_forgotten=names_forgotten)
    with clock.frozen() as now:
        link = client(center)
        dead = published(link, serInstanceId="dead")
        now.advance(seconds=100)
        living = [published(link, serInstanceId=f"living{number}") for number in range(3)]
        assert link.heartbeats([*living, living[0]]) == []
        now.advance(seconds=100)
        unknown = (living[0][0], "never")
        assert link.heartbeats([living[0], dead, *living, unknown]) == [dead, unknown]
        now.advance(seconds=100)
        assert link.heartbeats(living) == [], "the rest was renewed although some failed"
        assert link.heartbeats([]) == []


def test_status_is_set(center):
    link = client(center)
    service, instance = published(link)
    link.set_status(service, instance, "DOWN")
    assert link.instances(service)[0]["status"] == "DOWN"
    with pytest.raises(Invalid):
        link.set_status(service, instance, "ACTIVE")
    with pytest.raises(NotFound):
        link.set_status(service, "other", "UP")


def test_properties_are_replaced(center):
    link = client(center)
    service, instance = published(link)
    link.set_properties(service, instance, {"mecState": "SUSPENDED"})
    assert link.instances(service)[0]["properties"] == {"mecState": "SUSPENDED"}
    with pytest.raises(NotFound):
        link.set_properties(service, "other", {})


def test_deleting_may_be_done_twice(center):
    link = client(center)
    service, instance = published(link)
    with pytest.raises(Conflict) as caught:
        link.delete_microservice(service)
    assert caught.value.code == "has_instances"
    for _ in range(2):
        link.delete_instance(service, instance)
        assert center.leases == {}
        link.delete_microservice(service)
        assert center.services == {}


def test_microservice_is_deleted_with_its_instances_by_force(center):
    link = client(center)
    service, _ = published(link)
    link.delete_microservice(service, force=True)
    assert (center.services, center.leases) == ({}, {})
    with pytest.raises(NotFound) as caught:
        link.register_instance(service, instance_of(INFO, service))
    assert caught.value.code == "no_service"


def test_ids_cannot_lead_to_other_paths(center):
    link = client(center)
    service, instance = published(link)
    link.delete_instance(service, f"../{instance}")
    link.delete_microservice(f"{service}/instances/{instance}", force=True)
    assert len(link.instances(service)) == 1


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ({"appId": "default", "serviceName": "a b", "version": "1.0.0"}, "ServiceName"),
        ({"appId": "default", "serviceName": "a", "version": "x"}, "Version"),
        ({"appId": "-", "serviceName": "a", "version": "1"}, "AppId"),
    ],
)
def test_what_service_center_refuses_is_told_in_its_words(center, service, said):
    with pytest.raises(Invalid) as caught:
        client(center).register_microservice(service)
    assert f"Invalid parameter(s): {said}" in str(caught.value)


def test_quota_is_no_reason_to_try_again():
    with pytest.raises(Upstream) as caught:
        published(client(FakeServiceCenter(quota=0)))
    assert (caught.value.code, caught.value.retryable) == ("quota", False)


def test_trouble_of_service_center_and_of_the_way_there(center):
    link = client(center)
    service, instance = published(link)
    center.trouble = 500011
    with pytest.raises(Upstream) as caught:
        link.heartbeat(service, instance)
    assert caught.value.retryable
    assert "Registry service is unavailable" in str(caught.value)
    center.trouble, center.down = 0, True
    with pytest.raises(Upstream) as caught:
        link.heartbeats([(service, instance)])
    assert (caught.value.code, caught.value.retryable) == ("unreachable", True)
    center.down, center.silent = False, True
    with pytest.raises(UpstreamTimeout):
        link.delete_instance(service, instance)
    center.silent = False
    assert link.instances(service), "nothing was lost by it"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<h1>It works</h1>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"serviceId": 7}),
        httpx.Response(200),
        httpx.Response(404, text="no such page"),
        httpx.Response(502, json={"oops": 1}),
    ],
)
def test_what_is_no_service_center_is_an_error(answer):
    with pytest.raises(DomainError) as caught:
        client(lambda request: answer).register_microservice(microservice_of(INFO))
    assert caught.value.code in ("not_a_service_center", "upstream_refused", "upstream")


def test_missing_page_is_not_taken_for_a_missing_service():
    link = client(lambda request: httpx.Response(404, text="no such page"))
    for ask in (
        lambda: link.find_microservice("default", "rnis", "2.1.1"),
        lambda: link.heartbeats([("s", "i")]),
        lambda: link.delete_instance("s", "i"),
    ):
        with pytest.raises(Upstream) as caught:
            ask()
        assert caught.value.code == "not_a_service_center"


def test_client_of_its_own_is_the_bounded_one_of_the_house(center, monkeypatch):
    session = httpx.Client(base_url="http://sc", transport=httpx.MockTransport(center))
    monkeypatch.setattr(http, "client", lambda url: session)
    with ServiceCenter("http://sc") as link:
        assert published(link)
    assert session.is_closed


@pytest.mark.skipif(
    not os.environ.get("SERVICECOMB_URL"),
    reason="SERVICECOMB_URL names no service center to try this with",
)
def test_real_service_center():
    name = f"mecm-test-{uuid.uuid4().hex[:12]}"
    info = INFO | {"serName": name, "serInstanceId": uuid.uuid4().hex}
    with ServiceCenter(os.environ["SERVICECOMB_URL"]) as link:
        assert link.find_microservice("default", name, "2.1.1") is None
        service, instance = published(link, **info)
        try:
            assert published(link, **info) == (service, instance)
            assert link.find_microservice("default", name, "2.1.1") == service
            link.heartbeat(service, instance)
            link.set_properties(service, instance, {"mecState": "SUSPENDED"})
            assert link.instances(service)[0]["properties"]["mecState"] == "SUSPENDED"
            unknown = (service, uuid.uuid4().hex)
            assert link.heartbeats([(service, instance)]) == []
            assert link.heartbeats([(service, instance), unknown]) == [unknown]
            link.set_status(service, instance, "DOWN")
            with pytest.raises(Conflict):
                link.delete_microservice(service)
            for _ in range(2):
                link.delete_instance(service, instance)
        finally:
            link.delete_microservice(service, force=True)
        link.delete_microservice(service, force=True)
