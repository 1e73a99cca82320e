"""What the application wants of the MEP besides its services: subscriptions, and to be ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from apps.agent.client import SERVICES, SUPPORT, Answer, path_of
from apps.agent.upkeep import Event, Outcome, Upkeep, judged, kept, told

_DAY = 86_400.0


class Subscription(Upkeep):
    """A subscription; found again after a restart by its callback and filter."""

    api = SERVICES

    def __init__(self, body: dict[str, Any], **common: Any) -> None:
        super().__init__(**common)
        self.body = {"subscriptionType": "SerAvailabilityNotificationSubscription"} | body
        self.callback: str = body["callbackReference"]
        self.label = f"subscription for {self.callback}"
        self._link = ""

    async def remove(self) -> None:
        """End the subscription."""
        if self._link:
            await self._client.call("DELETE", self._link)

    async def _make(self) -> Outcome:
        self._link = await self._existing()
        if self._link:
            return Outcome(Event.ACCEPTED)
        answer = await self._client.call(
            "POST", self._client.own(self.api, "subscriptions"), self.body
        )
        outcome = judged(answer)
        if outcome.event is Event.ACCEPTED:
            self._link = self._link_of(answer)
            if not self._link:
                return Outcome(Event.FAILED, "the MEP's answer has no link to the subscription")
        return outcome

    async def _keep(self) -> Outcome:
        return kept(await self._client.call("GET", self._link))

    def _described(self) -> str:
        return "is made"

    async def _existing(self) -> str:
        """The link of the same subscription, from before a restart or a lost answer."""
        answer = told(await self._client.call("GET", self._client.own(self.api, "subscriptions")))
        entries = answer.member("_links", "subscriptions")
        for entry in entries if isinstance(entries, list) else []:
            href = entry.get("href") if isinstance(entry, dict) else None
            link = path_of(href) if isinstance(href, str) else ""
            if link and self._is_same(told(await self._client.call("GET", link))):
                return link
        return ""

    def _is_same(self, answer: Answer) -> bool:
        wanted = self.body.get("filteringCriteria")
        same_filter = _filled(answer.member("filteringCriteria")) == _filled(wanted)
        return answer.member("callbackReference") == self.callback and same_filter

    @staticmethod
    def _link_of(answer: Answer) -> str:
        links = (answer.member("_links", "self", "href"), answer.location)
        return next((path_of(link) for link in links if isinstance(link, str) and link), "")


class EndSubscription(Subscription):
    """To be told when the application has to stop or to end."""

    api = SUPPORT

    def __init__(self, callback: str, app_instance_id: str, **common: Any) -> None:
        body = {
            "subscriptionType": "AppTerminationNotificationSubscription",
            "callbackReference": callback,
            "appInstanceId": app_instance_id,
        }
        super().__init__(body, **common)
        self.label = "subscription for its end"  # whoever knows the callback could end it


class Readiness(Upkeep):
    """Tells the MEP that the application is ready, once all its services are there."""

    label = "application"
    missed = ""  # what it hangs on is said already

    def __init__(self, services: Callable[[], Sequence[Upkeep]], **common: Any) -> None:
        super().__init__(**common)
        self._services = services

    async def remove(self) -> None:
        """Nothing: who is gone is not ready."""

    async def _make(self) -> Outcome:
        for service in self._services():
            await service.registered.wait()
        path = self._client.own(SUPPORT, "confirm_ready")
        answer = await self._client.call("POST", path, {"indication": "READY"})
        # A MEP may not know this call, or know already; neither is the application's trouble.
        settled = answer.fine or answer.status in (404, 405, 409, 501)
        return Outcome(Event.ACCEPTED) if settled else judged(answer)

    def _rhythm(self) -> float:
        return _DAY

    def _described(self) -> str:
        return "is ready"


def _filled(criteria: Any) -> dict[str, Any]:
    """The criteria that say something: servers add empty ones."""
    found = criteria if isinstance(criteria, dict) else {}
    return {name: value for name, value in found.items() if value not in (None, [], {})}
