"""One service of the application: registered, kept alive with its own heartbeat, taken away."""

from __future__ import annotations

from typing import Any

from apps.agent.client import SECONDS, SERVICES, Answer, path_of
from apps.agent.upkeep import LOOK, Event, Outcome, Upkeep, judged, kept, told

BEAT = {"state": "ACTIVE"}


class Service(Upkeep):
    """A service as the application offers it, and what the MEP made of it."""

    def __init__(self, post: dict[str, Any], **common: Any) -> None:
        super().__init__(**common)
        self.post = post
        self.name: str = post["serName"]
        self.version: str = post["version"]
        self.label = f"service {self.name} {self.version}"
        self.ser_instance_id = ""
        self.interval = 0
        self._link = ""
        self._verb = "PATCH"
        self._paused = False
        self._in_doubt = False

    def pause(self) -> None:
        """Stop the heartbeat, as the application cannot serve now; the MEP suspends the service."""
        self._paused = True

    def resume(self) -> None:
        """Beat again, at once."""
        self._paused = False
        self.poke()

    async def remove(self) -> None:
        """Deregister, also when the answer to a registration never came."""
        if not self.ser_instance_id and self._in_doubt:
            self.ser_instance_id = await self._registered_id()
        if self.ser_instance_id:
            await self._client.call("DELETE", self._path(self.ser_instance_id))

    async def _make(self) -> Outcome:
        """Register, unless the MEP has it already from before a restart or a lost answer."""
        ser_instance_id = await self._registered_id()
        answer = Answer(404)
        if ser_instance_id:
            # The whole representation once more: it may be another than before, or suspended.
            answer = await self._client.call("PUT", self._path(ser_instance_id), self.post)
        if answer.status == 404:
            self._in_doubt = True
            answer = await self._client.call("POST", self._path(), self.post)
        outcome = judged(answer)
        return self._taken(answer) if outcome.event is Event.ACCEPTED else outcome

    async def _keep(self) -> Outcome:
        """One heartbeat; a look where the MEP wants no heartbeats."""
        if self._paused:
            return Outcome(Event.KEPT)
        if not self._link:
            return self._noted(await self._client.call("GET", self._path(self.ser_instance_id)))
        seconds = min(SECONDS, self.interval)
        answer = await self._client.call(self._verb, self._link, BEAT, seconds=seconds)
        if answer.status in (405, 501) and self._verb == "PATCH":
            self._verb = "PUT"  # EdgeGallery's MEP
            answer = await self._client.call(self._verb, self._link, BEAT, seconds=seconds)
        interval = _seconds(answer.member("interval"))
        if answer.status == 200 and interval and interval != self.interval:
            self.interval = interval
            self._say(f"{self.label} beats every {interval} s from now on")
        return self._noted(answer)

    def _noted(self, answer: Answer) -> Outcome:
        outcome = kept(answer)
        if outcome.event is Event.MISSING:
            self.ser_instance_id, self._link = "", ""
        return outcome

    def _rhythm(self) -> float:
        return self._pace.early(self.interval) if self._link else LOOK

    def _described(self) -> str:
        beat = f"beats every {self.interval} s" if self._link else "has no heartbeat"
        return f"is registered as {self.ser_instance_id} and {beat}"

    def _taken(self, answer: Answer) -> Outcome:
        """Remember what the MEP decided."""
        ser_instance_id = answer.member("serInstanceId")
        if not isinstance(ser_instance_id, str) or not ser_instance_id:
            return Outcome(Event.FAILED, "the MEP's answer has no serInstanceId")
        self.ser_instance_id, self._in_doubt = ser_instance_id, False
        self.interval = _seconds(answer.member("livenessInterval"))
        links = (
            answer.member("_links", "liveness", "href"),  # ETSI
            answer.member("_links", "self", "liveness"),  # EdgeGallery
        )
        found = [path_of(link) for link in links if isinstance(link, str) and path_of(link)]
        self._link = found[0] if found and self.interval else ""
        self._verb = "PATCH"
        return Outcome(Event.ACCEPTED)

    async def _registered_id(self) -> str:
        """What the MEP calls the service, empty when it does not have it."""
        answer = told(await self._client.call("GET", self._path()))
        for info in answer.items():
            ser_instance_id = info.get("serInstanceId")
            if (info.get("serName"), info.get("version")) == (self.name, self.version):
                return ser_instance_id if isinstance(ser_instance_id, str) else ""
        return ""

    def _path(self, *parts: str) -> str:
        return self._client.own(SERVICES, "services", *parts)


def _seconds(value: Any) -> int:
    """An interval that can be used, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
