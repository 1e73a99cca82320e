"""The estate as a graph: what each person sees of it, how old it is, and what folds."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import resolve
from django.utils import translation

from apps.common.words import Reason
from apps.instances.models import AppInstance
from apps.monitoring import topology
from apps.monitoring.topology import graph_for
from apps.tenants import grants
from apps.tenants.actors import Actor
from apps.tenants.roles import Role

pytestmark = pytest.mark.django_db


def drawn(graph):
    return {node["label"] for node in graph["nodes"]}


def named(graph, label):
    [node] = [node for node in graph["nodes"] if node["label"] == label]
    return node


# --- who sees what -------------------------------------------------------------------------------
EVERYTHING = {"site", "edge one", "open host", "closed host", "red app", "blue app", "pod-0"}
SEES = {
    "admin": EVERYTHING,
    "rita": EVERYTHING - {"blue app"},
    "guest": EVERYTHING - {"blue app"},
    "bert": EVERYTHING - {"red app", "closed host"},
}


@pytest.fixture
def site(settings):
    settings.SITE_NAME = "site"


@pytest.mark.parametrize("who", SEES)
def test_everybody_sees_their_part(estate, site, who):
    graph = graph_for(getattr(estate, who).actor)
    assert drawn(graph) == SEES[who]
    ids = [node["id"] for node in graph["nodes"]]
    assert len(ids) == len(set(ids))
    assert {edge["source"] for edge in graph["edges"]} <= set(ids)
    assert {edge["target"] for edge in graph["edges"]} == set(ids) - {"site"}


def test_nothing_of_the_other_tenant_is_in_it_anywhere(estate):
    text = str(graph_for(estate.bert.actor))
    for foreign in (estate.red, estate.closed, estate.red_instance, estate.red_package):
        assert str(foreign.pk) not in text
        assert str(foreign) not in text


def test_an_edge_without_a_visible_host_is_for_administrators(estate):
    estate.shared.shared = False
    estate.shared.save()
    grants.take(estate.red, "deploy_to_mechost", estate.closed)
    assert "edge one" not in drawn(graph_for(estate.rita.actor))
    assert "edge one" in drawn(graph_for(estate.admin.actor))
    # The instance is still theirs, though nothing is said about where it runs.
    assert named(graph_for(estate.rita.actor), "red app")["parent"] == "site"


def test_only_administrators_are_led_to_the_systems(estate):
    assert named(graph_for(estate.admin.actor), "edge one")["url"] == "/systems/"
    assert named(graph_for(estate.rita.actor), "edge one")["url"] == ""


def test_a_tenant_without_anything_sees_the_site(db, site):
    graph = graph_for(Actor("x", "x", Role.TENANT, uuid.uuid4()))
    assert [node["kind"] for node in graph["nodes"]] == ["site"]
    assert graph["edges"] == []


# --- what it says --------------------------------------------------------------------------------
def test_the_layers_hang_below_each_other(estate):
    graph = graph_for(estate.rita.actor)
    chain, node = [], named(graph, "red app")
    by_id = {node["id"]: node for node in graph["nodes"]}
    while True:
        chain.append(node["id"])
        if not node["parent"]:
            break
        node = by_id[node["parent"]]
    assert chain == [f"instance:{estate.red_instance.pk}", f"host:{estate.closed.pk}",
                     f"edge:{estate.edge.pk}", "site"]
    assert [(n["depth"], n["label"]) for n in graph["nodes"]][1:] == [
        (1, "edge one"), (2, "closed host"), (3, "red app"), (4, "pod-0"), (2, "open host"),
    ]


def test_a_local_host_hangs_below_the_site(estate, make):
    make["host"]("here", "10.0.0.3")
    assert named(graph_for(estate.rita.actor), "here")["parent"] == "site"


def test_ids_are_the_same_in_every_reading(estate):
    first, second = graph_for(estate.admin.actor), graph_for(estate.admin.actor)
    assert [n["id"] for n in first["nodes"]] == [n["id"] for n in second["nodes"]]
    assert first["edges"] == second["edges"]


@pytest.mark.parametrize(("fields", "tone", "text"), [
    ({"state": "Instantiating"}, "busy", "Instantiating"),
    ({"state": "Created", "workload": {}}, "info", "Created"),
    ({"state": "Instantiation failed"}, "bad", "Instantiation failed"),
    ({"health": "Degraded"}, "warn", "Instantiated"),
    ({"health": "Unknown"}, "unknown", "Instantiated"),
    ({"state": "From the future"}, "unknown", "From the future"),
])
def test_tones_of_instances(estate, make, fields, tone, text):
    make["instance"](estate.red, estate.red_package, estate.shared, "one", **fields)
    node = named(graph_for(estate.rita.actor), "one")
    assert (node["tone"], node["state_text"]) == (tone, text)


def test_why_something_failed_is_said_in_the_readers_language(estate, make):
    reason = Reason("“%(verb)s” is not possible while the state is “%(state)s”.", "",
                    {"verb": "terminate", "state": "Creating"})
    make["instance"](estate.red, estate.red_package, estate.shared, "one",
                     state="Create failed", operation_info=reason.as_json())
    detail = named(graph_for(estate.rita.actor), "one")["detail"]
    assert "“terminate” is not possible while the state is “Creating”." in detail
    with translation.override("zh-hans"):
        node = named(graph_for(estate.rita.actor), "one")
        assert node["state"] == "Create failed"
        assert "状态为“创建中”时不能执行“终止”。" in node["detail"]


@pytest.mark.parametrize(("fields", "state", "tone"), [
    ({"reachable": None}, "Never seen", "unknown"),
    ({"reachable": False}, "Offline", "bad"),
    ({"reachable": True}, "Online", "ok"),
    ({"reachable": True, "fault": Reason("Half of it.").as_json()}, "Degraded", "warn"),
    ({"removing": True}, "Removing", "busy"),
    ({"desired_version": 10**6}, "Pending", "busy"),
])
def test_states_of_hosts(estate, make, fields, state, tone):
    make["host"]("one", "10.0.0.3", estate.edge, **fields)
    node = named(graph_for(estate.rita.actor), "one")
    assert (node["state"], node["tone"]) == (state, tone)


def test_a_simulated_host_makes_what_runs_on_it_simulated(estate):
    graph = graph_for(estate.bert.actor)
    assert named(graph, "open host")["simulated"]
    assert named(graph, "blue app")["simulated"]
    assert not named(graph_for(estate.rita.actor), "closed host")["simulated"]


def test_a_report_that_does_not_read_leaves_the_instance(estate, make):
    make["instance"](estate.red, estate.red_package, estate.shared, "one", workload={"phase": "?"})
    assert named(graph_for(estate.rita.actor), "one")["tone"] == "ok"


# --- how old it is -------------------------------------------------------------------------------
def stale(graph):
    return {node["label"] for node in graph["nodes"] if node["stale"]}


def test_nothing_is_stale_while_all_answer(estate):
    assert stale(graph_for(estate.admin.actor)) == set()


def test_what_hangs_below_a_silent_edge_is_as_it_was(estate):
    estate.edge.reachable = False
    estate.edge.save()
    graph = graph_for(estate.rita.actor)
    assert stale(graph) == {"open host", "closed host", "red app", "pod-0"}
    assert named(graph, "edge one")["state"] == "Offline"
    assert named(graph, "closed host")["state"] == "Edge offline"
    assert named(graph, "red app")["as_of"] == estate.red_instance.observed_at.isoformat()


def test_what_hangs_below_a_silent_host_is_as_it_was(estate):
    estate.closed.reachable = False
    estate.closed.save()
    assert stale(graph_for(estate.admin.actor)) == {"red app", "pod-0"}


def test_what_was_never_seen_has_no_age(estate, make):
    make["host"]("one", "10.0.0.3", observed_at=None, reachable=None)
    assert named(graph_for(estate.rita.actor), "one")["as_of"] == ""


# --- too much ------------------------------------------------------------------------------------
def test_workloads_that_are_well_fold_first(estate, make, monkeypatch):
    make["instance"](estate.red, estate.red_package, estate.shared, "big",
                     workload=make["workload"](pods=10, bad=2, prefix="p"))
    monkeypatch.setattr(topology, "MOST_ELEMENTS", 20)
    graph = graph_for(estate.rita.actor)
    assert {label for label in drawn(graph) if label.startswith("p-")} == {"p-0", "p-1"}
    assert named(graph, "big")["folded"] == 8
    assert "workloads that are well are folded" in graph["notice"]
    assert graph["total"] == 17


def test_then_instances_fold_and_the_path_to_what_fails_stays(estate, make, monkeypatch):
    for n in range(10):
        make["instance"](estate.red, estate.red_package, estate.shared, f"i{n}")
    make["instance"](estate.red, estate.red_package, estate.shared, "ill",
                     workload=make["workload"](pods=3, bad=1, prefix="p"))
    monkeypatch.setattr(topology, "MOST_ELEMENTS", 15)
    graph = graph_for(estate.rita.actor)
    assert drawn(graph) >= {"edge one", "open host", "closed host", "ill", "p-0"}
    assert not {f"i{n}" for n in range(10)} & drawn(graph)
    assert named(graph, "open host")["folded"] == 20
    assert "instances that are well are folded" in graph["notice"]


def test_when_everything_fails_it_says_how_much_is_left_out(estate, make, monkeypatch):
    for n in range(10):
        make["instance"](estate.red, estate.red_package, estate.shared, f"i{n}",
                         state="Create failed", workload=make["workload"](bad=1))
    monkeypatch.setattr(topology, "MOST_ELEMENTS", 15)
    graph = graph_for(estate.rita.actor)
    assert len(graph["nodes"]) + len(graph["edges"]) <= 15
    assert "more elements are not shown" in graph["notice"]
    ids = {node["id"] for node in graph["nodes"]}
    assert all(node["parent"] in ids for node in graph["nodes"] if node["parent"])


@pytest.mark.parametrize("who", ["admin", "rita"])
def test_the_number_of_queries_does_not_grow(
    estate, make, who, django_assert_num_queries, django_assert_max_num_queries
):
    actor = getattr(estate, who).actor
    with django_assert_max_num_queries(6) as few:
        graph_for(actor)
    for n in range(20):
        host = make["host"](f"h{n}", f"10.0.1.{n}", estate.edge)
        make["instance"](estate.red, estate.red_package, host, f"i{n}")
    with django_assert_num_queries(len(few)):
        graph = graph_for(actor)
    assert AppInstance.objects.count() == 22
    assert len(graph["nodes"]) > 60


# --- the API -------------------------------------------------------------------------------------
def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_the_api_needs_somebody(estate):
    assert Client().get("/api/v1/topology").status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/topology", "/api/v1/topology/"])
def test_the_api_tells_what_the_page_draws(estate, site, path):
    answer = signed_in(estate.bert).get(path)
    assert answer.status_code == 200
    assert drawn(answer.json()) == SEES["bert"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["version"] > 0


def test_every_address_in_it_is_a_page(estate):
    addresses = {node["url"] for node in graph_for(estate.admin.actor)["nodes"]}
    assert {resolve(address).url_name for address in addresses} == {
        "dashboard", "systems", "host", "instance",
    }
