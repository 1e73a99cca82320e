"""ETSI's suite (GS MEC 032-3, branch v2.2.1-dev): APPSAQ, SAQ, TRANS and MSL, a test per row."""

from __future__ import annotations

import pytest

from tests.mep import schemas
from tests.mep.suite import (
    NO_APP,
    NO_SERVICE,
    OF_APP,
    OF_NO_APP,
    THING,
    check,
    hold_service,
    refused,
    service_body,
)

SERVICE = f"{OF_APP}/services/{THING}"
UNKNOWN_SERVICE = f"{OF_APP}/services/{NO_SERVICE}"


@pytest.fixture(autouse=True)
def held(suite_app):
    """The service of the suite's variables."""
    hold_service(suite_app, serName="held", livenessInterval=10)


# --- APPSAQ: services of an application instance -------------------------------------------------
def test_APPSAQ_001_OK_services_of_the_application(management):
    found = check(management.ask("GET", f"{OF_APP}/services"), 200, schemas.ServiceInfoList)
    assert [one["serInstanceId"] for one in found] == [THING]


def test_APPSAQ_001_BR_query_name_that_the_resource_does_not_have(management):
    refused(management.ask("GET", f"{OF_APP}/services?instance_id=5"), 400)


def test_APPSAQ_002_OK_registers_a_service_with_everything_odd_that_the_suite_sends(management):
    answer = management.ask("POST", f"{OF_APP}/services", service_body())
    made = check(answer, 201, schemas.ServiceInfo)
    assert made["serName"] == "ExampleService"
    assert made["serInstanceId"] != "ServiceInstance123"
    again = management.client.get(
        answer.headers["Location"], headers={"Authorization": "Basic YWxhZGRpbjpvcGVuc2VzYW1l"}
    )
    assert again.json() == made


def test_APPSAQ_002_BR_serName_under_another_key(management):
    body = service_body(serName=None, Name="ExampleService")
    assert "serName" in refused(management.ask("POST", f"{OF_APP}/services", body), 400)["errors"]


def test_APPSAQ_002_NF_application_that_is_not_known(management):
    refused(management.ask("POST", f"{OF_NO_APP}/services", service_body()), 404)


def test_APPSAQ_003_OK_one_service(management):
    found = check(management.ask("GET", SERVICE), 200, schemas.ServiceInfo)
    assert found["serInstanceId"] == THING


def test_APPSAQ_003_NF_service_that_is_not_known(management):
    refused(management.ask("GET", UNKNOWN_SERVICE), 404)


def test_APPSAQ_004_OK_replaces_a_service_whatever_id_the_body_says(management):
    answer = management.ask("PUT", SERVICE, service_body(version="v2.0"))
    found = check(answer, 200, schemas.ServiceInfo)
    assert (found["version"], found["serInstanceId"]) == ("v2.0", THING)


def test_APPSAQ_004_BR_version_under_another_key(management):
    body = service_body(version=None, a_version="v2.0")
    assert "version" in refused(management.ask("PUT", SERVICE, body), 400)["errors"]


def test_APPSAQ_004_NF_service_that_is_not_known(management):
    refused(management.ask("PUT", UNKNOWN_SERVICE, service_body()), 404)


def test_APPSAQ_004_PF_etag_that_was_never_given(management):
    answer = management.ask("PUT", SERVICE, service_body(), **{"If-Match": "INVALID_ETAG"})
    refused(answer, 412)
    assert management.ask("GET", SERVICE).json()["serName"] == "held"


def test_APPSAQ_005_OK_removes_a_service(management):
    answer = management.ask("DELETE", SERVICE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert management.ask("GET", SERVICE).status_code == 404


def test_APPSAQ_005_NF_service_that_is_not_known(management):
    refused(management.ask("DELETE", UNKNOWN_SERVICE), 404)


# --- SAQ: services of the platform ---------------------------------------------------------------
def test_SAQ_001_OK_services_of_the_platform(management):
    found = check(management.ask("GET", "services"), 200, schemas.ServiceInfoList)
    assert [one["serInstanceId"] for one in found] == [THING]


def test_SAQ_001_BR_query_name_that_the_resource_does_not_have(management):
    refused(management.ask("GET", "services?instance_id=INVALID_VALUE"), 400)


def test_SAQ_002_OK_one_service(management):
    found = check(management.ask("GET", f"services/{THING}"), 200, schemas.ServiceInfo)
    assert found["serName"] == "held"


def test_SAQ_002_NF_service_that_is_not_known(management):
    refused(management.ask("GET", f"services/{NO_SERVICE}"), 404)


# --- TRANS ---------------------------------------------------------------------------------------
def test_TRANS_001_OK_transports_that_the_platform_offers(management):
    found = check(management.ask("GET", "transports"), 200, schemas.TransportInfoList)
    assert [one["type"] for one in found] == ["REST_HTTP"]


# --- MSL (LIV): the heartbeat --------------------------------------------------------------------
@pytest.fixture
def liveness(management):
    """The link of a service that is registered as the newest suite does, but ACTIVE."""
    body = {"serName": "serviceName", "version": "0.1", "state": "ACTIVE", "serializer": "XML",
            "transportId": "transportId", "livenessInterval": 10}
    made = check(management.ask("POST", f"{OF_APP}/services", body), 201, schemas.ServiceInfo)
    assert made["livenessInterval"] == 10
    management.api = ""
    return made["_links"]["liveness"]["href"].removeprefix("/")


def test_MSL_001_OK_state_time_and_interval(management, liveness):
    found = check(management.ask("GET", liveness), 200, schemas.ServiceLivenessInfo)
    assert (found["state"], found["interval"]) == ("ACTIVE", 10)


@pytest.mark.parametrize("path", [
    "link/to/individual/mecServiceLiveness/NON_EXISTENT", f"{UNKNOWN_SERVICE}/liveness",
    f"applications/{NO_APP}/services/{THING}/liveness",
])
def test_MSL_001_NF_liveness_that_is_not_there(management, path):
    refused(management.ask("GET", path), 404)


def test_MSL_002_OK_heartbeat_is_answered_with_the_resource(management, liveness):
    found = check(
        management.ask("PATCH", liveness, {"state": "ACTIVE"}), 200, schemas.ServiceLivenessInfo
    )
    assert found["state"] == "ACTIVE"


def test_MSL_002_OK_01_and_02_first_heartbeat_is_answered_with_200_the_next_with_204(
    management, liveness
):
    first = management.ask("PATCH", liveness, {"state": "ACTIVE"})
    assert check(first, 200, schemas.ServiceLivenessInfo)["state"] == "ACTIVE"
    second = management.ask("PATCH", liveness, {"state": "ACTIVE"})
    assert (second.status_code, second.content) == (204, b"")


def test_MSL_002_BR_heartbeat_says_INACTIVE(management, liveness):
    refused(management.ask("PATCH", liveness, {"state": "INACTIVE"}), 400)


def test_MSL_002_NF_liveness_that_is_not_there(management):
    refused(management.ask("PATCH", f"{UNKNOWN_SERVICE}/liveness", {"state": "ACTIVE"}), 404)
