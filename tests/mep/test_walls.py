"""Every address of the platform asked by every kind of caller: a table that is written by hand.

Columns: anonymous, a token that is none, the application itself, another application, a user of the
application's tenant, a guest of it, an administrator.  What people of other tenants and other sites
get is in ``tests/security/table.py``.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction

from apps.common import clock
from apps.mep.liveness.book import book
from apps.tenants import tokens
from apps.tenants.roles import Role
from mecm_portal.roles import EDGE
from tests import factories as make
from tests.mep.suite import refused
from tests.security.endpoints import endpoints_of
from tests.security.platform import SECRET_KEY, platform_body, platform_of
from tests.sites import urls_of

ASKERS = ("anonymous", "bad", "own", "other", "tenant", "guest", "admin")
SERVICES, SUPPORT = "mep/mec_service_mgmt/v1", "mep/mec_app_support/v1"
OF, CFG = "applications/{application_id}", "mepcfg/app_lcm/v1"
SERVICE = f"{SERVICES}/{OF}/services/{{service_id}}"
NEWS, END = f"{SERVICES}/{OF}/subscriptions", f"{SUPPORT}/{OF}/subscriptions"
CAPABILITIES = "mepcfg/mec_platform_config/v1/capabilities"
GOVERN = "mep/service_govern/v1"
TABLE = {
    # Mp1, what is everybody's who is an application.
    f"GET {SERVICES}/services": "401 401 200 200 403 403 200",
    f"GET {SERVICES}/services/{{service_id}}": "401 401 200 200 403 403 200",
    f"GET {SERVICES}/transports": "401 401 200 200 403 403 200",
    f"GET {SUPPORT}/timing/timing_caps": "401 401 200 200 403 403 200",
    f"GET {SUPPORT}/timing/current_time": "401 401 200 200 403 403 200",
    f"POST {SUPPORT}/registrations": "401 401 201 201 403 403 201",
    # Mp1, what is one application's.
    f"GET {SERVICES}/{OF}/services": "401 401 200 403 403 403 200",
    f"POST {SERVICES}/{OF}/services": "401 401 201 403 403 403 201",
    f"GET {SERVICE}": "401 401 200 403 403 403 200",
    f"PUT {SERVICE}": "401 401 200 403 403 403 200",
    f"DELETE {SERVICE}": "401 401 204 403 403 403 204",
    f"GET {SERVICE}/liveness": "401 401 200 403 403 403 200",
    f"PATCH {SERVICE}/liveness": "401 401 200 403 403 403 200",
    f"PUT {SERVICE}/liveness": "401 401 204 403 403 403 204",
    f"GET {NEWS}": "401 401 200 403 403 403 200",
    f"POST {NEWS}": "401 401 201 403 403 403 201",
    f"GET {NEWS}/{{subscription_id}}": "401 401 200 403 403 403 200",
    f"DELETE {NEWS}/{{subscription_id}}": "401 401 204 403 403 403 204",
    f"GET {NEWS}/{{subscription_id}}/notifications": "401 401 200 403 403 403 200",
    f"GET {END}": "401 401 200 403 403 403 200",
    f"POST {END}": "401 401 201 403 403 403 201",
    f"GET {END}/{{subscription_id}}": "401 401 200 403 403 403 200",
    f"DELETE {END}/{{subscription_id}}": "401 401 204 403 403 403 204",
    f"GET {END}/{{subscription_id}}/notifications": "401 401 200 403 403 403 200",
    f"GET {SUPPORT}/{OF}/dns_rules": "401 401 200 403 403 403 200",
    f"GET {SUPPORT}/{OF}/dns_rules/{{rule_id}}": "401 401 200 403 403 403 200",
    f"PUT {SUPPORT}/{OF}/dns_rules/{{rule_id}}": "401 401 200 403 403 403 200",
    f"GET {SUPPORT}/{OF}/traffic_rules": "401 401 200 403 403 403 200",
    f"GET {SUPPORT}/{OF}/traffic_rules/{{rule_id}}": "401 401 200 403 403 403 200",
    f"PUT {SUPPORT}/{OF}/traffic_rules/{{rule_id}}": "401 401 200 403 403 403 200",
    f"POST {SUPPORT}/{OF}/confirm_ready": "401 401 204 403 403 403 204",
    f"POST {SUPPORT}/{OF}/confirm_termination": "401 401 409 403 403 403 409",
    f"GET {SUPPORT}/registrations/{{application_id}}": "401 401 200 403 403 403 200",
    f"PUT {SUPPORT}/registrations/{{application_id}}": "401 401 204 403 403 403 204",
    f"DELETE {SUPPORT}/registrations/{{application_id}}": "401 401 204 403 403 403 204",
    # Mm5 and governance know no application's token at all.
    f"DELETE {SUPPORT}/{OF}/AppInstanceTermination": "401 401 401 401 403 403 200",
    f"GET mep/appMng/v1/{OF}/confs": "401 401 401 401 200 200 200",
    f"PUT mep/appMng/v1/{OF}/confs": "401 401 401 401 403 403 200",
    f"DELETE mep/appMng/v1/{OF}/confs": "401 401 401 401 403 403 200",
    f"GET {CFG}/{OF}/appd_configuration": "401 401 401 401 200 200 200",
    f"POST {CFG}/{OF}/appd_configuration": "401 401 401 401 403 403 400",
    f"PUT {CFG}/{OF}/appd_configuration": "401 401 401 401 403 403 200",
    f"DELETE {CFG}/{OF}/appd_configuration": "401 401 401 401 403 403 200",
    f"GET {CFG}/tasks/{{task_id}}/appd_configuration": "401 401 401 401 200 200 200",
    f"GET {CAPABILITIES}": "401 401 401 401 200 200 200",
    f"GET {CAPABILITIES}/{{capability_id}}": "401 401 401 401 200 200 200",
    f"GET {GOVERN}/kong_log": "401 401 401 401 200 200 200",
    f"POST {GOVERN}/kong_log": "401 401 401 401 403 403 200",
    f"GET {GOVERN}/services": "401 401 401 401 200 200 200",
    f"GET {GOVERN}/subscribe_statistic": "401 401 401 401 200 200 200",
    # What nobody has to be anybody for; the token's proof is its signature, which is wrong here.
    "GET mep/health": "200 200 200 200 200 200 200",
    "POST mep/token": "401 401 401 401 401 401 401",
}
OF_ONE = [row for row in TABLE if "{application_id}" in row and row.split()[1].startswith(
    (SERVICES, SUPPORT)) and "AppInstanceTermination" not in row]


class World:
    """Two tenants' applications at one platform, and who asks."""

    def __init__(self):
        tenants = [make.tenant(word) for word in ("crimson", "azure")]
        self.own, self.other = (
            platform_of(tenant.name, tenant) for tenant in tenants
        )
        self.tokens = {
            "anonymous": "",
            "bad": "this.is.nothing",
            "own": self.token(self.own),
            "other": self.token(self.other),
            "tenant": tokens.access_token(make.user(tenants[0])),
            "guest": tokens.access_token(make.user(tenants[0], role=Role.GUEST)),
            "admin": tokens.access_token(make.admin()),
        }

    def token(self, platform, *, stamp=None, minutes=60):
        """A token of an application."""
        platform.application.refresh_from_db()
        return tokens.application_token(
            platform.application.pk, stamp=stamp or platform.application.stamp,
            lifetime=timedelta(minutes=minutes), extra={},
        )

    def ask(self, endpoint, token, **values):
        """Ask with a right body, and take back what it changed, in memory too."""
        method, route = endpoint.split(" ")
        for entry in book:
            entry.told = False
        url = "/" + route.format(**self.own.path(route) | values)
        mark = transaction.savepoint()
        answer = make.Api(token=token).send(
            method, url, **platform_body(self.own, method, route)
        )
        transaction.savepoint_rollback(mark)
        return answer


@pytest.fixture
def world(mep, edge_house):
    """The applications and their askers; nobody's end is waited for."""
    edge_house.MEP = {**mep, "graceful_seconds": 0, "profile": "strict"}
    return World()


def test_table_has_every_address_of_the_platform():
    found = {one for one in endpoints_of(urls_of(EDGE)) if one.split(" ")[1].startswith("mep")}
    assert found == set(TABLE)


@pytest.mark.parametrize("endpoint", TABLE)
def test_address_asked_by_everybody_answers_as_the_table_says(world, endpoint):
    answers = {asker: world.ask(endpoint, world.tokens[asker]) for asker in ASKERS}
    statuses = " ".join(str(answers[asker].status_code) for asker in ASKERS)
    assert statuses == TABLE[endpoint]
    for answer in answers.values():
        assert SECRET_KEY not in answer.content.decode()
        if answer.status_code >= 400:
            refused(answer, answer.status_code)
    if answers["other"].status_code in (403, 404):
        said = answers["other"].content.decode().replace(answers["other"].request["PATH_INFO"], "")
        assert not [mark for mark in ("crimson", *world.own.marks) if mark in said]


@pytest.mark.parametrize("endpoint", OF_ONE)
def test_unknown_application_is_not_found_by_any_application(world, endpoint):
    for key in (str(uuid.uuid4()), "word"):
        refused(world.ask(endpoint, world.tokens["own"], application_id=key), 404)


@pytest.mark.parametrize("endpoint", [row for row in OF_ONE if "{service_id}" in row
                                      or "{subscription_id}" in row])
def test_thing_of_another_under_ones_own_path_is_as_unknown_as_one_that_nobody_has(
    world, endpoint
):
    route = endpoint.split(" ")[1]
    theirs = world.other.path(route)
    told = []
    for key in ({"service_id": theirs["service_id"], "subscription_id": theirs["subscription_id"]},
                {"service_id": str(uuid.uuid4()), "subscription_id": str(uuid.uuid4())}):
        answer = world.ask(endpoint, world.tokens["own"], **key)
        refused(answer, 404)
        told.append(answer.content.decode().replace(answer.request["PATH_INFO"], "…"))
    assert told[0] == told[1]


def test_subscription_of_the_other_kind_is_not_found(world):
    news, end = str(world.own.news.pk), str(world.own.end.pk)
    for row, key in ((NEWS, end), (END, news)):
        endpoint = f"GET {row}/{{subscription_id}}"
        refused(world.ask(endpoint, world.tokens["own"], subscription_id=key), 404)


@pytest.mark.parametrize("endpoint", [f"GET {SERVICES}/services", f"GET {SERVICE}",
                                      f"PATCH {SERVICE}/liveness"])
def test_token_of_another_stamp_or_time_or_key_opens_nothing(world, endpoint):
    old = world.token(world.own, stamp="0" * 16)
    short = world.token(world.own, minutes=1)
    assert world.ask(endpoint, short).status_code == 200
    changed = short[:-4] + ("AAAA" if not short.endswith("AAAA") else "BBBB")
    with clock.frozen() as time:
        time.advance(minutes=2)
        tokens_of = {"old": old, "expired": short, "changed": changed}
        statuses = {name: world.ask(endpoint, token).status_code
                    for name, token in tokens_of.items()}
    assert statuses == {"old": 401, "expired": 401, "changed": 401}


def test_token_of_an_application_opens_nothing_of_the_rest_of_the_site(world):
    for url in ("/auth/v1/me", "/auth/v1/users", "/lcmcontroller/v1/hosts", "/sync/v1/changes",
                "/api/v1/topology"):
        refused(make.Api(token=world.tokens["own"]).send("GET", url), 401)


def test_token_is_also_taken_in_the_header_that_EdgeGallery_uses(world):
    api = make.Api()
    url = f"/{SERVICES}/services"
    answer = api.send("GET", url, headers={"access-token": world.tokens["own"]})
    assert answer.status_code == 200
