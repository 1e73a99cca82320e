"""A site whose workers are stepped by hand on a clock that stands still."""

from __future__ import annotations

import pytest

from apps.common import clock
from apps.hosts.drivers import driver_of
from apps.instances.models import AppInstance, LcmOperation
from apps.orchestration import services
from apps.vim.contract import Phase
from tests import factories as make
from tests.sites import work_once


@pytest.fixture
def now(house):
    """Time that stands still."""
    with clock.frozen() as frozen:
        yield frozen


class Stage:
    """One tenant, one host, and the verbs on an instance."""

    def __init__(self, now, host=None, app_class="container"):
        self.now = now
        self.tenant = make.tenant("red")
        self.actor = make.user(self.tenant, name="rita").actor
        self.host = host or make.host(name="quay", hw_capabilities=[{"hwType": "GPU"}])
        self.package = make.package(self.tenant, app_class=app_class, name="gauge")

    def create(self, *, name="camera", actor=None, **more):
        """Ask for an instance."""
        spec = services.CreateSpec(self.package.pk, self.host.pk, name, **more)
        return services.create_instance(
            actor=actor or self.actor, tenant_id=self.tenant.pk, spec=spec
        )

    def instantiate(self, instance):
        """Order it to run."""
        return services.instantiate(actor=self.actor, instance_id=instance.pk)

    def terminate(self, instance):
        """Order its end."""
        return services.terminate(actor=self.actor, instance_id=instance.pk)

    def work(self, seconds=10.0, *, step=0.25, until=None):
        """Let the workers do what is due for so long; returns the states that were seen."""
        states, passed = [], 0.0
        while passed <= seconds:
            work_once()
            state = self.state()
            if not states or states[-1] != state:
                states.append(state)
            if state == until:
                break
            self.now.advance(seconds=step)
            passed += step
        return states

    def state(self):
        """The life cycle of the only instance; "gone" without one."""
        return AppInstance.objects.values_list("state", flat=True).first() or "gone"

    def phase(self, instance_id):
        """What the driver says of an instance."""
        return driver_of(self.host).status(instance_id).phase

    def operation(self, kind="instantiate"):
        """The newest operation of a kind."""
        return LcmOperation.objects.filter(kind=kind).latest("created_at")


@pytest.fixture
def stage(now):
    """The stage at a site with a host of its own."""
    return Stage(now)


@pytest.fixture
def simulated(stage):
    """Give the host's simulated site other properties, such as faults."""

    def change(text):
        make.simulate(stage.host.pk, text)

    return change


ABSENT = Phase.ABSENT
