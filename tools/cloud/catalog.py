"""What Keystone knows before a cloud can be used: projects, users, services, where these are.

``python -m tools.cloud.catalog AUTH_URL FILE`` creates all of it, as the administrator whom
keystone-manage has made; the file has the passwords.  Runs with the services' own Python, since
no other package may be installed yet.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import openstack

from tools.cloud.place import INTERFACES, REGIONS, unplaced

ROLES = ("heat_stack_owner", "heat_stack_user")
# The service's type, the API that answers, its path, and in which regions it is.
SERVICES = (
    ("identity", "keystone", "/v3", REGIONS[1:]),  # keystone-manage has put it into the first
    ("placement", "placement", "", REGIONS),
    ("image", "glance", "", REGIONS),
    ("network", "neutron", "", REGIONS),
    ("compute", "nova-api", "/v2.1", REGIONS),
    ("orchestration", "heat-api", "/v1/%(tenant_id)s", REGIONS[:1]),
    ("cloudformation", "heat-cfn", "/v1", REGIONS[:1]),
)


def main(auth_url: str, passwords_file: str) -> None:
    """Log in and fill the catalog."""
    passwords = json.loads(Path(passwords_file).read_text())
    auth = {
        "auth_url": auth_url,
        "username": "admin",
        "password": passwords["admin"],
        "project_name": "admin",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    with openstack.connect(
        auth=auth,
        identity_api_version="3",
        identity_endpoint_override=auth_url,  # the catalog does not say it yet
        load_yaml_config=False,
        load_envvars=False,
    ) as connection:
        fill(connection.identity, passwords)


def fill(identity: Any, passwords: dict[str, str]) -> None:
    """Create everything."""
    for name in ROLES:
        identity.create_role(name=name)
    roles = {role.name: role for role in identity.roles()}
    admin = identity.find_user("admin"), identity.find_project("admin")
    service = _user_with_project(identity, "service", passwords)
    edge = _user_with_project(identity, "edge", passwords)
    for (user, project), names in (
        (service, ("admin", "service")),
        (edge, ("member", "heat_stack_owner")),
        (admin, ("heat_stack_owner",)),
    ):
        for name in names:
            identity.assign_project_role_to_user(project, user, roles[name])
    domain = identity.create_domain(name="heat")
    heat = identity.create_user(name="heat", password=passwords["heat"], domain_id=domain.id)
    identity.assign_domain_role_to_user(domain, heat, roles["admin"])
    identity.create_region(id=REGIONS[1])
    for kind, api, path, regions in SERVICES:
        _offer(identity, kind, api, unplaced(api) + path, regions)


def _user_with_project(identity: Any, name: str, passwords: dict[str, str]) -> tuple[Any, Any]:
    """A user and a project of one name."""
    project = identity.create_project(name=name, domain_id="default")
    user = identity.create_user(
        name=name,
        password=passwords[name],
        domain_id="default",
        default_project_id=project.id,
    )
    return user, project


def _offer(identity: Any, kind: str, name: str, url: str, regions: tuple[str, ...]) -> None:
    """A service and its endpoints; RegionTwo has other endpoints of the same servers."""
    service = identity.find_service(name) or identity.create_service(name=name, type=kind)
    for region in regions:
        for interface in INTERFACES:
            identity.create_endpoint(
                service_id=service.id, interface=interface, url=url, region_id=region
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
