"""What every VIM driver must do, asserted by outcome.  What is special to one: tests/vim."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest

from apps.common import clock
from apps.common.words import Reason
from apps.vim import registry
from apps.vim.contract import (
    AppClass,
    Credentials,
    CredentialsInvalid,
    InstallSpec,
    Phase,
    ProbeResult,
    Usage,
    VimDriver,
    VimRefused,
    VimUnreachable,
    WorkloadPort,
    WorkloadStatus,
    WorkloadUnit,
)

SECRET = "s3cret-of-the-site"


class Harness(Protocol):
    """A VIM to test against: the driver, orders that fit it, and a way to let time pass."""

    kind: str
    app_classes: tuple[AppClass, ...]

    def driver(self) -> VimDriver:
        """A new driver for the same VIM, as a restarted process would make it."""

    def unreachable(self) -> VimDriver:
        """A driver for a VIM that does not answer."""

    def unmeasured(self) -> VimDriver:
        """A driver for a VIM where nobody measures load."""

    def credentials(self) -> bytes:
        """Valid credentials that contain SECRET."""

    def spec(self, app_class: AppClass) -> InstallSpec:
        """An order that becomes Ready with two pods or servers, of one package each time."""

    def broken(self, app_class: AppClass) -> InstallSpec:
        """An order that the VIM refuses or that fails."""

    def pause(self) -> None:
        """Let a moment pass in the VIM."""


def order(app_class: AppClass, name: str = "demo") -> InstallSpec:
    """A plain order of two replicas."""
    unit = WorkloadUnit(
        name="web",
        kind="VM" if app_class == "vm" else "Deployment",
        images=("registry.example/web:1.0",),
        vcpus=1,
        memory_mb=256,
        storage_gb=1,
        replicas=2,
        ports=(WorkloadPort(80, 8080, 0),),
    )
    return InstallSpec(
        instance_id=uuid4(),
        tenant_id=UUID(int=1),
        app_name=name,
        package_id=UUID(int=7),
        package_path=Path("package.csar"),
        app_class=app_class,
        workload=(unit,),
        parameters={"ak": "QVUJMSUMgS0VZLS0tLS0", "sk": SECRET},
    )


class SimulatedHarness:
    """The simulated site, with a clock that moves only when told."""

    kind = "simulated"
    app_classes: tuple[AppClass, ...] = ("container", "vm")

    def __init__(self, state_dir: Path, time: clock.FrozenClock) -> None:
        self.state_dir, self.time, self.host_id = state_dir, time, uuid4()

    def _driver(self, body: str) -> VimDriver:
        held = Credentials(self.kind, f"simulated: {{seed: 3, token: {SECRET}, {body}}}".encode())
        return registry.driver_for(
            self.kind, host_id=self.host_id, credentials=held, state_dir=self.state_dir
        )

    def driver(self) -> VimDriver:
        """A site on which the application “broken” cannot pull its image."""
        return self._driver("faults: [{kind: die, app: broken, cause: ImagePullBackOff}]")

    def unreachable(self) -> VimDriver:
        """A site that never answers."""
        return self._driver("faults: [{kind: unreachable}]")

    def unmeasured(self) -> VimDriver:
        """A site without a metrics source."""
        return self._driver("metrics: false")

    def credentials(self) -> bytes:
        """A token is the one secret that a simulated site has."""
        return f"simulated: {{token: {SECRET}}}".encode()

    def spec(self, app_class: AppClass) -> InstallSpec:
        """An order that fits."""
        return order(app_class)

    def broken(self, app_class: AppClass) -> InstallSpec:
        """An order that meets the fault."""
        return order(app_class, name="broken")

    def pause(self) -> None:
        """A tenth of a second."""
        self.time.advance(seconds=0.1)


@contextmanager
def simulated(state_dir: Path) -> Iterator[Harness]:
    """The simulated site in a directory of its own."""
    with clock.frozen(datetime(2026, 5, 4, 8, tzinfo=UTC)) as time:
        yield SimulatedHarness(state_dir, time)


# One that needs a real server joins in a file of its own, as tests/kubernetes does.
HARNESSES: list[Any] = [pytest.param(simulated, id="simulated")]


@pytest.fixture(params=HARNESSES)
def vim(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    with request.param(tmp_path) as harness:
        yield harness


def until(vim: Harness, instance_id: UUID, *phases: Phase, tries: int = 600) -> WorkloadStatus:
    """The status once it is in one of these phases; fails when it does not get there."""
    seen: list[str] = []
    for _ in range(tries):
        found = vim.driver().status(instance_id)
        if found.phase in phases:
            return found
        if found.phase not in seen:
            seen.append(found.phase)
        vim.pause()
    pytest.fail(f"never {phases}, but {seen}")


def outcome_of(vim: Harness, spec: InstallSpec) -> Reason:
    """Why an order did not succeed, told at once or later by its status."""
    try:
        vim.driver().install(spec)
    except VimRefused as refused:
        return refused.reason
    found = until(vim, spec.instance_id, Phase.FAILED, Phase.READY)
    assert found.phase is Phase.FAILED
    assert found.reason is not None
    return found.reason


each_class = pytest.mark.parametrize("app_class", ["container", "vm"])


@pytest.fixture
def spec(vim: Harness, request: pytest.FixtureRequest) -> InstallSpec:
    chosen = getattr(request.node, "callspec", None)
    params = chosen.params if chosen else {}
    app_class: AppClass = params.get("app_class", vim.app_classes[0])
    if app_class not in vim.app_classes:
        pytest.skip(f"{vim.kind} does not run {app_class}")
    return vim.spec(app_class)


def units(status: WorkloadStatus) -> set[str]:
    """What exists of an instance, by name."""
    return {pod.name for pod in status.pods} | {server.id for server in status.servers}


def test_five_methods_and_nothing_else(vim: Harness) -> None:
    driver = vim.driver()
    assert isinstance(driver, VimDriver)
    public = {name for name, _ in inspect.getmembers(VimDriver) if not name.startswith("_")}
    assert public == {"probe", "install", "status", "uninstall", "usage"}


def test_probe_tells_facts_with_a_time(vim: Harness) -> None:
    before = clock.now()
    facts = vim.driver().probe()
    assert registry.kind_of(facts.kind).name == vim.kind
    assert facts.version
    assert before <= facts.as_of <= clock.now()
    assert facts.simulated == registry.kind_of(vim.kind).simulated
    assert facts.capacity.cpus is None or facts.capacity.cpus > 0
    assert facts.nodes is None or all(node.name for node in facts.nodes)
    assert ProbeResult.from_json(json.loads(json.dumps(facts.as_json()))) == facts
    assert vim.driver().probe().capacity == facts.capacity


@each_class
def test_absent_before_and_after(vim: Harness, spec: InstallSpec, app_class: AppClass) -> None:
    assert vim.driver().status(spec.instance_id).phase is Phase.ABSENT
    vim.driver().install(spec)
    assert vim.driver().status(spec.instance_id).phase in (Phase.INSTALLING, Phase.READY)
    ready = until(vim, spec.instance_id, Phase.READY, Phase.FAILED)
    assert (ready.phase, ready.ready, ready.total) == (Phase.READY, 2, 2)
    assert ready.reason is None
    vim.driver().uninstall(spec.instance_id)
    assert vim.driver().status(spec.instance_id).phase in (Phase.REMOVING, Phase.ABSENT)
    gone = until(vim, spec.instance_id, Phase.ABSENT)
    assert (units(gone), gone.services, gone.total) == (set(), (), 0)


@each_class
def test_the_workload_is_told(vim: Harness, spec: InstallSpec, app_class: AppClass) -> None:
    vim.driver().install(spec)
    found = until(vim, spec.instance_id, Phase.READY)
    if app_class == "vm":
        assert [server.status for server in found.servers] == ["ACTIVE", "ACTIVE"]
        assert all(server.addresses for server in found.servers)
        assert found.pods == ()
    else:
        assert [pod.phase for pod in found.pods] == ["Running", "Running"]
        assert all(pod.node and pod.containers for pod in found.pods)
        images = {c.image for pod in found.pods for c in pod.containers}
        assert images == {"registry.example/web:1.0"}
        assert {p.port for service in found.services for p in service.ports} == {80}
    assert WorkloadStatus.from_json(json.loads(json.dumps(found.as_json()))) == found


@each_class
def test_install_twice_is_one_workload(
    vim: Harness, spec: InstallSpec, app_class: AppClass
) -> None:
    for _ in range(3):
        vim.driver().install(spec)
        vim.pause()
    once = until(vim, spec.instance_id, Phase.READY)
    vim.driver().install(spec)
    again = until(vim, spec.instance_id, Phase.READY)
    assert units(once) == units(again)
    assert again.total == 2


def test_a_new_driver_goes_on_where_the_old_one_was(vim: Harness, spec: InstallSpec) -> None:
    vim.driver().install(spec)
    seen = units(until(vim, spec.instance_id, Phase.READY))
    fresh = vim.driver()
    assert units(fresh.status(spec.instance_id)) == seen
    fresh.uninstall(spec.instance_id)
    until(vim, spec.instance_id, Phase.ABSENT)


def test_nothing_changed_is_the_same_status(vim: Harness, spec: InstallSpec) -> None:
    vim.driver().install(spec)
    first = until(vim, spec.instance_id, Phase.READY)
    vim.pause()
    assert vim.driver().status(spec.instance_id).same_as(first)
    assert not first.same_as(None)


def test_uninstall_twice(vim: Harness, spec: InstallSpec) -> None:
    vim.driver().install(spec)
    until(vim, spec.instance_id, Phase.READY)
    vim.driver().uninstall(spec.instance_id)
    vim.driver().uninstall(spec.instance_id)
    until(vim, spec.instance_id, Phase.ABSENT)
    vim.driver().uninstall(spec.instance_id)
    assert vim.driver().status(spec.instance_id).phase is Phase.ABSENT


def test_removal_before_and_after_ready_and_install_again(vim: Harness, spec: InstallSpec) -> None:
    for wait_until_ready in (False, True):
        vim.driver().install(spec)
        if wait_until_ready:
            until(vim, spec.instance_id, Phase.READY)
        vim.driver().uninstall(spec.instance_id)
        until(vim, spec.instance_id, Phase.ABSENT)


def test_install_while_removing_is_done_or_refused_for_now(vim: Harness, spec: InstallSpec) -> None:
    vim.driver().install(spec)
    until(vim, spec.instance_id, Phase.READY)
    vim.driver().uninstall(spec.instance_id)
    if vim.driver().status(spec.instance_id).phase is Phase.REMOVING:
        with pytest.raises(VimRefused) as refused:
            vim.driver().install(spec)
        assert refused.value.retryable


def test_unknown_ids_are_absent(vim: Harness) -> None:
    vim.driver().uninstall(unknown := uuid4())
    assert vim.driver().status(unknown).phase is Phase.ABSENT


@each_class
def test_two_instances_of_one_package_side_by_side(
    vim: Harness, spec: InstallSpec, app_class: AppClass
) -> None:
    other = vim.spec(app_class)
    assert (other.package_id, other.app_name) == (spec.package_id, spec.app_name)
    for wanted in (spec, other):
        vim.driver().install(wanted)
    one = until(vim, spec.instance_id, Phase.READY)
    two = until(vim, other.instance_id, Phase.READY)
    assert one.scope != two.scope
    opened = [p.node_port for s in (*one.services, *two.services) for p in s.ports if p.node_port]
    assert len(opened) == len(set(opened))
    vim.driver().uninstall(spec.instance_id)
    until(vim, spec.instance_id, Phase.ABSENT)
    assert vim.driver().status(other.instance_id).same_as(two)


@each_class
def test_failure_says_why_in_words_and_can_be_removed(
    vim: Harness, spec: InstallSpec, app_class: AppClass
) -> None:
    broken = vim.broken(app_class)
    why = outcome_of(vim, broken)
    assert why.code
    assert " " in str(why)
    assert "%(" not in str(why)
    assert Reason.from_json(json.loads(json.dumps(why.as_json()))) == why
    assert SECRET not in str(why)
    vim.driver().uninstall(broken.instance_id)
    until(vim, broken.instance_id, Phase.ABSENT)


def test_an_unreachable_vim_is_told_by_every_method(vim: Harness) -> None:
    driver = vim.unreachable()
    calls: list[Callable[[], object]] = [
        driver.probe,
        lambda: driver.install(vim.spec(vim.app_classes[0])),
        lambda: driver.status(uuid4()),
        lambda: driver.uninstall(uuid4()),
        driver.usage,
    ]
    for call in calls:
        with pytest.raises(VimUnreachable) as silent:
            call()
        assert silent.value.retryable
        assert str(silent.value)


def test_usage_is_numbers_with_a_source(vim: Harness, spec: InstallSpec) -> None:
    vim.driver().install(spec)
    until(vim, spec.instance_id, Phase.READY)
    load = vim.driver().usage(spec.instance_id)
    if load.source:
        assert load.cpu.used is not None
        assert load.cpu.total is not None
        assert {item.pod for item in load.containers}
    assert Usage.from_json(json.loads(json.dumps(load.as_json()))) == load


def test_usage_nobody_measures_is_none_and_never_zero(vim: Harness) -> None:
    load = vim.unmeasured().usage()
    assert load.source == ""
    assert [m.used for m in (load.cpu, load.memory, load.storage)] == [None, None, None]
    assert load.reason


def test_credentials_are_shown_without_their_secret(vim: Harness) -> None:
    content = vim.credentials()
    assert SECRET.encode() in content
    shown = json.dumps(registry.describe_credentials(vim.kind, content))
    assert SECRET not in shown
    assert SECRET not in repr(Credentials(vim.kind, content))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{", b"x" * 200_000, b"[]", b"- \x00"])
def test_credentials_that_cannot_be_used(vim: Harness, content: bytes) -> None:
    with pytest.raises(CredentialsInvalid) as invalid:
        registry.describe_credentials(vim.kind, content)
    assert invalid.value.fields
    assert all(str(why) for why in invalid.value.fields.values())


def test_secrets_of_an_order_stay_out_of_sight(vim: Harness, spec: InstallSpec) -> None:
    assert SECRET not in repr(spec)
    vim.driver().install(spec)
    found = until(vim, spec.instance_id, Phase.READY)
    assert SECRET not in json.dumps(found.as_json())
