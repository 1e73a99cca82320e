"""What stands at a host and is not to be there: what no row knows, and what no row lets run."""

from __future__ import annotations

import io
import uuid

import pytest
from django.core.management import call_command

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


def put_one_in(stage, carried, state):
    """An instance in a state, and its workload."""
    instance = stage.create()
    stage.work()
    AppInstance.objects.filter(pk=instance.pk).update(state=state)
    put(stage, carried, instance.pk)
    return instance


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
    put_one_in(stage, carried, state)
    assert names() == []


@pytest.mark.parametrize("state", ["Creating", "Created", "Create failed"])
def test_workload_of_an_instance_that_was_never_instantiated_is_one(stage, carried, state):
    """So it is after a restore from before the order: the order came again and ended too late."""
    instance = put_one_in(stage, carried, state)
    assert [(one.what.name, one.is_known) for one in orphans.find_orphans()] == [
        (str(instance.pk), True)
    ]


def test_what_is_being_worked_on_is_left_alone_in_any_state(stage, carried):
    instance = stage.create()
    stage.instantiate(instance)
    AppInstance.objects.filter(pk=instance.pk).update(state="Created")
    put(stage, carried, instance.pk)
    assert names() == []


def test_what_is_ordered_after_it_was_found_is_left_alone(stage, carried):
    instance = stage.create()
    stage.work()
    put(stage, carried, instance.pk)
    (found,) = orphans.find_orphans()
    stage.instantiate(instance)
    assert names() == []
    assert not orphans.remove_orphan(found)
    assert carried


def gc(*options):
    """What the command prints."""
    out = io.StringIO()
    call_command("vim", "gc", *options, stdout=out)
    return out.getvalue()


def test_command_keeps_what_may_have_been_forgotten_until_it_is_told_otherwise(stage, carried):
    """The center gives nothing back of it: whoever wants it to run on instantiates it again."""
    instance = stage.create()
    stage.work()
    for key in (uuid.uuid4(), instance.pk):
        put(stage, carried, key)
    assert "2 found." in gc("--dry-run")
    said = gc()
    assert "1 removed." in said
    assert "only created here" in said
    assert [one.instance for one in carried] == [str(instance.pk)]
    assert "1 removed." in gc("--created")
    assert not carried


def test_command_counts_what_it_removed_and_not_what_it_found(stage, carried, monkeypatch):
    put(stage, carried, uuid.uuid4())
    driver = type(driver_of(stage.host))
    monkeypatch.setattr(driver, "remove_object", lambda self, one: False, raising=False)
    assert "0 removed." in gc()
