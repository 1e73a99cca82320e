"""Management of a platform as a client: an administrator, and what EdgeGallery's programs send."""

from __future__ import annotations

from tests import factories as make
from tests.mep.suite import settled

CFG, SUPPORT = "/mepcfg/app_lcm/v1", "/mep/mec_app_support/v1"
SECRET = "S" * 62 + "+="
KEY = "QUVZ/2dmb2FzZGZhc2Q="


class Management:
    """An administrator at the Mm5 addresses of one application."""

    def __init__(self, application_id, who=None):
        self.api = make.Api(who or make.admin())
        self.confs = f"/mep/appMng/v1/applications/{application_id}/confs"
        self.appd = f"{CFG}/applications/{application_id}/appd_configuration"
        self.end = f"{SUPPORT}/applications/{application_id}/AppInstanceTermination"

    def send(self, method, url, body=None):
        """Ask; what waits for the commit is done."""
        with settled():
            return self.api.send(method, url, body)

    def store_keys(self, key=KEY, secret=SECRET, **more):
        """PUT the AK/SK."""
        return self.send("PUT", self.confs, confs(key, secret, **more))

    def task(self, answer):
        """What polling the task of an answer says."""
        url = f"{CFG}/tasks/{answer.json()['taskId']}/appd_configuration"
        return self.send("GET", url).json()


def confs(key=KEY, secret=SECRET, **more):
    """The body of PUT confs."""
    return {"authInfo": {"credentials": {"accessKeyId": key, "secretKey": secret}}, **more}


def dns(rule_id="dns1", domain="app.example.com", **more):
    """A DNS rule of an AppD."""
    return {"dnsRuleId": rule_id, "domainName": domain, "ipAddressType": "IP_V4",
            "ipAddress": "192.0.2.1", "ttl": 30, "state": "ACTIVE", **more}


def traffic(rule_id="traffic1", **more):
    """A traffic rule of an AppD."""
    return {"trafficRuleId": rule_id, "filterType": "FLOW", "priority": 1, "action": "DROP",
            "trafficFilter": [{"srcAddress": ["192.0.2.0/24"]}], "state": "ACTIVE", **more}


def appd(name="app", **more):
    """The body of appd_configuration."""
    return {"appName": name, "appSupportMp1": True, "appDNSRule": [dns()],
            "appTrafficRule": [traffic()], **more}
