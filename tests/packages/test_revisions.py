"""The same name and version again, who needs a package, and addresses without a tenant."""

from __future__ import annotations

import uuid

from django.core.files.uploadedfile import SimpleUploadedFile

from apps.packages.models import Package
from apps.packages.revisions import superseded
from tests import factories as make


def upload(api, url, **request):
    """Send a package; its ``appPackageId``."""
    file = SimpleUploadedFile("gauge.csar", make.csar(**request))
    answer = api.send("POST", url, form={"file": file})
    assert answer.status_code == 202, answer.content
    return answer.json()["appPackageId"]


def offering(tenant, *names, needs=(), **more):
    """A package of a tenant that offers these services and needs those."""
    package = make.package(tenant, **more)
    package.info["requirements"] |= {
        "services_produced": [{"name": name, "version": "1.0"} for name in names],
        "services_required": [{"name": name, "version": ""} for name in needs],
    }
    package.save()
    return package


def test_same_name_and_version_again_is_a_new_revision_of_the_same_app(owner, red, now):
    """P1 P3: the older one stays, and both say so."""
    url = f"/apm/v1/tenants/{red.pk}/packages"
    first, second = upload(owner, f"{url}/upload"), upload(owner, f"{url}/upload")
    other = upload(owner, f"{url}/upload", version="2.0")
    assert first[:32] == second[:32] != other[:32]
    told = {key: owner.send("GET", f"{url}/{key}").json() for key in (first, second, other)}
    numbers = [(told[key]["revision"], told[key]["latestRevision"]) for key in told]
    assert numbers == [(1, 2), (2, 2), (1, 1)]
    assert [one["appPkgId"] for one in told[first]["revisions"]] == [second, first]
    listed = owner.send("GET", url).json()
    assert {row["appPkgId"]: row["latestRevision"] for row in listed} == {
        first: 2, second: 2, other: 1}
    rows = {row.package_id: row for row in Package.objects.all()}
    make.instance(rows[first], make.host(), name="on-the-old-one")
    old = owner.send("GET", f"{url}/{first}").json()
    assert [one["appName"] for one in old["instances"]] == ["on-the-old-one"]
    assert old["revision"] < old["latestRevision"]
    assert superseded([row.pk for row in rows.values()]) == {rows[first].pk: 2}


def test_revisions_of_one_tenant_are_no_matter_of_another(owner, red):
    blue = make.tenant("blue")
    upload(owner, f"/apm/v1/tenants/{red.pk}/packages/upload")
    theirs = make.Api(make.user(blue))
    key = upload(theirs, "/apm/v1/packages/upload")
    assert theirs.send("GET", f"/apm/v1/packages/{key}").json()["latestRevision"] == 1


def test_revision_goes_with_the_package_to_the_edge(two_sites, red, now):
    host = make.host("10.9.1.1", edge=make.edge())
    two_sites.work_at_center()
    api = make.Api(make.user(red))
    url = f"/apm/v1/tenants/{red.pk}/packages"
    upload(api, f"{url}/upload")
    second = upload(api, f"{url}/upload")
    api.send("POST", f"{url}/{second}", {"hostIp": [host.ip]})
    two_sites.work_at_center()
    with two_sites.inside():
        assert Package.objects.get().revision == 2


def test_package_that_another_needs_is_removed_only_when_that_is_said(owner, red, now):
    """P5: the dependent package is named before anything is removed."""
    base = offering(red, "location", name="locator")
    needy = offering(red, needs=["location"], name="ferry")
    url = f"/apm/v1/tenants/{red.pk}/packages/{base.package_id}"
    assert [one["appPkgName"] for one in owner.send("GET", url).json()["dependents"]] == ["ferry"]
    refused = owner.send("DELETE", url)
    assert refused.status_code == 409
    assert "ferry" in refused.json()["detail"]
    assert refused.json()["dependents"] == [needy.package_id]
    assert Package.objects.filter(pk=base.pk, removing=False).exists()
    done = owner.send("DELETE", f"{url}?force=true")
    assert (done.status_code, done.content) == (200, b"success")
    assert not Package.objects.filter(pk=base.pk).exists()


def test_service_that_another_package_offers_as_well_is_not_missed(owner, red, now):
    base = offering(red, "location", name="locator")
    offering(red, "location", name="second-locator")
    offering(red, needs=["location"], name="ferry")
    offering(make.tenant("blue"), needs=["location"], name="foreign")
    url = f"/apm/v1/packages/{base.package_id}"
    assert owner.send("GET", url).json()["dependents"] == []
    assert owner.send("DELETE", url).status_code == 200


# --- without a tenant in the address -------------------------------------------------------------


def test_administrator_reads_all_and_names_the_tenant_to_write(red, now):
    """P1 P3 P4 P5 P7: the spelling without a tenant."""
    blue, boss = make.tenant("blue"), make.Api(make.admin())
    mine, theirs = make.package(red), make.package(blue)
    url = "/apm/v1/packages"
    assert len(boss.send("GET", url).json()) == 2
    assert len(boss.send("GET", f"{url}?tenant_id={blue.pk}").json()) == 1
    for package in (mine, theirs):
        assert boss.send("GET", f"{url}/{package.package_id}").status_code == 200
        assert boss.send("GET", f"{url}/{package.package_id}/download").status_code == 200
    refused = boss.send("DELETE", f"{url}/{mine.package_id}")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["tenant_id"])
    wrong = boss.send("DELETE", f"{url}/{mine.package_id}?tenant_id={blue.pk}")
    assert wrong.status_code == 404
    assert boss.send("DELETE", f"{url}/{mine.package_id}?tenant_id={red.pk}").status_code == 200
    for odd, status in (("x", 400), (uuid.uuid4(), 404)):
        assert boss.send("GET", f"{url}?tenant_id={odd}").status_code == status
    file = SimpleUploadedFile("gauge.csar", make.csar())
    answer = boss.send("POST", f"{url}/upload", form={"file": file, "tenant_id": str(blue.pk)})
    assert answer.status_code == 202
    key = answer.json()["appPackageId"]
    assert boss.send("GET", f"/apm/v1/tenants/{blue.pk}/packages/{key}").status_code == 200


def test_naming_another_tenant_is_naming_none_that_exists(owner, red):
    blue = make.tenant("blue")
    told = []
    for tenant in (blue.pk, uuid.uuid4()):
        answer = owner.send("GET", f"/apm/v1/packages?tenant_id={tenant}")
        assert answer.status_code == 404
        told.append(answer.json()["detail"])
    assert told[0] == told[1]


def test_health_needs_no_token(house):
    """P13"""
    answer = make.Api().send("GET", "/apm/v1/health")
    assert (answer.status_code, answer.content) == (200, b"ok")
