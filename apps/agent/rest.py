"""What the application next door asks the agent: the token, where a service is, how things are."""

from __future__ import annotations

import hmac
import json
from typing import Any

from apps.agent.agent import Agent
from apps.agent.client import Unreachable
from apps.agent.ending import read
from apps.agent.endpoints import NotFound
from apps.agent.serving import App, Receive, Scope, Send, answer, body_of, problem
from apps.agent.upkeep import State
from apps.agent.voice import plain

PREFIX = "/mep-agent/v1/"
MOST_BYTES = 16_384


def rest_app(agent: Agent) -> App:
    """The ASGI application of an agent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope["path"].removeprefix(PREFIX).split("/")
        match parts if scope["path"].startswith(PREFIX) else []:
            case ["token" | "health" as name] | ["endpoint" as name, _] if scope["method"] != "GET":
                detail = f"{name} can only be read"
                await problem(send, 405, "Method Not Allowed", detail, {"allow": "GET"})
            case ["token"]:
                await _token(agent, send)
            case ["health"]:
                await answer(send, 200, health(agent))
            case ["termination", secret] if scope["method"] == "POST":
                await _termination(agent, secret, receive, send)
            case ["endpoint", name] if name:
                await _endpoint(agent, name, send)
            case _:
                await problem(send, 404, "Not Found", "The agent has no such address.")

    return app


def health(agent: Agent) -> dict[str, Any]:
    """How the agent stands with the MEP.  That it answers at all says that it lives."""
    everything = [*agent.services, *agent.subscriptions]
    whole = all(one.state is State.REGISTERED for one in everything) and agent.fault is None
    return {
        "status": "up" if whole and agent.token else "degraded",
        "mep": "unreachable" if agent.fault is not None else "reachable",
        "token": agent.token is not None,
        "ready": agent.ready,
        "ends": agent.ends or None,
        "services": [
            {
                "serName": one.name,
                "version": one.version,
                "state": one.state,
                "serInstanceId": one.ser_instance_id or None,
                "interval": one.interval or None,
            }
            for one in agent.services
        ],
        "subscriptions": [
            {"callbackReference": one.callback, "state": one.state} for one in agent.subscriptions
        ],
    }


async def _termination(agent: Agent, secret: str, receive: Receive, send: Send) -> None:
    known = hmac.compare_digest(secret.encode(), agent.secret.encode())
    if not known or not agent.settings.callback:
        await problem(send, 404, "Not Found", "The agent has no such address.")
        return
    raw = await body_of(receive, MOST_BYTES)
    try:
        end = read(json.loads(raw or b""))
    except (ValueError, RecursionError):
        end = None
    if end is None:
        await problem(send, 400, "Bad Request", "This is no AppTerminationNotification.")
        return
    agent.told_to_end(end)
    await answer(send, 204)


async def _token(agent: Agent, send: Send) -> None:
    token = agent.token
    if token is None:
        await answer(send, 412)
        return
    left = int(token.left(agent.now))
    body = {"access_token": token.value, "token_type": token.kind, "expires_in": left}
    await answer(send, 200, body)


async def _endpoint(agent: Agent, name: str, send: Send) -> None:
    try:
        found = await agent.find(name)
    except NotFound:
        await problem(send, 404, "Not Found", f"There is no active service {plain(name, 128)}.")
    except Unreachable as error:
        detail = f"The MEP cannot be asked: {agent.voice.clean(str(error))}."
        await problem(send, 503, "Service Unavailable", detail, {"retry-after": "5"})
    else:
        warning = {"warning": '110 mep-agent "Response is stale"'} if found.stale else None
        await answer(send, 200, found.endpoint, headers=warning)
