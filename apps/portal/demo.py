"""The demo world: people at each site, keys exchanged, and a story played through the real API.

Only a world that was started by ``manage.py up`` calls this; a served site has no demo data.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from apps.hosts import managers
from apps.portal.demo_mep import prepare_platform
from apps.portal.demo_store import prepare_store, registration
from apps.sync.models import Center
from apps.tenants import keys, services
from apps.tenants.actors import SYSTEM
from apps.tenants.models import KeyHolder, SigningKey, Tenant, User
from apps.tenants.roles import Role
from apps.tenants.specs import TenantSpec, UserSpec
from examples.packages import build

PATIENCE_SECONDS = 30.0
PASSWORD_FILE = "demo-passwords.json"
# Who signs in where: name in demo.json, user name, role, tenant.
PEOPLE: dict[str, tuple[tuple[str, str, Role, str], ...]] = {
    "center": (
        ("admin", "admin", Role.ADMIN, ""),
        ("tenant", "harbour", Role.TENANT, "Harbour Logistics"),
        ("other_tenant", "stadium", Role.TENANT, "City Stadium"),
        ("guest", "guest", Role.GUEST, "Harbour Logistics"),
    ),
    "edge": (("admin", "admin", Role.ADMIN, "{site}"),),
}
# What a site of each role has beside its people.
PLATFORMS: dict[str, Callable[[], dict[str, Any]]] = {
    "center": prepare_store,
    "edge": prepare_platform,
}
SIMULATED_ACCESS = """simulated:
  seed: {seed}
  nodes: 3
  cpus: 16
  memory_mb: 65536
  storage_gb: 500
  architecture: X86
  capabilities: [GPU]
"""
# What the story runs: for whom, its name, its class.
APPS = (
    ("tenant", "quay-camera", "container"),
    ("tenant", "crane-gateway", "vm"),
    ("other_tenant", "replay-server", "vm"),
    ("other_tenant", "crowd-counter", "container"),
)
Awaited = tuple[Callable[[], bool], str]
PLACES = (
    ("Rotterdam", "Maasvlakte, quay 4", "4.014,51.956"),
    ("Hamburg", "Altenwerder, gate 2", "9.932,53.505"),
    ("Antwerpen", "Scheldelaan 600", "4.304,51.288"),
    ("Gdańsk", "Kontenerowa 7", "18.666,54.378"),
)


def prepare_site(role: str) -> dict[str, Any]:
    """Make the people of this site and say who it is; passwords are made once and kept."""
    keys.this_site()
    key = keys.own_key()
    return {
        "site": {
            "kid": key.kid,
            "site_id": str(key.site_id),
            "site_name": key.site_name,
            "public_key": key.public_key,
        },
        "users": {
            name: _person(username, kind, tenant) for name, username, kind, tenant in PEOPLE[role]
        },
        **PLATFORMS[role](),
    }


def meet(world: dict[str, Any]) -> None:
    """Believe the center's signatures; the center believes those of edges, for their links only.

    Where the edges are the ones to dial, each learns here whom.
    """
    center = world["center"]["site"]
    if uuid.UUID(center["site_id"]) == keys.this_site().site_id:
        for edge in world["edges"]:
            _trust(edge["site"], SigningKey.Purpose.LINK)
        return
    _trust(center, SigningKey.Purpose.PEOPLE)
    Center.objects.update_or_create(
        site_id=center["site_id"],
        defaults={
            "name": center["site_name"],
            "url": world["center"]["url"],
            "opened_by": settings.DEMO_LINK,
        },
    )


def story(world: dict[str, Any]) -> None:
    """Register every edge, onboard packages for two tenants and run an instance for each."""
    center = world["center"]
    admin = _Session(center, "admin")
    for number, edge in enumerate(world["edges"], start=1):
        _register_edge(admin, edge, number)
    _ensure(admin, "/inventory/v1/appstores", "appstoreIp", registration())
    hosts = [edge["host_ip"] for edge in world["edges"]]
    sessions = {person: _Session(center, person) for person in ("tenant", "other_tenant")}
    running = [
        _start_app(sessions[person], hosts[number % len(hosts)], name, app_class)
        for number, (person, name, app_class) in enumerate(APPS)
        if hosts
    ]
    for done, what in running:
        _wait(done, what)


def _trust(site: dict[str, str], purpose: str) -> None:
    """Believe one key for one purpose, unless that was done: it may have retired since, or the
    site may have been shut out."""
    site_id = uuid.UUID(site["site_id"])
    if SigningKey.objects.filter(pk=site["kid"]).exists():
        return
    keys.trust(
        kid=site["kid"],
        site_id=site_id,
        site_name=site["site_name"],
        public_key=site["public_key"],
        purpose=purpose,
    )
    if not KeyHolder.objects.filter(pk=site_id).exists():
        keys.note_holder(site_id=site_id, site_name=site["site_name"], key=keys.own_key())


def _person(username: str, role: Role, tenant: str) -> dict[str, str]:
    """The user, made when it is new, with the password that it was given then."""
    path = Path(settings.SITE_DIR) / PASSWORD_FILE
    passwords: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    tenant_id = _tenant(tenant.format(site=settings.SITE_NAME)) if tenant else None
    if not User.objects.filter(username=username).exists():
        passwords[username] = services.generate_password()
        _write_private(path, json.dumps(passwords))
        spec = UserSpec(username, role, passwords[username], tenant_id)
        services.create_user(actor=SYSTEM, spec=spec)
    said = {"username": username, "password": passwords.get(username, "")}
    return said | ({"tenant_id": str(tenant_id)} if tenant_id else {})


def _tenant(name: str) -> uuid.UUID:
    tenant = Tenant.objects.filter(name=name).first() or services.create_tenant(
        actor=SYSTEM, spec=TenantSpec(name)
    )
    return tenant.pk


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


class _Session:
    """One person at one site, through the API like any other client."""

    def __init__(self, site: dict[str, Any], person: str) -> None:
        user = site["users"][person]
        self.tenant_id = user.get("tenant_id", "")
        self._http = httpx.Client(base_url=site["url"], timeout=30, trust_env=False)
        credentials = {"username": user["username"], "password": user["password"]}
        token = self.call("POST", "/auth/v1/token", json=credentials)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, url: str, **options: Any) -> Any:
        """The JSON of a successful answer."""
        response = self._http.request(method, url, **options)
        response.raise_for_status()
        return response.json()


def _ensure(admin: _Session, url: str, key: str, body: dict[str, Any]) -> None:
    """Register it unless an earlier telling of the story has; the story may have been cut short."""
    if body[key] not in {row[key] for row in admin.call("GET", url)}:
        admin.call("POST", url, json=body)


def _register_edge(admin: _Session, edge: dict[str, Any], number: int) -> None:
    ip, port = httpx.URL(edge["url"]).host, str(httpx.URL(edge["url"]).port)
    city, address, coordinates = PLACES[(number - 1) % len(PLACES)]
    applcm = {"applcmName": edge["name"], "applcmIp": ip, "applcmPort": port}
    _ensure(admin, "/inventory/v1/applcms", "applcmIp", applcm)
    if settings.DEMO_LINK == "edge":
        site_id = uuid.UUID(edge["site"]["site_id"])
        managers.let_edge_dial(actor=SYSTEM, ip=ip, site_id=site_id)
    rules = {"appRuleName": edge["name"], "appRuleIp": ip, "appRulePort": port}
    _ensure(admin, "/inventory/v1/apprulemanagers", "appRuleIp", rules)
    host = {
        "mechostIp": edge["host_ip"],
        "mechostName": f"{city}-{number}",
        "city": city,
        "address": address,
        "coordinates": coordinates,
        "affinity": "X86",
        "vim": "Simulated",
        "applcmIp": ip,
        "appRuleIp": ip,
        "hwcapabilities": [{"hwType": "GPU", "hwVendor": "Simulated", "hwModel": "S1"}],
    }
    _ensure(admin, "/inventory/v1/mechosts", "mechostIp", host)
    url = f"/inventory/v1/mechosts/{edge['host_ip']}"
    access = SIMULATED_ACCESS.format(seed=number).encode()
    admin.call("POST", f"{url}/k8sconfig", files={"file": ("config", access)})
    _wait(lambda: bool(admin.call("GET", url)["observed"]["reachable"]), f"{ip} to be probed")


def _start_app(tenant: _Session, host_ip: str, name: str, app_class: str) -> Awaited:
    """Upload, create and instantiate; what it answers tells when the application runs."""
    base = f"/apm/v1/tenants/{tenant.tenant_id}/packages"
    url = f"/appo/v1/tenants/{tenant.tenant_id}/app_instances"
    infos = f"/appo/v1/tenants/{tenant.tenant_id}/app_instance_infos"
    done = f"{name} to run"
    for known in tenant.call("GET", infos)["response"]:
        if known["appName"] == name:
            return _running(tenant, f"{infos}/{known['appInstanceId']}"), done
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csar"
        build(path, name=name, version="1.0", app_class=app_class)
        with path.open("rb") as file:
            ids = tenant.call(
                "POST", f"{base}/upload", data={"hostList": host_ip}, files={"file": file}
            )
    instance = tenant.call(
        "POST",
        url,
        json={
            "appPackageId": ids["appPackageId"],
            "appId": ids["appId"],
            "appName": name,
            "appInstanceDescription": f"{name} of the demo world",
            "mecHost": host_ip,
        },
    )["response"]["app_instance_id"]
    return _running(tenant, f"{infos}/{instance}"), done


def _running(tenant: _Session, info: str) -> Callable[[], bool]:
    """Whether it is Instantiated, ordering what an earlier telling did not come to."""

    def look() -> bool:
        state = tenant.call("GET", info)["response"]["operationalStatus"]
        if state == "Created":
            tenant.call("POST", info.replace("app_instance_infos", "app_instances"))
        return bool(state == "Instantiated")

    return look


def _wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(0.1)
