"""What stands at a host and is not to be there: what no row knows, and what no row lets run."""

from __future__ import annotations

import uuid

import pytest

from apps.hosts.drivers import driver_of
from apps.instances.models import AppInstance
from apps.orchestration import orphans
from apps.vim.leftovers import Leftover


@pytest.fixture
def carried(stage, monkeypatch):
    """The objects at the host of the stage, to be added to; those taken away leave it."""
    there: list[Leftover] = []

    def remove(driver, one):
        there.remove(one)
        return True

    driver = type(driver_of(stage.host))
    monkeypatch.setattr(driver, "carried", lambda self: list(there), raising=False)
    monkeypatch.setattr(driver, "remove_object", remove, raising=False)
    return there


def put(stage, carried, instance_id):
    """A workload with our labels."""
    key = str(instance_id)
    carried.append(Leftover("Deployment", "apps", key, key, str(stage.host.pk), key))


def names():
    """What is found, by the names of the objects."""
    return [one.what.name for one in orphans.find_orphans()]


def test_workload_that_no_row_knows_is_found_and_taken_away(stage, carried):
    unknown = uuid.uuid4()
    put(stage, carried, unknown)
    assert names() == [str(unknown)]
    assert [orphans.remove_orphan(one) for one in orphans.find_orphans()] == [True]
    assert not carried


@pytest.mark.parametrize("state", ["Instantiated", "Instantiation failed", "Terminate failed"])
def test_workload_of_an_instance_that_was_instantiated_is_none(stage, carried, state):
    instance = stage.create()
    stage.work()
    AppInstance.objects.filter(pk=instance.pk).update(state=state)
    put(stage, carried, instance.pk)
    assert names() == []


def test_workload_of_an_instance_that_was_never_instantiated_is_one(stage, carried):
    """So it is after a restore from before the order: the order came again and ended too late."""
    instance = stage.create()
    stage.work()
    put(stage, carried, instance.pk)
    assert stage.state() == "Created"
    assert names() == [str(instance.pk)]


def test_what_is_ordered_after_it_was_found_is_left_alone(stage, carried):
    instance = stage.create()
    stage.work()
    put(stage, carried, instance.pk)
    (found,) = orphans.find_orphans()
    stage.instantiate(instance)
    assert names() == []
    assert not orphans.remove_orphan(found)
    assert carried
