"""Many who add rules at once to a tenant that has room for one."""

from __future__ import annotations

from functools import partial

import pytest

from apps.common.errors import Conflict
from apps.rules import services
from apps.rules.models import AppdRule, RuleTask
from apps.rules.specs import AppdSpec
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.rules.conftest import dns
from tests.threads import at_once

AT_ONCE = 12


def world():
    """The instances of a tenant that has seven rules and may have eight."""
    tenant = make.tenant("red")
    package, host = make.package(tenant), make.host()
    rows = [make.instance(package, host, state="Instantiated") for _ in range(AT_ONCE + 1)]
    first = {f"dns{number}": dns(number) for number in range(7)}
    services.create(actor=SYSTEM, instance_id=rows[0].pk, spec=AppdSpec("camera", None, first))
    quotas.set_limits(actor=SYSTEM, tenant_id=tenant.pk, limits={"rules": 8})
    return rows[1:]


def add(row):
    """One rule more; how many there were when it was refused."""
    spec = AppdSpec("camera", None, {"dns1": dns(1)})
    try:
        services.create(actor=SYSTEM, instance_id=row.pk, spec=spec)
    except Conflict as error:
        return error.extra["used"]
    return "stored"


@pytest.mark.django_db(transaction=True)
def test_exactly_one_gets_the_last_place(house, apart):
    """Q18: the count and what follows from it are one step, whatever the database."""
    (rows,) = at_once(world)
    told = at_once(*[partial(add, row) for row in rows])
    assert sorted(told, key=str) == [8] * (AT_ONCE - 1) + ["stored"]
    assert at_once(AppdRule.objects.count, RuleTask.objects.count) == [8, 2]
