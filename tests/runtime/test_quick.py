"""SQL that the simulator, and these tests, remember instead of having Django make it anew."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from mecm_portal.simulation.quick import Quick
from tests import factories as make

HOSTS = MecHost.objects
USED = AppInstance.objects.filter(host=OuterRef("pk"))
ALL = ("red", "green", "blue")

# A question about the host of a name, plain or not, and what is true of the hosts it finds.
QUESTIONS = {
    "equal": (lambda n: HOSTS.filter(name=n), lambda one, n: one == n),
    "among": (lambda n: HOSTS.filter(name__in=[n, "nowhere"]), lambda one, n: one == n),
    "among nothing": (lambda n: HOSTS.filter(name=n, name__in=[]), lambda one, n: False),
    "none": (lambda n: HOSTS.filter(name=n).none(), lambda one, n: False),
    "none or": (lambda n: HOSTS.none() | HOSTS.filter(name=n), lambda one, n: one == n),
    "never or": (lambda n: HOSTS.filter(Q(pk__in=[]) | Q(name=n)), lambda one, n: one == n),
    "null": (lambda n: HOSTS.filter(applcm=None, name=n), lambda one, n: one == n),
    "column": (lambda n: HOSTS.exclude(name=F("city")).exclude(name=n),
               lambda one, n: one != n),
    "subquery": (lambda n: HOSTS.exclude(pk__in=HOSTS.filter(name=n).values("pk")),
                 lambda one, n: one != n),
    "exists": (lambda n: HOSTS.filter(Exists(USED), name=n), lambda one, n: one == n == "red"),
    "exists not": (lambda n: HOSTS.filter(~Exists(USED) | Q(name=n)),
                   lambda one, n: one == n or one != "red"),
    "text": (lambda n: HOSTS.filter(name__endswith=n), lambda one, n: one == n),
    "beyond": (lambda n: HOSTS.filter(version__gt=-(2**70), name=n), lambda one, n: one == n),
    "always": (lambda n: HOSTS.filter(version__gt=-(2**70)), lambda one, n: True),
    "page": (lambda n: HOSTS.exclude(name=n).order_by("-name")[:2],
             lambda one, n: one in [other for other in ALL if other != n]),
}  # fmt: skip


@pytest.mark.parametrize("what", QUESTIONS)
@pytest.mark.parametrize(
    "names", [["red", "green", "red", "nobody"], ["nobody", "red", "blue", "red"]], ids=" ".join
)
def test_answer_is_true_whatever_was_asked_before(house, monkeypatch, what, names):
    tenant = make.tenant()
    made = {name: make.host(name=name) for name in ALL}
    make.instance(make.package(tenant), made["red"])
    for owner, name, stand_in in Quick().places():
        monkeypatch.setattr(owner, name, stand_in)
    ask, is_true = QUESTIONS[what]
    for name in names:
        found = {host.name for host in ask(name)}
        expected = {one for one in ALL if is_true(one, name)}
        assert found == expected if what != "page" else found == set(sorted(expected)[-2:])


def test_lock_is_kept_where_the_database_has_locks(house, monkeypatch):
    """Rows that were asked for without a lock before are locked all the same, and the reverse."""
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    for owner, name, stand_in in Quick().places():
        monkeypatch.setattr(owner, name, stand_in)
    plain, locked = HOSTS.filter(name="red"), HOSTS.filter(name="red").select_for_update()
    for rows in (plain, locked, plain, locked):
        sql, _ = rows.query.get_compiler("default").as_sql()
        assert ("FOR UPDATE" in sql) == (rows is locked)
