"""Two tenants with everything that a site can hold of each, and the askers of the table.

Red's things are called "crimson" and blue's "azure", so that a trace of either can be found in the
bytes of any answer.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from apps.common import clock
from apps.hosts.models import MecHost
from apps.instances import rollouts
from apps.orchestration import deployments
from apps.orchestration.placement.facts import Strategy
from apps.packages import distribution, store_orders
from apps.packages.models import Package
from apps.packages.store_orders import Wanted
from apps.rules import services as rules
from apps.rules.models import AppdConfiguration, RuleTask
from apps.rules.specs import AppdSpec
from apps.sync.models import SyncRun
from apps.tenants import keys, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import User
from apps.tenants.roles import Role
from examples.packages import build
from tests import factories as make
from tests.packages import stores
from tests.security.bodies import administration, store
from tests.security.images import Machine, machine_of
from tests.security.link import LINK_PATHS, link_body, prepare_link
from tests.security.platform import SECRET_KEY, Platform, platform_body, platform_of

WORKLOAD = {"phase": "Ready", "as_of": "2026-01-01T00:00:00+00:00", "ready": 1, "total": 1}
STORE, STORE_APP, STORE_PACKAGE = "10.9.0.7", "a" * 32, "b" * 32
NEW_HOST = {
    "mechostIp": "10.8.8.8", "mechostName": "newhost", "city": "Delft", "address": "Quay 1",
    "coordinates": "1,2", "vim": "Simulated",
}


@dataclass
class Side:
    """One tenant with a user, a guest, a host of its own, a package and a running instance."""

    word: str
    tenant: object
    user: User
    guest: User
    host: object
    package: Package
    spare: Package
    instance: object
    rule_task: RuleTask
    upgrade: object
    platform: Platform | None = None
    decision: object = None
    record: object = None
    run: object = None
    machine: Machine | None = None

    @property
    def marks(self):
        """Every string that betrays this tenant."""
        at_platform = self.platform.marks if self.platform else []
        rows = (self.tenant, self.user, self.guest, self.host, self.package, self.spare,
                self.instance, self.rule_task, self.decision, self.record)
        ids = [str(row.pk) for row in rows] + [row.pk.hex for row in rows]
        packages = [self.package.package_id, self.spare.package_id]
        ids += [str(self.run.pk)] if self.run else []
        ids += [str(self.machine.image.pk), self.machine.vm_id] if self.machine else []
        return [self.word, *packages, self.host.ip, *ids, *at_platform]

    @property
    def capability(self):
        """A MEC service of this tenant; some id where the site has no platform."""
        return str(self.platform.service.pk if self.platform else self.instance.pk)

    def path(self, package=None, route=""):
        """What the places in a route are filled with."""
        at_platform = self.platform.path(route) if self.platform else {}
        return at_platform | {
            "tenant_id": str(self.tenant.pk),
            "package_id": (package or self.spare).package_id,
            "instance_id": str(self.instance.pk),
            "user_id": str(self.guest.pk),
            # At an edge a task is one of the platform's.
            **({} if self.platform else {"task_id": str(self.rule_task.pk)}),
            "ip": self.host.ip,
            "app_id": str(self.record.app_instance_id),
            "capability": "GPU",
            "image_id": str(self.machine.image.pk if self.machine else self.instance.pk),
            "server_id": self.machine.vm_id if self.machine else str(self.instance.pk),
            "decision_id": str(self.decision.pk),
            "capability_id": self.capability,
            "upgrade_id": str(self.upgrade.pk),
            **({"run_id": str(self.run.pk)} if self.run else {}),
            "kind": "appdconfiguration",
            "conflict_id": str(self.instance.pk),
            "store_app_id": STORE_APP,
            "store_package_id": STORE_PACKAGE,
        }


@dataclass
class World:
    """Red, blue, an administrator, and a center whose signatures an edge believes."""

    red: Side
    blue: Side
    admin: User
    edge: object
    tmp: object
    center: ForeignSite
    secrets: list = field(default_factory=lambda: [make.PASSWORD, make.TOKEN, SECRET_KEY])


class ForeignSite:
    """Another site with a key of its own; it signs whatever it is told to."""

    def __init__(self):
        self.site_id = uuid.uuid4()
        self.private = Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
        self.kid = f"foreign-{self.site_id.hex[:8]}"

    def believed(self):
        """Let the present site trust this one."""
        keys.trust(kid=self.kid, site_id=self.site_id, site_name="center", public_key=self.public)
        return self

    def token(self, *, key=None, algorithm="EdDSA", kid=None, **claims):
        """A token for the present site; ``claims`` replace what is right, None leaves one out."""
        right = {
            "iss": str(self.site_id),
            "aud": str(keys.this_site().site_id),
            "sub": "somebody-there",
            "user_name": "somebody",
            "tenant_id": None,
            "tenant_name": "",
            "authorities": ["ROLE_MECM_ADMIN"],
            "use": "site",
            "iat": clock.now(),
            "exp": clock.now() + timedelta(minutes=2),
        }
        held = {name: value for name, value in (right | claims).items() if value is not None}
        headers = {"kid": self.kid if kid is None else kid}
        return jwt.encode(held, key or self.private, algorithm=algorithm, headers=headers)


def side(word, number, edge):
    """Everything of one tenant.  ``edge`` is the AppLCM of its host, None for a host of ours."""
    tenant = make.tenant(f"{word}-tenant")
    host = make.host(f"10.7.0.{number}", edge=edge, granted_to=tenant, name=f"{word}-host",
                     access=f"{make.ACCESS}  ready_after: 0\n",
                     hw_capabilities=[{"hwType": "GPU", "hwVendor": "", "hwModel": ""}])
    package = make.package(tenant, name=f"{word}app")
    spare = make.package(tenant, name=f"{word}spare")
    for one in (package, spare):
        distribution.distribute(actor=SYSTEM, package_id=one.pk, host_ids=[host.pk])
    instance = make.instance(package, host, name=f"{word}-instance", state="Instantiated",
                             workload=WORKLOAD, observed_at=clock.now(), health="Ready")
    rule_task = rules.create(actor=SYSTEM, instance_id=instance.pk, spec=AppdSpec(f"{word}-rules"))
    if edge:
        contested = {"app_name": {"base": f"{word}-old", "theirs": f"{word}-there"}}
        AppdConfiguration.objects.filter(pk=instance.pk).update(contested=contested)
    upgrade = rollouts.plan(
        actor=SYSTEM, tenant_id=tenant.pk, package_id=package.pk, package_name=str(package),
        changes=[rollouts.Change(instance, package.pk)], wave_size=1, stop_after=1)
    rollouts.end(upgrade, "stop", SYSTEM)
    return Side(word, tenant, make.user(tenant, name=f"{word}-user"),
                make.user(tenant, role=Role.GUEST, name=f"{word}-guest"), host, package, spare,
                instance, rule_task, upgrade, None if edge else platform_of(word, tenant),
                decision_of(word, tenant, package), make.record(tenant, host, name=f"{word}told"),
                edge and SyncRun.objects.create(edge=edge, tenant_id=tenant.pk),
                None if edge else machine_of(word, instance))


def decision_of(word, tenant, package):
    """A dry run of a deployment of a tenant."""
    spec = deployments.DeploymentSpec(package.pk, f"{word}-tried", Strategy())
    return deployments.preview(actor=SYSTEM, tenant_id=tenant.pk, spec=spec)


def world_of(role, tmp_path):
    """The world of a center or of an edge."""
    edge = None
    if role == "center":
        edge = make.edge()
        make.rule_manager()
        make.store(STORE)
        make.repo("repo.example:5000")
        wanted = Wanted(STORE, uuid.UUID(STORE_APP), uuid.UUID(STORE_PACKAGE))
        store_orders.fetch(actor=SYSTEM, wanted=wanted)
    prepare_link(role)
    make.host("10.6.0.1", edge=edge, name="open-host")
    return World(side("crimson", 1, edge), side("azure", 2, edge), make.admin("root-user"), edge,
                 tmp_path, ForeignSite().believed())


def token_of(world, asker):
    """The token that ``asker`` of the table shows."""
    if asker == "anonymous":
        return ""
    if asker == "bad":
        return "this.is.nothing"
    if asker == "expired":
        with override_settings(ACCESS_TOKEN_LIFETIME=timedelta(minutes=-1)):
            return tokens.access_token(world.admin)
    if asker == "foreign":
        return _by_another(tokens.access_token(world.admin))
    if asker == "link_tenant":
        return world.center.token(
            sub=str(uuid.uuid4()), tenant_id=str(world.red.tenant.pk),
            authorities=["ROLE_MECM_TENANT"],
        )
    if asker == "link_center":
        return world.center.token()
    return tokens.access_token(person(world, asker))


def _by_another(token):
    """The same claims under the same key's name, signed by somebody else."""
    claims = jwt.decode(token, options={"verify_signature": False})
    headers = {"kid": jwt.get_unverified_header(token)["kid"]}
    return jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=headers)


def person(world, asker):
    """The user behind an asker; red's own for those who are none."""
    return {
        "stranger": world.blue.user, "guest": world.red.guest, "admin": world.admin,
    }.get(asker, world.red.user)


def call(world, endpoint, asker, values=None):
    """Ask ``endpoint`` of the table as ``asker``, with a right body, and return the answer."""
    method, route = endpoint.split(" ")
    values = values or world.red.path(route=route)
    values = values | LINK_PATHS if route.startswith("sync/") else values
    key = "10.9.0.7" if "appstores" in route else "repo.example:5000"
    values = values | {"ip": _ip(route, values, world), "key": key}
    url = "/" + route.format(**values)
    url += {"api/schema": "/", "api/docs": "/"}.get(route, "")
    api = make.Api(token=token_of(world, asker))
    return api.send(method, url, **_body(world, method, route, person(world, asker), values))


def _ip(route, values, world):
    if "info/appstores" in route:
        return STORE
    managers = ("applcms/", "apprulemanagers/", "mepms/")
    return "10.9.0.1" if any(name in route for name in managers) else values["ip"]


def _body(world, method, route, who, values):
    if method == "GET":
        return {}
    known = {
        "auth/v1/token": lambda: {"body": {"username": who.username, "password": make.PASSWORD}},
        "auth/v1/token/refresh": lambda: {"body": {"refresh_token": tokens.refresh_token(who)}},
        "auth/v1/password": lambda: {
            "body": {"old_password": make.PASSWORD, "new_password": "another-horse-8"}
        },
        **dict.fromkeys(
            ("auth/v1/tenants", "tenants/v1/tenants"), lambda: {"body": {"name": "newcomer"}}
        ),
        **dict.fromkeys(("auth/v1/users", "tenants/v1/users"), lambda: {"body": {
            "username": "newcomer", "role": "tenant", "password": make.PASSWORD,
            "tenant_id": str(world.red.tenant.pk)}}),
        "lcmcontroller/v1/hosts": lambda: {"body": NEW_HOST},
        "lcmcontroller/v1/configuration": lambda: _configuration(method, values),
        "lcmcontroller/v2/configuration": lambda: _configuration(method, values),
    }
    if route in known:
        return known[route]()
    if route.endswith("/configuration"):
        return _configuration(method, values)
    if route.endswith("appd_configuration") and not route.startswith("mep"):
        named = route.startswith("appo/") and method == "DELETE"
        return {"body": {"appDNSRule": []} if named else {"appName": "camera"}}
    if route.startswith("tenants/"):
        return administration(method, route)
    if route.endswith("/deployments"):
        return {"body": {
            "appPackageId": world.red.package.package_id, "appName": "placed",
            "tenant_id": str(world.red.tenant.pk), "strategy": {"hosts": [world.red.host.ip]},
        }}
    if route.startswith("appo/v1/hosts/"):
        return {"body": {}} if method == "POST" else {}
    if route.startswith("sync/"):
        return link_body(method, route)
    if route.startswith("inventory/"):
        return _inventory(method, route, values)
    if route.startswith("apm/v1/apps"):
        return {"body": [{"appstoreIp": STORE, "appId": "c" * 32, "packageId": "d" * 32}]}
    if route.startswith("apm") and route.endswith("/packages"):
        return {"body": _from_store(world)}
    if route.startswith("mep"):
        return platform_body(world.red.platform, method, route)
    return _of_tenant(world, method, route, values)


def _configuration(method, values):
    if method == "DELETE":
        return {"body": {"hostIp": values["ip"]}}
    return {"form": {"hostIp": values["ip"], "configFile": file("config", make.ACCESS.encode())}}


def _inventory(method, route, values):
    if method == "DELETE":
        return {}
    if route.endswith("k8sconfig"):
        return {"form": {"file": file("config", make.ACCESS.encode())}}
    ip = values["ip"] if "{ip}" in route else "10.8.8.8"
    if "apps" in route.split("/"):
        return {"body": {
            "appInstanceId": values["app_id"] if "{app_id}" in route else str(uuid.uuid4()),
            "appName": "told", "packageId": "b" * 32, "status": "Created"}}
    if route.endswith("/sync"):
        return {}
    if "mepms" in route:
        ip = values["ip"] if "{ip}" in route else "10.8.8.8"
        return {"body": {"mepmName": "other", "mepmIp": ip, "mepmPort": "31252"}}
    if "appstores" in route or "apprepos" in route:
        return {"body": store("appstores" in route, values["key"] if "{key}" in route else "")}
    if "applcms" in route:
        return {"body": {"applcmName": "other", "applcmIp": ip, "applcmPort": "30204"}}
    if "apprulemanagers" in route:
        return {"body": {"appRuleName": "other", "appRuleIp": ip, "appRulePort": "30206"}}
    return {"body": NEW_HOST | {"mechostIp": ip, "applcmIp": "10.9.0.1"}}


def _of_tenant(world, method, route, values):
    if route.endswith("packages/upload"):
        return {"form": {"file": file("new.csar", _csar(world))}}
    if route.endswith("/packages"):
        return {"form": {"package": file("new.csar", _csar(world))}}
    if route.endswith("{package_id}"):
        return {"body": {"hostIp": [values["ip"]]}} if method == "POST" else {}
    if "/upgrades" in route or route.endswith("/upgrade"):
        package = world.red.package.package_id
        many = {"appPackageId": package, "appInstanceIds": [values["instance_id"]]}
        return {"body": {"packageId": package} if route.endswith("/upgrade") else many}
    if "/servers/" in route:
        return {"body": {"action": "reboot", "reboot": "SOFT"}}
    if route.endswith("/images"):
        return {"body": {"vmId": values["server_id"]}}
    if "/batch_" in route:
        return {"body": _many(world, route, values)}
    if route.endswith("batchTerminate"):
        return {"body": {"appInstances": values["instance_id"]}}
    if method == "POST" and route.endswith(("/app_instances", "/instantiate")):
        return {"body": {
            "appPackageId": world.red.package.package_id, "appId": world.red.package.app_id.hex,
            "appName": "another", "appInstanceDescription": "one more", "mecHost": values["ip"],
            "packageId": world.red.package.package_id, "hostIp": values["ip"],
        }}
    return {}


def _many(world, route, values):
    if not route.endswith("batch_create"):
        return {"appInstanceIds": [values["instance_id"]]}
    return {
        "appPackageId": world.red.package.package_id, "appId": world.red.package.app_id.hex,
        "appName": "another", "appInstanceDescription": "one more", "mecHost": [values["ip"]],
    }


def _from_store(world):
    offer = type("Offer", (), {"app_id": STORE_APP, "package_id": STORE_PACKAGE})
    return stores.onboarding(offer, MecHost.objects.get(ip="10.6.0.1"), ip=STORE)


def _csar(world):
    return build(world.tmp / "new.csar", name="newcomer").read_bytes()


def file(name, content):
    return SimpleUploadedFile(name, content)
