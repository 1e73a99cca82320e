"""Access files are tried before they replace what is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.common import clock
from apps.hosts.models import HostCredential, MecHost
from apps.monitoring import marks
from apps.orchestration import delivery
from tests import factories as make
from tests.hosts.api_server import GOOD, ApiServer

DOWN = make.ACCESS + "  faults:\n    - {kind: unreachable}\n"


@pytest.fixture
def boss(house):
    return make.Api(make.admin())


@pytest.fixture
def cluster(tmp_path):
    with ApiServer(tmp_path).running() as server:
        yield server


@pytest.fixture
def host(house, cluster):
    """A host of this site whose stored file opens the cluster."""
    made = make.host(vim="K8S", access="")
    make.credentials.store_credentials(
        actor=make.SYSTEM, host_id=made.pk, content=cluster.kubeconfig()
    )
    return made


def store(boss, host, content, **fields):
    form = {"file": SimpleUploadedFile("config", content), **fields}
    return boss.send("POST", f"/inventory/v1/mechosts/{host.ip}/k8sconfig", form=form)


def stored():
    found = HostCredential.objects.get()
    return found.content.reveal(), found.summary


def test_a_file_that_opens_the_cluster_is_stored_with_the_time_of_its_trial(boss, host, cluster):
    with clock.frozen() as now:
        assert store(boss, host, cluster.kubeconfig() + b"# new\n").status_code == 200
        content, summary = stored()
        assert content.endswith("# new\n")
        assert summary["tested_at"] == now().isoformat()
    assert "untested" not in summary


def _other_authority(cluster, folder):
    other = folder / "other"
    other.mkdir()
    return cluster.kubeconfig(ca=ApiServer(other).ca)


@pytest.mark.parametrize(("flaw", "words"), [
    ("token", "does not accept the credentials"),
    ("authority", "not signed by the CA of the kubeconfig"),
    ("rights", "create namespaces, get pods/log"),
])
def test_a_file_that_the_cluster_refuses_leaves_the_old_one(
    boss, host, cluster, tmp_path, flaw, words
):
    before, content = stored(), cluster.kubeconfig()
    if flaw == "token":
        content = cluster.kubeconfig(token="of-another")
    elif flaw == "authority":
        content = _other_authority(cluster, tmp_path)
    else:
        content = cluster.kubeconfig(token=f"{GOOD}-less")
        cluster.denied |= {("create", "namespaces"), ("get", "pods")}
    answer = store(boss, host, content + b"# another\n")
    assert answer.status_code == 400, answer.content
    assert words in answer.json()["errors"]["file"]
    assert stored() == before


def test_rights_that_were_granted_meanwhile_are_seen_at_once(boss, host, cluster):
    content = cluster.kubeconfig(token=f"{GOOD}-soon")
    cluster.denied.add(("delete", "namespaces"))
    assert store(boss, host, content).status_code == 400
    cluster.denied.clear()
    assert store(boss, host, content).status_code == 200


def test_a_cluster_that_does_not_answer_is_502_and_leaves_the_old_one(boss, host, cluster):
    before = stored()
    answer = store(boss, host, cluster.kubeconfig(port=1))
    assert answer.status_code == 502
    assert answer.json()["detail"] == "The API server refuses connections."
    assert stored() == before


def test_it_is_stored_untried_when_that_is_said(boss, host, cluster):
    assert store(boss, host, cluster.kubeconfig(port=1), untested="true").status_code == 200
    content, summary = stored()
    assert ":1\n" in content
    assert summary["untested"] is True
    assert "tested_at" not in summary
    # The next that is tried is known as such again.
    assert store(boss, host, cluster.kubeconfig()).status_code == 200
    assert "untested" not in stored()[1]


def test_what_is_no_answer_to_untested_is_refused(boss, host, cluster):
    before = stored()
    answer = store(boss, host, cluster.kubeconfig(), untested="perhaps")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["untested"])
    assert stored() == before


def test_a_file_that_cannot_be_read_is_refused_untried_too(boss, host, cluster):
    before = stored()
    assert store(boss, host, b"kind: Pod\n", untested="true").status_code == 400
    assert stored() == before


# --- from the center ---------------------------------------------------------------------------
@pytest.fixture
def far(two_sites):
    """A host of an edge, which has its access file."""
    made = make.host("10.9.1.1", edge=make.edge(), name="far")
    assert delivery.deliver(made.pk) == "delivered"
    return made


def at_edge(sites):
    with sites.inside():
        return stored()


def send(host, content, **more):
    make.credentials.store_credentials(
        actor=make.SYSTEM, host_id=host.pk, content=content.encode(), **more
    )
    return delivery.deliver(host.pk)


def test_the_edge_keeps_the_old_file_while_the_new_one_opens_nothing(two_sites, far):
    before = at_edge(two_sites)
    assert send(far, DOWN) == "waiting"
    assert at_edge(two_sites) == before
    found = MecHost.objects.get()
    assert found.is_delivered
    mark = marks.credentials_mark(found)
    assert mark.state == "Pending"
    assert "simulated" in str(mark.detail).lower()
    assert found.owes_delivery


def test_the_center_can_say_that_the_edge_takes_it_untried(two_sites, far):
    assert send(far, DOWN, untested=True) == "delivered"
    content, summary = at_edge(two_sites)
    assert content == DOWN
    assert summary["untested"] is True
    assert HostCredential.objects.get().is_untested


def test_what_the_edges_cluster_refuses_is_told_at_the_center_and_not_sent_again(
    two_sites, far, cluster
):
    with two_sites.inside():
        MecHost.objects.update(vim="K8S")
    MecHost.objects.update(vim="K8S")
    before = at_edge(two_sites)
    assert send(far, cluster.kubeconfig(token="of-another").decode()) == "delivered"
    assert at_edge(two_sites) == before
    mark = marks.credentials_mark(MecHost.objects.get())
    assert mark.state == "Invalid"
    assert "does not accept the credentials" in str(mark.detail)
    assert not HostCredential.objects.get().is_owed


# --- their end -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("days", "state", "tone"), [
    (-1, "Expired", marks.BAD), (29, "Expires soon", marks.WARN), (31, "Stored", marks.OK),
])
@pytest.mark.parametrize("member", ["expires", "ca"])
def test_an_end_that_is_near_is_warned_of(host, member, days, state, tone):
    with clock.frozen() as now:
        end = (now() + timedelta(days=days)).isoformat()
        told = {"expires": end} if member == "expires" else {"ca": {"expires": end}}
        HostCredential.objects.update(summary=told)
        mark = marks.credentials_mark(MecHost.objects.get())
        assert (mark.state, mark.tone) == (state, tone)
