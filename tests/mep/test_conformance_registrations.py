"""ETSI's suite, newest copy (for MEC 011 v3): REGAPPS; and the rows of the suite without a test."""

from __future__ import annotations

import uuid

import pytest

from tests.mep import schemas
from tests.mep.suite import APP, check, refused

# Rows that no test of ours has, and why.  A row is the common tail of the test's name.
NOT_COVERED = {
    "MEC_PROFILE_FOR_CAPIF_001 to 011": "the CAPIF view (MEC 011 v3.2.1) is not offered yet",
    "REGAPPS_001_BR_01": "its body has the keys of REGAPPS_001_OK_02 and wants the contrary",
    "REGAPPS_001_OK_02 and OK_03 as shipped": (
        "their bodies have neither endpoint nor isInsByMec, which BR_02 wants refused; tested in "
        "the form that the standard describes"
    ),
    "APPSUB_002_BR of v2.2.1-dev": "it sends the GET of APPSUB_003_OK and wants the same answer",
    "APPSUB_002_OK's callback": (
        "the suite compares with a variable that it does not post unless it is overridden"
    ),
    "MSL_001_OK of the newest copy": (
        "its fixture registers INACTIVE and wants ACTIVE; tested with a service that is ACTIVE"
    ),
    "APPSAQ notification of a new service": "only a comment in the suite; see test_notifications",
    "MEC 010-2 rows (MEX, MEO, MEPM, UEAPP)": "another standard, which this platform is no part of",
}
ENDPOINT = {"uris": ["http://app.example/"]}
WITH_ENDPOINT = {
    "appName": "sampleAppName", "appProvider": "provider", "endpoint": ENDPOINT,
    "appFeatureRequired": [{"featureName": "RNIS", "version": "2.1"}],
}
BY_MEC = {"appName": "sampleAppName", "appInstanceId": APP, "appDId": "appDId", "isInsByMec": True}
_TRANSPORT = {
    "name": "REST", "type": "REST_HTTP", "protocol": "HTTP", "version": "2.0",
    "security": {"oAuth2Info": {"grantTypes": ["OAUTH2_CLIENT_CREDENTIALS"],
                                "tokenEndpoint": "https://mep.example/token"}},
}
WITH_SERVICES = WITH_ENDPOINT | {
    "appServiceRequired": [{
        "serName": "location", "version": "2.0",
        "serCategory": {"href": "/c", "id": "l", "name": "Location", "version": "1"},
        "serTransportDependencies": [
            {"transport": _TRANSPORT, "serializers": ["JSON"], "labels": ["any"]}
        ],
    }],
    "appServiceOptional": [{"serName": "rnis", "version": "2.0"}],
    "appFeatureOptional": [{"featureName": "UE_IDENTITY", "version": "1"}],
}
DEPENDENCIES = {
    "03": {"appServiceRequired": [{"serName": "serviceName", "version": "0.1"}]},
    "04": {"appServiceOptional": [{"serName": "serviceName", "version": "0.1"}]},
    "05": {"appFeatureRequired": [{"featureName": "featureName", "version": "0.1"}]},
    "06": {"appFeatureOptional": [{"featureName": "featureName", "version": "0.1"}]},
}


@pytest.fixture
def registered(support):
    """The path of an application that has registered itself."""
    made = check(support.ask("POST", "registrations", WITH_ENDPOINT), 201, schemas.AppInfo)
    return f"registrations/{made['appInstanceId']}"


@pytest.mark.parametrize("body", [
    pytest.param(WITH_ENDPOINT, id="OK_01"), pytest.param(BY_MEC, id="OK_02"),
    pytest.param(WITH_SERVICES, id="OK_03"),
])
def test_REGAPPS_001_OK_registers_an_application(support, body):
    answer = support.ask("POST", "registrations", body)
    made = check(answer, 201, schemas.AppInfo)
    assert made | {"isInsByMec": False} | body == made
    assert answer.headers["Location"].endswith(f"/registrations/{made['appInstanceId']}")
    assert support.ask("GET", f"registrations/{made['appInstanceId']}").json() == made


def test_REGAPPS_001_OK_allocates_an_id_of_its_own_for_what_management_did_not_instantiate(support):
    made = support.ask("POST", "registrations", WITH_ENDPOINT | {"appInstanceId": APP}).json()
    assert uuid.UUID(made["appInstanceId"]) != uuid.UUID(APP)


def test_REGAPPS_001_BR_02_no_endpoint_of_what_management_did_not_instantiate(support):
    refused(support.ask("POST", "registrations", {"appName": "x", "isInsByMec": False}), 400)


@pytest.mark.parametrize("row", DEPENDENCIES)
@pytest.mark.parametrize("base", [{"appName": "x"}, BY_MEC], ids=["as shipped", "with an AppD"])
def test_REGAPPS_001_BR_03_to_06_dependencies_that_the_AppD_has_to_say(support, row, base):
    refused(support.ask("POST", "registrations", base | DEPENDENCIES[row]), 400)


def test_REGAPPS_002_OK_one_registration(support, registered):
    found = check(support.ask("GET", registered), 200, schemas.AppInfo)
    assert found["appName"] == "sampleAppName"


def test_REGAPPS_002_NF_registration_that_is_not_known(support):
    refused(support.ask("GET", "registrations/NON_EXISTENT_APP"), 404)


def test_REGAPPS_003_OK_replaces_a_registration(support, registered):
    changed = {"appName": "updatedAppName", "endpoint": ENDPOINT}
    answer = support.ask("PUT", registered, changed)
    assert (answer.status_code, answer.content) == (204, b"")
    found = support.ask("GET", registered).json()
    assert found["appName"] == "updatedAppName"
    assert "appProvider" not in found


def test_REGAPPS_003_NF_registration_that_is_not_known(support):
    refused(support.ask("PUT", "registrations/NON_EXISTENT_APP", WITH_ENDPOINT), 404)


def test_REGAPPS_004_OK_removes_a_registration(support, registered):
    answer = support.ask("DELETE", registered)
    assert (answer.status_code, answer.content) == (204, b"")
    assert support.ask("GET", registered).status_code == 404


def test_REGAPPS_004_NF_registration_that_is_not_known(support):
    refused(support.ask("DELETE", "registrations/NON_EXISTENT_APP"), 404)


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_application_that_only_management_knows_has_no_registration(support, verb):
    body = WITH_ENDPOINT if verb == "PUT" else None
    refused(support.ask(verb, f"registrations/{APP}", body), 404)
