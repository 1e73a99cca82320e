"""Every endpoint against every asker, and no trace of one tenant in anything another gets."""

from __future__ import annotations

import hashlib
import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from apps.instances.models import AppInstance
from tests import factories as make
from tests.factories import Api
from tests.security.endpoints import endpoints_of
from tests.security.table import ALSO, TABLES
from tests.security.world import call
from tests.sites import CENTER, EDGE, urls_of


def area(endpoint):
    """Where an endpoint belongs: the first parts of its path."""
    return "/".join(endpoint.split(" ")[1].split("/")[:3])


# A world is built for each area of a site, since to build one takes longer than to ask.
AREAS = [
    pytest.param(site, one, id=f"{site}: {one}")
    for site, (_, table) in TABLES.items()
    for one in dict.fromkeys(map(area, table))
]
SITES = pytest.mark.parametrize("world", list(TABLES), indirect=True)


def with_ids(site):
    """The endpoints of a site that name a thing of a tenant."""
    table = TABLES[site][1]
    return [one for one in table if "{package_id}" in one or "{instance_id}" in one]


def as_text(response):
    """The answer's bytes as one lower-case text, escapes of JSON undone where it is JSON."""
    raw = make.content_of(response)
    try:
        return (raw.decode() + json.dumps(json.loads(raw), ensure_ascii=False)).lower()
    except ValueError:
        return raw.decode("latin-1").lower()


class _TakeBack(Exception):
    """Ends a savepoint whose changes must not last."""


def ask(world, endpoint, asker, values=None):
    """Ask and take back what it changed."""
    try:
        with transaction.atomic():
            answer = call(world, endpoint, asker, values)
            text = as_text(answer)
            raise _TakeBack
    except _TakeBack:
        return answer, text


@pytest.fixture
def site(request):
    """Which site the world is of."""
    return request.node.callspec.params["world"]


@pytest.mark.parametrize("role", [CENTER, EDGE], ids=lambda role: role.name)
def test_every_endpoint_has_a_row_and_every_row_an_endpoint(role):
    found = endpoints_of(urls_of(role))
    table = set(TABLES[role.name][1])
    assert found - table == set(), "endpoints without a row in tests/security/table.py"
    assert table - found == set(), "rows in tests/security/table.py without an endpoint"


@pytest.mark.parametrize(("world", "where"), AREAS, indirect=["world"])
def test_endpoints_asked_by_everybody_answer_as_the_table_says(world, where, site):
    """Q1 Q9: a token that does not hold is a 401 everywhere, at an edge as well."""
    askers, table = TABLES[site]
    for endpoint in (one for one in table if area(one) == where):
        expected = dict(zip(askers, map(int, table[endpoint].split()), strict=True))
        expected |= {other: expected[one] for one, others in ALSO.items() for other in others}
        answers = {asker: ask(world, endpoint, asker) for asker in expected}
        statuses = {asker: answer.status_code for asker, (answer, _) in answers.items()}
        assert (endpoint, statuses) == (endpoint, expected)
        for asker, (answer, text) in answers.items():
            for secret in world.secrets:
                assert secret not in text, f"{asker} was told a secret by {endpoint}"
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == answer.status_code
            if answer.status_code == 401:
                assert "www-authenticate" in answer.headers
        answer, said = answers["stranger"]
        # Apart from what the stranger wrote into the URL nothing of red's comes back.
        for own in (answer.request["PATH_INFO"], *world.red.path().values()):
            said = said.replace(own.lower(), "")
        assert [mark for mark in world.red.marks if mark in said] == [], endpoint


@SITES
def test_thing_of_another_tenant_under_ones_own_path_answers_as_an_unknown_one(world, site):
    mine = world.blue.path()
    theirs = world.red.path()
    unknown = uuid.uuid4()
    nothing = {"package_id": unknown.hex * 2, "instance_id": str(unknown)}
    # An edge makes an instance of an id that it does not know; a test of its own is below.
    for endpoint in (one for one in with_ids(site) if "/instantiate" not in one):
        told = []
        for values in (mine | {key: theirs[key] for key in nothing}, mine | nothing):
            answer, text = ask(world, endpoint, "stranger", values)
            assert answer.status_code == 404, endpoint
            for value in (answer.request["PATH_INFO"], values["package_id"], values["instance_id"]):
                text = text.replace(value.lower(), "…")
            told.append(text)
        assert told[0] == told[1], endpoint


@SITES
def test_path_of_another_tenant_answers_as_that_of_an_unknown_tenant(world, site):
    for endpoint in with_ids(site):
        told = []
        for tenant in (str(world.red.tenant.pk), str(uuid.uuid4())):
            path = world.red.path() | {"tenant_id": tenant}
            answer, text = ask(world, endpoint, "stranger", path)
            assert answer.status_code == 404, endpoint
            told.append(text.replace(answer.request["PATH_INFO"].lower(), "…"))
        assert told[0] == told[1], endpoint


@SITES
def test_reading_ones_own_things_shows_nothing_of_the_other_tenant(world, site):
    read = [one for one in TABLES[site][1] if one.startswith("GET") and " {" not in one]
    for endpoint in read:
        answer, text = ask(world, endpoint, "stranger", world.blue.path())
        # 501: not offered yet; 502: what is asked at an edge or at a store, which nobody may call
        # here.  400: whose log is meant has to be said.
        wanted = (400,) if endpoint.endswith("/logs") else (200, 403, 501, 502)
        assert answer.status_code in wanted, endpoint
        assert [mark for mark in world.red.marks if mark in text] == [], endpoint


LISTS = {
    "center": [
        "GET auth/v1/tenants",
        "GET inventory/v1/mechosts",
        "GET apm/v1/tenants/{tenant_id}/packages",
        "GET apm/v1/packages",
        "GET appo/v1/tenants/{tenant_id}/app_instance_infos",
        "GET api/v1/topology",
    ],
    "edge": [
        "GET auth/v1/tenants",
        "GET lcmcontroller/v1/hosts",
        "GET lcmcontroller/v1/tenants/{tenant_id}/packages",
        "GET lcmcontroller/v1/tenants/{tenant_id}/app_instances",
        "GET api/v1/topology",
    ],
}


@SITES
def test_lists_show_each_tenant_its_own_and_the_administrator_both(world, site):
    for endpoint in LISTS[site]:
        of_tenant = "{tenant_id}" in endpoint
        assert "crimson" in ask(world, endpoint, "tenant")[1]
        assert "azure" not in ask(world, endpoint, "tenant")[1]
        assert "crimson" in ask(world, endpoint, "guest")[1]
        assert "azure" not in ask(world, endpoint, "guest")[1]
        assert "azure" in ask(world, endpoint, "stranger", world.blue.path())[1]
        seen = ask(world, endpoint, "admin")[1]
        if of_tenant:
            seen += ask(world, endpoint, "admin", world.blue.path())[1]
        assert "crimson" in seen, endpoint
        assert "azure" in seen, endpoint


def test_picking_instances_by_id_finds_none_of_another_tenant(center_world):
    world = center_world
    values = world.blue.path()
    url = "GET appo/v1/tenants/{tenant_id}/app_instance_infos?appinstanceids=" + str(
        world.red.instance.pk
    )
    answer, _ = ask(world, url, "stranger", values)
    assert answer.status_code == 200
    assert answer.json() == {"response": []}


@pytest.mark.parametrize("field", ["appPackageId", "mecHost"])
def test_creating_an_instance_from_things_of_another_tenant_is_refused_as_unknown(
    center_world, field
):
    world = center_world
    api = Api(world.blue.user)
    body = {
        "appPackageId": world.blue.package.package_id, "appId": "0" * 32, "appName": "mine",
        "appInstanceDescription": "x", "mecHost": world.blue.host.ip,
    }
    theirs = {"appPackageId": world.red.package.package_id, "mecHost": world.red.host.ip}
    unknown = {"appPackageId": "f" * 64, "mecHost": "10.250.0.1"}
    url = f"/appo/v1/tenants/{world.blue.tenant.pk}/app_instances"
    told = []
    for value in (theirs[field], unknown[field]):
        answer = api.send("POST", url, body | {field: value})
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [field]
        told.append(answer.content.decode().replace(value, "…"))
    assert told[0] == told[1]


def test_distributing_ones_package_to_a_host_of_another_tenant_is_refused_as_unknown(
    center_world,
):
    world = center_world
    url = f"/apm/v1/tenants/{world.blue.tenant.pk}/packages/{world.blue.spare.package_id}"
    told = []
    for ip in (world.red.host.ip, "10.250.0.1"):
        answer = Api(world.blue.user).send("POST", url, {"hostIp": [ip]})
        assert answer.status_code == 400
        told.append(answer.content.decode().replace(ip, "…"))
    assert told[0] == told[1]


def test_ordering_an_instance_under_the_id_of_another_tenants_changes_nothing_and_answers_404(
    edge_world,
):
    world = edge_world
    before = AppInstance.objects.values().get(pk=world.red.instance.pk)
    url = (
        f"/lcmcontroller/v1/tenants/{world.blue.tenant.pk}/app_instances/"
        f"{world.red.instance.pk}/instantiate"
    )
    order = {
        "packageId": world.blue.package.package_id, "hostIp": world.blue.host.ip, "appName": "x",
    }
    assert Api(world.blue.user).send("POST", url, order).status_code == 404
    assert AppInstance.objects.values().get(pk=world.red.instance.pk) == before


def test_uploading_under_the_id_of_another_tenants_package_leaves_that_as_it_is(edge_world):
    world = edge_world
    theirs = world.red.package
    file = SimpleUploadedFile("mine.csar", world.blue.package.path.read_bytes())
    answer = Api(world.blue.user).send(
        "POST", f"/lcmcontroller/v1/tenants/{world.blue.tenant.pk}/packages",
        form={"package": file, "packageId": theirs.package_id},
    )
    assert answer.status_code == 409
    theirs.refresh_from_db()
    assert theirs.tenant == world.red.tenant
    assert hashlib.sha256(theirs.path.read_bytes()).hexdigest() == theirs.sha256
    assert all(mark not in answer.content.decode() for mark in world.red.marks[:1])
