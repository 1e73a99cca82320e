"""An instance with rules at a center, and the same one at its edge."""

from __future__ import annotations

import pytest

from apps.mep.models import Application
from apps.rules import work
from apps.tenants.models import Tenant
from apps.tenants.services import adopt_tenant
from tests import factories as make


def dns(number=1, **more):
    """A DNS rule as a client writes it."""
    return {
        "dnsRuleId": f"dns{number}", "domainName": f"d{number}.example.com",
        "ipAddressType": "IP_V4", "ipAddress": "192.0.2.40", "ttl": 300, **more,
    }


def traffic(number=1, **more):
    """A traffic rule as a client writes it."""
    return {
        "trafficRuleId": f"traffic{number}", "filterType": "FLOW", "priority": 12,
        "action": "PASSTHROUGH",
        "trafficFilter": [{"srcAddress": ["10.45.0.0/16"], "dstPort": ["8554"],
                           "protocol": ["TCP"], "qci": 5}],
        **more,
    }


def config(**more):
    """A configuration with one rule of each kind."""
    return {"appName": "camera", "appSupportMp1": True, "appTrafficRule": [traffic()],
            "appDNSRule": [dns()], **more}


class Scene:
    """Red's instance at a center, and a client of red's."""

    def __init__(self, host, state="Instantiated"):
        self.tenant = Tenant.objects.filter(name="red").first() or make.tenant("red")
        self.user = make.user(self.tenant, name="rita")
        self.host = host
        self.api = make.Api(self.user)
        self.instance = self.another("camera", state=state)

    def another(self, name, state="Instantiated"):
        """One more instance."""
        package = make.package(self.tenant, name=f"pkg-{name}")
        return make.instance(package, self.host, name=name, state=state)

    def url(self, face="inventory", instance=None, tenant=True):
        """The address of a face."""
        of = f"tenants/{self.tenant.pk}/" if tenant else ""
        key = (instance or self.instance).pk
        return f"/{face}/v1/{of}app_instances/{key}/appd_configuration"

    def send(self, method, body=None, *, face="inventory", **more):
        """Ask as red's user."""
        return self.api.send(method, self.url(face, **more), body)

    def order(self, method, body=None, **more):
        """An order to the orchestrator's face; its task's id."""
        answer = self.send(method, body, face="appo", **more)
        assert answer.status_code == 202, answer.content
        return answer.json()["response"]["apprule_task_id"]

    def task(self, task_id):
        """What the orchestrator tells of a task."""
        url = f"/appo/v1/tenants/{self.tenant.pk}/apprule_task_infos/{task_id}"
        return self.api.send("GET", url).json()["response"]

    def rules(self, instance=None):
        """The stored rules as ``{"dns1": …}``."""
        body = self.send("GET", instance=instance).json()
        return {rule.get("dnsRuleId") or rule.get("trafficRuleId"): rule
                for rule in body["appDNSRule"] + body["appTrafficRule"]}

    def work(self):
        """Let the workers do what is due."""
        for task in work.due():
            work.work_on(task)


def at_platform(instance):
    """What the present site's MEC platform has of an instance."""
    application = Application.objects.filter(pk=instance.pk).first()
    return {row.rule_id: row.body for row in application.rules.all()} if application else None


@pytest.fixture
def scene(now):
    """An instance on a host of the site itself."""
    return Scene(make.host(name="quay"))


@pytest.fixture
def far(now, two_sites):
    """An instance on a host of an edge, which has it too."""
    found = Scene(make.host("10.9.1.1", edge=make.edge(), name="far"))
    found.sites = two_sites
    with two_sites.inside():
        adopt_tenant(tenant_id=found.tenant.pk, name="red", origin="MEO")
        host = make.host("10.9.1.1", name="far")
        package = make.package(Tenant.objects.get(pk=found.tenant.pk), name="pkg-camera")
        make.instance(package, host, name="camera", instance_id=found.instance.pk,
                      state="Instantiated")
    return found
