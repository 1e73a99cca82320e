"""Every list of the platform costs as many queries for twenty rows as for one."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.mep import calls
from tests import factories as make
from tests.mep.conftest import App, service_info
from tests.mep.mm5 import Management, appd, dns, traffic

MANAGEMENT = "/mep/mec_service_mgmt/v1"
CATEGORY = {"href": "/c", "id": "loc", "name": "Location", "version": "1"}
# The list, and who asks.
LISTS = [
    ("{app.services}", "app"),
    ("{app.services}?ser_category_id=loc", "app"),
    (f"{MANAGEMENT}/services", "app"),
    (f"{MANAGEMENT}/services?consumed_local_only=true", "app"),
    ("{app.subscriptions}", "app"),
    ("{app.support}/subscriptions", "app"),
    ("{app.support}/dns_rules", "app"),
    ("{app.support}/traffic_rules", "app"),
    ("{news}/notifications", "app"),
    ("{manager.appd}", "boss"),
    ("/mepcfg/mec_platform_config/v1/capabilities", "boss"),
    ("/mepcfg/mec_platform_config/v1/capabilities", "owner"),
    ("/mep/service_govern/v1/kong_log", "boss"),
    ("/mep/service_govern/v1/kong_log", "owner"),
    ("/mep/service_govern/v1/subscribe_statistic", "boss"),
    ("/mep/service_govern/v1/services", "boss"),
    ("/mep/service_govern/v1/services", "owner"),
]


class Estate:
    """An application of a tenant that has more and more of everything."""

    def __init__(self):
        self.tenant = make.tenant()
        self.app = App(tenant_id=self.tenant.pk)
        self.manager = Management(self.app.id)
        self.askers = {"app": self.app.api, "boss": self.manager.api,
                       "owner": make.Api(make.user(self.tenant))}
        self.news = self.app.subscribe()["_links"]["self"]["href"]
        self.rows = 0

    def grow(self, rows):
        """Have so many of everything."""
        for number in range(self.rows, rows):
            made = self.app.register(serName=f"service-{number}", livenessInterval=10,
                                     serCategory=CATEGORY)
            self.app.subscribe(serInstanceIds=[made["serInstanceId"]])
            App(f"consumer-{number}", tenant_id=self.tenant.pk).subscribe(
                serNames=[f"service-{number}"])
            self.app.send("POST", f"{self.app.support}/subscriptions", {
                "subscriptionType": "AppTerminationNotificationSubscription",
                "callbackReference": "http://127.0.0.1:9/end", "appInstanceId": self.app.id})
        self.rows = rows
        body = appd(appDNSRule=[dns(f"d{n}", f"{n}.example.com") for n in range(rows)],
                    appTrafficRule=[traffic(f"t{n}") for n in range(min(rows, 16))])
        method = "POST" if self.manager.send("GET", self.manager.appd).status_code == 404 else "PUT"
        assert self.manager.send(method, self.manager.appd, body).status_code == 200

    def cost(self, url, asker):
        """How many queries the list takes, and how long it is."""
        url = url.format(app=self.app, manager=self.manager, news=self.news)
        calls.save()  # what was counted since is written by whoever comes first
        with CaptureQueriesContext(connection) as seen:
            answer = self.askers[asker].send("GET", url)
        assert answer.status_code == 200
        return len(seen), len(answer.content)


def test_lists_of_the_platform_cost_the_same_for_one_row_and_twenty(mep, edge_house):
    edge_house.LIMITS = dict.fromkeys(edge_house.LIMITS, 100)
    estate = Estate()
    estate.grow(1)
    for url, asker in LISTS:  # what is remembered longer than a request is remembered first
        estate.cost(url, asker)
    few = [estate.cost(*one) for one in LISTS]
    estate.grow(20)
    many = [estate.cost(*one) for one in LISTS]
    for one, (queries, size), (more_queries, more_size) in zip(LISTS, few, many, strict=True):
        assert more_queries == queries, one
        assert more_size > 3 * size, f"{one} did not become longer"


@pytest.mark.parametrize(("name", "most"), [("register", 12), ("update", 12), ("beat", 5)])
def test_write_costs_no_more_for_many_subscribers_of_other_services(mep, app, name, most):
    """An update finds its subscribers by key; those of other services are not read."""
    service = app.register(livenessInterval=10)
    url = service["_links"]["self"]["href"]
    acts = {
        "register": lambda n: app.send("POST", app.services, service_info(serName=f"n{n}")),
        "update": lambda n: app.send("PUT", url, service_info(version=str(n), livenessInterval=10)),
        "beat": lambda n: app.send("PATCH", f"{url}/liveness", {"state": "ACTIVE"}),
    }
    costs = []
    for number in range(3):
        with CaptureQueriesContext(connection) as seen:
            assert acts[name](number).status_code < 300
        costs.append(len([q for q in seen if "SAVEPOINT" not in q["sql"]]))
        for other in range(10):
            App(f"other-{number}-{other}").subscribe(serNames=["another"])
    assert costs[2] <= costs[0]
    assert costs[0] <= most, costs
