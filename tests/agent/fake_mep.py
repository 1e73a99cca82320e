"""A MEP with behaviour: it has state, forgets it, lets tokens expire, and can be cut off.

``FakeMep`` is an ASGI application; ``Wire`` is the way to it inside one process.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections import defaultdict
from itertools import count, pairwise
from urllib.parse import parse_qs

import httpx

APP = "5abe4782-2c70-4e47-9a4e-0ee3a1a0fd1f"
OTHER_APP = "a3c6e4f2-84a1-4a48-9d76-8d2e21a6c1b0"
AK = "ABCDEFGHIJ0123456789"
SK = "0123456789abcdef" * 4
SERVICES = "/mep/mec_service_mgmt/v1"
SUPPORT = "/mep/mec_app_support/v1"


class FakeMep:
    """What a MEP knows, and the knobs that tests turn."""

    def __init__(self, monotonic=time.monotonic):
        self.monotonic = monotonic
        self.keys = {AK: (SK, APP)}
        self.lifetime = 3600
        self.links = "etsi"  # or "edgegallery", "elsewhere", "none"
        self.interval = None  # overrides what applications ask for
        self.patch = True
        self.problem = None  # (status, detail) for every registration
        self.numbers = count(1)
        self.posts = 0
        self.token_posts = 0
        self.strangers = []  # paths asked with a wrong token
        self.hangs = False
        self.wait = None  # Retry-After of every refusal
        self.asked = []  # when it was asked for anything
        self.restart()

    def restart(self):
        """Come back knowing nothing, tokens included."""
        self.tokens, self.services, self.subscriptions = {}, {}, {}
        self.beats, self.verbs, self.ready = defaultdict(list), set(), []
        self.ends, self.confirmed, self.busy = {}, [], False  # of termination

    def forget_tokens(self):
        self.tokens = {}

    def named(self, name):
        return [one for one in self.services.values() if one["serName"] == name]

    def gaps(self, name):
        """Seconds between the beats of the only service of that name."""
        (service,) = self.named(name)
        beats = self.beats[service["serInstanceId"]]
        return [after - before for before, after in pairwise(beats)]

    async def __call__(self, scope, receive, send):
        while self.hangs:
            await asyncio.sleep(0.05)
        raw = b""
        while True:
            message = await receive()
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = json.loads(raw) if raw else None
        status, answer, more = self.answer(
            scope["method"], scope["path"], parse_qs(scope["query_string"].decode()), headers, body
        )
        self.asked.append(self.monotonic())
        if self.wait is not None and status >= 400:
            more = {**more, "retry-after": self.wait}
        content = b"" if answer is None else json.dumps(answer).encode()
        lines = {"content-type": "application/json", "content-length": str(len(content)), **more}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
            }
        )
        await send({"type": "http.response.body", "body": content})

    def answer(self, method, path, query, headers, body):
        if path == "/mep/token":
            return self.give_token(method, headers)
        app = self.app_of(headers)
        if app is None:
            self.strangers.append(path)
            return 401, {"title": "Unauthorized"}, {}
        if path == f"{SERVICES}/services":
            (name,) = query["ser_name"]
            found = [one for one in self.named(name) if one["state"] != "SUSPENDED"]
            return 200, found, {}
        match = re.fullmatch(rf"(.+)/applications/{app}/(.+)", path)
        if match is None:
            return 404, {"title": "Not Found"}, {}
        below = match[2].split("/")
        if match[1] == SUPPORT and below == ["confirm_ready"]:
            self.ready.append(body["indication"])
            return 204, None, {}
        if match[1] == SUPPORT and below == ["confirm_termination"]:
            if self.busy:
                return 503, {"title": "Busy"}, {}
            self.confirmed.append((body["operationAction"], len(self.services)))
            return 204, None, {}
        if match[1] == SUPPORT and below[0] == "subscriptions":
            return self.on_subscriptions(method, app, below[1:], body, SUPPORT)
        kind = {"services": self.on_services, "subscriptions": self.on_subscriptions}[below[0]]
        return kind(method, app, below[1:], body)

    def give_token(self, method, headers):
        self.token_posts += 1
        match = re.fullmatch(
            r"SDK-HMAC-SHA256 Access=(\S{20}), "
            r"SignedHeaders=content-type;host;x-sdk-date, Signature=([0-9a-f]{64})",
            headers["authorization"],
        )
        sk, app = self.keys.get(match[1], ("", ""))
        if not sk or not hmac.compare_digest(match[2], expected_signature(method, headers, sk)):
            return 401, {"title": "Unauthorized", "detail": "wrong keys"}, {}
        token = f"token-{next(self.numbers)}-canary"
        self.tokens[token] = (app, self.monotonic() + self.lifetime)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        return 200, body, {}

    def app_of(self, headers):
        app, until = self.tokens.get(headers.get("authorization", "")[7:], ("", 0))
        return app if until > self.monotonic() else None

    def on_services(self, method, app, below, body):
        match method, below:
            case "GET", []:
                return 200, [one for one in self.services.values() if one["app"] == app], {}
            case "POST", []:
                self.posts += 1
                if self.problem:
                    status, detail = self.problem
                    return status, {"title": "Refused", "detail": detail}, {}
                return 201, self.keep_service(app, f"{next(self.numbers):032x}", body), {}
        service = self.services.get(below[0])
        if service is None or service["app"] != app:
            return 404, {"title": "Not Found"}, {}
        match method, below[1:]:
            case "GET", []:
                return 200, service, {}
            case "PUT", []:
                return 200, self.keep_service(app, below[0], body), {}
            case "DELETE", []:
                del self.services[below[0]]
                return 204, None, {}
            case "PATCH" | "PUT", ["liveness"]:
                return self.beat(method, service, body)
        return 405, None, {}

    def keep_service(self, app, identifier, body):
        info = {**body, "serInstanceId": identifier, "app": app}
        path = f"{SERVICES}/applications/{app}/services/{identifier}"
        info["_links"] = {"self": {"href": path}}
        if info.get("livenessInterval"):
            info["livenessInterval"] = self.interval or info["livenessInterval"]
            link = f"{path}/liveness"
            if self.links == "etsi":
                info["_links"]["liveness"] = {"href": link}
            elif self.links == "edgegallery":
                info["_links"]["self"]["liveness"] = link
            elif self.links == "elsewhere":
                info["_links"]["liveness"] = {"href": f"http://evil.example:1{link}"}
        self.services[identifier] = info
        return info

    def beat(self, method, service, body):
        if method == "PATCH" and not self.patch:
            return 405, None, {}
        assert body == {"state": "ACTIVE"}
        self.verbs.add(method)
        self.beats[service["serInstanceId"]].append(self.monotonic())
        if self.interval and self.interval != service["livenessInterval"]:
            service["livenessInterval"] = self.interval
            stamp = {"seconds": 1, "nanoSeconds": 0}
            return 200, {"state": "ACTIVE", "timeStamp": stamp, "interval": self.interval}, {}
        return 204, None, {}

    def on_subscriptions(self, method, app, below, body, api=SERVICES):
        kept = self.subscriptions if api == SERVICES else self.ends
        base = f"{api}/applications/{app}/subscriptions"
        match method, below:
            case "GET", []:
                links = [{"href": f"{base}/{one}"} for one in kept]
                return 200, {"_links": {"self": {"href": base}, "subscriptions": links}}, {}
            case "POST", []:
                identifier = f"sub-{next(self.numbers)}"
                kept[identifier] = body
                return 201, body, {"location": f"http://mep.example{base}/{identifier}"}
        if below[0] not in kept:
            return 404, None, {}
        if method == "DELETE":
            del kept[below[0]]
            return 204, None, {}
        return 200, kept[below[0]], {}


def expected_signature(method, headers, sk):
    """The server's side of the signature of a request to /mep/token without a body."""
    names = ("content-type", "host", "x-sdk-date")
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    nothing = hashlib.sha256(b"").hexdigest()
    request = f"{method}\n/mep/token/\n\n{lines}\n{';'.join(names)}\n{nothing}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"SDK-HMAC-SHA256\n{headers['x-sdk-date']}\n{digest}"
    return hmac.new(sk.encode(), text.encode(), "sha256").hexdigest()


class Wire(httpx.AsyncBaseTransport):
    """The way to the MEP: can be cut, and can lose answers after the work was done."""

    def __init__(self, mep):
        self.inner = httpx.ASGITransport(app=mep)
        self.cut = False
        self.lose = []  # for each: a POST to a path that ends so, whose answer is lost
        self.drop = []  # methods whose next request ends on a connection that was just closed
        self.hosts = set()

    async def handle_async_request(self, request):
        self.hosts.add(request.url.netloc.decode())
        if self.cut:
            raise httpx.ConnectError("All connection attempts failed")
        if request.method in self.drop:
            self.drop.remove(request.method)
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        response = await self.inner.handle_async_request(request)
        lost = [end for end in self.lose if request.url.path.endswith(end)]
        if lost and request.method == "POST":
            self.lose.remove(lost[0])
            raise httpx.ReadTimeout("timed out")
        return response
