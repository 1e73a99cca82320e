"""Whole lives of instances on a host of this site, its workers stepped by hand."""

from __future__ import annotations

import pytest

from apps.common.errors import Conflict, Denied, Upstream
from apps.instances import operations
from apps.instances.models import AppInstance, LcmOperation
from apps.journal.models import Entry, Tombstone
from apps.orchestration import engine, services
from apps.orchestration.services import NameTaken, WrongState
from apps.orchestration.workflows import WORKFLOWS, Workflow
from apps.packages.models import Distribution
from apps.tenants.actors import SYSTEM
from apps.vim.contract import Phase
from tests import factories as make
from tests.orchestration.conftest import Stage

FAULT = "  faults:\n    - {{{}}}\n"


def info(instance):
    """Why the last operation failed."""
    return str(AppInstance.objects.get(pk=instance.pk).info)


@pytest.mark.parametrize("app_class", ["container", "vm"])
def test_instance_comes_up_runs_and_goes_without_a_trace(now, app_class):
    stage = Stage(now, app_class=app_class)
    instance = stage.create()
    assert stage.work(until="Created") == ["Created"]
    assert str(AppInstance.objects.get().info) == ""
    stage.instantiate(instance)
    began = now()
    assert stage.work(until="Instantiated") == ["Instantiating", "Instantiated"]
    assert (now() - began).total_seconds() < 3
    row = AppInstance.objects.get()
    assert (row.health, row.seen.phase, row.wanted) == ("Ready", Phase.READY, "Instantiated")
    assert row.seen.pods if app_class == "container" else row.seen.servers
    assert row.seen.simulated
    done = stage.operation()
    assert done.state == "Succeeded"
    assert [(line["name"], line["state"]) for line in done.steps] == [
        (name, "done") for name in ("await_created", "bring_package", "bring_images", "install",
                                    "await_ready")
        if app_class == "vm" or name != "bring_images"]
    stage.terminate(instance)
    assert stage.work(until="gone") == ["Terminating", "gone"]
    assert stage.phase(instance.pk) is Phase.ABSENT
    assert Tombstone.objects.filter(subject_id=instance.pk).exists()
    assert stage.operation("terminate").state == "Succeeded"
    assert operations.due() == []


def test_life_of_an_instance_is_recorded_under_who_ordered_it(stage):
    instance = stage.create()
    stage.instantiate(instance)
    stage.work(until="Instantiated")
    stage.terminate(instance)
    stage.work(until="gone")
    rows = Entry.objects.filter(kind="appinstance").order_by("id")
    told = [(row.verb.rpartition(".")[2], row.actor_name) for row in rows
            if not row.verb.endswith("observed")]
    assert told == [(verb, "rita") for verb in (
        "create", "created", "instantiate", "instantiated", "terminate", "terminated")]


def test_order_given_while_it_is_created_is_queued_and_not_refused(stage):
    instance = stage.create()
    operation = stage.instantiate(instance)
    assert stage.state() == "Creating"
    assert AppInstance.objects.get().wanted == "Instantiated"
    assert stage.instantiate(instance).pk == operation.pk, "asked twice is asked once"
    # Even when the workers meet it before the creation.
    assert engine.run(operation.pk) > 0
    assert stage.work(until="Instantiated")[-1] == "Instantiated"


def test_order_queued_behind_a_creation_that_fails_ends_with_that(stage):
    instance = stage.create(capabilities=("FPGA",))
    stage.instantiate(instance)
    assert stage.work()[-1] == "Create failed"
    assert stage.operation().state == "Failed"
    assert stage.phase(instance.pk) is Phase.ABSENT


def test_host_without_a_capability_fails_the_creation_and_names_it(stage):
    instance = stage.create(capabilities=("FPGA", "GPU"))
    assert stage.work(until="Create failed") == ["Create failed"]
    assert "FPGA" in info(instance)
    assert "GPU" not in info(instance)
    with pytest.raises(WrongState) as caught:
        stage.instantiate(instance)
    assert caught.value.extra == {"state": "Create failed", "allowed": ["terminate"]}
    stage.terminate(instance)
    assert stage.work(until="gone")[-1] == "gone"


def test_host_with_the_capability_takes_the_instance(stage):
    stage.create(capabilities=("GPU",))
    assert stage.work(until="Created") == ["Created"]


def test_host_that_is_being_removed_fails_the_creation(stage):
    stage.create()
    stage.host.removing = True
    stage.host.save()
    assert stage.work(until="Create failed") == ["Create failed"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("kind: refuse, says: quota exceeded", "quota exceeded"),
        ("kind: die, after: 0.2, cause: ImagePullBackOff", "cannot be pulled"),
        ("kind: die, after: 0.2, cause: CrashLoopBackOff", "starts and stops"),
    ],
)
def test_failure_of_the_vim_fails_the_instance_with_its_words_and_can_be_retried(
    stage, simulated, fault, words
):
    simulated(FAULT.format(fault))
    instance = stage.create()
    stage.instantiate(instance)
    assert stage.work(until="Instantiation failed")[-1] == "Instantiation failed"
    assert words in info(instance)
    assert stage.operation().steps[-1]["state"] == "failed"
    simulated("")
    stage.instantiate(instance)
    assert info(instance) == "", "an old reason does not stand beside a new try"
    assert stage.work(until="Instantiated") == ["Instantiating", "Instantiated"]


def test_vim_that_does_not_answer_is_waited_for_with_the_reason(stage, simulated, now):
    instance = stage.create()
    stage.work(until="Created")
    simulated(FAULT.format("kind: unreachable"))
    stage.instantiate(instance)
    assert stage.work(20) == ["Instantiating"]
    waiting = stage.operation()
    assert waiting.state == "Waiting"
    assert waiting.why
    assert waiting.attempts > 3
    assert (waiting.next_at - now()).total_seconds() <= engine.LONGEST_WAIT
    simulated("")
    assert stage.work(20, until="Instantiated")[-1] == "Instantiated"
    assert not stage.operation().why


def test_operation_that_is_not_finished_by_its_deadline_fails_with_its_last_reason(
    stage, simulated
):
    instance = stage.create()
    stage.work(until="Created")
    simulated(FAULT.format("kind: unreachable"))
    stage.instantiate(instance)
    states = stage.work(operations.DEADLINE.total_seconds() + 60, step=20)
    assert states == ["Instantiating", "Instantiation failed"]
    assert info(instance)
    assert stage.operation().state == "Failed"


def test_workload_that_never_becomes_ready_fails_at_the_deadline(stage, simulated):
    simulated(FAULT.format("kind: slow, seconds: 86400"))
    instance = stage.create()
    stage.instantiate(instance)
    stage.work(operations.DEADLINE.total_seconds() + 60, step=20)
    assert stage.state() == "Instantiation failed"
    assert "deadline" in info(instance)


def test_removal_that_the_vim_refuses_fails_with_its_words_and_can_be_retried(stage, simulated):
    instance = stage.create()
    stage.instantiate(instance)
    stage.work(until="Instantiated")
    simulated(FAULT.format("kind: uninstall_refuses, says: volume in use"))
    stage.terminate(instance)
    assert stage.work(until="Terminate failed")[-1] == "Terminate failed"
    assert "volume in use" in info(instance)
    simulated("")
    stage.terminate(instance)
    assert stage.work(until="gone") == ["Terminating", "gone"]


@pytest.mark.parametrize("steps", range(8))
def test_termination_at_any_moment_of_an_instantiation_ends_with_nothing(stage, steps):
    instance = stage.create()
    operation = stage.instantiate(instance)
    for _ in range(steps):
        stage.work(0)
        stage.now.advance(seconds=0.15)
    stage.terminate(instance)
    assert stage.work(until="gone")[-1] == "gone"
    operation.refresh_from_db()
    assert operation.state == ("Cancelled" if steps < 4 else "Succeeded")
    stage.work(5)
    assert stage.phase(instance.pk) is Phase.ABSENT
    assert not AppInstance.objects.exists()
    assert operations.due() == []


def test_termination_waits_for_a_worker_that_is_still_installing(stage, monkeypatch):
    instance = stage.create()
    stage.work(until="Created")
    real, met = engine.target_for(stage.host), {}

    class SlowTarget:
        """In the middle of its install somebody terminates, and that worker is quick."""

        observe, uninstall, announce_end = real.observe, real.uninstall, real.announce_end

        def install(self, instance, *, actor):
            met["pause"] = engine.run(stage.terminate(instance).pk)
            met["state"] = stage.state()
            real.install(instance, actor=actor)

    operation = stage.instantiate(instance)
    monkeypatch.setattr(engine, "target_for", lambda host: SlowTarget())
    while not met:
        stage.work(0)
        stage.now.advance(seconds=0.25)
    assert met["pause"] is not None, "the termination waited"
    assert met["state"] == "Terminating"
    assert stage.work(until="gone")[-1] == "gone"
    assert stage.phase(instance.pk) is Phase.ABSENT, "what was installed last is removed too"
    operation.refresh_from_db()
    assert operation.state == "Cancelled"


def test_engine_that_dies_in_the_middle_is_taken_over_after_its_lease(stage, monkeypatch, now):
    instance = stage.create()
    stage.work(until="Created")
    stage.instantiate(instance)

    class Dies(BaseException):
        """The process is gone."""

    def die(context):
        WORKFLOWS["instantiate"].steps[2][1](context)
        raise Dies

    workflow = WORKFLOWS["instantiate"]
    steps = tuple((name, die if name == "install" else step) for name, step in workflow.steps)
    broken = {**WORKFLOWS, "instantiate": Workflow(steps, workflow.done, workflow.failed)}
    monkeypatch.setattr(engine, "WORKFLOWS", broken)
    with pytest.raises(Dies):
        stage.work()
    monkeypatch.undo()
    assert stage.work(30) == ["Instantiating"], "nobody touches it while its lease lasts"
    assert stage.work(60, until="Instantiated")[-1] == "Instantiated"
    assert LcmOperation.objects.filter(kind="instantiate").count() == 1


def test_bug_in_a_step_fails_the_operation_without_showing_the_bug(stage, monkeypatch, caplog):
    instance = stage.create()
    stage.work(until="Created")

    def bug(host):
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr("apps.orchestration.local.driver_of", bug)
    stage.instantiate(instance)
    assert stage.work(until="Instantiation failed")[-1] == "Instantiation failed"
    assert "secret" not in info(instance)
    assert "a secret of ours" in caplog.text


def test_package_that_is_not_at_the_host_is_brought_there_first(stage):
    instance = stage.create()
    stage.instantiate(instance)
    stage.work(until="Instantiated")
    assert Distribution.objects.get().state == "Distributed"


def test_package_that_cannot_be_brought_fails_the_instance_with_that_reason(stage):
    instance = stage.create()
    stage.work(until="Created")
    content = stage.package.path.read_bytes()
    stage.package.path.unlink()
    stage.instantiate(instance)
    assert stage.work(until="Instantiation failed")[-1] == "Instantiation failed"
    assert "missing or damaged" in info(instance)
    stage.package.path.write_bytes(content)
    stage.now.advance(seconds=1)
    stage.instantiate(instance)
    assert stage.work(until="Instantiated")[-1] == "Instantiated"


# --- what may be ordered -------------------------------------------------------------------------


def test_name_of_a_running_instance_is_taken_on_its_host_only(stage):
    first = stage.create(name="camera")
    stage.instantiate(first)
    stage.work(until="Instantiated")
    with pytest.raises(NameTaken):
        stage.create(name="camera")
    stage.host = make.host()
    stage.create(name="camera")


@pytest.mark.parametrize("state", ["Instantiating", "Instantiated", "Terminating", "Create failed"])
def test_instantiation_in_a_state_that_does_not_allow_it_is_refused_with_the_verbs(stage, state):
    instance = stage.create()
    AppInstance.objects.update(state=state)
    with pytest.raises(WrongState) as caught:
        stage.instantiate(instance)
    assert caught.value.extra["state"] == state
    assert "instantiate" not in caught.value.extra["allowed"]
    assert not LcmOperation.objects.filter(kind="instantiate").exists()


def test_termination_of_what_is_terminating_is_refused(stage):
    instance = stage.create()
    stage.terminate(instance)
    with pytest.raises(WrongState):
        stage.terminate(instance)


def test_guest_orders_nothing(stage):
    guest = make.user(stage.tenant, role="guest").actor
    with pytest.raises(Denied):
        stage.create(actor=guest)
    instance = stage.create()
    for verb in (services.instantiate, services.terminate):
        with pytest.raises(Denied):
            verb(actor=guest, instance_id=instance.pk)


def test_package_that_the_host_cannot_run_is_refused_at_once(stage):
    stage.host = make.host(vim="OpenStack", access="")
    with pytest.raises(Conflict) as caught:
        stage.create()
    assert caught.value.code == "wrong_class"
    assert not AppInstance.objects.exists()


# --- watching ------------------------------------------------------------------------------------


def test_watch_sees_a_running_workload_fail_and_come_back(stage, simulated, now):
    instance = stage.create()
    stage.instantiate(instance)
    stage.work(until="Instantiated")

    def watched():
        services.watch_instance(AppInstance.objects.select_related("host__applcm").get())
        row = AppInstance.objects.get()
        return row.state, row.health

    assert watched() == ("Instantiated", "Ready")
    since = now().isoformat()
    simulated(FAULT.format(f"kind: lie, says: Failed, since: '{since}', lasts: 60"))
    assert watched() == ("Instantiated", "Failed")
    now.advance(seconds=61)
    assert watched() == ("Instantiated", "Ready")
    simulated(FAULT.format("kind: unreachable"))
    assert watched() == ("Instantiated", "Unknown")
    assert AppInstance.objects.get().health_words
    assert str(instance.pk)


def test_workload_that_somebody_removed_behind_our_back_is_failed_with_the_reason(stage):
    instance = stage.create()
    stage.instantiate(instance)
    stage.work(until="Instantiated")
    engine.target_for(stage.host).uninstall(instance, actor=SYSTEM)
    stage.now.advance(seconds=5)
    services.watch_instance(AppInstance.objects.select_related("host__applcm").get())
    row = AppInstance.objects.get()
    assert (row.state, row.health) == ("Instantiated", "Failed")
    assert "Nothing of it" in str(row.health_words)


def test_driver_without_credentials_says_so(stage):
    stage.host.credential.delete()
    instance = stage.create()
    stage.instantiate(instance)
    assert stage.work(until="Instantiation failed")[-1] == "Instantiation failed"
    assert "No credentials" in info(instance)
    with pytest.raises(Upstream):
        engine.target_for(stage.host).observe(instance, actor=SYSTEM)
