"""What both sites changed while apart is merged, or both kept until somebody chose."""

from __future__ import annotations

import pytest

from apps.common.errors import Invalid
from apps.hosts import agreement
from apps.hosts import services as hosts
from apps.hosts.driver_settings import SettingsSpec, set_settings, spec_of
from apps.hosts.models import MecHost
from apps.journal.models import Entry
from apps.orchestration import delivery
from apps.orchestration import services as verbs
from apps.rules import agreement as rule_agreement
from apps.rules import services as rules
from apps.rules import work as rule_work
from apps.rules.models import AppdConfiguration
from apps.rules.specs import AppdSpec
from apps.rules.states import Verb
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.sites import owed
from tests.sync.edits import IP, addresses, dns, edit, run_until_quiet, write


def there(follower):
    """The host as the edge has it."""
    return follower.at_edge(MecHost.objects.get)


@pytest.fixture
def host(follower):
    """A host of the center that its edge has, and of which both know that."""
    host = make.host(IP, edge=follower.edge, access="", name="roof", city="Ede")
    delivery.deliver(host.pk)
    follower.pull()
    return host


def both_quiet(follower):
    """Let everything that is owed go its way."""
    for _ in range(3):
        for key in owed():
            delivery.deliver(key)
        follower.pull()
    assert owed() == []


# --- hosts ---------------------------------------------------------------------------------------


def test_edit_at_the_edge_alone_comes_here_and_is_not_delivered_back(follower, host):
    follower.at_edge(edit, city="Gouda")
    follower.pull()
    host.refresh_from_db()
    assert (host.city, host.contested, host.origin) == ("Gouda", {}, "MEO")
    assert owed() == []


def test_edits_of_different_fields_merge_without_a_question(follower, host):
    follower.at_edge(edit, city="Gouda")
    edit(address="Quay 1")
    both_quiet(follower)
    for one in (MecHost.objects.get(), there(follower)):
        assert (one.city, one.address) == ("Gouda", "Quay 1")
    assert MecHost.objects.get().contested == {}


def test_order_that_is_based_on_an_older_version_changes_nothing_there(follower, host):
    follower.at_edge(edit, city="Gouda")
    edit(city="Lisse")
    assert delivery.deliver(host.pk) == "waiting"
    assert there(follower).city == "Gouda"
    assert "changed here meanwhile" in str(MecHost.objects.get().delivery_reason)


def test_edits_of_one_field_are_both_kept_until_a_person_chooses(follower, host):
    follower.at_edge(edit, city="Gouda")
    edit(city="Lisse", address="Quay 1")
    both_quiet(follower)
    ours, theirs = MecHost.objects.get(), there(follower)
    assert ours.contested == {"city": {"base": "Ede", "ours": "Lisse", "theirs": "Gouda"}}
    assert (ours.city, theirs.city) == ("Lisse", "Gouda")
    assert (ours.address, theirs.address) == ("Quay 1", "Quay 1"), "the rest is not kept waiting"
    assert Entry.objects.filter(verb="hosts.host.contested").count() == 1


@pytest.mark.parametrize(("side", "city"), [("ours", "Lisse"), ("theirs", "Gouda")])
def test_choice_is_journalled_and_both_sites_agree_afterwards(follower, host, side, city):
    follower.at_edge(edit, city="Gouda")
    edit(city="Lisse")
    both_quiet(follower)
    agreement.settle(actor=SYSTEM, host_id=host.pk, choices={"city": side})
    both_quiet(follower)
    for one in (MecHost.objects.get(), there(follower)):
        assert (one.city, one.contested) == (city, {})
    entry = Entry.objects.get(verb="hosts.host.settled")
    assert entry.data["choices"] == {"city": side}
    assert entry.data["versions"]["city"] == {"base": "Ede", "ours": "Lisse", "theirs": "Gouda"}


@pytest.mark.parametrize("choices", [{}, {"city": "mine"}, {"address": "ours"}, {"x": "theirs"}])
def test_choice_of_what_is_not_contested_changes_nothing(follower, host, choices):
    follower.at_edge(edit, city="Gouda")
    edit(city="Lisse")
    both_quiet(follower)
    with pytest.raises(Invalid):
        agreement.settle(actor=SYSTEM, host_id=host.pk, choices=choices)
    assert MecHost.objects.get().contested


def test_who_writes_a_contested_field_has_chosen(follower, host):
    follower.at_edge(edit, city="Gouda")
    edit(city="Lisse")
    both_quiet(follower)
    edit(city="Breda")
    both_quiet(follower)
    assert (MecHost.objects.get().contested, there(follower).city) == ({}, "Breda")


def test_edge_that_takes_its_edit_back_ends_the_question(follower, host):
    follower.at_edge(edit, city="Gouda")
    edit(city="Lisse")
    both_quiet(follower)
    follower.at_edge(edit, city="Ede")
    both_quiet(follower)
    assert (MecHost.objects.get().contested, there(follower).city) == ({}, "Lisse")


def test_same_edit_at_both_sites_is_no_conflict(follower, host):
    follower.at_edge(edit, city="Gouda")
    edit(city="Gouda")
    both_quiet(follower)
    assert (MecHost.objects.get().contested, there(follower).city) == ({}, "Gouda")


def test_reply_that_was_lost_is_not_taken_for_a_conflict(follower, host):
    edit(city="Gouda")
    follower.wire.lose_replies = 1
    assert delivery.deliver(host.pk) == "waiting"
    both_quiet(follower)
    assert (MecHost.objects.get().contested, there(follower).city) == ({}, "Gouda")


def test_host_that_was_born_there_may_be_changed_here(follower):
    follower.at_edge(make.host, IP, access="", name="shed", city="Ede")
    follower.pull()
    edit(city="Gouda", applcm_ip=follower.edge.ip)
    both_quiet(follower)
    assert there(follower).city == "Gouda"


def test_settings_merge_as_one_field(follower, host):
    def demand(url):
        spec = spec_of(MecHost.objects.get())
        set_settings(actor=SYSTEM, host_id=host.pk, spec=SettingsSpec(
            allowance=spec.allowance, registry_address=url))

    follower.at_edge(demand, "far.example/a")
    demand("near.example/b")
    both_quiet(follower)
    assert list(MecHost.objects.get().contested) == ["driver_settings"]
    agreement.settle(actor=SYSTEM, host_id=host.pk, choices={"driver_settings": "theirs"})
    both_quiet(follower)
    assert MecHost.objects.get().driver_settings["registry_address"] == "far.example/a"


# --- rules ---------------------------------------------------------------------------------------


@pytest.fixture
def instance(follower, house):
    """An instance that runs at the edge, ordered here, with one rule."""
    tenant = make.tenant("red")
    host = make.host(IP, edge=follower.edge)
    spec = verbs.CreateSpec(make.package(tenant).pk, host.pk, "camera")
    instance = verbs.create_instance(actor=SYSTEM, tenant_id=tenant.pk, spec=spec)
    run_until_quiet(follower)
    verbs.instantiate(actor=SYSTEM, instance_id=instance.pk)
    run_until_quiet(follower)
    instance.refresh_from_db()
    assert instance.state == "Instantiated"
    write(instance, dns("a", "10.0.0.1"))
    run_until_quiet(follower)
    return instance


def rules_merged(instance, body):
    """Add these to the rules, at the edge."""
    spec = AppdSpec("camera", True, body)
    rule_work.carry_out_now(
        rules.merge(actor=SYSTEM, instance_id=instance.pk, spec=spec, verb=Verb.CHANGE))


def test_rules_that_were_changed_at_the_edge_come_here(follower, instance):
    follower.at_edge(write, instance, dns("a", "10.0.0.1"), dns("b", "10.0.0.2"))
    follower.pull()
    assert addresses() == {"a": "10.0.0.1", "b": "10.0.0.2"}
    assert AppdConfiguration.objects.get().is_delivered


def test_different_rules_merge_and_the_same_rule_waits_for_a_person(follower, instance):
    follower.at_edge(write, instance, dns("a", "10.0.0.7"), dns("b", "10.0.0.2"))
    write(instance, dns("a", "10.0.0.8"), dns("c", "10.0.0.3"))
    run_until_quiet(follower)
    row = AppdConfiguration.objects.get()
    assert list(row.contested) == ["dns/a"]
    assert addresses() == {"a": "10.0.0.8", "b": "10.0.0.2", "c": "10.0.0.3"}
    assert follower.at_edge(addresses) == {"a": "10.0.0.7", "b": "10.0.0.2", "c": "10.0.0.3"}
    rule_agreement.settle(actor=SYSTEM, instance_id=instance.pk, choices={"dns/a": "ours"})
    run_until_quiet(follower)
    assert follower.at_edge(addresses) == addresses()
    assert addresses()["a"] == "10.0.0.8"


def test_rules_removed_at_the_edge_are_removed_here(follower, instance):
    def remove():
        rule_work.carry_out_now(rules.remove(actor=SYSTEM, instance_id=instance.pk))

    follower.at_edge(remove)
    follower.pull()
    assert not AppdConfiguration.objects.exists()


@pytest.mark.parametrize(("side", "left"), [("ours", {}), ("theirs", {"a": "10.0.0.7"})])
def test_rules_removed_here_and_changed_there_wait_for_a_person(follower, instance, side, left):
    follower.at_edge(write, instance, dns("a", "10.0.0.7"))
    rules.remove(actor=SYSTEM, instance_id=instance.pk)
    run_until_quiet(follower)
    assert list(AppdConfiguration.objects.get().contested) == ["dns/a"]
    assert follower.at_edge(addresses) == {"a": "10.0.0.7"}
    rule_agreement.settle(actor=SYSTEM, instance_id=instance.pk, choices={"dns/a": side})
    run_until_quiet(follower)
    assert (addresses(), follower.at_edge(addresses)) == (left, left)


def test_rules_that_were_born_at_the_edge_may_be_changed_here(follower, instance):
    def start_over():
        rule_work.carry_out_now(rules.remove(actor=SYSTEM, instance_id=instance.pk))
        write(instance, dns("z", "10.0.0.9"))

    follower.at_edge(start_over)
    follower.pull()
    assert addresses() == {"z": "10.0.0.9"}
    write(instance, dns("z", "10.0.0.1"))
    run_until_quiet(follower)
    assert follower.at_edge(addresses) == {"z": "10.0.0.1"}


def test_what_was_sent_and_changed_here_since_is_no_edit_of_the_edge(follower, instance):
    write(instance, dns("b", "10.0.0.8"))
    follower.wire.lose_replies = 1
    for task in rule_work.due():
        rule_work.work_on(task)
    assert follower.at_edge(addresses) == {"b": "10.0.0.8"}
    rules.remove(actor=SYSTEM, instance_id=instance.pk)
    follower.at_edge(rules_merged, instance, dns("z", "10.0.0.9"))
    run_until_quiet(follower)
    assert addresses() == follower.at_edge(addresses) == {"z": "10.0.0.9"}
    assert AppdConfiguration.objects.get().sent == []


def test_host_that_was_sent_and_changed_back_here_stays_changed_back(follower, host):
    edit(city="Lisse")
    follower.wire.lose_replies = 1
    delivery.deliver(host.pk)
    assert there(follower).city == "Lisse"
    edit(city="Ede")
    follower.at_edge(edit, address="Quay 2")
    both_quiet(follower)
    for one in (MecHost.objects.get(), there(follower)):
        assert (one.city, one.address, one.contested) == ("Ede", "Quay 2", {})
    assert MecHost.objects.get().sent == []


def test_first_sending_that_was_answered_to_nobody_leaves_no_needless_question(follower):
    follower.pull()
    host = make.host("10.9.1.9", edge=follower.edge, access="", name="hut", city="Ede")
    follower.wire.lose_replies = 1
    delivery.deliver(host.pk)

    def rename():
        found = MecHost.objects.get(pk=host.pk)
        hosts.update_host(actor=SYSTEM, host_id=host.pk, spec=make.host_spec(
            found.ip, name="shack", city=found.city, address=found.address))

    follower.at_edge(rename)
    follower.pull()
    host.refresh_from_db()
    assert (host.name, host.contested) == ("shack", {})


def test_what_never_left_this_site_is_not_taken_for_sent(follower, host):
    edit(city="Lisse")
    follower.wire.down = True
    assert delivery.deliver(host.pk) == "waiting"
    follower.wire.down = False
    edit(city="Gouda")
    follower.at_edge(edit, city="Lisse")
    both_quiet(follower)
    assert MecHost.objects.get().contested["city"] == {
        "base": "Ede", "ours": "Gouda", "theirs": "Lisse"}


def test_choice_that_is_made_while_a_delivery_is_on_its_way_is_delivered_too(follower, host):
    follower.at_edge(edit, city="Gouda")
    edit(city="Lisse", address="Quay 1")
    follower.pull()
    assert owed() == [host.pk]

    def choose(request):
        follower.wire.on_request = None
        agreement.settle(actor=SYSTEM, host_id=host.pk, choices={"city": "ours"})

    follower.wire.on_request = choose
    delivery.deliver(host.pk)
    assert there(follower).city == "Gouda"
    both_quiet(follower)
    assert there(follower).city == "Lisse"


def test_rules_that_may_have_arrived_before_they_were_removed_wait_for_a_person(
    follower, instance
):
    write(instance, dns("a", "10.0.0.1"), dns("b", "10.0.0.8"))
    follower.wire.lose_replies = 1
    for task in rule_work.due():
        rule_work.work_on(task)
    assert follower.at_edge(addresses)["b"] == "10.0.0.8"
    follower.at_edge(
        lambda: rule_work.carry_out_now(rules.remove(actor=SYSTEM, instance_id=instance.pk)))
    run_until_quiet(follower)
    assert AppdConfiguration.objects.get().contested == {
        "dns/b": {"base": None, "ours": dns("b", "10.0.0.8")["b"]}}
    assert follower.at_edge(addresses) == {}
    rule_agreement.settle(actor=SYSTEM, instance_id=instance.pk, choices={"dns/b": "theirs"})
    run_until_quiet(follower)
    assert addresses() == follower.at_edge(addresses) == {}
