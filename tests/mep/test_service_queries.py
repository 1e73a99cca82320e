"""The query of services (clause 8.2.3.3.1): what it finds, and what it refuses."""

from __future__ import annotations

import uuid

import pytest

from tests.mep.conftest import App
from tests.mep.suite import refused

ROOT = "/mep/mec_service_mgmt/v1/services"
LOCATION = {"href": "/c/l", "id": "loc", "name": "Location", "version": "1"}
RNI = {"href": "/c/r", "id": "rni", "name": "RNI", "version": "1"}


@pytest.fixture
def three(app):
    """Three services of one application by their names."""
    return {
        "a": app.register(serName="a", serCategory=LOCATION, scopeOfLocality="ZONE"),
        "b": app.register(serName="b", serCategory=RNI, consumedLocalOnly=False),
        "c": app.register(serName="c", state="INACTIVE"),
    }


QUERIES = [
    ("", "abc"),
    ("ser_name=a", "a"),
    ("ser_name=a&ser_name=b", "ab"),
    ("ser_name=a,b", "ab"),
    ("ser_name=a,b&ser_name=c", "abc"),
    ("ser_name=A", ""),
    ("ser_name=unknown", ""),
    ("ser_name=unknown,c", "c"),
    ("ser_category_id=loc", "a"),
    ("ser_category_id=RNI", "b"),  # the name of a category is taken as well
    ("ser_category_id=unknown", ""),
    ("ser_instance_id=word", ""),
    (f"ser_instance_id={uuid.UUID(int=7)}", ""),
    ("ser_instance_id={a}", "a"),
    ("ser_instance_id={a},{c}", "ac"),
    ("ser_instance_id={a}&ser_instance_id={b}", "ab"),
    ("ser_instance_id={a},word", "a"),
    ("consumed_local_only=true", "ac"),
    ("consumed_local_only=false", "b"),
    ("is_local=true", "abc"),
    ("is_local=false", ""),
    ("scope_of_locality=ZONE", "a"),
    ("scope_of_locality=MEC_HOST", "bc"),
    ("scope_of_locality=NFVI_NODE", ""),
    ("scope_of_locality=MEC_HOST&consumed_local_only=false", "b"),
    ("ser_name=a,b&consumed_local_only=true", "a"),
    ("ser_name=a&scope_of_locality=MEC_HOST", ""),
    ("ser_category_id=loc&is_local=true&scope_of_locality=ZONE&consumed_local_only=true", "a"),
]


@pytest.mark.parametrize("place", ["platform", "application"])
@pytest.mark.parametrize(("query", "names"), QUERIES)
def test_query_finds_what_fits_all_parameters_and_any_value_of_each(
    app, three, place, query, names
):
    url = ROOT if place == "platform" else app.services
    ids = {name: one["serInstanceId"] for name, one in three.items()}
    answer = app.send("GET", f"{url}?{query.format(**ids)}")
    assert answer.status_code == 200
    assert "".join(sorted(one["serName"] for one in answer.json())) == names


REFUSED = [
    ("instance_id=5", "instance_id"),
    ("state=ACTIVE", "state"),
    ("ser_name=a&unknown=1", "unknown"),
    ("SER_NAME=a", "SER_NAME"),
    ("ser_name=a&ser_category_id=loc", "ser_category_id"),
    ("ser_name=a&ser_instance_id=x", "ser_name"),
    ("ser_instance_id=x&ser_category_id=loc", "ser_category_id"),
    ("ser_instance_id=x&ser_name=a&ser_category_id=loc", "ser_name"),
    ("ser_name=", "ser_name"),
    ("ser_name=,", "ser_name"),
    ("ser_name", "ser_name"),
    ("ser_instance_id=", "ser_instance_id"),
    ("ser_category_id=", "ser_category_id"),
    ("ser_category_id=loc&ser_category_id=rni", "ser_category_id"),
    ("consumed_local_only=yes", "consumed_local_only"),
    ("consumed_local_only=True", "consumed_local_only"),
    ("consumed_local_only=", "consumed_local_only"),
    ("consumed_local_only=true&consumed_local_only=false", "consumed_local_only"),
    ("is_local=1", "is_local"),
    ("is_local=true&is_local=false", "is_local"),
    ("scope_of_locality=HOUSE", "scope_of_locality"),
    ("scope_of_locality=zone", "scope_of_locality"),
    ("scope_of_locality=", "scope_of_locality"),
    ("scope_of_locality=ZONE&scope_of_locality=MEC_HOST", "scope_of_locality"),
    ("ser_name=a%00b", "ser_name"),
    ("ser_category_id=%00", "ser_category_id"),
    ("format=json", "format"),
    ("format=xml", "format"),
]


@pytest.mark.parametrize("place", ["platform", "application"])
@pytest.mark.parametrize(("query", "field"), REFUSED)
def test_query_that_contradicts_itself_or_is_not_known_is_refused_by_name(
    app, three, place, query, field
):
    url = ROOT if place == "platform" else app.services
    assert list(refused(app.send("GET", f"{url}?{query}"), 400)["errors"]) == [field]


PLAIN = [
    "mec_service_mgmt/v1/transports", "mec_app_support/v1/timing/timing_caps",
    "mec_app_support/v1/timing/current_time", "{services}/{service}", "{service_here}",
    "{subscriptions}", "{support}/subscriptions", "{support}/dns_rules", "{support}/traffic_rules",
]


@pytest.mark.parametrize("path", PLAIN)
@pytest.mark.parametrize("query", ["instance_id=5", "ser_name=a", "format=json"])
def test_resource_without_a_query_refuses_every_parameter(app, three, path, query):
    service = three["a"]["serInstanceId"]
    url = path.format(
        services=app.services, service=service, subscriptions=app.subscriptions,
        support=app.support, service_here=f"{ROOT}/{service}",
    )
    url = url if url.startswith("/") else f"/mep/{url}"
    assert app.send("GET", url).status_code == 200
    assert list(refused(app.send("GET", f"{url}?{query}"), 400)["errors"]) == [query.split("=")[0]]


@pytest.mark.parametrize("length", [8193, 60_000])
def test_query_longer_than_any_client_needs_is_answered_with_414(app, length):
    for url in (ROOT, app.services):
        refused(app.send("GET", f"{url}?ser_name={'a' * (length - 9)}"), 414)


def test_query_of_many_ids_is_answered(app, three):
    ids = ",".join([three["a"]["serInstanceId"], *(uuid.UUID(int=7).hex for _ in range(200))])
    found = app.send("GET", f"{ROOT}?ser_instance_id={ids}").json()
    assert [one["serName"] for one in found] == ["a"]


def test_list_of_an_application_has_its_own_services_only(app, three):
    other = App("other")
    other.register(serName="theirs")
    assert [one["serName"] for one in other.send("GET", other.services).json()] == ["theirs"]
    assert len(other.send("GET", ROOT).json()) == 4


def test_nothing_registered_is_an_empty_list_and_no_error(app):
    for url in (ROOT, app.services, f"{app.support}/dns_rules", f"{app.support}/traffic_rules"):
        answer = app.send("GET", url)
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("path", ["subscriptions", "support"])
def test_no_subscriptions_are_an_empty_list_with_a_link_to_itself(app, path):
    url = app.subscriptions if path == "subscriptions" else f"{app.support}/subscriptions"
    answer = app.send("GET", url)
    assert answer.status_code == 200
    assert answer.json() == {"_links": {"self": {"href": url}, "subscriptions": []}}
