"""The process of one site: HTTP, sockets, live fan-out, worker and beat in one event loop's house.

Not for several processes behind a proxy: there any ASGI server runs ``mecm_portal.asgi`` and Celery
has processes of its own.  The figures behind these choices are in the design's runtime section.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn
import uvloop
from django.conf import settings

from apps.monitoring.hub import hub
from apps.sync import reading
from apps.sync.channel.answering import answering
from mecm_portal import asgi, startup, wsgi
from mecm_portal.celery import app as celery_app
from mecm_portal.runtime import core
from mecm_portal.runtime.application import SiteApplication
from mecm_portal.runtime.lane import IDLE_SECONDS, LaneProtocol
from mecm_portal.runtime.reader import Reader
from mecm_portal.runtime.work import EmbeddedWork

SWITCH_SECONDS = 0.0005  # a page thread gives the loop its turn after this long, not after 5 ms
HTTP_STOP_SECONDS = 1
_log = logging.getLogger("mecm.site")


def serve(host: str, port: int) -> None:
    """Run the site until SIGTERM or SIGINT; returns within five seconds of it."""
    sys.setswitchinterval(SWITCH_SECONDS)
    # uvicorn raises a caught signal once more when it has stopped; the site still has work to end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    application = SiteApplication(
        pages=wsgi.application,
        sockets=asgi.websocket_application,
        waiting={path: asgi.WAITING[path] for path in settings.ROLE.waiting},
        machines=settings.ROLE.machines,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(application, configuration(application, host, port, LaneProtocol)))


class SiteServer(uvicorn.Server):
    """uvicorn that tells the application first when it stops."""

    def __init__(self, config: uvicorn.Config, application: SiteApplication) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send those home who wait, then close the connections."""
        self._application.stop()
        await super().shutdown(sockets)


def configuration(
    application: SiteApplication,
    host: str,
    port: int,
    http: type[asyncio.Protocol] | str = "httptools",
) -> uvicorn.Config:
    """uvicorn's settings; ``http`` may be a protocol class that takes some requests for itself."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        http=http,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=HTTP_STOP_SECONDS,
    )


async def _run(application: SiteApplication, config: uvicorn.Config) -> None:
    work, reader = EmbeddedWork(celery_app), Reader(settings.READER_FROM)
    reading.install(reader.pull)
    hub.attach(asyncio.get_running_loop())
    if work.is_embedded:
        await asyncio.to_thread(startup.forget_leases)
    await asyncio.to_thread(startup.set_mark)
    await asyncio.to_thread(startup.take_in_repositories)
    await asyncio.to_thread(startup.load_memory)
    answering.attach(application)
    await asyncio.to_thread(
        work.start
    )  # closes database connections, which Django forbids on a loop
    core.settle(settings.SITE_NAME)  # what started so far roams
    _log.info("%s starts on %s", settings.SITE_NAME, settings.SITE_URL)
    watches = startup.start_watches()
    try:
        await SiteServer(config, application).serve()
    finally:
        for watch in watches:
            watch.cancel()
        hub.detach()
        await asyncio.to_thread(work.stop)
        await asyncio.to_thread(reader.stop)
        await asyncio.to_thread(startup.save_memory)
        _log.info("%s has stopped", settings.SITE_NAME)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Take a signal and do nothing."""
