"""Quotas: the site's limits, a tenant's own, what is refused and what the refusal says."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.db import transaction

from apps.common.errors import Conflict, Denied, Invalid, NotFound
from apps.journal.models import Entry
from apps.tenants import quotas, services
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from apps.tenants.specs import TenantSpec
from tests import factories as make


def test_limit_is_that_of_the_site_until_the_tenant_has_its_own(house, red):
    house.LIMITS = house.LIMITS | {"packages_per_tenant": 7}
    blue = make.tenant("blue")
    quotas.set_limits(actor=SYSTEM, tenant_id=red.pk, limits={"packages": 3})
    assert quotas.limit_for(red.pk, "packages") == 3
    assert quotas.limit_for(blue.pk, "packages") == 7
    quotas.set_limits(actor=SYSTEM, tenant_id=red.pk, limits={"packages": None})
    assert quotas.limit_for(red.pk, "packages") == 7


def test_holding_tells_the_use_and_refuses_what_does_not_fit_by_limit_use_and_remedy(red):
    quotas.set_limits(actor=SYSTEM, tenant_id=red.pk, limits={"packages": 2})
    make.package(red)
    assert quotas.hold(red.pk, "packages") == quotas.Use("packages", 2, 1)
    with pytest.raises(Conflict) as refused:
        quotas.hold(red.pk, "packages", adding=2)
    assert refused.value.status == 409
    assert refused.value.message == "Max record limit exceeded"
    assert refused.value.extra == {
        "kind": "packages", "limit": 2, "used": 1,
        "raised_by": f"PUT /tenants/v1/tenants/{red.pk}/quotas",
    }


def test_a_quota_below_the_use_takes_nothing_away_and_lets_nothing_in(red):
    make.package(red)
    quotas.set_limits(actor=SYSTEM, tenant_id=red.pk, limits={"packages": 0})
    assert quotas.hold(red.pk, "packages", adding=0).full
    with pytest.raises(Conflict):
        quotas.hold(red.pk, "packages")


def test_what_a_center_orders_was_counted_there_whatever_the_limit_here(house, red):
    quotas.set_limits(actor=SYSTEM, tenant_id=red.pk, limits={"packages": 0})
    with pytest.raises(Conflict):
        quotas.hold(red.pk, "packages", actor=SYSTEM)
    far = replace(SYSTEM, site_id=uuid.uuid4())
    assert quotas.hold(red.pk, "packages", actor=far).full


def test_holding_for_a_tenant_that_does_not_exist_is_invalid(house):
    with pytest.raises(Invalid), transaction.atomic():
        quotas.hold(uuid.uuid4(), "packages")


def test_quotas_are_an_administrators_to_give_and_the_record_says_which(red):
    with pytest.raises(Denied):
        quotas.set_limits(actor=make.user(red).actor, tenant_id=red.pk, limits={"packages": 9})
    admin = make.admin("root")
    quotas.set_limits(actor=admin.actor, tenant_id=red.pk, limits={"packages": 9})
    quotas.set_limits(actor=admin.actor, tenant_id=red.pk, limits={"packages": 9})
    entry = Entry.objects.get(verb="tenants.tenant.quotas_changed")
    assert entry.data["limits"] == {"packages": 9}
    assert entry.actor_name == "root"
    with pytest.raises(NotFound):
        quotas.set_limits(actor=admin.actor, tenant_id=uuid.uuid4(), limits={"packages": 9})


def test_tenants_of_a_site_are_limited_by_its_settings(house):
    house.LIMITS = house.LIMITS | {"tenants": 2}
    make.tenant()
    make.tenant()
    with pytest.raises(Conflict) as refused:
        services.create_tenant(actor=SYSTEM, spec=TenantSpec("third"))
    assert refused.value.extra == {"limit": 2, "used": 2, "raised_by": "MECM_LIMIT_TENANTS"}
    assert Tenant.objects.count() == 2


def test_use_is_counted_from_the_rows_and_falls_when_they_go(red):
    """Q17 Q49: no counter to go wrong, and a tenant stays when its last instance goes."""
    instance = make.instance(make.package(red), make.host())
    assert quotas.hold(red.pk, "instances", adding=0).used == 1
    instance.delete()
    assert quotas.hold(red.pk, "instances", adding=0).used == 0
    assert Tenant.objects.filter(pk=red.pk).exists()
