"""A service center that lives in memory: it keeps, forgets and refuses as the real one does."""

from __future__ import annotations

import itertools
import json
import re
from datetime import timedelta
from urllib.parse import unquote

import httpx

from apps.common import clock

NAME = re.compile(r"[a-zA-Z0-9]*|[a-zA-Z0-9][a-zA-Z0-9_\-.]*[a-zA-Z0-9]")
VERSION = re.compile(r"\d+(\.\d+){0,3}")
STATUSES = {"UP", "DOWN", "STARTING", "TESTING", "OUTOFSERVICE"}
MESSAGES = {
    400001: "Invalid parameter(s)",
    400010: "Micro-service already exists",
    400012: "Micro-service does not exist",
    400013: "Micro-service has deployed instance(s)",
    400017: "Instance does not exist",
    400100: "Not enough quota",
    500011: "Registry service is unavailable",
}
MIN_INTERVAL, MIN_TIMES = 5, 3


class Refused(Exception):
    """A request that is answered with one of the errors above."""

    def __init__(self, code, detail=""):
        self.code = code
        self.detail = detail


class FakeServiceCenter:
    """Answers requests for an ``httpx.MockTransport``.

    ``down``, ``silent`` and ``trouble`` (an error code) make it fail.  ``names_forgotten`` chooses
    how it answers a call with many heartbeats of which some fail: by naming them, as later releases
    do, or by refusing the call.  ``strict`` makes it refuse a microservice that exists.
    """

    def __init__(self, *, names_forgotten=True, strict=False, quota=1000):
        self.names_forgotten = names_forgotten
        self.strict = strict
        self.quota = quota
        self.down = self.silent = False
        self.trouble = 0
        self.services = {}
        self.leases = {}
        self._numbers = itertools.count(1)

    def __call__(self, request):
        """What is answered, or the failure of the network."""
        if self.down:
            raise httpx.ConnectError("connection refused", request=request)
        if self.silent:
            raise httpx.ReadTimeout("no answer", request=request)
        try:
            if self.trouble:
                raise Refused(self.trouble)
            body = self._answer(request)
        except Refused as refused:
            return httpx.Response(
                refused.code // 1000,
                json={"errorCode": str(refused.code), "errorMessage": MESSAGES[refused.code]}
                | ({"detail": refused.detail} if refused.detail else {}),
            )
        return httpx.Response(200) if body is None else httpx.Response(200, json=body)

    def _answer(self, request):
        path = [
            unquote(part) for part in request.url.raw_path.decode().partition("?")[0].split("/")
        ]
        if path[:2] != ["", "v4"] or path[3] != "registry":
            raise Refused(400001, "no such path")
        home = (request.headers.get("X-Domain-Name", ""), path[2])
        body = json.loads(request.content or b"null")
        query = request.url.params
        match request.method, path[4:]:
            case "GET", ["existence"]:
                return self._existing(home, query)
            case "POST", ["microservices"]:
                return self._register(home, body["service"])
            case "DELETE", ["microservices", service]:
                return self._unregister(home, service, query.get("force"))
            case "POST", ["microservices", service, "instances"]:
                return self._enter(home, service, body["instance"])
            case "GET", ["microservices", service, "instances"]:
                self._service(home, service)
                return {"instances": [held for _, held in self._living(service)]}
            case "DELETE", ["microservices", service, "instances", instance]:
                self._instance(home, service, instance)
                del self.leases[service, instance]
                return None
            case "PUT", ["microservices", service, "instances", instance, "status"]:
                self._valid(query.get("value") in STATUSES, "Status")
                self._instance(home, service, instance)["status"] = query["value"]
                return None
            case "PUT", ["microservices", service, "instances", instance, "properties"]:
                flat = body["properties"]
                self._valid(all(isinstance(text, str) for text in flat.values()), "Properties")
                self._instance(home, service, instance)["properties"] = flat
                return None
            case "PUT", ["microservices", service, "instances", instance, "heartbeat"]:
                self._beat(home, service, instance)
                return None
            case "PUT", ["heartbeats"]:
                return self._beats(home, body["Instances"])
        raise Refused(400001, "no such path")

    def _existing(self, home, query):
        self._valid(query.get("type") == "microservice", "Type")
        key = (query["appId"], query["serviceName"], query["version"])
        self._valid_key(*key)
        for number, (where, service) in self.services.items():
            if where == home and self._key(service) == key:
                return {"serviceId": number}
        raise Refused(400012)

    def _register(self, home, service):
        self._valid_key(*self._key(service))
        self._valid(service.get("status", "UP") in ("UP", "DOWN"), "Status")
        for number, (where, held) in self.services.items():
            if where == home and self._key(held) == self._key(service):
                if self.strict:
                    raise Refused(400010)
                return {"serviceId": number}
        if len(self.services) >= self.quota:
            raise Refused(400100)
        number = f"{next(self._numbers):032x}"
        self.services[number] = (home, dict(service))
        return {"serviceId": number}

    def _unregister(self, home, service, force):
        self._service(home, service)
        if force not in ("1", "true") and self._living(service):
            raise Refused(400013)
        del self.services[service]
        self.leases = {key: held for key, held in self.leases.items() if key[0] != service}

    def _enter(self, home, service, instance):
        self._service(home, service)
        self._valid(0 < len(instance.get("hostName", "")) <= 64, "HostName")
        self._valid(re.fullmatch(r"[A-Za-z0-9_.-]{0,64}", instance.get("instanceId", "")), "Id")
        self._valid(all(re.fullmatch(r"\S+", one) for one in instance["endpoints"]), "Endpoints")
        self._valid(instance.get("status", "UP") in STATUSES, "Status")
        flat = instance.get("properties", {}).items()
        self._valid(all(isinstance(text, str) for pair in flat for text in pair), "Properties")
        number = instance.get("instanceId") or f"{next(self._numbers):032x}"
        if any(key == number for key, _ in self._living(service)):
            self._beat(home, service, number)  # what is sent with it is not looked at
            return {"instanceId": number}
        check = instance["healthCheck"]
        self._valid(check["mode"] in ("push", "pull") and check["interval"] >= 1, "HealthCheck")
        seconds = max(check["interval"], MIN_INTERVAL) * (max(check["times"], MIN_TIMES) + 1)
        held = {**instance, "instanceId": number, "serviceId": service}
        self.leases[service, number] = [held, timedelta(seconds=seconds), clock.now()]
        return {"instanceId": number}

    def _beats(self, home, beats):
        self._valid(beats, "Instances")
        told = []
        for beat in beats:
            result = {"serviceId": beat["serviceId"], "instanceId": beat["instanceId"]}
            try:
                self._beat(home, beat["serviceId"], beat["instanceId"])
            except Refused as refused:
                result["errMessage"] = MESSAGES[refused.code]
            told.append(result)
        if self.names_forgotten:
            return {"instances": told}
        if any("errMessage" in result for result in told):
            raise Refused(400017, "Heartbeat set failed.")
        return None

    def _beat(self, home, service, instance):
        self._instance(home, service, instance)
        self.leases[service, instance][2] = clock.now()

    def _service(self, home, service):
        if self.services.get(service, (None, None))[0] != home:
            raise Refused(400012)

    def _instance(self, home, service, instance):
        found = dict(self._living(service)).get(instance)
        if found is None or self.services[service][0] != home:
            raise Refused(400017)
        return found

    def _living(self, service):
        now = clock.now()
        self.leases = {
            key: lease for key, lease in self.leases.items() if now - lease[2] <= lease[1]
        }
        return [(key[1], lease[0]) for key, lease in self.leases.items() if key[0] == service]

    @staticmethod
    def _key(service):
        return (service.get("appId", ""), service.get("serviceName", ""), service.get("version"))

    def _valid_key(self, app, name, version):
        self._valid(NAME.fullmatch(app) and 1 <= len(app) <= 160, "AppId")
        self._valid(NAME.fullmatch(name) and 1 <= len(name) <= 128, "ServiceName")
        parts = VERSION.fullmatch(version) and [int(part) for part in version.split(".")]
        self._valid(parts and max(parts) <= 32767, "Version")

    @staticmethod
    def _valid(holds, field):
        if not holds:
            raise Refused(400001, field)
