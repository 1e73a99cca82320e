"""Small makers of real things, through the same services that people's requests go through."""

from __future__ import annotations

import itertools
import json
import tempfile
import uuid
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.test import Client

from apps.hosts import credentials, managers, records, stores
from apps.hosts import services as hosts
from apps.hosts.models import AppLcm, AppRepo, AppRuleManager, AppStore
from apps.hosts.specs import HostSpec, ManagerSpec, RecordSpec, RepoSpec, StoreSpec
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.instances.specs import CreateSpec
from apps.mep.models import Application, MecService
from apps.packages.csar import read_package
from apps.packages.models import Package
from apps.rules.models import AppdConfiguration
from apps.rules.services import write_rules
from apps.rules.specs import AppdSpec
from apps.tenants import grants, services, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.roles import Role
from apps.tenants.specs import TenantSpec, UserSpec
from examples.packages import build

PASSWORD = "correct-horse-9"
TOKEN = "s3cr3t-of-the-vim"  # stands in credentials, and must never be seen again
ACCESS = f"simulated:\n  seed: 7\n  capabilities: [GPU]\n  token: {TOKEN}\n"
_numbers = itertools.count(1)


def tenant(name=""):
    """A tenant."""
    return services.create_tenant(
        actor=SYSTEM, spec=TenantSpec(name or f"tenant-{next(_numbers)}")
    )


def user(of=None, *, role=Role.TENANT, name=""):
    """Somebody with the password ``PASSWORD``; without a tenant only an administrator."""
    spec = UserSpec(name or f"user-{next(_numbers)}", role, PASSWORD, of.pk if of else None)
    return services.create_user(actor=SYSTEM, spec=spec)


def admin(name=""):
    """An administrator."""
    return user(role=Role.ADMIN, name=name)


def edge(ip="10.9.0.1", port=8100, name=""):
    """An AppLCM."""
    spec = ManagerSpec(name or f"edge-{next(_numbers)}", ip, port)
    return managers.register(AppLcm, actor=SYSTEM, spec=spec)


def rule_manager(ip="10.9.0.1", port=8101, name=""):
    """An AppRuleManager."""
    spec = ManagerSpec(name or f"rules-{next(_numbers)}", ip, port)
    return managers.register(AppRuleManager, actor=SYSTEM, spec=spec)


def store(ip="10.9.0.7", port=8099, **more):
    """An application store whose registry has a password."""
    spec = StoreSpec(ip, port, "registry.example:5000", repo_password=TOKEN, **more)
    return stores.register(AppStore, actor=SYSTEM, spec=spec)


def repo(endpoint="repo.example:5000", **more):
    """A registry of images."""
    spec = RepoSpec(endpoint, "puller", password=TOKEN, **more)
    return stores.register(AppRepo, actor=SYSTEM, spec=spec)


def record(of, host, *, name="", **fields):
    """An application of a tenant on a host, of which a client tells."""
    spec = RecordSpec(uuid.uuid4(), name or f"told{next(_numbers)}", "a" * 32, "Created", ("GPU",))
    return records.register(
        actor=SYSTEM, tenant_id=of.pk, host_id=host.pk, spec=replace(spec, **fields)
    )


def host_spec(ip="", **more):
    """The configuration of a simulated host."""
    number = next(_numbers)
    fields = {
        "name": f"host-{number}",
        "ip": ip or f"10.1.{number // 250}.{number % 250 + 1}",
        "city": "Delft",
        "address": "Oude Delft 1",
        "coordinates": "4.35,52.01",
        "vim": "Simulated",
        **more,
    }
    return HostSpec(**fields)


def host(ip="", *, edge=None, granted_to=None, access=ACCESS, **more):
    """A simulated host: of this site, or of ``edge``; open to all unless granted to one tenant."""
    if edge is not None:
        more["applcm_ip"] = edge.ip
    if granted_to is not None:
        more["shared"] = False
    made = hosts.register_host(actor=SYSTEM, spec=host_spec(ip, **more))
    if granted_to is not None:
        grants.give(granted_to, "deploy_to_mechost", made)
    if access:
        credentials.store_credentials(actor=SYSTEM, host_id=made.pk, content=access.encode())
    made.refresh_from_db()
    return made


def simulate(host_id, text):
    """Give a simulated host other properties, such as faults; one that is down takes them too."""
    content = (ACCESS + text).encode()
    credentials.store_credentials(actor=SYSTEM, host_id=host_id, content=content, untested=True)


def csar(**request):
    """The bytes of a package; ``request`` are fields of the builder's Request."""
    with tempfile.TemporaryDirectory() as folder:
        return build(Path(folder) / "package.csar", **request).read_bytes()


@lru_cache(maxsize=64)
def _read(request):
    """A plain package and what the reader finds in it; each is built and read once."""
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder) / "package.csar", **dict(request))
        return path.read_bytes(), read_package(path, filename=path.name)


def uploaded(content, name="package.csar"):
    """A file as Django hands it over: streamed to the site's temporary directory."""
    file = TemporaryUploadedFile(name, "application/zip", len(content), None)
    file.write(content)
    file.seek(0)
    return file


def package(of, *, origin=None, **request):
    """A package of a tenant, with a real file of which all is known that the reader finds."""
    content, info = _read(tuple(sorted(request.items())))
    made = Package(
        tenant=of,
        name=request.get("name") or f"app{next(_numbers)}",
        package_version=info.version,
        provider=info.provider,
        app_class=info.app_class,
        filename="package.csar",
        sha256=info.sha256,
        size=info.size,
        info=info.as_json(),
        **({"origin": origin} if origin else {}),
    )
    made.path.write_bytes(content)
    made.save(force_insert=True)
    return made


def instance(package, host, *, name="", instance_id=None, **fields):
    """An instance of a package on a host; ``fields`` are written as they are."""
    spec = CreateSpec(package.pk, host.pk, name or f"inst-{next(_numbers)}")
    made = instances.create(
        actor=SYSTEM, tenant_id=package.tenant_id, spec=spec, instance_id=instance_id
    )
    if fields:
        for key, value in fields.items():
            setattr(made, key, value)
        made.save()
    return AppInstance.objects.select_related("package", "host", "host__applcm", "tenant").get(
        pk=made.pk
    )


def configuration(of, *, dns=None, **fields):
    """The AppD configuration of an instance with one DNS rule, or with ``dns``."""
    row = AppdConfiguration(
        id=of.pk, tenant_id=of.tenant_id, instance=of, app_name=of.app_name, wanted=1, delivered=1,
        **fields,
    )
    rule = {"dnsRuleId": "d1", "domainName": "a.example", "ipAddressType": "IP_V4",
            "ipAddress": "10.0.0.1", "ttl": 30}
    write_rules(row, AppdSpec(of.app_name, True, dns if dns is not None else {"d1": rule}))
    return row


def mec_application(of=None, *, name="", site_id=None):
    """An application instance at the MEC platform; with ``site_id`` a center's copy."""
    return Application.objects.create(
        name=name or f"mec-app-{next(_numbers)}", tenant=of, site_id=site_id
    )


def mec_service(application=None, *, name="", interval=None, state="ACTIVE", **fields):
    """A service in the register, as if its application had registered it."""
    row = MecService(
        application=application or mec_application(),
        ser_name=name or f"service-{next(_numbers)}",
        ser_version="1.0",
        state=state,
        serializer="JSON",
        transport={"id": "t", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP",
                   "version": "2.0", "endpoint": {"uris": ["http://service.example/"]},
                   "security": {}},
        scope_of_locality="MEC_HOST",
        liveness_interval=interval,
        **fields,
    )
    row.save(force_insert=True)
    return row


class Api(Client):
    """A client of the API who shows a token with each request and sends JSON."""

    def __init__(self, who=None, *, token=""):
        self.token = token or (tokens.access_token(who) if who else "")
        super().__init__(raise_request_exception=False)

    def send(self, method, url, body=None, *, form=None, headers=None):
        """Send JSON ``body`` or a multipart ``form``."""
        given = dict(headers or {})
        if self.token:
            given.setdefault("authorization", f"Bearer {self.token}")
        if form is not None:
            return getattr(self, method.lower())(url, form, headers=given)
        if body is None:
            return self.generic(method, url, headers=given)
        return super().generic(
            method, url, _json(body), content_type="application/json", headers=given
        )


def _json(body):
    return body if isinstance(body, (bytes, str)) else json.dumps(body)


def content_of(response):
    """All bytes of an answer, also of a streamed one."""
    return b"".join(response.streaming_content) if response.streaming else response.content
