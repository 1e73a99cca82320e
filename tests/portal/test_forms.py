"""Forms end in services; what is wrong is told at its field, and what was typed stays."""

from __future__ import annotations

import uuid

from apps.hosts.models import AppLcm, HostCredential, MecHost
from apps.instances.models import AppInstance, LcmOperation
from apps.packages.models import Distribution, Package
from apps.tenants.models import Tenant, User
from tests import factories
from tests.portal.conftest import browser

HOST = {
    "name": "quay", "ip": "10.3.0.1", "vim": "Simulated", "affinity": "X86", "applcm": "",
    "app_rule": "", "city": "Delft", "address": "Quay 1", "coordinates": "4.35, 52.01",
    "zip_code": "", "user_name": "", "shared": "on", "hwType0": "GPU", "hwVendor0": "ACME",
    "hwModel0": "X1",
}


def upload(client, content, **more):
    return client.post("/packages/upload/", {"file": factories.uploaded(content), **more})


def test_a_package_is_uploaded_with_a_name_of_its_own(estate, open_as):
    answer = upload(open_as("tenant"), factories.csar(), name="quay-app", version="9")
    package = Package.objects.get(name="quay-app")
    assert answer.status_code == 302
    assert answer["Location"] == f"/packages/{package.pk}/"
    assert (package.package_version, package.tenant_id) == ("9", estate.one.pk)


def test_a_script_that_uploads_is_told_where_to_go(open_as):
    content = factories.csar(name="scripted")
    answer = open_as("tenant").post(
        "/packages/upload/", {"file": factories.uploaded(content)},
        headers={"X-Requested-With": "XMLHttpRequest"},
    )
    assert answer.status_code == 204
    assert answer["X-Location"] == f"/packages/{Package.objects.latest('created_at').pk}/"


def test_a_refused_package_is_told_in_its_own_sentence_and_the_form_stays(open_as):
    before = Package.objects.count()
    answer = upload(open_as("tenant", "zh-hans"), b"this is no zip", name="typed-name")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "不是 zip 压缩包" in text
    assert 'value="typed-name"' in text
    assert Package.objects.count() == before


def test_an_administrator_names_the_tenant(estate, open_as):
    client = open_as("admin")
    answer = upload(client, factories.csar())
    assert answer.status_code == 422
    assert 'aria-describedby="id_tenant_error"' in answer.content.decode()
    assert upload(client, factories.csar(name="for-two"), tenant=estate.two.pk).status_code == 302
    assert Package.objects.get(name="for-two").tenant_id == estate.two.pk


def test_a_package_is_distributed_and_taken_off(estate, open_as):
    client = open_as("tenant")
    url = f"/packages/{estate.package.pk}/distribute/"
    assert client.post(url).status_code == 422
    assert client.post(url, {"host": estate.unseen.pk}).status_code == 302
    row = Distribution.objects.get(package=estate.package, host=estate.unseen)
    assert row.state == "Processing"
    off = f"/packages/{estate.package.pk}/withdraw/{estate.unseen.pk}/"
    assert "Take “" in client.get(off).content.decode()
    assert client.post(off).status_code == 302
    gone = Distribution.objects.filter(pk=row.pk).first()
    assert gone is None or gone.removing


def test_a_host_that_cannot_run_it_is_refused_with_the_reason(estate, open_as):
    host = factories.host("10.2.9.9", vim="OpenStack", access="")
    client = open_as("tenant")
    url = f"/packages/{estate.package.pk}/distribute/"
    assert "cannot run a package of class" in client.get(url).content.decode()
    answer = client.post(url, {"host": host.pk})
    assert answer.status_code == 422
    assert "cannot run a package of class" in answer.content.decode()
    assert client.post(url, {"host": uuid.uuid4()}).status_code in (404, 422)


def test_an_instance_is_created_and_started(estate, open_as):
    client = open_as("tenant")
    url = f"/instances/new/?package={estate.package.pk}"
    answer = client.post(url, {"host": estate.online.pk, "app_name": "gate", "start": "1"})
    made = AppInstance.objects.get(app_name="gate")
    assert answer.status_code == 302
    assert answer["Location"] == f"/instances/{made.pk}/"
    kinds = LcmOperation.objects.filter(instance_id=made.pk).values_list("kind", flat=True)
    assert set(kinds) == {"create", "instantiate"}
    assert made.tenant_id == estate.one.pk


def test_an_instance_that_is_only_created_is_not_started(estate, open_as):
    url = f"/instances/new/?package={estate.package.pk}"
    open_as("tenant").post(url, {"host": estate.online.pk, "app_name": "later"})
    made = AppInstance.objects.get(app_name="later")
    kinds = LcmOperation.objects.filter(instance_id=made.pk).values_list("kind", flat=True)
    assert set(kinds) == {"create"}


def test_wrong_input_for_an_instance_is_told_at_its_field(estate, open_as):
    url = f"/instances/new/?package={estate.package.pk}"
    other = factories.host("10.2.9.9", vim="OpenStack", access="")
    answer = open_as("tenant").post(
        url, {"host": other.pk, "app_name": "no good!", "description": "kept"}
    )
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="no good!"' in text
    assert 'value="kept"' in text
    assert "Choose one of the hosts that can run the package." in text
    assert "id_app_name_error" in text
    assert "⁉" not in text


def test_an_instance_is_terminated_after_a_question(estate, open_as):
    client = open_as("tenant")
    url = f"/instances/{estate.running.pk}/terminate/"
    question = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert estate.running.app_name in question
    assert "data-cancel" in question
    assert client.post(url).status_code == 302
    estate.running.refresh_from_db()
    assert estate.running.state == "Terminating"


def test_what_the_state_forbids_is_told_in_the_readers_language(estate, open_as):
    client = open_as("tenant", "zh-hans")
    answer = client.post(f"/instances/{estate.running.pk}/instantiate/", follow=True)
    assert "状态为“已实例化”时不能执行“实例化”。" in answer.content.decode()


def test_a_host_is_registered_changed_and_removed(open_as):
    client = open_as("admin")
    answer = client.post("/hosts/new/", HOST)
    host = MecHost.objects.get(ip="10.3.0.1")
    assert answer["Location"] == f"/hosts/{host.pk}/credentials/"
    assert host.hw_capabilities == [{"hwType": "GPU", "hwVendor": "ACME", "hwModel": "X1"}]
    assert host.coordinates == "4.35,52.01"
    answer = client.post(f"/hosts/{host.pk}/edit/", {**HOST, "name": "quay2", "ip": "1.2.3.4"})
    assert answer.status_code == 302
    host.refresh_from_db()
    assert (host.name, host.ip) == ("quay2", "10.3.0.1")
    assert client.post(f"/hosts/{host.pk}/delete/").status_code == 302
    assert not MecHost.objects.filter(pk=host.pk).exists()


def test_wrong_input_for_a_host_keeps_what_was_typed(estate, open_as):
    wrong = {**HOST, "ip": "10.3.0.999", "city": "Delft!", "coordinates": "north"}
    answer = open_as("admin").post("/hosts/new/", wrong)
    text = answer.content.decode()
    assert answer.status_code == 422
    for kept in ("10.3.0.999", "Delft!", "north", "ACME"):
        assert f'value="{kept}"' in text
    for field in ("ip", "city", "coordinates"):
        assert f'id="id_{field}_error"' in text
        assert f'href="#id_{field}"' in text
    taken = open_as("admin").post("/hosts/new/", {**HOST, "ip": estate.online.ip})
    assert 'id="id_ip_error"' in taken.content.decode()
    assert "⁉" not in taken.content.decode()


def test_credentials_are_stored_and_never_shown(estate, open_as):
    client = open_as("admin")
    url = f"/hosts/{estate.offline.pk}/credentials/"
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"content": "nonsense: ["}).status_code == 422
    assert client.post(url, {"content": factories.ACCESS}).status_code == 302
    assert HostCredential.objects.filter(host=estate.offline).exists()
    page = client.get(f"/hosts/{estate.offline.pk}/").content.decode()
    assert factories.TOKEN not in page
    assert client.post(f"/hosts/{estate.offline.pk}/credentials/delete/").status_code == 302
    assert not HostCredential.objects.filter(host=estate.offline).exists()


def test_a_manager_is_registered_changed_and_removed(open_as):
    client = open_as("admin")
    given = {"name": "edge9", "ip": "10.9.0.9", "port": "30204", "user_name": ""}
    assert client.post("/systems/applcm/new/", {**given, "port": "0"}).status_code == 422
    assert client.post("/systems/applcm/new/", given).status_code == 302
    again = client.post("/systems/applcm/new/", given)
    assert again.status_code == 422
    assert 'id="id_ip_error"' in again.content.decode()
    edit = "/systems/applcm/10.9.0.9/edit/"
    assert client.post(edit, {**given, "name": "edge10"}).status_code == 302
    assert AppLcm.objects.get(ip="10.9.0.9").name == "edge10"
    assert client.post("/systems/applcm/10.9.0.9/delete/").status_code == 302
    assert not AppLcm.objects.filter(ip="10.9.0.9").exists()
    assert client.get("/systems/evil/new/").status_code == 404


def test_a_manager_in_use_stays_and_says_for_whom(estate, open_as):
    answer = open_as("admin").post("/systems/applcm/10.9.0.1/delete/", follow=True)
    assert "is still used by" in answer.content.decode()
    assert AppLcm.objects.filter(ip="10.9.0.1").exists()


def test_tenants_and_users(estate, open_as):
    client = open_as("admin")
    assert client.post("/users/tenants/new/", {"name": "three"}).status_code == 302
    three = Tenant.objects.get(name="three")
    again = client.post("/users/tenants/new/", {"name": "three"})
    assert 'id="id_name_error"' in again.content.decode()
    given = {"username": "eve", "role": "tenant", "tenant": three.pk, "password": "short"}
    weak = client.post("/users/new/", given)
    assert weak.status_code == 422
    assert 'id="id_password_error"' in weak.content.decode()
    assert 'value="eve"' in weak.content.decode()
    assert 'value="short"' not in weak.content.decode()
    assert client.post("/users/new/", {**given, "password": factories.PASSWORD}).status_code == 302
    eve = User.objects.get(username="eve")
    assert client.post(f"/users/{eve.pk}/disable/").status_code == 302
    eve.refresh_from_db()
    assert not eve.is_active
    assert browser(eve).get("/").status_code == 302
    own = client.post(f"/users/{estate.people['admin'].pk}/disable/", follow=True)
    assert "You cannot switch off your own account." in own.content.decode()
