"""A producer: an application that offers services to others on its edge.

    AK=… SK=… APPINSTID=… MEP_IP=… EG_PROTOCOL=http MEP_APIGW_PORT=8100 python -m examples.producer

Everything about the MEP is in ``produce``, and it is one line to describe a service and one to
have it registered and kept alive.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from apps.agent import Agent, http_service
from apps.agent.pace import Pace
from apps.agent.program import run_until_told
from apps.agent.service import Service
from apps.agent.serving import App, Receive, Scope, Send, answer, listening, problem, serving

INTERVAL = 5  # seconds between heartbeats
BEATS_FOR = (60.0, 90.0)
SILENT_FOR = (25.0, 35.0)

MakeAgent = Callable[..., Agent]
_log = logging.getLogger("mep.producer")


@dataclass(frozen=True)
class Offer:
    """A service as people read of it."""

    name: str
    version: str
    description: str


POSITIONING = (
    Offer("positioning", "2.1.0", "Where the vehicles of a street are, ten times a second"),
    Offer("traffic-lights", "1.4.0", "Phases of the traffic lights and the seconds left of each"),
)
VIDEO = (
    Offer("video-analytics", "3.0.2", "Counts people and vehicles in the pictures of cameras"),
    Offer("number-plates", "1.1.0", "Reads number plates and forgets them after an hour"),
    Offer("crowd-density", "0.9.0", "People per square metre in each zone of a square"),
)
ENVIRONMENT = (
    Offer("air-quality", "1.2.0", "Particulate matter and nitrogen dioxide at street level"),
    Offer("noise-map", "1.0.0", "Sound pressure by street, as a mean of five minutes"),
)
CATALOG = (POSITIONING, VIDEO, ENVIRONMENT)


async def produce(
    make_agent: MakeAgent, offers: Sequence[Offer], *, restless: bool = False
) -> None:
    """Offer the services until cancelled.  The first of a ``restless`` producer falls silent at
    times, as a program does that hangs for half a minute: the MEP suspends and restores it."""
    async with serving(readings(offers), listening("127.0.0.1", 0)) as port:
        uri = f"http://127.0.0.1:{port}/"
        services = [
            http_service(
                offer.name,
                uri + offer.name,
                version=offer.version,
                interval=INTERVAL,
                description=offer.description,
            )
            for offer in offers
        ]
        async with make_agent(services=services) as agent:
            await (fall_silent_at_times(agent.services[0]) if restless else asyncio.Event().wait())


async def fall_silent_at_times(service: Service, pace: Pace | None = None) -> None:
    """Beat for a minute or more, be silent for half of one, and so on until cancelled."""
    pace = pace or Pace()
    while True:
        await pace.sleep(_between(BEATS_FOR, pace))
        _log.info("%s falls silent", service.label)
        service.pause()
        await pace.sleep(_between(SILENT_FOR, pace))
        service.resume()
        _log.info("%s beats again", service.label)


def _between(limits: tuple[float, float], pace: Pace) -> float:
    low, high = limits
    return low + (high - low) * pace.chance()


def readings(offers: Sequence[Offer]) -> App:
    """The services themselves: each answers with a number that changes."""
    names = {offer.name: offer for offer in offers}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        offer = names.get(scope["path"].strip("/"))
        if offer is None:
            await problem(send, 404, "Not Found", "There is no such service here.")
            return
        value = round(50 + 50 * random.random(), 1)  # noqa: S311 - an example's data
        body = {"service": offer.name, "version": offer.version, "value": value, "at": time.time()}
        await answer(send, 200, body)

    return app


if __name__ == "__main__":
    sys.exit(run_until_told("producer", partial(produce, Agent.from_environment, POSITIONING)))
