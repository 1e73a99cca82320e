"""Whoever tells of services, delivers and unsubscribes at once: no two wait for each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from apps.mep import register, subscriptions
from apps.mep.models import Application, MecService, Subscription
from apps.mep.notify import queue
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.conftest import App

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="rows are locked there only"),
]
TIMES = 25


def in_threads(*works):
    """Do these at once, each many times on a connection of its own; the first error is raised."""

    def repeated(work):
        try:
            for number in range(TIMES):
                work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(repeated, work) for work in works]:
            done.result(60)


def changing(application):
    """Take an application's service out and put it back."""
    service = make.mec_service(application)

    def work(number):
        row = MecService.objects.select_related("application").get(pk=service.pk)
        register.remove(actor=SYSTEM, application=application, service=row)
        make.mec_service(application, id=service.pk)

    return work


def test_removals_and_registrations_at_once_end(mep, app):
    watcher = App("watcher")
    for _ in range(3):
        watcher.subscribe()
    others = [make.mec_application() for _ in range(4)]
    in_threads(*[changing(one) for one in others], lambda _: app.register())
    waiting = {row.waiting for row in Subscription.objects.all()}
    assert waiting == {(4 + 1) * TIMES}


def test_deliveries_and_unsubscribing_at_once_end(mep, app):
    watcher = App("watcher")
    rows = [
        Subscription.objects.get(pk=watcher.subscribe()["subscriptionId"]) for _ in range(TIMES)
    ]
    app.register()
    app.register()
    application = Application.objects.get(pk=watcher.row.pk)

    def unsubscribe(number):
        subscriptions.unsubscribe(
            actor=SYSTEM, application=application, subscription=rows[number]
        )

    in_threads(
        unsubscribe,
        lambda number: queue.delivered(rows[number].pk, [1, 2]),
        lambda number: queue.failed(rows[number].pk, 1, queue.TOO_OLD),
    )
    assert not Subscription.objects.exists()
