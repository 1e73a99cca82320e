"""If-Match at the center: a change of something that was read is refused once it is another."""

import pytest

from tests import factories as make

OLD = {"If-Match": '"0"'}


@pytest.fixture
def estate(house):
    """One of everything that answers with an ETag, and who may change it."""
    tenant = make.tenant("red")
    edge = make.edge()
    host = make.host("10.8.0.1", edge=edge)
    package = make.package(tenant)
    make.store("10.9.0.7")
    make.repo("repo.example:5000")
    instance = make.instance(package, host, state="Instantiated")
    base = f"/appo/v1/tenants/{tenant.pk}"
    return {
        "host": f"/inventory/v1/mechosts/{host.ip}",
        "applcm": f"/inventory/v1/applcms/{edge.ip}",
        "store": "/inventory/v1/appstores/10.9.0.7",
        "repository": "/inventory/v1/apprepos/repo.example:5000",
        "tenant": f"/tenants/v1/tenants/{tenant.pk}",
        "package": f"/apm/v1/tenants/{tenant.pk}/packages/{package.package_id}",
        "instance": (f"{base}/app_instance_infos/{instance.pk}",
                     f"{base}/app_instances/{instance.pk}"),
    }


KINDS = ("host", "applcm", "store", "repository", "tenant", "package", "instance")


@pytest.mark.parametrize("kind", KINDS)
def test_a_stale_if_match_changes_nothing(estate, kind):
    boss = make.Api(make.admin())
    read, write = estate[kind] if isinstance(estate[kind], tuple) else (estate[kind],) * 2
    before = boss.send("GET", read)
    assert before.headers["ETag"].strip('"').isdigit()
    refused = boss.send("DELETE", write, headers=OLD)
    assert refused.status_code == 412
    assert refused.json()["type"].endswith("precondition_failed")
    after = boss.send("GET", read)
    assert (after.status_code, after.headers["ETag"]) == (200, before.headers["ETag"])


@pytest.mark.parametrize("given", ["the tag that was read", "*", '"0", {}'])
def test_the_present_tag_lets_a_change_pass(estate, given):
    boss = make.Api(make.admin())
    url = estate["store"]
    tag = boss.send("GET", url).headers["ETag"]
    match = tag if given == "the tag that was read" else given.format(tag)
    assert boss.send("DELETE", url, headers={"If-Match": match}).status_code == 200
    assert boss.send("GET", url).status_code == 404


@pytest.mark.parametrize("kind", ["host", "applcm", "store", "tenant"])
def test_a_stale_if_match_replaces_nothing(estate, kind):
    boss = make.Api(make.admin())
    before = boss.send("GET", estate[kind])
    refused = boss.send("PUT", estate[kind], before.json(), headers=OLD)
    assert refused.status_code == 412
    assert boss.send("GET", estate[kind]).headers["ETag"] == before.headers["ETag"]
