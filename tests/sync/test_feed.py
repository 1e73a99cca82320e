"""The feed: what has a version greater than the asked one, in order, and nothing is passed over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.common.models import current_version
from apps.hosts import services as hosts
from apps.hosts.models import AppLcm
from apps.instances import services as instances
from apps.journal import services as journal
from apps.packages import distribution
from apps.packages.models import Distribution
from apps.sync import feed
from apps.tenants import keys
from apps.tenants.actors import SYSTEM
from tests import factories as make


@pytest.fixture
def edge(edge_house):
    """A tenant, a host, a package that is there, an instance, and a service of the MEC platform."""
    keys.this_site()
    tenant, host = make.tenant("red"), make.host()
    package = make.package(tenant)
    (row,) = distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
    instance = make.instance(package, host)
    return {
        "tenant": tenant, "mechost": host, "package": package, "distribution": row,
        "appinstance": instance,
        "appdconfiguration": make.configuration(instance),
        "mecservice": make.mec_service(make.mec_application(tenant), interval=60),
    }


def read_all(limit=500, after=0):
    """Every page from ``after`` on."""
    pages = []
    while True:
        pages.append(feed.page(after=after, limit=limit))
        after = pages[-1]["upto"]
        if not pages[-1]["more"]:
            return pages


def rows_of(pages):
    """``(kind, id, version)`` of all rows."""
    return [(row["kind"], row["id"], row["version"]) for page in pages for row in page["rows"]]


def test_feed_of_an_empty_site_is_empty_and_its_cursor_stays(edge_house):
    page = feed.page(after=0, limit=10)
    assert (page["rows"], page["upto"], page["more"]) == ([], current_version(), False)
    assert feed.page(after=99, limit=10)["upto"] == 99, "a cursor never goes back"


def test_feed_has_every_travelling_row_once_in_the_order_of_versions(edge):
    pages = read_all()
    found = {(kind, key): version for kind, key, version in rows_of(pages)}
    for kind, row in edge.items():
        row.refresh_from_db()
        assert found[kind, str(row.pk)] == row.version
    versions = [version for _, _, version in rows_of(pages)]
    assert versions == sorted(set(versions))
    assert pages[-1]["upto"] == pages[-1]["newest"] == current_version()
    assert pages[0]["site_id"] == str(keys.this_site().site_id)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_pages_of_any_size_hold_the_same_rows(edge, limit):
    journal.bury("x", make.host(access=""), actor=SYSTEM)
    whole = rows_of(read_all())
    pages = read_all(limit)
    assert rows_of(pages) == whole
    assert all(len(page["rows"]) <= limit for page in pages)
    assert [page["more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    for page in pages[:-1]:
        assert page["upto"] == page["rows"][-1]["version"]


def test_page_of_no_rows_tells_only_that_there_is_news(edge):
    page = feed.page(after=0, limit=0)
    assert page["rows"] == []
    assert page["newest"] == current_version() > 0


@pytest.mark.parametrize("kind", feed.NAMES)
def test_changed_row_comes_again_alone_under_its_new_version(edge, kind):
    cursor = feed.page(after=0, limit=500)["upto"]
    assert rows_of(read_all(after=cursor)) == []
    edge[kind].save()
    ((found, key, version),) = rows_of(read_all(after=cursor))
    assert (found, key, version) == (kind, str(edge[kind].pk), edge[kind].version)
    assert version > cursor


def test_row_that_is_gone_comes_as_a_tombstone_and_not_as_a_row(edge):
    cursor = current_version()
    key = edge["appinstance"].pk
    instances.forget(actor=SYSTEM, instance_id=key)
    (rows,) = [page["rows"] for page in read_all(after=cursor)]
    told = {"id": str(key), "gone": True, "tenant_id": str(edge["appinstance"].tenant_id)}
    assert rows == [
        told | {"kind": "appdconfiguration", "version": cursor + 1},
        told | {"kind": "appinstance", "version": cursor + 2},
    ], "and so has what went with it"
    assert ("appinstance", str(key)) not in {
        (kind, one) for kind, one, version in rows_of(read_all()) if version <= cursor}


def test_rows_that_do_not_travel_are_not_in_the_feed(edge):
    cursor = current_version()
    lcm = make.edge()
    make.admin()
    AppLcm.objects.get().save()
    journal.bury("x", lcm, actor=SYSTEM)
    assert rows_of(read_all(after=cursor)) == []
    assert current_version() > cursor


def test_reading_the_feed_changes_nothing(edge):
    with clock.frozen():
        pages = read_all(2)
        with CaptureQueriesContext(connection) as seen:
            assert read_all(2) == pages
    assert all(query["sql"].startswith("SELECT") for query in seen)


def test_cost_does_not_grow_with_rows_that_did_not_change(edge):
    def cost():
        cursor = current_version()
        edge["mechost"].save()
        with CaptureQueriesContext(connection) as seen:
            page = feed.page(after=cursor, limit=500)
        assert len(page["rows"]) == 1
        return len(seen)

    few = cost()
    for _ in range(20):
        make.instance(edge["package"], edge["mechost"])
        make.package(edge["tenant"])
    assert cost() == few


def test_secrets_and_files_do_not_travel(edge):
    edge["appinstance"].parameters = {"sk": make.TOKEN}
    edge["appinstance"].save()
    text = str(read_all())
    assert make.TOKEN not in text
    assert str(edge["package"].path) not in text


@pytest.mark.parametrize("limit", [1, 2, 4, 6, 500])
@pytest.mark.parametrize("moment", range(5))
def test_rows_that_are_written_while_a_page_is_read_are_not_passed_over(
    edge, monkeypatch, limit, moment
):
    written = []

    def commit_first(rows):
        def read():
            if not written:
                # A row of the kind that is read first, then rows of the one that is read last.
                written.append(make.tenant("late").pk)
                for _ in range(2):
                    written.append(make.instance(edge["package"], edge["mechost"]).pk)  # noqa: PERF401
            return rows()

        return read

    kinds = list(feed.KINDS)
    kinds[moment] = replace(kinds[moment], rows=commit_first(kinds[moment].rows))
    monkeypatch.setattr(feed, "KINDS", tuple(kinds))
    pages = read_all(limit)
    pages += read_all(limit, after=pages[-1]["upto"])
    assert {str(key) for key in written} <= {key for _, key, _ in rows_of(pages)}


def test_feed_needs_a_center_or_an_administrator_and_sane_numbers(edge):
    boss = make.Api(make.admin())
    url = "/sync/v1/changes"
    assert make.Api(make.user(edge["tenant"])).send("GET", url).status_code == 403
    assert boss.send("GET", f"{url}?after=0&limit=2").json()["more"] is True
    for query in ("after=-1", "after=x", "limit=501", "limit=-1", "wait=31", "wait=x"):
        assert boss.send("GET", f"{url}?{query}").status_code == 400


def test_site_tells_its_identity_to_anybody(edge):
    said = make.Api().send("GET", "/sync/v1/site").json()
    assert said["site_id"] == str(keys.this_site().site_id)


def test_times_of_probes_travel_without_a_version(edge):
    host = edge["mechost"]
    with clock.frozen() as now:
        seen = hosts.HostObservation(reachable=True, at=now())
        hosts.note_observed(actor=SYSTEM, host_id=host.pk, seen=seen)
        cursor = current_version()
        now.advance(seconds=15)
        later = hosts.HostObservation(reachable=True, at=now())
        hosts.note_observed(actor=SYSTEM, host_id=host.pk, seen=later)
        page = feed.page(after=cursor, limit=10)
        assert page["rows"] == []
        assert page["looks"] == {str(host.pk): now().isoformat()}
    assert Distribution.objects.count() == 1
