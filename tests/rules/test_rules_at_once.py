"""Many who add rules at once to a tenant that has room for one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from apps.common.errors import Conflict
from apps.rules import services
from apps.rules.models import AppdRule, RuleTask
from apps.rules.specs import AppdSpec
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.rules.conftest import dns

AT_ONCE = 12


@pytest.mark.django_db(transaction=True)
def test_exactly_one_gets_the_last_place(house):
    """Q18: the count and what follows from it are one step, whatever the database."""
    tenant = make.tenant("red")
    package, host = make.package(tenant), make.host()
    rows = [make.instance(package, host, state="Instantiated") for _ in range(AT_ONCE + 1)]
    first = {f"dns{number}": dns(number) for number in range(7)}
    services.create(actor=SYSTEM, instance_id=rows[0].pk, spec=AppdSpec("camera", None, first))
    quotas.set_limits(actor=SYSTEM, tenant_id=tenant.pk, limits={"rules": 8})
    together = Barrier(AT_ONCE)

    def add(row):
        together.wait(20)
        try:
            spec = AppdSpec("camera", None, {"dns1": dns(1)})
            services.create(actor=SYSTEM, instance_id=row.pk, spec=spec)
        except Conflict as error:
            return error.extra["used"]
        finally:
            connections.close_all()
        return "stored"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(add, rows[1:]))
    assert sorted(told, key=str) == [8] * (AT_ONCE - 1) + ["stored"]
    assert AppdRule.objects.count() == 8
    assert RuleTask.objects.count() == 2
