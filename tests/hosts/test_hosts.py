"""MEC hosts: the inventory of the center and of an edge, credentials, and what a probe found."""

from __future__ import annotations

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.common import clock
from apps.common.errors import Conflict
from apps.hosts import credentials, services
from apps.hosts.models import HostCredential, MecHost
from apps.hosts.specs import HostObservation
from apps.journal.models import Entry, Tombstone
from apps.tenants.actors import SYSTEM
from tests import factories as make

URL = "/inventory/v1/mechosts"
BODY = {
    "mechostIp": "10.0.0.1",
    "mechostName": "quay-4",
    "zipCode": "2611",
    "city": "Den Haag",
    "address": "Scheveningse Haven 4",
    "affinity": "X86,ARM64",
    "userName": "operator",
    "coordinates": "4.26,52.10",
    "vim": "Simulated",
    "hwcapabilities": [{"hwType": "GPU", "hwVendor": "Acme", "hwModel": "G1"}],
    "applcmIp": "10.9.0.1",
    "appRuleIp": "10.9.0.1",
}
OPTIONAL = ("zipCode", "affinity", "userName", "vim", "hwcapabilities", "appRuleIp")


@pytest.fixture
def boss(house):
    """An administrator's client at a center that knows the managers of one edge."""
    make.edge()
    make.rule_manager()
    return make.Api(make.admin())


def test_registered_host_is_read_back_in_the_fields_of_the_original(boss):
    assert boss.send("POST", URL, BODY).json() == {"response": "Saved"}
    for found in (boss.send("GET", URL).json()[0], boss.send("GET", f"{URL}/10.0.0.1").json()):
        assert BODY.items() <= found.items()
        assert found["observed"]["reachable"] is None
        assert found["delivery"] == {"delivered": False, "removing": False, "reason": None}
    etag = boss.send("GET", f"{URL}/10.0.0.1").headers["ETag"]
    assert etag == f'"{MecHost.objects.get().version}"'


@pytest.mark.parametrize("value", [None, "absent"])
def test_optional_fields_may_be_null_or_absent_and_are_read_as_null(boss, value):
    body = {key: (None if key in OPTIONAL else text) for key, text in BODY.items()}
    body["hwcapabilities"] = []
    body["vim"] = "Simulated"
    if value == "absent":
        body = {key: text for key, text in body.items() if text}
    assert boss.send("POST", URL, body).status_code == 200
    found = boss.send("GET", f"{URL}/10.0.0.1").json()
    assert [found[key] for key in ("zipCode", "affinity", "userName", "appRuleIp")] == [None] * 4
    assert found["hwcapabilities"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("mechostIp", "10.0.0"), ("mechostIp", None), ("mechostName", "a b"), ("mechostName", ""),
     ("city", ""), ("city", "a-b"), ("city", "x" * 129), ("address", ""), ("address", "x" * 257),
     ("coordinates", ""), ("affinity", "a b"), ("applcmIp", "edge"), ("applcmIp", ""),
     ("appRuleIp", "x"), ("hwcapabilities", "GPU"), ("hwcapabilities", [{}] * 11),
     ("userName", "a b"), ("zipCode", "x" * 129), ("vim", "VMware")],
)
def test_wrong_field_answers_400_names_it_and_keeps_nothing(boss, field, value):
    answer = boss.send("POST", URL, BODY | {field: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not MecHost.objects.exists()


@pytest.mark.parametrize(
    ("field", "names"), [("applcmIp", "10.9.9.9"), ("appRuleIp", "10.9.9.9")]
)
def test_host_of_an_unknown_manager_answers_404_and_is_not_kept(boss, field, names):
    answer = boss.send("POST", URL, BODY | {field: names})
    assert answer.status_code == 404
    assert names in answer.json()["detail"]
    assert not MecHost.objects.exists()


def test_address_that_is_known_answers_400_in_the_words_of_the_original(boss):
    boss.send("POST", URL, BODY)
    answer = boss.send("POST", URL, BODY | {"mechostName": "other"})
    assert answer.status_code == 400
    assert answer.json()["message"] == "Record already exist"
    assert MecHost.objects.get().name == "quay-4"


def test_limit_of_hosts_answers_409(boss, settings):
    settings.LIMITS = settings.LIMITS | {"hosts": 1}
    boss.send("POST", URL, BODY)
    answer = boss.send("POST", URL, BODY | {"mechostIp": "10.0.0.2"})
    assert (answer.status_code, answer.json()["limit"]) == (409, 1)


def test_change_replaces_every_field_and_is_owed_to_the_edge(boss):
    boss.send("POST", URL, BODY)
    host = MecHost.objects.get()
    services.note_delivered(actor=SYSTEM, host_id=host.pk, version=host.desired_version)
    assert MecHost.objects.get().is_delivered
    body = {key: text for key, text in BODY.items() if key not in ("zipCode", "hwcapabilities")}
    boss.send("PUT", f"{URL}/10.0.0.1", body | {"city": "Delft"})
    host = MecHost.objects.get()
    assert (host.city, host.zip_code, host.hw_capabilities) == ("Delft", "", [])
    assert not host.is_delivered
    assert Entry.objects.latest("id").data == {"changed": ["city", "hw_capabilities", "zip_code"]}


def test_change_that_changes_nothing_is_no_news(boss):
    boss.send("POST", URL, BODY)
    before, entries = MecHost.objects.get(), Entry.objects.count()
    assert boss.send("PUT", f"{URL}/10.0.0.1", BODY).status_code == 200
    assert MecHost.objects.get().version == before.version
    assert Entry.objects.count() == entries


def test_change_under_another_address_answers_400_and_of_an_unknown_host_404(boss):
    boss.send("POST", URL, BODY)
    answer = boss.send("PUT", f"{URL}/10.0.0.1", BODY | {"mechostIp": "10.0.0.2"})
    assert answer.status_code == 400
    assert answer.json()["details"] == ["host IP in body and url is different"]
    assert boss.send("PUT", f"{URL}/10.0.0.9", "{").status_code == 404


def test_host_that_never_got_to_its_edge_is_removed_at_once(boss):
    boss.send("POST", URL, BODY)
    assert boss.send("DELETE", f"{URL}/10.0.0.1").json() == {"response": "Deleted"}
    assert not MecHost.objects.exists()
    assert Tombstone.objects.filter(kind="mechost").count() == 1


def test_host_that_its_edge_has_is_removed_when_the_edge_has_let_go(boss):
    boss.send("POST", URL, BODY)
    host = MecHost.objects.get()
    services.note_delivered(actor=SYSTEM, host_id=host.pk, version=host.desired_version)
    assert boss.send("DELETE", f"{URL}/10.0.0.1").status_code == 200
    found = boss.send("GET", f"{URL}/10.0.0.1").json()
    assert found["delivery"]["removing"] is True
    assert boss.send("DELETE", f"{URL}/10.0.0.1").status_code == 200, "asked twice is asked once"
    assert Entry.objects.filter(verb="hosts.host.removing").count() == 1


@pytest.mark.parametrize("delivered", [False, True])
def test_host_with_instances_stays_and_the_answer_names_them(boss, delivered):
    host = make.host("10.0.0.1", applcm_ip="10.9.0.1", access="")
    make.instance(make.package(make.tenant()), host, name="camera")
    if delivered:
        services.note_delivered(actor=SYSTEM, host_id=host.pk, version=host.desired_version)
    for url in (f"{URL}/10.0.0.1", URL):
        answer = boss.send("DELETE", url)
        assert answer.status_code == 409
        assert "camera" in answer.json()["detail"]
    host.refresh_from_db()
    assert not host.removing


def test_all_hosts_are_removed_at_once_or_none(boss):
    for number in (1, 2):
        boss.send("POST", URL, BODY | {"mechostIp": f"10.0.0.{number}"})
    used = make.host("10.0.0.3", applcm_ip="10.9.0.1", access="")
    instance = make.instance(make.package(make.tenant()), used)
    assert boss.send("DELETE", URL).status_code == 409
    assert MecHost.objects.count() == 3
    instance.delete()
    assert boss.send("DELETE", URL).status_code == 200
    assert not MecHost.objects.exists()


# --- credentials ---------------------------------------------------------------------------------


def store(boss, content, ip="10.0.0.1"):
    """Upload an access file."""
    form = {"file": SimpleUploadedFile("config", content)}
    return boss.send("POST", f"{URL}/{ip}/k8sconfig", form=form)


def test_access_file_is_stored_and_only_its_summary_is_shown(boss):
    boss.send("POST", URL, BODY)
    assert store(boss, make.ACCESS.encode()).json() == {"response": "Saved"}
    credential = HostCredential.objects.get()
    assert credential.content.reveal() == make.ACCESS
    assert credential.summary["token"] is True
    assert boss.send("GET", f"{URL}/10.0.0.1").json()["configUploadStatus"] is None
    credentials.note_credentials_delivered(sent=credential)
    assert boss.send("GET", f"{URL}/10.0.0.1").json()["configUploadStatus"] == "Uploaded"


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", b"\xff\xfe\x00", b"simulated: {nodes: many}", b"simulated: [",
     b"apiVersion: v1\nkind: Config\n", b"x" * (1024 * 1024 + 1)],
    ids=lambda content: repr(content[:12]),
)
def test_access_file_that_cannot_be_used_answers_400_and_the_old_one_stays(boss, content):
    boss.send("POST", URL, BODY)
    store(boss, make.ACCESS.encode())
    before = HostCredential.objects.values().get()
    answer = store(boss, content)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert HostCredential.objects.values().get() == before


def test_access_file_that_is_not_there_answers_400(boss):
    boss.send("POST", URL, BODY)
    answer = boss.send("POST", f"{URL}/10.0.0.1/k8sconfig", form={"other": "x"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["file"]


def test_access_file_is_forgotten_and_forgetting_it_again_answers_404(boss):
    boss.send("POST", URL, BODY)
    store(boss, make.ACCESS.encode())
    assert boss.send("DELETE", f"{URL}/10.0.0.1/k8sconfig").json() == {"response": "Deleted"}
    assert not HostCredential.objects.exists()
    assert boss.send("GET", f"{URL}/10.0.0.1").json()["configUploadStatus"] == "Deleted"
    assert boss.send("DELETE", f"{URL}/10.0.0.1/k8sconfig").status_code == 404


def test_access_file_that_the_edge_has_is_kept_no_longer(boss):
    boss.send("POST", URL, BODY)
    store(boss, make.ACCESS.encode())
    credentials.note_credentials_delivered(sent=HostCredential.objects.get())
    credential = HostCredential.objects.get()
    assert not credential.content
    assert credential.delivered_at
    assert credential.summary["seed"] == 7


def test_access_file_replaced_while_the_old_one_travelled_is_still_to_be_sent(boss):
    boss.send("POST", URL, BODY)
    store(boss, make.ACCESS.encode())
    sent = HostCredential.objects.get()
    store(boss, make.ACCESS.replace("seed: 7", "seed: 8").encode())
    credentials.note_credentials_delivered(sent=sent)
    credential = HostCredential.objects.get()
    assert "seed: 8" in credential.content.reveal()
    assert credential.is_owed


def test_removed_access_file_is_forgotten_once_the_edge_has_forgotten_it(boss):
    boss.send("POST", URL, BODY)
    store(boss, make.ACCESS.encode())
    credentials.note_credentials_delivered(sent=HostCredential.objects.get())
    assert boss.send("DELETE", f"{URL}/10.0.0.1/k8sconfig").status_code == 200
    credential = HostCredential.objects.get()
    assert credential.is_owed
    assert MecHost.objects.get().owes_delivery
    credentials.note_credentials_removed(sent=credential)
    assert not HostCredential.objects.exists()
    assert boss.send("GET", f"{URL}/10.0.0.1").json()["configUploadStatus"] == "Deleted"


# --- what a probe found --------------------------------------------------------------------------


def seen(now, **more):
    """An observation."""
    fields = {"reachable": True, "vim_kind": "simulated", "simulated": True,
              "facts": {"as_of": now().isoformat(), "version": "1"}, **more}
    return HostObservation(at=now(), **fields)


def test_probe_without_news_keeps_the_version_and_moves_the_time(house):
    host = make.host(access="")
    with clock.frozen() as now:
        assert services.note_observed(actor=SYSTEM, host_id=host.pk, seen=seen(now))
        first = MecHost.objects.get()
        entries = Entry.objects.count()
        now.advance(seconds=15)
        assert not services.note_observed(actor=SYSTEM, host_id=host.pk, seen=seen(now))
        again = MecHost.objects.get()
        assert (again.version, again.observed_at) == (first.version, now())
        assert again.facts["as_of"] == now().isoformat()
        assert again.since == first.since
        assert Entry.objects.count() == entries


def test_probe_with_news_raises_the_version_and_only_a_turn_is_a_deed(house):
    host = make.host(access="")
    with clock.frozen() as now:
        services.note_observed(actor=SYSTEM, host_id=host.pk, seen=seen(now))
        first = MecHost.objects.get()
        now.advance(seconds=15)
        bigger = seen(now, facts={"version": "2"})
        assert services.note_observed(actor=SYSTEM, host_id=host.pk, seen=bigger)
        more = MecHost.objects.get()
        assert more.version > first.version
        assert more.since == first.since
        lost = seen(now, reachable=False, facts={}, fault={"text": "away"})
        services.note_observed(actor=SYSTEM, host_id=host.pk, seen=lost)
    gone = MecHost.objects.get()
    assert (gone.reachable, gone.since, str(gone.fault_reason)) == (False, now(), "away")
    assert gone.facts == {"version": "2"}, "what was known last is still what is known"
    verbs = list(Entry.objects.filter(kind="mechost").values_list("verb", flat=True))
    assert verbs[1:] == ["hosts.host.reachable", "hosts.host.unreachable"]


def test_older_word_of_an_edge_does_not_undo_a_newer_one(house):
    host = make.host(edge=make.edge(), access="")
    with clock.frozen() as now:
        for version, reachable in ((5, True), (4, False), (5, False)):
            services.note_observed(actor=SYSTEM, host_id=host.pk, edge_version=version,
                                   seen=seen(now, reachable=reachable))
    assert MecHost.objects.get().reachable is True


# --- at an edge ----------------------------------------------------------------------------------

LCM = "/lcmcontroller/v1/hosts"
LOCAL = {key: value for key, value in BODY.items() if key not in ("applcmIp", "appRuleIp")}


@pytest.fixture
def operator(edge_house):
    """An administrator's client at an edge."""
    return make.Api(make.admin())


def test_edge_takes_a_host_under_the_id_that_its_center_gave(operator):
    key = uuid.uuid4()
    body = LOCAL | {"mechostId": str(key), "origin": "MEO"}
    for method in ("POST", "PUT", "PUT"):
        assert operator.send(method, LCM, body).status_code == 200
    host = MecHost.objects.get()
    assert (host.pk, host.origin, host.is_local) == (key, "MEO", True)


def test_edge_makes_an_id_for_a_host_that_is_born_there(operator):
    answer = operator.send("POST", LCM, LOCAL)
    assert (answer.status_code, answer.content) == (200, b"null")
    assert MecHost.objects.get().origin == "MEPM"
    found = operator.send("GET", LCM).json()[0]
    assert LOCAL.items() <= found.items()
    operator.send("PUT", LCM, LOCAL | {"city": "Delft"})
    assert MecHost.objects.get().city == "Delft"


def test_edge_refuses_another_address_under_an_id_that_it_has(operator):
    key = str(uuid.uuid4())
    operator.send("POST", LCM, LOCAL | {"mechostId": key})
    answer = operator.send("POST", LCM, LOCAL | {"mechostId": key, "mechostIp": "10.0.0.2"})
    assert answer.status_code == 409
    assert MecHost.objects.get().ip == "10.0.0.1"


def test_edge_stores_and_forgets_the_access_file_by_address(operator):
    operator.send("POST", LCM, LOCAL)
    url = "/lcmcontroller/v1/configuration"
    form = {"hostIp": "10.0.0.1", "configFile": SimpleUploadedFile("c", make.ACCESS.encode())}
    assert operator.send("POST", url, form=form).status_code == 200
    assert HostCredential.objects.get().content.reveal() == make.ACCESS
    assert operator.send("DELETE", f"{url}?hostIp=10.0.0.1").status_code == 200
    assert not HostCredential.objects.exists()
    assert operator.send("DELETE", url, {"hostIp": "10.0.0.9"}).status_code == 404
    assert operator.send("DELETE", url, {"hostIp": "x"}).status_code == 400


def test_edge_removes_a_host_and_refuses_while_something_runs_there(operator):
    operator.send("POST", LCM, LOCAL)
    instance = make.instance(make.package(make.tenant()), MecHost.objects.get())
    assert operator.send("DELETE", f"{LCM}/10.0.0.1").status_code == 409
    instance.delete()
    assert operator.send("DELETE", f"{LCM}/10.0.0.1").status_code == 200
    assert operator.send("DELETE", f"{LCM}/10.0.0.1").status_code == 404


def test_host_id_that_is_taken_is_refused(house):
    host = make.host(access="")
    with pytest.raises(Conflict):
        services.register_host(actor=SYSTEM, spec=make.host_spec(), host_id=host.pk)
