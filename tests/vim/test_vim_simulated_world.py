"""The simulated world's file under crashes, damage, threads and processes.  Not what is in it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from apps.common import clock
from apps.vim import simulated_world
from apps.vim.contract import (
    Credentials,
    InstallSpec,
    Phase,
    VimRefused,
    WorkloadPort,
    WorkloadUnit,
)
from apps.vim.simulated_vim import SimulatedVim
from apps.vim.simulated_world import set_faults, world_path, world_summary

HOST = UUID(int=42)
START = datetime(2026, 5, 4, 8, tzinfo=UTC)


class Killed(BaseException):
    """What a process feels like at kill -9: nothing after it happens."""


def driver(state_dir: Path) -> SimulatedVim:
    """A large simulated site."""
    held = Credentials("simulated", b"simulated: {nodes: 20, cpus: 1000}")
    return SimulatedVim(host_id=HOST, credentials=held, state_dir=state_dir)


def spec(instance_id: UUID | None = None) -> InstallSpec:
    """One small order."""
    unit = WorkloadUnit(name="web", vcpus=0.5, ports=(WorkloadPort(80, node_port=0),))
    return InstallSpec(
        instance_id=instance_id or uuid4(),
        tenant_id=UUID(int=1),
        app_name="demo",
        package_id=UUID(int=7),
        package_path=Path("package.csar"),
        app_class="container",
        workload=(unit,),
    )


def keep_installing(state_dir: Path, told: Connection) -> None:
    """A process that installs and says so until it is killed."""
    while True:
        order = spec()
        driver(state_dir).install(order)
        told.send(str(order.instance_id))


def install_some(state_dir: Path, ids: list[str]) -> None:
    """A process that installs these and ends."""
    for instance_id in ids:
        driver(state_dir).install(spec(UUID(instance_id)))


@pytest.fixture
def time() -> Iterator[clock.FrozenClock]:
    with clock.frozen(START) as frozen:
        yield frozen


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> SpawnContext:
    """Processes that share nothing with this one but the files."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "django.conf.global_settings")
    return multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return world_path(tmp_path, HOST)


def test_the_world_goes_on_without_a_process(
    tmp_path: Path, path: Path, time: clock.FrozenClock
) -> None:
    coming, going = spec(), spec()
    driver(tmp_path).install(going)
    time.advance(seconds=5)
    driver(tmp_path).uninstall(going.instance_id)
    driver(tmp_path).install(coming)
    before = path.read_bytes()
    assert world_summary(path) == {
        str(coming.instance_id): "Installing",
        str(going.instance_id): "Removing",
    }
    time.advance(days=1)
    assert world_summary(path) == {str(coming.instance_id): "Ready"}
    assert driver(tmp_path).status(going.instance_id).phase is Phase.ABSENT
    assert path.read_bytes() == before


def test_what_is_gone_leaves_the_file(tmp_path: Path, path: Path, time: clock.FrozenClock) -> None:
    for _ in range(30):
        order = spec()
        driver(tmp_path).install(order)
        driver(tmp_path).uninstall(order.instance_id)
        time.advance(seconds=1)
    driver(tmp_path).uninstall(uuid4())
    assert path.stat().st_size < 200


@pytest.mark.parametrize("put", [0, 1])
def test_killed_before_a_rename(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch, put: int
) -> None:
    first, second = spec(), spec()
    driver(tmp_path).install(first)
    real, puts = simulated_world._put, iter(range(9))

    def dying(fresh: Path, to: Path) -> None:
        if next(puts) == put:
            raise Killed
        real(fresh, to)

    with monkeypatch.context() as patch:
        patch.setattr(simulated_world, "_put", dying)
        with pytest.raises(Killed):
            driver(tmp_path).install(second)
    assert set(world_summary(path)) == {str(first.instance_id)}
    driver(tmp_path).install(second)
    assert set(world_summary(path)) == {str(first.instance_id), str(second.instance_id)}


def test_killed_in_the_middle_of_writing(tmp_path: Path, path: Path) -> None:
    first, second = spec(), spec()
    driver(tmp_path).install(first)
    path.with_suffix(".new").write_bytes(path.read_bytes()[:40])
    path.with_suffix(".keep").write_bytes(b"left behind")
    assert set(world_summary(path)) == {str(first.instance_id)}
    driver(tmp_path).install(second)
    assert len(world_summary(path)) == 2


@pytest.mark.parametrize("after", [1, 7, 20])
def test_kill_9(tmp_path: Path, path: Path, processes: SpawnContext, after: int) -> None:
    here, there = processes.Pipe(duplex=False)
    process = processes.Process(target=keep_installing, args=(tmp_path, there), daemon=True)
    process.start()
    there.close()
    told = [here.recv() for _ in range(after)]
    process.kill()
    process.join()
    while here.poll():
        try:
            told.append(here.recv())
        except EOFError:
            break
    found = set(world_summary(path))
    assert set(told) <= found
    assert len(found) <= len(told) + 1
    driver(tmp_path).install(spec())
    assert len(world_summary(path)) == len(found) + 1


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b'{"format": 2}', b"\x00" * 100, b'{"format": 1, "instances": 3}'],
)
def test_a_damaged_file_falls_back_to_the_one_before(
    tmp_path: Path, path: Path, time: clock.FrozenClock, damage: bytes
) -> None:
    first, second, third = spec(), spec(), spec()
    driver(tmp_path).install(first)
    driver(tmp_path).install(second)
    path.write_bytes(damage)
    assert set(world_summary(path)) == {str(first.instance_id)}
    notes = [note.code for note in driver(tmp_path).probe().notes]
    assert "world_repaired" in notes
    driver(tmp_path).install(third)
    assert set(world_summary(path)) == {str(first.instance_id), str(third.instance_id)}


def test_nothing_is_invented_when_both_files_are_damaged(
    tmp_path: Path, path: Path, time: clock.FrozenClock
) -> None:
    order = spec()
    driver(tmp_path).install(order)
    path.write_bytes(b"{")
    with pytest.raises(VimRefused, match="Delete the file") as damaged:
        driver(tmp_path).status(order.instance_id)
    assert damaged.value.code == "world_damaged"
    with pytest.raises(VimRefused):
        driver(tmp_path).install(spec())
    path.unlink()
    assert driver(tmp_path).status(order.instance_id).phase is Phase.ABSENT


def test_a_full_disk_changes_nothing(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = spec()
    driver(tmp_path).install(first)

    def full(fresh: Path, to: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(simulated_world, "_put", full)
        with pytest.raises(VimRefused, match="No space left") as refused:
            driver(tmp_path).install(spec())
        assert refused.value.retryable
    assert set(world_summary(path)) == {str(first.instance_id)}


def test_many_threads(tmp_path: Path, path: Path) -> None:
    orders = [spec() for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda order: driver(tmp_path).install(order), orders * 3))
    assert set(world_summary(path)) == {str(order.instance_id) for order in orders}
    ports = [
        port.node_port
        for order in orders
        for service in driver(tmp_path).status(order.instance_id).services
        for port in service.ports
    ]
    assert len(set(ports)) == 20


def test_two_processes(tmp_path: Path, path: Path, processes: SpawnContext) -> None:
    ids = [[str(uuid4()) for _ in range(15)] for _ in range(2)]
    running = [processes.Process(target=install_some, args=(tmp_path, some)) for some in ids]
    for process in running:
        process.start()
    for process in running:
        process.join()
        assert process.exitcode == 0
    assert set(world_summary(path)) == {*ids[0], *ids[1]}


def test_faults_do_not_lose_instances(tmp_path: Path, path: Path, time: clock.FrozenClock) -> None:
    order = spec()
    driver(tmp_path).install(order)
    set_faults(path, [{"kind": "slow", "seconds": 60}])
    time.advance(seconds=5)
    assert world_summary(path) == {str(order.instance_id): "Installing"}


def test_no_parameter_reaches_the_file(tmp_path: Path, path: Path) -> None:
    driver(tmp_path).install(replace(spec(), parameters={"sk": "hidden-key"}))
    assert "hidden-key" not in path.read_text()


def test_reading_an_unborn_world_makes_no_file(tmp_path: Path, path: Path) -> None:
    assert world_summary(path) == {}
    assert driver(tmp_path / "deep").probe().capacity.cpus_used == 0
    assert list(tmp_path.iterdir()) == []
