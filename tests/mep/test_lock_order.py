"""Writers who lock several rows at once end, and nobody gets past a limit or a precondition."""

from __future__ import annotations

from threading import Barrier

import pytest
from django.db import connection

from apps.common import clock
from apps.common.errors import DomainError
from apps.mep import applications, calls, register, rules, subscriptions, termination
from apps.mep.liveness import records, transitions
from apps.mep.liveness.book import book
from apps.mep.models import Application, CallCount, MecService, Rule, Subscription
from apps.mep.notify import queue
from apps.mep.types import ServiceInfo
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.conftest import App, service_info
from tests.mep.suite import DNS_BODY
from tests.mep.test_delivery_locks import TIMES, in_threads

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="rows are locked there only"),
]


def info(**changes):
    """A decoded ServiceInfo."""
    import msgspec  # noqa: PLC0415

    return msgspec.convert(service_info(**changes), ServiceInfo)


def updating(service):
    """Change a service again and again."""

    def work(number):
        row = MecService.objects.select_related("application").get(pk=service.pk)
        register.update(actor=SYSTEM, application=row.application, service=row,
                        info=info(version=str(number), livenessInterval=10))

    return work


def with_services(count, **fields):
    """An application and its services."""
    application = make.mec_application()
    return application, [make.mec_service(application, **fields) for _ in range(count)]


def test_suspending_and_updating_at_once_end(mep):
    _, services = with_services(4, interval=10)
    records.load()
    entries = list(book)

    def suspend(number):
        with clock.frozen(clock.now()) as time:
            time.advance(seconds=60)
            transitions.suspend(entries)

    def resume(number):
        for entry in reversed(entries):
            transitions.resume(entry)

    in_threads(suspend, resume, *[updating(one) for one in services])


def test_saving_heartbeats_and_moving_services_at_once_end(mep):
    with_services(8, interval=10)
    records.load()
    entries = list(book)

    def resume(number):
        MecService.objects.filter(pk=entries[number % 8].id).update(state="SUSPENDED")
        transitions._move(entries, "beat", "resumed")

    in_threads(
        resume,
        lambda _: records.save_beats(entries),
        lambda _: records.save_beats(reversed(entries)),
    )


def test_removing_applications_and_updating_their_services_at_once_end(mep, app):
    app.subscribe()
    many = [with_services(3) for _ in range(TIMES)]

    def remove(number):
        applications.remove(actor=SYSTEM, application_id=many[number][0].pk)

    def update(number):
        for service in reversed(many[number][1]):
            try:
                updating(service)(number)
            except (DomainError, MecService.DoesNotExist):
                return

    in_threads(remove, update)
    assert not MecService.objects.exists()


def test_removing_applications_and_delivering_to_them_at_once_end(mep, app):
    watchers = [App(f"watcher-{number}") for number in range(TIMES)]
    ids = [[one.subscribe()["subscriptionId"] for _ in range(3)] for one in watchers]
    for _ in range(3):
        app.register()

    def deliver(number):
        for key in reversed(ids[number]):
            queue.delivered(key, [1, 2, 3])

    in_threads(
        lambda number: applications.remove(actor=SYSTEM, application_id=watchers[number].row.pk),
        deliver,
        lambda number: app.register(),
        lambda number: termination.begin(actor=SYSTEM, application=watchers[number].row),
    )
    assert not Subscription.objects.exists()


def test_rules_that_want_each_others_domains_are_stored_or_refused_but_nobody_waits(mep):
    pair = [make.mec_application() for _ in range(2)]
    names = ["a.example", "b.example", "c.example"]

    def configure(application, order):
        def work(number):
            dns = {f"r{key}": DNS_BODY | {"domainName": name} for key, name in enumerate(order)}
            try:
                rules.replace_all(actor=SYSTEM, application=application, dns=dns, traffic={},
                                  appd={})
            except DomainError:
                return
            rules.replace_all(actor=SYSTEM, application=application, dns={}, traffic={}, appd=None)

        return work

    in_threads(configure(pair[0], names), configure(pair[1], names[::-1]))
    assert not Rule.objects.exists()


def test_keys_and_removal_at_once_end(mep):
    def configure(number):
        application = applications.ensure(actor=SYSTEM, application_id=key)
        access, secret = applications.new_pair()
        try:
            applications.configure(actor=SYSTEM, application=application, access_key=access,
                                   secret_key=secret, required_services=[])
        except DomainError as error:
            assert error.status == 404

    key = make.mec_application().pk
    in_threads(
        configure, configure,
        lambda _: applications.remove(actor=SYSTEM, application_id=key),
    )


def test_calls_of_several_processes_are_all_counted(mep):
    day = clock.now().date()
    subjects = [f"service-{number}" for number in range(20)]

    def add(order):
        return lambda _: calls._add({(day, subject): 1 for subject in order})

    in_threads(add(subjects), add(subjects[::-1]))
    assert {row.calls for row in CallCount.objects.all()} == {2 * TIMES}


def test_retention_and_unsubscribing_at_once_end(mep, app):
    watcher = App("watcher")
    rows = [Subscription.objects.get(pk=watcher.subscribe()["subscriptionId"]) for _ in range(8)]
    with clock.frozen() as time:
        time.advance(days=-40)
        for _ in range(6):
            app.register()
    Subscription.objects.update(done_seq=6)

    def unsubscribe(number):
        if number < len(rows):
            subscriptions.unsubscribe(
                actor=SYSTEM, application=watcher.row, subscription=rows[number]
            )

    in_threads(unsubscribe, lambda _: queue.purge(), lambda _: queue.purge())


@pytest.mark.parametrize("what", ["services", "subscriptions"])
def test_nobody_gets_past_a_limit_by_coming_at_once(mep, edge_house, what):
    edge_house.LIMITS = {**edge_house.LIMITS, f"{what}_per_application": 5}
    application, barrier = make.mec_application(), Barrier(4)

    def add(number):
        if number >= 5:
            return
        barrier.wait(20)
        try:
            if what == "services":
                register.register(actor=SYSTEM, application=application, info=info())
            else:
                subscriptions.subscribe(
                    actor=SYSTEM, application=application, callback="http://127.0.0.1:9/",
                    kind=Subscription.Kind.AVAILABILITY, criteria={},
                )
        except DomainError as error:
            assert error.status == 409

    in_threads(add, add, add, add)
    assert getattr(application, what).count() == 5


def test_of_writers_who_read_the_same_only_the_first_is_let_through(mep, app):
    url = f"{app.services}/{app.register()['serInstanceId']}"
    barrier, done = Barrier(3), []

    def put(number):
        if number >= 8:
            return
        barrier.wait(20)
        tag = app.api.send("GET", url).headers["ETag"]
        barrier.wait(20)
        body = service_info(version=f"{number}.{len(done)}.{id(object())}")
        answer = app.api.send("PUT", url, body, headers={"If-Match": tag})
        done.append((number, answer.status_code))

    in_threads(put, put, put)
    for number in range(8):
        assert sorted(code for one, code in done if one == number) == [200, 412, 412]


def test_an_application_that_is_made_by_several_at_once_is_one(mep):
    keys, barrier = [make.mec_application().pk for _ in range(TIMES)], Barrier(3)
    Application.objects.all().delete()

    def ensure(number):
        barrier.wait(20)
        applications.ensure(actor=SYSTEM, application_id=keys[number], name="one")

    in_threads(ensure, ensure, ensure)
    assert Application.objects.count() == TIMES
