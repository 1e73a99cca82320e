"""A MEC platform of one test: nothing in memory but what the test's own database has."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from apps.mep import applications, calls, grants
from apps.mep.liveness.book import book
from apps.tenants import tokens
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.suite import APP, CREDENTIAL, MANAGEMENT, SUPPORT, Suite, settled


@pytest.fixture
def mep(edge_house):
    """The settings of the platform, which a test may change; its memory is empty."""
    _forget()
    edge_house.MEP = {**edge_house.MEP, "callback_networks": "127.0.0.0/8, ::1"}
    yield edge_house.MEP
    _forget()


def _forget():
    book.clear()
    grants.clear()
    calls.clear()


class App:
    """An application instance with its token, and its requests."""

    def __init__(self, name="app", tenant_id=None, application_id=None):
        self.row = applications.ensure(
            actor=SYSTEM, application_id=application_id or uuid.uuid4(), name=name,
            tenant_id=tenant_id,
        )
        self.id = str(self.row.pk)
        self.token = tokens.application_token(
            self.row.pk, stamp=self.row.stamp, lifetime=timedelta(hours=1), extra={}
        )
        self.api = make.Api(token=self.token)
        self.services = f"/mep/mec_service_mgmt/v1/applications/{self.id}/services"
        self.subscriptions = f"/mep/mec_service_mgmt/v1/applications/{self.id}/subscriptions"
        self.support = f"/mep/mec_app_support/v1/applications/{self.id}"

    @staticmethod
    def boss():
        """Requests of an administrator."""
        return make.Api(make.admin())

    def send(self, method, url, body=None, **more):
        """Ask as this application; what waits for the commit is done."""
        with settled():
            return self.api.send(method, url, body, **more)

    def register(self, **changes):
        """The document of a new service."""
        answer = self.send("POST", self.services, service_info(**changes))
        assert answer.status_code == 201, answer.content
        return answer.json()

    def subscribe(self, callback="http://127.0.0.1:9/x", **criteria):
        """The document of a new availability subscription."""
        body = {
            "subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": callback,
        } | ({"filteringCriteria": criteria} if criteria else {})
        answer = self.send("POST", self.subscriptions, body)
        assert answer.status_code == 201, answer.content
        return answer.json()


@pytest.fixture
def app(mep):
    """One application."""
    return App()


@pytest.fixture
def other_app(mep):
    """Another one."""
    return App("other")


@pytest.fixture
def suite_app(mep, edge_house):
    """The application of ETSI's suite, at a site that is set up for the suite."""
    edge_house.MEP = {**mep, "profile": "conformance", "test_credential": CREDENTIAL}
    return App("suite", application_id=uuid.UUID(APP))


@pytest.fixture
def management(suite_app):
    """The suite at the service management API."""
    return Suite(MANAGEMENT)


@pytest.fixture
def support(suite_app):
    """The suite at the application support API."""
    return Suite(SUPPORT)


def service_info(**changes):
    """A ServiceInfo that is right, with ``changes``; None leaves a member out."""
    info = {
        "serName": "positioning",
        "version": "1.0",
        "state": "ACTIVE",
        "serializer": "JSON",
        "transportInfo": {
            "id": "t1",
            "name": "REST",
            "type": "REST_HTTP",
            "protocol": "HTTP",
            "version": "2.0",
            "endpoint": {"uris": ["http://positioning.example/v1"]},
            "security": {"oAuth2Info": {"grantTypes": ["OAUTH2_CLIENT_CREDENTIALS"],
                                        "tokenEndpoint": "https://mep.example/mep/token"}},
        },
        **changes,
    }
    return {name: value for name, value in info.items() if value is not None}
