"""What Keystone knows before a cloud can be used: projects, users, services, where these are."""

from __future__ import annotations

from typing import Any

from tools.cloud.place import INTERFACES, REGIONS, Place

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


def fill(connection: Any, place: Place) -> None:
    """Create all of it, as the administrator whom keystone-manage has made."""
    identity = connection.identity
    for name in ROLES:
        identity.create_role(name=name)
    roles = {role.name: role for role in identity.roles()}
    admin = identity.find_user("admin"), identity.find_project("admin")
    service = _user_with_project(identity, place, "service")
    edge = _user_with_project(identity, place, "edge")
    for (user, project), names in (
        (service, ("admin", "service")),
        (edge, ("member", "heat_stack_owner")),
        (admin, ("heat_stack_owner",)),
    ):
        for name in names:
            identity.assign_project_role_to_user(project, user, roles[name])
    domain = identity.create_domain(name="heat")
    heat = identity.create_user(name="heat", password=place.passwords["heat"], domain_id=domain.id)
    identity.assign_domain_role_to_user(domain, heat, roles["admin"])
    identity.create_region(id=REGIONS[1])
    for kind, api, path, regions in SERVICES:
        _offer(identity, kind, api, place.url(api) + path, regions)


def _user_with_project(identity: Any, place: Place, name: str) -> tuple[Any, Any]:
    """A user and a project of one name."""
    project = identity.create_project(name=name, domain_id="default")
    user = identity.create_user(
        name=name,
        password=place.passwords[name],
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
