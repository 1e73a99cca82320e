"""A service center behind a wire that can break, and what of this platform is found there."""

from __future__ import annotations

import httpx

from apps.common import clock, http
from apps.mep import mirror
from apps.mep.models import Mirror
from tests.mep.conftest import service_info
from tests.mep.servicecomb_fake import FakeServiceCenter

URL = "http://sc:30100"


class Killed(BaseException):
    """The site's process ended where it stood."""


class Center:
    """A service center with runs of the mirror against it.

    ``die_before`` and ``die_after`` are numbers of requests, counted from one: the site is killed
    before that request, or when it was done and its answer is on the way.  ``lose`` makes the wire
    swallow that answer instead.  ``on_request`` may do something first.
    """

    def __init__(self, **options):
        self.fake = FakeServiceCenter(**options)
        self.asked = 0
        self.die_before = self.die_after = self.lose = 0
        self.on_request = None

    def __call__(self, request):
        self.asked += 1
        number = self.asked
        if self.on_request:
            self.on_request(request)
        if number == self.die_before:
            raise Killed
        answer = self.fake(request)
        if number == self.die_after:
            raise Killed
        if number == self.lose:
            raise httpx.ReadTimeout("no answer", request=request)
        return answer

    def client(self, url, **_):
        """What the house makes for this address."""
        return httpx.Client(base_url=url, transport=httpx.MockTransport(self))

    def used(self, monkeypatch):
        """Stand where the site looks for its service center."""
        monkeypatch.setattr(http, "client", self.client)
        return self

    @property
    def held(self):
        """Status, state and endpoints per service that is found there."""
        return {
            key: (one["status"], one["properties"]["mecState"], one["endpoints"])
            for key, one in self._instances()
        }

    @property
    def statuses(self):
        """The status per service that is found there."""
        return {key: one["status"] for key, one in self._instances()}

    @property
    def names(self):
        """The names under which something is, or was, registered."""
        return sorted(service["serviceName"] for _, service in self.fake.services.values())

    def _instances(self):
        found = [
            (one["properties"]["serInstanceId"], one)
            for number in self.fake.services for _, one in self.fake._living(number)
        ]
        assert len(dict(found)) == len(found), "a service is there twice"
        return found


def run_site(frozen, seconds, step=2):
    """What a site's beat does in so much time; a site that is killed is started again."""
    for _ in range(0, seconds, step):
        try:
            mirror.run()
        except Killed:
            restart_site()
        frozen.advance(seconds=step)


def restart_site():
    """Kill the site's process and start it again."""
    mirror.drop_leases()


def settle(frozen, minutes=4):
    """Run until nothing can be due any more but the next renewal."""
    run_site(frozen, minutes * 60, step=10)


def pause():
    """Until when nothing is tried, in seconds; 0 for not at all."""
    until = Mirror.objects.values_list("try_at", flat=True).first()
    return (until - clock.now()).total_seconds() if until else 0


def ids(*documents):
    """The ids of services."""
    return [document["serInstanceId"] for document in documents]


def put(app, document, **changed):
    """Replace a service's representation."""
    url = document["_links"]["self"]["href"]
    assert app.send("PUT", url, service_info(**changed)).status_code == 200


def remove(app, document):
    """Deregister a service."""
    assert app.send("DELETE", document["_links"]["self"]["href"]).status_code == 204
