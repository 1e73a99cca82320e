"""The limit and the names of a tenant's instances hold when many ask at the same moment."""

from __future__ import annotations

from functools import partial

import pytest
from django.conf import settings

from apps.instances.models import AppInstance
from apps.instances.specs import CreateSpec
from apps.orchestration import services
from tests import factories as make
from tests.threads import at_once

ASKERS = 50
LIMIT = 50
PACKAGES = 10


def world(count):
    """A tenant with so many instances; its user, and what to create."""
    tenant = make.tenant("red")
    # Several packages: an order holds its package, and must not be kept apart by that alone.
    packages, host = [make.package(tenant) for _ in range(PACKAGES)], make.host("10.1.0.1")
    for number in range(count):
        make.instance(packages[0], host, name=f"old-{number}")
    return make.user(tenant), packages, host


def asking(api, user, package, name):
    """One order of an instance over HTTP; its status and body."""

    def work():
        answer = api.send("POST", f"/appo/v1/tenants/{user.tenant_id}/app_instances", {
            "appPackageId": package.package_id, "appId": package.app_id.hex, "appName": name,
            "appInstanceDescription": "one more", "mecHost": "10.1.0.1"})
        return answer.status_code, answer.json()

    return work


@pytest.mark.django_db(transaction=True)
def test_fifty_ask_for_the_last_place_and_one_gets_it(house, apart):
    """Q18, Q50: 50 concurrent creates at 49 of 50."""
    ((user, packages, _),) = at_once(lambda: world(LIMIT - 1))
    clients = at_once(lambda: [make.Api(user) for _ in range(ASKERS)])[0]
    told = at_once(*[
        asking(api, user, packages[number % PACKAGES], f"new-{number}")
        for number, api in enumerate(clients)])
    assert sorted(status for status, _ in told) == [202] + [409] * (ASKERS - 1)
    refusals = [body for status, body in told if status == 409]
    assert {(one["limit"], one["used"], one["raised_by"], one["message"]) for one in refusals} == {
        (LIMIT, LIMIT, f"PUT /tenants/v1/tenants/{user.tenant_id}/quotas",
         "Max record limit exceeded")}
    assert at_once(AppInstance.objects.count) == [settings.LIMITS["instances_per_tenant"]]


@pytest.mark.django_db(transaction=True)
def test_ten_ask_for_one_name_and_one_gets_it(house, apart):
    """Q40: the name is taken from the moment of the order on, not only when it runs."""
    ((user, packages, host),) = at_once(lambda: world(0))

    def ask(number):
        spec = CreateSpec(packages[number].pk, host.pk, "camera")
        try:
            services.create_instance(actor=user.actor, tenant_id=user.tenant_id, spec=spec)
        except services.NameTaken:
            return "taken"
        return "made"

    assert sorted(at_once(*[partial(ask, n) for n in range(10)])) == ["made"] + ["taken"] * 9
