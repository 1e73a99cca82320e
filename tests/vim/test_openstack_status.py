"""From what Heat and Nova say to the truth about an instance.  The rows are as theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from apps.vim.errors import VimRefused
from apps.vim.openstack import stacks
from apps.vim.openstack.cloud import Refused
from apps.vim.openstack.hot import Hot
from apps.vim.openstack.status import Found, status_of
from apps.vim.results import Phase

KEY = UUID(int=1)
NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
NAME = "mecm-00000000-0000-0000-0000-000000000001"


def resource(name="web", *, state="CREATE_COMPLETE", kind="OS::Nova::Server", key=None, said=""):
    return {
        "resource_name": name,
        "resource_type": kind,
        "resource_status": state,
        "resource_status_reason": said,
        "physical_resource_id": f"id-{name}" if key is None else key,
    }


def server(name="web", status="ACTIVE", **more):
    addresses = {"appnet": [{"addr": "10.0.0.9", "version": 4}]} if status == "ACTIVE" else {}
    return {"id": f"id-{name}", "name": name, "status": status, "addresses": addresses} | more


def told(stack="CREATE_COMPLETE", resources=(), servers=(), said=""):
    found = Found(
        {"stack_name": NAME, "id": "s1", "stack_status": stack, "stack_status_reason": said},
        tuple(resources),
        {one["id"]: one for one in servers},
    )
    return status_of(found, NOW)


def test_nothing_there_is_absent():
    assert status_of(None, NOW).phase is Phase.ABSENT


def test_a_complete_stack_with_active_servers_is_ready():
    found = told(resources=[resource("web"), resource("db")], servers=[server(), server("db")])
    assert (found.phase, found.ready, found.total, found.reason) == (Phase.READY, 2, 2, None)
    assert found.scope == NAME
    assert [(one.name, one.addresses[0].ip) for one in found.servers] == [
        ("db", "10.0.0.9"), ("web", "10.0.0.9"),
    ]


@pytest.mark.parametrize("stack", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_progress_is_told_by_resource(stack):
    found = told(
        stack,
        resources=[
            resource("port", kind="OS::Neutron::Port"),
            resource("web", state="CREATE_IN_PROGRESS", key=""),
            resource("db"),
        ],
        servers=[server("db", "BUILD")],
    )
    assert (found.phase, found.ready, found.total) == (Phase.INSTALLING, 0, 2)
    assert [one.status for one in found.servers] == ["BUILD", "BUILD"]
    (port,) = found.objects
    assert (port.kind, port.state, port.detail) == (
        "OS::Neutron::Port", "CREATE_COMPLETE", "id-port",
    )


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (
            ("ResourceInError: resources.web: Went to status ERROR due to \"Message: No valid host"
            " was found. , Code: 500\""),
            "no_valid_host", "No compute host has room for “web”",
        ),
        (
            ("Forbidden: resources.web: Quota exceeded for cores: Requested 9, but already used 0"
            " of 8 cores (HTTP 403)"),
            "over_quota", "Requested 9, but already used 0 of 8 cores",
        ),
        (
            "ResourceInError: resources.web: Image 5 is unacceptable: it is not there",
            "resource_failed", "“web” could not be made: Image 5 is unacceptable",
        ),
    ],
)
def test_a_failed_stack_says_which_resource_and_why(said, code, words):
    found = told(
        "CREATE_FAILED",
        resources=[
            resource("db", state="CREATE_FAILED", key="", said="CREATE aborted"),
            resource("web", state="CREATE_FAILED", said=said),
        ],
    )
    assert found.phase is Phase.FAILED
    assert found.reason.code == code
    assert words in str(found.reason)
    assert "Error:" not in str(found.reason)


def test_a_stack_that_failed_as_a_whole_says_what_heat_says():
    found = told("CREATE_FAILED", said="Create timed out")
    assert "Create timed out" in str(found.reason)


@pytest.mark.parametrize(
    ("servers", "phase", "word"),
    [
        ([server("db", "SHUTOFF")], Phase.DEGRADED, "SHUTOFF"),
        ([server("db", "ERROR", fault={"message": "disk lost"})], Phase.DEGRADED, "disk lost"),
        ([], Phase.DEGRADED, "not there any more"),
    ],
)
def test_one_of_two_servers_down_is_degraded(servers, phase, word):
    found = told(resources=[resource("web"), resource("db")], servers=[server(), *servers])
    assert (found.phase, found.ready, found.total) == (phase, 1, 2)
    assert word in str(found.reason)


def test_all_servers_lost_is_failed_and_all_stopped_is_not():
    both = [resource("web"), resource("db")]
    assert told(resources=both).phase is Phase.FAILED
    stopped = [server("web", "SHUTOFF"), server("db", "SHUTOFF")]
    assert told(resources=both, servers=stopped).phase is Phase.DEGRADED


def test_removal_goes_on_until_nothing_is_left():
    going = server(**{"OS-EXT-STS:task_state": "deleting"})
    found = told("DELETE_IN_PROGRESS", resources=[resource()], servers=[going])
    assert (found.phase, found.servers[0].status) == (Phase.REMOVING, "DELETING")
    stuck = told("DELETE_FAILED", said="Resource DELETE failed: Conflict: port in use")
    assert stuck.phase is Phase.REMOVING
    assert "port in use" in str(stuck.reason)


@pytest.mark.parametrize(("state", "shown"), [
    ("INIT_COMPLETE", "BUILD"),
    ("CREATE_IN_PROGRESS", "BUILD"),
    ("CREATE_FAILED", "ERROR"),
    ("CREATE_COMPLETE", "DELETED"),
])
def test_server_that_nova_does_not_know_is_told_by_its_resource(state, shown):
    (only,) = told("CREATE_FAILED", resources=[resource(state=state, key="")]).servers
    assert only.status == shown


@pytest.mark.parametrize("state", ["DELETE_COMPLETE", "DELETE_IN_PROGRESS", None])
def test_stack_that_heat_has_not_forgotten_is_no_stack_of_a_new_order(state):
    """A name is taken for a moment after its stack is gone; nobody was first with the new one."""
    with pytest.raises(VimRefused) as caught:
        stacks.make(Taken(state), KEY, KEY, Hot({}, {}), None)
    assert (caught.value.reason.code, caught.value.retryable) == ("removing", True)


def test_stack_is_there_until_its_name_is_free():
    assert told("DELETE_COMPLETE").phase is Phase.REMOVING


def test_stack_that_another_worker_made_is_the_one_of_the_order():
    stacks.make(Taken("CREATE_IN_PROGRESS"), KEY, KEY, Hot({}, {}), None)


class Taken:
    """A Heat where the name is taken, by a stack in some state or by none any more."""

    def __init__(self, state):
        self.state = state

    def ask(self, service, method, path, **options):
        """No."""
        raise Refused("The cloud refuses: %(said)s", answered=409, said="already exists")

    def find(self, service, path, **options):
        """The stack that has the name."""
        return self.state and {"stack": {"stack_status": self.state}}
