"""A MEC platform with something in every state, made through Mp1 as applications would."""

from __future__ import annotations

from types import SimpleNamespace

from apps.common.words import Reason
from apps.mep import applications
from apps.mep.liveness import transitions
from apps.mep.liveness.book import book
from apps.mep.models import MecService, Subscription
from apps.mep.notify import queue
from apps.tenants.actors import SYSTEM
from apps.tenants.roles import Role
from tests import factories
from tests.mep.conftest import App

REFUSED = Reason("The subscriber answered %(status)s.", "answer", {"status": 503})
CATEGORY = {"href": "/categories/loc", "id": "loc-1", "name": "Location", "version": "1.0"}


def build():
    """Two tenants with applications; services alive, silent, switched off; deliveries that fail."""
    one, two = factories.tenant("one"), factories.tenant("two")
    mine, theirs, free = _signed_in("mine", one.pk), App("theirs", two.pk), App("free")
    world = SimpleNamespace(
        one=one, two=two, mine=mine, theirs=theirs, free=free,
        people={
            "admin": factories.admin("root"),
            "tenant": factories.user(one, name="ann"),
            "other": factories.user(two, name="bob"),
            "guest": factories.user(one, role=Role.GUEST, name="gus"),
        },
    )
    _subscribe(world)
    _register(world)
    return world


def _signed_in(name, tenant_id):
    """An application with an AK/SK, and a token from after it had one."""
    row = App(name, tenant_id).row
    applications.configure(
        actor=SYSTEM, application=row, access_key="A" * 20, secret_key="S" * 64,
        required_services=[],
    )
    return App(name, tenant_id, row.pk)


def _subscribe(world):
    world.by_name = _made(world.mine.subscribe(serNames=["radio"], states=["ACTIVE", "SUSPENDED"]))
    world.to_all = _made(world.theirs.subscribe("http://127.0.0.1:9/all"))
    answer = world.mine.send("POST", f"{world.mine.support}/subscriptions", {
        "subscriptionType": "AppTerminationNotificationSubscription",
        "callbackReference": "http://127.0.0.1:9/end", "appInstanceId": world.mine.id,
    })
    assert answer.status_code == 201, answer.content
    world.own_end = _made(answer.json())


def _made(document):
    key = document["_links"]["self"]["href"].rsplit("/", 1)[1]
    return Subscription.objects.get(pk=key)


def _register(world):
    documents = {
        "alive": world.mine.register(serName="video", livenessInterval=10, serCategory=CATEGORY),
        "silent": world.mine.register(serName="radio", livenessInterval=5),
        "off": world.mine.register(serName="maps", state="INACTIVE", livenessInterval=0),
        "plain": world.theirs.register(serName="plain"),
        "nobodys": world.free.register(serName="nobodys"),
    }
    rows = {name: MecService.objects.get(pk=one["serInstanceId"])
            for name, one in documents.items()}
    for name in ("alive", "silent"):
        path = documents[name]["_links"]["liveness"]["href"]
        answer = world.mine.send("PATCH", path, {"state": "ACTIVE"})
        assert answer.status_code == 200, answer.content
    entry = book.find(rows["silent"].pk)
    entry.seen -= 1000
    assert transitions.suspend([entry]) == 1
    queue.delivered(world.by_name.pk, [1])
    queue.failed(world.by_name.pk, 2, REFUSED)
    queue.delivered(world.to_all.pk, [1, 2])
    for name in ("by_name", "to_all", "own_end"):
        getattr(world, name).refresh_from_db()
    for name, row in rows.items():
        row.refresh_from_db()
        setattr(world, name, row)
