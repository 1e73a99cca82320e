"""What tests on a cluster do again and again: create pods and deployments."""

from __future__ import annotations

from tests.waiting import soon


def pod_body(name, image="shop:1", annotations=None, **spec):
    """A pod with one container, ``main``."""
    wishes = {f"stand-in/{key}": value for key, value in (annotations or {}).items()}
    container = {"name": "main", "image": image} | spec.pop("container", {})
    quick = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {
        "metadata": {"name": name, "labels": {"app": name}, "annotations": wishes},
        "spec": quick | spec,
    }


def deployment_body(name, replicas=2, **more):
    """A Deployment of such pods."""
    pod = pod_body(name, **more)
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": pod["metadata"] | {"name": None}, "spec": pod["spec"]},
        },
    }


def create_pod(api, namespace, *args, **kwargs):
    """Create it; its name."""
    body = pod_body(*args, **kwargs)
    api.post(f"/api/v1/namespaces/{namespace}/pods", json=body).raise_for_status()
    return body["metadata"]["name"]


def create_deployment(api, namespace, *args, **kwargs):
    """Create it; its name."""
    body = deployment_body(*args, **kwargs)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    api.post(path, json=body).raise_for_status()
    return body["metadata"]["name"]


def read(api, path):
    """An object as it is now."""
    return api.get(path).raise_for_status().json()


def pod(api, namespace, name):
    """A pod as it is now."""
    return read(api, f"/api/v1/namespaces/{namespace}/pods/{name}")


def wish(api, namespace, name, **annotations):
    """Tell the stand-in how a pod behaves from now on; None takes a wish back."""
    wishes = {f"stand-in/{key.replace('_', '-')}": value for key, value in annotations.items()}
    api.patch(
        f"/api/v1/namespaces/{namespace}/pods/{name}",
        json={"metadata": {"annotations": wishes}},
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()


def condition(thing, name):
    """The status of a condition: True, False, Unknown, or empty where there is none."""
    conditions = thing.get("status", {}).get("conditions") or ()
    return next((one["status"] for one in conditions if one["type"] == name), "")


def container(thing):
    """The status of a pod's first container."""
    return (thing["status"].get("containerStatuses") or [{}])[0]


def waiting(thing):
    """Why a pod's first container waits; empty when it does not."""
    return container(thing).get("state", {}).get("waiting", {}).get("reason", "")


def until_ready(api, namespace, name, seconds=20):
    """Wait for a pod to be ready; the pod."""
    return until(api, namespace, name, lambda one: condition(one, "Ready") == "True", seconds)


def until(api, namespace, name, truth, seconds=20):
    """Wait for something to be true of a pod; the pod."""
    found = {}

    def true():
        found["pod"] = pod(api, namespace, name)
        return truth(found["pod"])

    soon(true, seconds, lambda: found["pod"]["status"])
    return found["pod"]


def events(api, namespace, name):
    """Type, reason and message of what happened to an object."""
    selector = f"involvedObject.name={name}"
    found = api.get(f"/api/v1/namespaces/{namespace}/events", params={"fieldSelector": selector})
    items = found.raise_for_status().json()["items"]
    return [(one["type"], one["reason"], one["message"]) for one in items]


def log(api, namespace, name, **query):
    """The answer to a request for a log."""
    return api.get(f"/api/v1/namespaces/{namespace}/pods/{name}/log", params=query)


def make_namespace(api, name):
    """Create a namespace and wait until pods can be created in it."""
    namespaces = "/api/v1/namespaces"
    api.post(namespaces, json={"metadata": {"name": name}}).raise_for_status()
    account = f"{namespaces}/{name}/serviceaccounts/default"
    soon(lambda: api.get(account).status_code == 200, 20)


def remove_namespace(api, name):
    """Delete a namespace and wait until it is gone."""
    path = f"/api/v1/namespaces/{name}"
    api.delete(path)
    gone = {}

    def absent():
        gone["answer"] = api.get(path)
        return gone["answer"].status_code == 404

    soon(absent, 60, lambda: gone["answer"].text)
