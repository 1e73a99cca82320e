"""Where a host is, what it is tagged with, and how many there may be at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from apps.common import clock
from apps.common.errors import Conflict
from apps.hosts import cordon, stores
from apps.hosts.models import AppStore, MecHost
from apps.hosts.places import point_of
from apps.hosts.specs import StoreSpec
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.hosts.test_hosts import BODY, URL


@pytest.fixture
def boss(house):
    """An administrator at a center that knows the managers of one edge."""
    make.edge()
    make.rule_manager()
    return make.Api(make.admin())


def test_region_tags_and_point_are_kept_shown_and_stay_when_they_are_not_said(boss):
    """Q22: what the original's clients do not send is not lost by a PUT."""
    said = BODY | {"region": "north", "tags": ["fast", "indoor", "fast"]}
    assert boss.send("POST", URL, said).status_code == 200
    host = MecHost.objects.get()
    MecHost.objects.update(config_upload_status="Uploaded")
    cordon.set_cordoned(actor=SYSTEM, host_id=host.pk, cordoned=True)
    assert (host.longitude, host.latitude) == (4.26, 52.10)
    assert boss.send("PUT", f"{URL}/10.0.0.1", BODY | {"coordinates": "-5, 6.5"}).status_code == 200
    found = boss.send("GET", f"{URL}/10.0.0.1").json()
    shown = [found[name] for name in ("region", "tags", "cordoned", "configUploadStatus")]
    assert shown == ["north", ["fast", "indoor"], True, "Uploaded"]
    host.refresh_from_db()
    assert (host.longitude, host.latitude) == (-5, 6.5)
    before = host.version
    assert boss.send("PUT", f"{URL}/10.0.0.1", found | {"surprise": 1}).status_code == 200
    host.refresh_from_db()
    assert host.version == before, "what was read can be sent back, and changes nothing"
    boss.send("PUT", f"{URL}/10.0.0.1", BODY | {"region": None, "tags": []})
    found = boss.send("GET", f"{URL}/10.0.0.1").json()
    assert (found["region"], found["tags"]) == (None, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [("region", "a b"), ("region", "x" * 129), ("tags", None), ("tags", "fast"),
     ("tags", ["a b"]), ("tags", [""]), ("tags", ["a"] * 17), ("tags", [1]),
     ("coordinates", "181,0"), ("coordinates", "0,91"), ("coordinates", "here"),
     ("coordinates", "1;2"), ("mechostName", 7), ("city", ["Delft"]), ("hwcapabilities", None),
     ("hwcapabilities", [{"hwType": "a b"}]), ("hwcapabilities", [None])],
)
def test_wrong_field_answers_400_and_names_it(boss, field, value):
    """Q24: neither null nor a wrong type is a fault of the server."""
    answer = boss.send("POST", URL, BODY | {field: value})
    assert answer.status_code == 400
    assert {name.partition(".")[0].partition("[")[0] for name in answer.json()["errors"]} == {field}
    assert not MecHost.objects.exists()


@pytest.mark.parametrize(
    ("text", "point"),
    [("4.26,52.10", (4.26, 52.10)), (" -180 , -90 ", (-180, -90)), ("180.0,90", (180, 90)),
     ("180.5,1", (None, None)), ("1,90.5", (None, None)), ("", (None, None)),
     ("1,2,3", (None, None)), ("1e1,2", (None, None))],
)
def test_point_is_read_from_coordinates_that_are_a_pair_in_range(text, point):
    assert point_of(text) == point


def test_host_is_kept_as_owed_until_its_edge_has_it_and_its_times_are_told(boss):
    """Q13 Q25: what the edge lacks is known as such; when a row was made and changed is kept."""
    with clock.frozen() as now:
        made = now()
        boss.send("POST", URL, BODY)
        found = boss.send("GET", f"{URL}/10.0.0.1").json()
        assert found["delivery"]["delivered"] is False
        now.advance(minutes=1)
        boss.send("PUT", f"{URL}/10.0.0.1", BODY | {"city": "Delft"})
        host = MecHost.objects.get()
        assert (host.created_at, host.updated_at) == (made, now())
        assert host.owes_delivery


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_many_at_once_do_not_get_past_the_limit(settings):
    """Q18: the last place is taken by one, also of eight that come at the same time."""
    settings.LIMITS = settings.LIMITS | {"appstores": 3}

    def register(number):
        try:
            spec = StoreSpec(f"10.0.0.{number}", 80, "registry.example")
            stores.register(AppStore, actor=SYSTEM, spec=spec)
        except Conflict as refusal:
            return refusal.extra["used"]
        finally:
            connections.close_all()
        return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(register, range(1, 9)))
    assert AppStore.objects.count() == 3
    assert sorted(answers, key=str) == [3] * 5 + [None] * 3


@pytest.mark.parametrize(
    "path",
    ["mechosts/quay", "applcms/quay", "apprulemanagers/quay", "mepms/quay", "appstores/quay",
     "apprepos/quay", "mechosts/quay/capabilities", "mechosts/quay/apps", "mechosts/10.0.0.1%20",
     "mechosts/quay/capabilities/GPU/applications"],
)
def test_name_in_the_place_of_an_address_is_as_unknown_as_any(boss, path):
    """Q27: no address is told from a wrong one by an error of the database."""
    answer = boss.send("GET", f"/inventory/v1/{path}")
    assert (answer.status_code, answer.json()["message"]) == (404, "Record not found")
