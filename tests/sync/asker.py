"""Who asks an edge for its changes as EdgeGallery's center asks."""

from __future__ import annotations

from apps.hosts import services as hosts
from apps.instances import services as instances
from apps.packages import distribution_work
from apps.packages import services as packages
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.rules.conftest import config
from tests.security.world import ForeignSite
from tests.sync.lives import life

LCM, RULES = "/lcmcontroller/v1", "/apprulemgr/v1"
NAMED = {"kind", "id", "version"}


class Edge:
    """An edge with something of everything that belongs to "red", and who asks there."""

    def __init__(self):
        born = life("red")
        self.tenant, self.host = born["tenant"], born["host"]
        self.package, self.instance = born["package"], born["instance"]
        self.owner = make.Api(make.user(self.tenant, name="rita"))
        self.boss = make.Api(make.admin())
        center = ForeignSite()
        center.believed()
        self.center = make.Api(token=center.token())
        self.configure(self.instance)

    def configure(self, instance, **more):
        """Give an instance rules of its own."""
        url = f"{RULES}/tenants/{instance.tenant_id}/app_instances/{instance.pk}/appd_configuration"
        answer = self.owner.send("PUT", url, config(**more))
        assert answer.status_code == 200, answer.content

    def url(self, what):
        """Where ``hosts/sync_updated`` and the like are, for red."""
        of = f"tenants/{self.tenant.pk}"
        if what.startswith("hosts"):
            return f"{LCM}/{what}"
        if what.startswith("rules"):
            name = what.removeprefix("rules/")
            return f"{RULES}/{of}/app_instances/appd_configuration/{name}"
        return f"{LCM}/{of}/{what}"

    def told(self, what, who=None, query=""):
        """The lists of an answer."""
        answer = (who or self.center).send("GET", self.url(what) + query)
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert body.pop("acknowledge") == "/sync/v1/ack"
        return body

    def acknowledge(self, *records, who=None):
        """The reader has these for good."""
        rows = [{name: one[name] for name in NAMED} for one in records]
        answer = (who or self.center).send("POST", "/sync/v1/ack", {"rows": rows})
        assert answer.status_code < 300, answer.content

    def end(self):
        """All of red's ends here."""
        url = (
            f"{RULES}/tenants/{self.tenant.pk}/app_instances/{self.instance.pk}/appd_configuration"
        )
        assert self.owner.send("DELETE", url).status_code == 200
        instances.forget(actor=SYSTEM, instance_id=self.instance.pk)
        packages.remove_package(actor=SYSTEM, package_id=self.package.pk)
        distribution_work.work_on(distribution_work.due()[0])
        packages.forget_when_gone(actor=SYSTEM, package_id=self.package.pk)
        hosts.remove_host(actor=SYSTEM, host_id=self.host.pk)
