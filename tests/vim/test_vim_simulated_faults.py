"""The simulated site's faults, capacity and determinism.  Not the contract: see tests/contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.common import clock
from apps.vim.contract import (
    Credentials,
    CredentialsInvalid,
    InstallSpec,
    Phase,
    VimRefused,
    VimUnreachable,
    WorkloadPort,
    WorkloadUnit,
)
from apps.vim.simulated_vim import SimulatedVim
from apps.vim.simulated_world import set_faults, world_path, world_summary

HOST = UUID(int=42)


@pytest.fixture
def time() -> Iterator[clock.FrozenClock]:
    with clock.frozen(datetime(2026, 5, 4, 8, tzinfo=UTC)) as frozen:
        yield frozen


class Place:
    """A simulated site in a directory of the test's own."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.path = world_path(state_dir, HOST)

    def driver(self, body: str = "") -> SimulatedVim:
        """A fresh driver with these lines in its credentials."""
        held = Credentials("simulated", f"simulated: {{{body}}}".encode())
        return SimulatedVim(host_id=HOST, credentials=held, state_dir=self.state_dir)

    def faults(self, *faults: dict[str, Any]) -> None:
        """Replace what goes wrong from now on."""
        set_faults(self.path, faults)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


WEB = WorkloadUnit(name="Web Server", images=("web:1",), vcpus=1, memory_mb=128, replicas=4)


def spec(app_name: str = "demo", unit: WorkloadUnit = WEB, **changes: Any) -> InstallSpec:
    """An order of one unit."""
    given = InstallSpec(
        instance_id=uuid4(),
        tenant_id=UUID(int=1),
        app_name=app_name,
        package_id=UUID(int=7),
        package_path=Path("package.csar"),
        app_class="container",
        workload=(unit,),
    )
    return replace(given, **changes)


def test_ready_comes_by_the_clock_alone(place: Place, time: clock.FrozenClock) -> None:
    order = spec(instance_id=UUID(int=5))  # another one may have all its pods ready at once
    place.driver().install(order)
    seen = []
    for _ in range(9):
        status = place.driver().status(order.instance_id)
        seen.append((status.phase, status.ready))
        time.advance(seconds=0.1)
    assert seen[0] == (Phase.INSTALLING, 0)
    assert seen[-1] == (Phase.READY, 4)
    assert any(0 < ready < 4 for _, ready in seen)
    assert [ready for _, ready in seen] == sorted(ready for _, ready in seen)


def test_same_seed_and_instance_give_the_same_world(tmp_path: Path, time: Any) -> None:
    order = spec(unit=replace(WEB, ports=(WorkloadPort(80, node_port=0),)))
    told = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        driver = Place(tmp_path / name).driver(f"seed: {seed}")
        driver.install(order)
        time.advance(seconds=1)
        told.append(replace(driver.status(order.instance_id), as_of=time.at))
        time.advance(seconds=-1)
    assert told[0].same_as(told[1])
    assert not told[0].same_as(told[2])


def test_slow(place: Place, time: clock.FrozenClock) -> None:
    order = spec("heavy-app")
    driver = place.driver("faults: [{kind: slow, app: 'heavy*', seconds: 30}]")
    driver.install(order)
    time.advance(seconds=29)
    assert driver.status(order.instance_id).phase is Phase.INSTALLING
    time.advance(seconds=2)
    assert driver.status(order.instance_id).phase is Phase.READY


def test_refuse_leaves_nothing(place: Place, time: clock.FrozenClock) -> None:
    driver = place.driver("faults: [{kind: refuse, app: bad, says: quota is used up}]")
    order = spec("bad")
    with pytest.raises(VimRefused, match="quota is used up") as refused:
        driver.install(order)
    assert not refused.value.retryable
    assert driver.status(order.instance_id).phase is Phase.ABSENT
    assert world_summary(place.path) == {}
    driver.install(spec("good"))


def test_die_half_way(place: Place, time: clock.FrozenClock) -> None:
    driver = place.driver("faults: [{kind: die, cause: ImagePullBackOff}]")
    order = spec()
    driver.install(order)
    time.advance(seconds=2)
    status = driver.status(order.instance_id)
    assert (status.phase, status.ready, status.total) == (Phase.FAILED, 2, 4)
    assert "image web:1" in str(status.reason)
    assert [pod.phase for pod in status.pods] == ["Running", "Running", "Pending", "Pending"]
    assert status.pods[3].containers[0].reason == "ImagePullBackOff"


def test_die_later_is_degraded_then_restarts_count(place: Place, time: clock.FrozenClock) -> None:
    driver = place.driver("faults: [{kind: die, after: 60, survivors: 3}]")
    order = spec()
    driver.install(order)
    time.advance(seconds=59)
    assert driver.status(order.instance_id).phase is Phase.READY
    time.advance(seconds=2)
    status = driver.status(order.instance_id)
    assert (status.phase, status.ready) == (Phase.DEGRADED, 3)
    assert status.reason is not None
    assert status.reason.code == "CrashLoopBackOff"
    few = status.pods[3].containers[0].restarts
    time.advance(seconds=600)
    assert driver.status(order.instance_id).pods[3].containers[0].restarts > few >= 1


def test_faults_of_the_running_world_come_and_go(place: Place, time: clock.FrozenClock) -> None:
    driver, order = place.driver(), spec()
    driver.install(order)
    time.advance(seconds=1)
    place.faults({"kind": "die", "app": "demo", "survivors": 0, "cause": "OOMKilled"})
    assert driver.status(order.instance_id).phase is Phase.FAILED
    assert world_summary(place.path) == {str(order.instance_id): "Failed"}
    place.faults()
    assert driver.status(order.instance_id).phase is Phase.READY


def test_a_failed_install_is_tried_again(place: Place, time: clock.FrozenClock) -> None:
    order = spec()
    place.driver("faults: [{kind: die}]").install(order)
    time.advance(seconds=5)
    healed = place.driver()
    assert healed.status(order.instance_id).phase is Phase.FAILED
    healed.install(order)
    assert healed.status(order.instance_id).phase is Phase.INSTALLING
    time.advance(seconds=1)
    assert healed.status(order.instance_id).phase is Phase.READY


def test_lie_is_told_by_status_and_not_by_the_world(place: Place, time: clock.FrozenClock) -> None:
    order = spec()
    driver = place.driver("faults: [{kind: slow, seconds: 60}, {kind: lie, says: Ready}]")
    driver.install(order)
    status = driver.status(order.instance_id)
    assert (status.phase, status.ready, status.as_of) == (Phase.READY, 4, time.at)
    assert world_summary(place.path) == {str(order.instance_id): "Installing"}


@pytest.mark.parametrize("claim", ["Ready", "Absent", "Installing", "Failed"])
def test_every_lie(place: Place, time: clock.FrozenClock, claim: str) -> None:
    order = spec()
    driver = place.driver(f"faults: [{{kind: lie, says: {claim}}}]")
    driver.install(order)
    time.advance(seconds=1)
    assert driver.status(order.instance_id).phase == claim


def test_no_lie_about_what_is_gone(place: Place, time: clock.FrozenClock) -> None:
    order = spec()
    driver = place.driver("faults: [{kind: lie, says: Ready}]")
    driver.install(order)
    driver.uninstall(order.instance_id)
    assert driver.status(order.instance_id).phase is Phase.READY
    time.advance(seconds=1)
    assert driver.status(order.instance_id).phase is Phase.ABSENT


def test_status_that_flips(place: Place, time: clock.FrozenClock) -> None:
    order = spec()
    driver = place.driver("faults: [{kind: lie, says: Failed, every: 2}]")
    driver.install(order)
    time.advance(seconds=1)
    seen = []
    for _ in range(4):
        seen.append(str(driver.status(order.instance_id).phase))
        time.advance(seconds=2)
    assert seen == ["Failed", "Ready", "Failed", "Ready"]


def test_unreachable_for_a_while_and_the_world_goes_on(
    place: Place, time: clock.FrozenClock
) -> None:
    driver, order = place.driver(), spec()
    driver.install(order)
    place.faults({"kind": "unreachable", "lasts": 600})
    with pytest.raises(VimUnreachable):
        driver.status(order.instance_id)
    with pytest.raises(VimUnreachable):
        driver.probe()
    assert world_summary(place.path) == {str(order.instance_id): "Installing"}
    time.advance(seconds=601)
    assert driver.status(order.instance_id).phase is Phase.READY


def test_uninstall_refused(place: Place, time: clock.FrozenClock) -> None:
    driver, order = place.driver("faults: [{kind: uninstall_refuses, says: locked}]"), spec()
    driver.install(order)
    time.advance(seconds=1)
    with pytest.raises(VimRefused, match="locked"):
        driver.uninstall(order.instance_id)
    assert driver.status(order.instance_id).phase is Phase.READY


def test_uninstall_that_hangs_until_tried_again(place: Place, time: clock.FrozenClock) -> None:
    driver, order = place.driver(), spec()
    driver.install(order)
    place.faults({"kind": "uninstall_hangs"})
    driver.uninstall(order.instance_id)
    time.advance(hours=1)
    stuck = driver.status(order.instance_id)
    assert stuck.phase is Phase.REMOVING
    assert stuck.reason is not None
    assert stuck.reason.code == "removal_hangs"
    place.faults()
    driver.uninstall(order.instance_id)
    time.advance(seconds=1)
    assert driver.status(order.instance_id).phase is Phase.ABSENT


def test_capacity_is_accounted_and_given_back(place: Place, time: clock.FrozenClock) -> None:
    driver = place.driver("nodes: 2, cpus: 4, memory_mb: 1024, storage_gb: 10")
    big = replace(WEB, vcpus=3, replicas=2)
    first, second = spec(unit=big), spec(unit=big)
    driver.install(first)
    facts = driver.probe().capacity
    assert (facts.cpus, facts.cpus_used, facts.memory_mb_used) == (8, 6, 256)
    with pytest.raises(VimRefused, match="No node fits Web Server: it asks for 3 vCPU") as full:
        driver.install(second)
    assert full.value.code == "no_node_fits"
    assert driver.probe().capacity.cpus_used == 6
    driver.uninstall(first.instance_id)
    time.advance(seconds=1)
    driver.install(second)
    assert driver.probe().capacity.cpus_used == 6


def test_replicas_spread_over_nodes(place: Place, time: clock.FrozenClock) -> None:
    driver, order = place.driver("nodes: 4"), spec()
    driver.install(order)
    time.advance(seconds=1)
    assert len({pod.node for pod in driver.status(order.instance_id).pods}) == 4


def test_node_ports_never_collide(place: Place, time: clock.FrozenClock) -> None:
    driver = place.driver("cpus: 4000")
    unit = replace(WEB, replicas=1, ports=(WorkloadPort(80, node_port=0), WorkloadPort(81)))
    opened: list[int] = []
    for _ in range(60):
        order = spec(unit=unit)
        driver.install(order)
        service = driver.status(order.instance_id).services[0]
        assert service.ports[1].node_port is None
        opened.extend(port.node_port for port in service.ports if port.node_port)
    assert len(set(opened)) == 60
    assert all(30000 <= port <= 32767 for port in opened)


def test_a_taken_node_port_names_its_holder_but_not_to_strangers(
    place: Place, time: clock.FrozenClock
) -> None:
    driver = place.driver()
    unit = replace(WEB, ports=(WorkloadPort(80, node_port=31000),))
    first = spec(unit=unit)
    driver.install(first)
    with pytest.raises(VimRefused, match=str(first.instance_id)):
        driver.install(spec(unit=unit))
    with pytest.raises(VimRefused, match="31000 is taken by an instance of another") as taken:
        driver.install(spec("other", unit=unit, tenant_id=UUID(int=2)))
    assert str(first.instance_id) not in str(taken.value.reason.as_json())


def test_virtual_machines_have_addresses_of_their_own(
    place: Place, time: clock.FrozenClock
) -> None:
    driver = place.driver()
    orders = [spec(unit=replace(WEB, kind="VM"), app_class="vm") for _ in range(5)]
    for order in orders:
        driver.install(order)
    time.advance(seconds=1)
    servers = [s for order in orders for s in driver.status(order.instance_id).servers]
    assert {server.status for server in servers} == {"ACTIVE"}
    assert len({address.ip for s in servers for address in s.addresses}) == 20
    assert len({server.id for server in servers}) == 20


@pytest.mark.parametrize(
    ("kind", "total", "phase"),
    [("DaemonSet", 3, "Running"), ("StatefulSet", 4, "Running"), ("Job", 4, "Succeeded")],
)
def test_kinds_of_workload(
    place: Place, time: clock.FrozenClock, kind: str, total: int, phase: str
) -> None:
    driver, order = place.driver(), spec(unit=replace(WEB, kind=kind))
    driver.install(order)
    time.advance(seconds=1)
    status = driver.status(order.instance_id)
    assert (status.phase, status.ready, status.total) == (Phase.READY, total, total)
    assert {pod.phase for pod in status.pods} == {phase}
    assert len({pod.name for pod in status.pods}) == total


@pytest.mark.parametrize("workload", [(), (replace(WEB, replicas=0),)])
def test_a_package_that_names_little(
    place: Place, time: clock.FrozenClock, workload: tuple[WorkloadUnit, ...]
) -> None:
    driver, order = place.driver(), spec(workload=workload)
    driver.install(order)
    time.advance(seconds=1)
    status = driver.status(order.instance_id)
    assert (status.phase, status.total) == (Phase.READY, 0 if workload else 1)


def test_usage_follows_what_runs(place: Place, time: clock.FrozenClock) -> None:
    driver, order = place.driver(), spec()
    assert driver.usage(order.instance_id).cpu.used is None
    driver.install(order)
    time.advance(seconds=1)
    load = driver.usage(order.instance_id)
    assert load.source == "simulated"
    assert 0 < (load.cpu.used or 0) < 4
    assert len(load.containers) == 4
    assert load.containers[0].storage.used is None
    assert driver.usage().cpu.total == 48


def test_wrong_faults_are_refused_at_run_time(place: Place) -> None:
    with pytest.raises(CredentialsInvalid):
        place.faults({"kind": "tired"})
    assert not place.path.exists()


def test_other_classes_are_refused(place: Place) -> None:
    with pytest.raises(VimRefused, match="unikernel"):
        place.driver().install(spec(app_class="unikernel"))
