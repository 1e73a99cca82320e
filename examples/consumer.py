"""A consumer: an application that uses the services of others on its edge.

    AK=… SK=… APPINSTID=… MEP_IP=… EG_PROTOCOL=http MEP_APIGW_PORT=8100 python -m examples.consumer

It asks the agent where a service is, calls it, and is told when services come and go.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import OrderedDict, deque
from functools import partial
from typing import Any

import httpx

from apps.agent import Agent, NotFound, Unreachable
from apps.agent.pace import Pace
from apps.agent.program import run_until_told
from apps.agent.serving import Receive, Scope, Send, answer, body_of, listening, problem, serving
from apps.agent.voice import plain
from examples.producer import MakeAgent

SERVICE = "positioning"
SECONDS = 10.0  # between calls
MOST_BYTES = 65_536
_log = logging.getLogger("mep.consumer")


async def consume(
    make_agent: MakeAgent, *, service: str = SERVICE, seconds: float = SECONDS
) -> None:
    """Use the service, at once after news of any service, until cancelled."""
    news = News()
    async with serving(news.app, listening("127.0.0.1", 0)) as port:
        callback = {"callbackReference": f"http://127.0.0.1:{port}/availability"}
        async with make_agent(subscriptions=[callback]) as agent, httpx.AsyncClient() as http:
            said = ""
            while True:
                state = await use(agent, http, service)
                if state != said:
                    _log.info("%s: %s", service, state)
                said = state
                await Pace().wait(seconds, news.came)


async def use(agent: Agent, http: httpx.AsyncClient, service: str) -> str:
    """Find the service and call it once; returns in words how that went."""
    try:
        endpoint = await agent.endpoint(service)
        uri = str(endpoint["uris"][0])
        response = await http.get(uri, timeout=5)
    except NotFound:
        return "nobody offers it now"
    except Unreachable:
        return "the MEP cannot say where it is"
    except (httpx.HTTPError, httpx.InvalidURL, LookupError, TypeError) as error:
        return f"cannot be used ({type(error).__name__})"
    return plain(f"{uri} answers {response.status_code}")


class News:
    """Takes availability notifications, and each of them once: a MEP repeats what it is not sure
    of, with the same sequence number."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._seen: OrderedDict[str, deque[str]] = OrderedDict()
        self.came = asyncio.Event()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The callback's ASGI application."""
        body = await body_of(receive, MOST_BYTES)
        if scope["method"] != "POST" or body is None:
            await problem(send, 400, "Bad Request", "A notification is a POST of at most 64 KiB.")
            return
        headers = dict(scope["headers"])
        subscription = headers.get(b"x-mec-subscription", b"").decode("latin-1")
        sequence = headers.get(b"x-mec-sequence", b"").decode("latin-1")
        if not sequence or self.is_new(subscription, sequence):
            for line in told(body):
                _log.info("heard: %s", line)
            self.came.set()
        await answer(send, 204)

    def is_new(self, subscription: str, sequence: str) -> bool:
        """Whether this number of this subscription comes for the first time."""
        seen = self._seen.setdefault(subscription, deque(maxlen=self._most))
        self._seen.move_to_end(subscription)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        if sequence in seen:
            return False
        seen.append(sequence)
        return True


def told(body: bytes) -> list[str]:
    """A notification, one line for each service in it."""
    try:
        references = json.loads(body)["serviceReferences"]
        return [_line(one) for one in references]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ["a notification that is none"]


def _line(reference: dict[str, Any]) -> str:
    name, state, change = (reference[key] for key in ("serName", "state", "changeType"))
    return plain(f"{name} is {state} ({change})")


if __name__ == "__main__":
    sys.exit(run_until_told("consumer", partial(consume, Agent.from_environment)))
