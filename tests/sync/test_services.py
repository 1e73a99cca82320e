"""Services of an edge's MEC platform at the center: copied, followed, nobody else's to change."""

from __future__ import annotations

import uuid

import pytest

from apps.common import clock
from apps.mep import adoption
from apps.mep.models import Application, MecService
from apps.mep.selectors import services_for
from apps.sync.kinds import BY_NAME, Source
from tests import factories as make

EITHER_WAY = True


@pytest.fixture
def edge(house):
    """An edge that this center follows."""
    return make.edge("10.9.0.1")


def row_of(service, **data):
    """What the feed says of a service."""
    return {"id": str(service.pk), "version": service.version,
            "data": adoption.export(service) | data}


def elsewhere(**fields):
    """A service that exists at the edge only, and what the feed says of it."""
    service = make.mec_service(interval=60, beat_at=clock.now(), **fields)
    row = row_of(service)
    service.application.delete()
    return row


def take(edge, row):
    """Import a row as the puller does."""
    kind = BY_NAME["mecservice"]
    return kind.end(Source(edge), row) if "gone" in row else kind.take(Source(edge), [row])[0]


def test_service_of_an_edge_is_copied_with_its_application(edge):
    row = elsewhere(name="positioning")
    assert take(edge, row)
    copy = MecService.objects.select_related("application").get(pk=row["id"])
    assert (copy.ser_name, copy.state, copy.liveness_interval) == ("positioning", "ACTIVE", 60)
    assert copy.application.site_id == edge.pk
    assert copy.beat_at.isoformat() == row["data"]["beat_at"]


def test_suspension_at_the_edge_reaches_the_copy_and_the_same_row_twice_is_once(edge):
    row = elsewhere()
    take(edge, row)
    later = {**row, "data": row["data"] | {"state": "SUSPENDED"}}
    assert take(edge, later)
    assert take(edge, later)
    assert list(MecService.objects.values_list("state", flat=True)) == ["SUSPENDED"]


def test_removed_service_takes_the_copy_of_an_application_without_others_along(edge):
    row = elsewhere()
    take(edge, row)
    assert take(edge, {"id": row["id"], "version": 9, "gone": True})
    assert not MecService.objects.exists()
    assert not Application.objects.exists()


def test_row_waits_for_its_tenant(edge):
    row = elsewhere()
    row["data"]["application"]["tenant_id"] = str(uuid.uuid4())
    assert take(edge, row) is False
    assert not Application.objects.exists()


def test_other_edge_neither_changes_nor_removes_the_copy(edge):
    stranger = make.edge("10.9.0.2")
    row = elsewhere(name="mine")
    take(edge, row)
    assert take(stranger, {**row, "data": row["data"] | {"ser_name": "stolen"}})
    assert take(stranger, {"id": row["id"], "version": 9, "gone": True})
    other = {**row, "id": str(uuid.uuid4())}
    assert take(stranger, other), "nor does it add a service to another's application"
    assert list(MecService.objects.values_list("ser_name", flat=True)) == ["mine"]


def test_copies_of_an_edge_that_is_removed_are_dropped(edge):
    take(edge, elsewhere())
    assert adoption.forget_site(site_id=edge.pk)
    assert not MecService.objects.exists()


def test_tenant_sees_the_copies_of_its_own_applications_only(edge, red):
    service = make.mec_service(make.mec_application(red))
    row = row_of(service)
    service.application.delete()
    take(edge, row)
    take(edge, elsewhere())
    assert services_for(make.user(red).actor).count() == 1
    assert services_for(make.user(make.tenant()).actor).count() == 0
    assert services_for(make.admin().actor).count() == 2
