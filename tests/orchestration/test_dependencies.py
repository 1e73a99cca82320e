"""What applications need of each other, and the parameters that their packages declare."""

from __future__ import annotations

import pytest

from apps.instances.models import AppInstance, LcmOperation
from apps.mep.models import MecService
from tests import factories as make
from tests.orchestration.test_batch import Harbour

MAP = "map-service"  # what a package called "map" of the examples produces, in version 1.10


class Quay(Harbour):
    """A host with an application that may need the service of another."""

    def __init__(self):
        super().__init__()
        self.host = self.hosts[0]
        self.maps = make.package(self.tenant, name="map")
        self.guide = self.needs((MAP, "1.10"))

    def needs(self, *services, **more):
        """A package that requires services by name and version."""
        return make.package(self.tenant, name="guide", requires=services, **more)

    def put(self, package, state="Instantiated", **fields):
        """An instance on the host."""
        return make.instance(package, self.host, state=state, **fields)

    def order(self, package=None, query="", **change):
        """Ask for an instance of the guide, or of another package."""
        package = package or self.guide
        body = self.body(appPackageId=package.package_id, appName="guide", **change)
        return self.owner.send("POST", f"{self.base}{query}", body | {"mecHost": self.host.ip})

    def start(self, instance, query="", body=None):
        """Order an instance to run."""
        return self.owner.send("POST", f"{self.base}/{instance.pk}{query}", body)


@pytest.fixture
def quay(house):
    """One host."""
    return Quay()


def register(name, version, application=None, **more):
    """A service at the MEC platform of the host, or at that of the application."""
    service = make.mec_service(application, name=name, **more)
    service.ser_version = version
    service.save()


def refused(answer):
    """The services that an order was refused for."""
    assert answer.status_code == 412, answer.content
    assert answer.json()["response"] == f"dependency app {MAP} not deployed"
    return [one["serName"] for one in answer.json()["missing"]]


def test_order_is_refused_by_name_while_a_required_service_is_missing(quay):
    """Q39: checked with the version at creation, and again when it is to run."""
    assert refused(quay.order()) == [MAP]
    assert not AppInstance.objects.exists()
    guide = quay.put(quay.guide, "Created")
    assert refused(quay.start(guide)) == [MAP]
    guide.refresh_from_db()
    assert guide.state == "Created"
    assert not LcmOperation.objects.exists()


@pytest.mark.parametrize(
    ("state", "create", "start"),
    [("Creating", 202, 412), ("Created", 202, 412), ("Instantiating", 202, 202),
     ("Instantiated", 202, 202), ("Create failed", 412, 412), ("Terminating", 412, 412),
     ("Instantiation failed", 412, 412)],
)
def test_instance_meets_what_its_package_produces_while_it_lives(quay, state, create, start):
    quay.put(quay.maps, state)
    assert quay.order().status_code == create
    AppInstance.objects.filter(app_name="guide").delete()
    assert quay.start(quay.put(quay.guide, "Created")).status_code == start


def test_two_instances_of_one_application_on_a_host_are_no_trouble(quay):
    """Q38: either of them meets the need."""
    quay.put(quay.maps)
    quay.put(quay.maps)
    assert quay.order().status_code == 202


@pytest.mark.parametrize(
    ("state", "version", "status"),
    [("ACTIVE", "1.10", 202), ("INACTIVE", "1.10", 412), ("SUSPENDED", "1.10", 412),
     ("ACTIVE", "2.0", 412)],
)
def test_service_of_the_platform_meets_it_when_active_and_of_that_version(
    quay, state, version, status
):
    register(MAP, version, state=state)
    assert quay.order().status_code == status


def test_service_at_another_edge_or_of_another_host_meets_nothing(quay):
    edge = make.edge()
    register(MAP, "1.10", make.mec_application(site_id=edge.pk))
    other = make.host("10.1.0.9")
    make.instance(quay.maps, other, state="Instantiated")
    assert refused(quay.order()) == [MAP]
    quay.host = make.host("10.1.0.8", edge=edge)
    assert quay.order().status_code == 202


def test_id_in_a_package_is_a_hint_that_nobody_needs(quay):
    def wanting(app_id="", package_id=""):
        stored = make.package(quay.tenant, name="guide")
        stored.info["requirements"]["services_required"] = [
            {"name": "maps", "version": "9", "app_id": app_id, "package_id": package_id}]
        stored.save()
        return stored

    quay.put(quay.maps)
    stranger = wanting("0" * 32, "f" * 64)
    assert quay.order(stranger).status_code == 412
    register("maps", "9")
    assert quay.order(stranger).status_code == 202
    MecService.objects.all().delete()
    AppInstance.objects.filter(app_name="guide").delete()
    assert quay.order(wanting(quay.maps.app_id.hex)).status_code == 202


@pytest.mark.parametrize("way", ["query", "body"])
def test_missing_service_may_be_accepted_and_is_kept_as_a_warning(quay, way):
    wish = {"query": "?allow_missing_services=true"} if way == "query" else {
        "allow_missing_services": True}
    answer = quay.order(**wish)
    assert answer.status_code == 202
    key = answer.json()["response"]["app_instance_id"]
    # Who accepted it once is not asked again when it is to run.
    assert quay.owner.send("POST", f"{quay.base}/{key}").status_code == 202
    info = quay.owner.send("GET", quay.base.replace("instances", f"instance_infos/{key}"))
    (said,) = info.json()["response"]["warnings"]
    assert f"{MAP} 1.10" in said
    assert quay.order(query="?allow_missing_services=perhaps").status_code == 400


def test_what_others_need_is_not_terminated_and_they_are_named(quay):
    """Q53: a precondition with the original's words and the names, not a failure of ours."""
    maps, guide = quay.put(quay.maps, name="maps"), quay.put(quay.guide, name="guide")
    answer = quay.owner.send("DELETE", f"{quay.base}/{maps.pk}")
    assert answer.status_code == 412
    assert answer.json()["response"] == "application instance depended by others"
    assert answer.json()["dependents"] == [
        {"appInstanceId": str(guide.pk), "appName": "guide"}]
    (item,) = quay.send("terminate", {"appInstanceIds": [str(maps.pk)]})
    assert (item["status"], item["dependents"][0]["appName"]) == (
        "application instance depended by others", "guide")
    maps.refresh_from_db()
    assert maps.state == "Instantiated"
    spare = quay.put(quay.maps, name="spare")
    assert quay.owner.send("DELETE", f"{quay.base}/{maps.pk}").status_code == 202
    assert quay.owner.send("DELETE", f"{quay.base}/{spare.pk}").status_code == 412
    assert quay.owner.send("DELETE", f"{quay.base}/{guide.pk}").status_code == 202
    assert quay.owner.send("DELETE", f"{quay.base}/{spare.pk}").status_code == 202


def test_batch_puts_those_that_need_after_those_that_are_needed(quay):
    """Q39: the order within a batch does not matter."""
    guide, maps = quay.put(quay.guide, "Created"), quay.put(quay.maps, "Created")
    keys = [str(guide.pk), str(maps.pk)]
    items = quay.send("instantiate", {"appInstanceIds": keys})
    assert [(one["appInstanceId"], one["status"]) for one in items] == [
        (key, "Accepted") for key in keys]
    items = quay.send("terminate", {"appInstanceIds": keys[::-1]})
    assert [(one["appInstanceId"], one["status"]) for one in items] == [
        (key, "Accepted") for key in keys[::-1]]


# --- parameters ----------------------------------------------------------------------------------


def inputs(quay, *rows):
    """A package with these inputs beside its chart's values."""
    stored = make.package(quay.tenant, name="guide")
    stored.info["requirements"]["inputs"] = [
        {"name": name, "type": kind, "default": default, "description": "", "required": True}
        for name, kind, default in rows]
    stored.save()
    return stored


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"level": "3", "ratio": "0.5", "on": "true", "who": "me"}, []),
        ({"who": "me", "appconfig.appnamespace": "blue"}, []),
        ({"level": "x", "ratio": "nan", "on": "yes", "who": "me"}, ["level", "ratio", "on"]),
        ({"level": "3.5", "who": "me", "colour": "red"}, ["level", "colour"]),
        ({}, ["who"]), ({"who": ""}, ["who"]),
        ({"who": "me", "appconfig": "x"}, ["appconfig"]),
    ],
    ids=str,
)
def test_parameters_are_what_the_package_declares(quay, given, wrong):
    package = inputs(quay, ("level", "integer", "1"), ("ratio", "float", "1"),
                     ("on", "boolean", "true"), ("who", "string", None))
    instance = quay.put(package, "Created")
    answer = quay.start(instance, body={"parameters": given})
    assert answer.status_code == (400 if wrong else 202), answer.content
    instance.refresh_from_db()
    if wrong:
        assert set(answer.json()["errors"]) == {f"parameters.{name}" for name in wrong}
        assert instance.parameters == {}
    else:
        assert instance.parameters == given


def test_parameters_of_the_creation_are_kept_and_added_to(quay):
    package = inputs(quay, ("who", "string", None), ("level", "integer", "1"))
    answer = quay.order(package, parameters={"level": "2"})
    key = answer.json()["response"]["app_instance_id"]
    url = f"{quay.base}/{key}"
    assert quay.owner.send("POST", url).json()["errors"].keys() == {"parameters.who"}
    assert quay.owner.send("POST", url, {"parameters": {"who": "me"}}).status_code == 202
    assert AppInstance.objects.get().parameters == {"level": "2", "who": "me"}
    assert quay.order(package, parameters={"nobody": "x"}).status_code == 400
