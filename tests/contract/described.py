"""A center for requests that are made from its description: what they can name exists.

OpenAPI cannot say that a name is free, that two values belong together or that a password is the
right one.  ``World.fill`` puts such values into requests that are meant to be right, and the ids of
what exists into most paths; requests that are meant to be wrong keep what is wrong with them.
"""

from __future__ import annotations

import itertools
import re
import uuid

from schemathesis.core.parameters import ParameterLocation
from schemathesis.transport.serialization import Binary

from apps.hosts.models import AppLcm, AppRecord, AppRepo, AppRuleManager, AppStore, MecHost
from apps.instances.models import AppInstance
from apps.journal.models import RememberedAnswer
from apps.packages.models import Distribution, Package
from apps.rules import services as rules
from apps.rules.models import AppdConfiguration, RuleTask
from apps.rules.specs import AppdSpec
from apps.sync import runs
from apps.sync.taking import Taken
from apps.tenants import tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Quota, Tenant, User
from apps.tenants.roles import Role
from tests import factories as make
from tests.mep.described import is_right

TENANT_IN_PATH = re.compile("/tenants/")
STRONG = "a-new-horse-{}"
AT_MOST = 10
STORE, REPO = "127.0.0.1", "repo.example:5000"


def pull(seconds):
    """Whoever waits for a synchronization finds that it has ended."""
    for edge in AppLcm.objects.all():
        runs.begin(edge)
        runs.done(edge, Taken())


class World:
    """A tenant with one of everything, and people of each role, made again when they are gone."""

    def __init__(self, store_port):
        self.store_port = store_port
        self.numbers = itertools.count(1)
        self.red = make.tenant("red")
        self.boss, self.user = make.admin("root"), make.user(self.red, name="rita")
        self.guest = make.user(self.red, role=Role.GUEST, name="gus")
        self.content = make.csar(name="described")
        self.changed = False
        self.proofs = {}

    def person(self, role):
        """Who asks in a role."""
        return {"admin": self.boss, "tenant": self.user, "guest": self.guest}[role]

    def prove(self, role):
        """A token that holds now: a request may have changed the password."""
        who = User.objects.get(pk=self.person(role).pk)
        state = (who.pk, who.password, who.role, who.tenant_id)
        if state not in self.proofs:
            self.proofs[state] = tokens.access_token(who)
        return f"Bearer {self.proofs[state]}"

    def restore(self):
        """Make again what is missing, and keep what grows in bounds."""
        for person in (self.boss, self.user, self.guest):
            User.objects.filter(pk=person.pk).update(
                is_active=True, password=person.password, role=person.role,
                tenant=person.tenant_id,
            )
        Tenant.objects.filter(pk=self.red.pk).update(name="red")
        Quota.objects.all().delete()
        AppLcm.objects.filter(ip="10.9.0.1").exists() or make.edge()
        AppRuleManager.objects.filter(ip="10.9.0.1").exists() or make.rule_manager()
        AppStore.objects.exclude(ip=STORE).delete()
        there = AppStore.objects.filter(ip=STORE).update(port=self.store_port)
        there or make.store(STORE, self.store_port)
        AppRepo.objects.filter(endpoint=REPO).exists() or make.repo(REPO)
        host = MecHost.objects.filter(ip="10.8.0.1", removing=False).first()
        if host is None or AppInstance.objects.filter(host=host).count() > AT_MOST:
            AppInstance.objects.all().delete()
            Distribution.objects.all().delete()
            AppRecord.objects.all().delete()
            MecHost.objects.all().delete()
            host = make.host("10.8.0.1", edge=AppLcm.objects.get(ip="10.9.0.1"))
        AppRecord.objects.exclude(host=host).delete()
        MecHost.objects.exclude(pk=host.pk).filter(instances=None, distributions=None).delete()
        package = Package.objects.filter(tenant=self.red, removing=False, has_file=True).exclude(
            package_version="2.0").first()
        if package is None or not package.path.exists():
            package = make.package(self.red, name=f"p{next(self.numbers)}")
        self.host, self.package = host, package
        self.instance = AppInstance.objects.filter(state="Instantiated", tenant=self.red).first()
        if self.instance is None:
            self.instance = make.instance(package, host, state="Instantiated",
                                          name=f"i{next(self.numbers)}")
        self.run = runs.start(actor=SYSTEM, edge=host.applcm, tenant_id=self.red.pk)
        self.newer = self._newer(self.instance.package)
        if not RuleTask.objects.filter(instance=self.instance).exists():
            rules.replace(actor=SYSTEM, instance_id=self.instance.pk, spec=AppdSpec("camera"),
                          may_be_first=True)
        AppdConfiguration.objects.filter(instance=self.instance).update(
            contested={"app_name": {"base": "camera-1", "theirs": "camera-2"}})
        spare = User.objects.filter(username="spare").first()
        self.spare = spare or make.user(self.red, name="spare")
        others = Tenant.objects.exclude(pk=self.red.pk).filter(users=None, instances=None)
        for old in others.order_by("-created_at")[AT_MOST:]:
            old.delete()
        RememberedAnswer.objects.all().delete()

    def _newer(self, package):
        """Version 2.0 of a package."""
        same = Package.objects.filter(tenant=self.red, app_id=package.app_id, removing=False)
        found = same.filter(package_version="2.0").first()
        if found is None:
            found = make.package(self.red, name=package.name, version="2.0")
            Package.objects.filter(pk=found.pk).update(app_id=package.app_id)
        return found

    def ids(self, path):
        """What the parameters of a path name here."""
        manager = any(word in path for word in ("applcms", "apprulemanagers", "mepms"))
        return {
            "tenant_id": str(self.red.pk),
            "instance_id": str(self.instance.pk),
            "package_id": self.package.package_id,
            "ip": "10.9.0.1" if manager else STORE if "appstores" in path else self.host.ip,
            "key": STORE if "appstores" in path else REPO,
            "task_id": str(RuleTask.objects.filter(instance=self.instance).first().pk),
            "user_id": str(self.spare.pk),
            "run_id": str(self.run.pk),
            "kind": "appdconfiguration",
            "conflict_id": str(self.instance.pk),
            # What its edge has.
            "image_id": str(uuid.UUID(int=1)),
        }

    def note(self, response):
        """After a request that may have changed something, things are made again."""
        self.changed |= response.status_code < 300 and response.request.method != "GET"

    def fill(self, case, role):
        """Put what exists into a request, and what OpenAPI cannot ask for."""
        if self.changed:
            self.restore()
            self.changed = False
        RememberedAnswer.objects.all().delete()  # no call is taken for an earlier one
        if case.headers and "If-Match" in case.headers and is_right(case, ParameterLocation.HEADER):
            case.headers["If-Match"] = "*"
        outside = "info/appstores" in case.path
        if is_right(case, ParameterLocation.PATH) and (outside or next(self.numbers) % 5):
            known = self.ids(case.path)
            case.path_parameters.update(
                {name: known[name] for name in case.path_parameters if name in known}
            )
        if is_right(case, ParameterLocation.QUERY) and not TENANT_IN_PATH.search(case.path):
            # An administrator names the tenant, in the query or in the body.
            if role == "admin" and (case.method != "GET" or case.path.endswith("/sync")):
                case.query = {**(case.query or {}), "tenant_id": str(self.red.pk)}
            elif case.query and "tenant_id" in case.query:
                case.query["tenant_id"] = str(self.red.pk)
        if is_right(case, ParameterLocation.BODY) and isinstance(case.body, dict):
            self._fill_body(case, case.body)
        if case.path.endswith("/apps/sync") and is_right(case, ParameterLocation.BODY):
            for one in case.body if isinstance(case.body, list) else ():
                one |= {"appstoreIp": STORE, "appId": f"{next(self.numbers):032x}"}

    def _fill_body(self, case, body):
        path, number = case.path, next(self.numbers)
        if path.endswith(("/upload", "/k8sconfig")):
            self._fill_file(case, body)
        elif path == "/auth/v1/token":
            body |= {"username": "rita", "password": make.PASSWORD}
        elif path == "/auth/v1/token/refresh":
            body["refresh_token"] = tokens.refresh_token(User.objects.get(pk=self.user.pk))
        elif path == "/auth/v1/password":
            body |= {"old_password": make.PASSWORD, "new_password": STRONG.format(number)}
        elif path.endswith("/users") and "username" in body:
            body |= {"username": f"u{number}", "password": STRONG.format(number),
                     "tenant_id": str(self.red.pk)}
        elif "/users/" in path:
            body.update({"tenant_id": str(self.red.pk)} if "tenant_id" in body else {})
            body.update({"password": STRONG.format(number)} if "password" in body else {})
        elif re.search(r"/tenants(/[^/]+)?$", path):
            body["name"] = f"tenant {number}"
        elif path.startswith("/inventory/") and "app_instances" not in path:
            self._fill_inventory(case, body, number)
        elif path.startswith("/sync/v1/conflicts/"):
            body |= {"choices": {"app_name": "ours"}, "stamp": ""}
        elif path.endswith("appd_configuration"):
            self._fill_rules(case, body, number)
        elif path.endswith("/quotas"):
            body["quotas"] = list({one["kind"]: one for one in body["quotas"]}.values())
        elif path.startswith("/sync/"):
            # Which tenants there are, and what an address is.
            body.update({"tenants": [str(self.red.pk)]} if "tenants" in body else {})
            body.update({"ip": "10.9.0.9"} if body.get("ip") else {})
        elif path.endswith("/deployments"):
            body |= {"appPackageId": self.package.package_id, "appName": f"a{number}",
                     "strategy": {"hosts": [self.host.ip]}, "tenant_id": str(self.red.pk)}
            body.pop("parameters", None)  # which there are is the package's to say
        elif path.startswith("/appo/"):
            self._fill_order(case, body, number)
        elif "mecHostInfo" in body:
            body["appPkgPath"] = f"https://{STORE}:8099/of-it"
            for one in body["mecHostInfo"]:
                one["hostIp"] = self.host.ip
        elif "hostIp" in body:
            body["hostIp"] = [self.host.ip]

    def _fill_file(self, case, body):
        """Nothing in a description tells what makes a file a package or an access file."""
        part, mode = case.meta.components[ParameterLocation.BODY], case.meta.generation.mode
        right = self.content if case.path.endswith("upload") else make.ACCESS.encode()
        body["file"] = Binary(right)
        body.pop("hostList", None)
        # A body with a file in it counts as wrong once it was touched, whatever is in it.
        meta = case.meta
        meta.components[ParameterLocation.BODY] = part
        meta.generation.mode = mode

    def _fill_order(self, case, body, number):
        if "mecHost" in body:
            several = isinstance(body["mecHost"], list)
            body |= {"mecHost": [self.host.ip] if several else self.host.ip,
                     "appName": f"a{number}"}
        if "appPackageId" in body:
            newer = case.path.endswith("/upgrades")
            body["appPackageId"] = (self.newer if newer else self.package).package_id
        if "appInstanceIds" in body:
            body["appInstanceIds"] = [str(self.instance.pk)]
        # What a package declares is not in the description.
        body.pop("parameters", None)

    def _fill_inventory(self, case, body, number):
        fresh = f"10.{100 + number // 65025 % 100}.{number // 255 % 255}.{number % 255}"
        named = next(((case.path_parameters or {})[one] for one in ("ip", "key")
                      if one in (case.path_parameters or {})), None)
        if case.method == "POST" and "appInstanceId" in body:
            body["appInstanceId"] = str(uuid.uuid4())
        if body.get("prometheusUrl"):
            # Which addresses may be called is the site's to say.
            body["prometheusUrl"] = "http://10.0.0.7:9090"
        if "repoEndPoint" in body:
            body["repoEndPoint"] = named or f"r{number}.example:5000"
        for name in ("applcmIp", "appRuleIp", "mechostIp", "mepmIp", "appstoreIp"):
            if name in body and (name == "mechostIp" or "mechostIp" not in body):
                body[name] = named or fresh
        if "mechostIp" in body:
            body |= {"applcmIp": "10.9.0.1", "vim": "Simulated"}
            if "appRuleIp" in body:
                body["appRuleIp"] = "10.9.0.1"

    def _fill_rules(self, case, body, number):
        if case.method == "POST" and case.path.startswith("/inventory/"):
            AppdConfiguration.objects.all().delete()
        for name in ("appDNSRule", "appDnsRule", "appTrafficRule"):
            for place, one in enumerate(body.get(name, [])):
                if isinstance(one, dict):
                    key = "trafficRuleId" if name == "appTrafficRule" else "dnsRuleId"
                    one[key] = f"r{place}"
                    if one.get("dstInterface"):
                        one["dstInterface"] = [{"interfaceType": "IP", "dstIpAddress": "::1"}]
                    if key == "dnsRuleId":
                        six = one["ipAddressType"] == "IP_V6"
                        one["ipAddress"] = "2001:db8::1" if six else "192.0.2.1"


