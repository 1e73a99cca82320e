"""A page of a site as people read it, around an instance that runs."""

from __future__ import annotations

import re

from apps.tenants.roles import Role
from tests import factories as make
from tests.portal.conftest import browser


class Look:
    """An instance, and people who look at its pages."""

    def __init__(self, stage):
        self.stage = stage
        self.instance = stage.create()
        stage.instantiate(self.instance)
        stage.work(until="Instantiated")
        self.settle()
        self.instance.refresh_from_db()
        self.page = f"/instances/{self.instance.pk}/"
        self.user, self.admin = make.user(stage.tenant), make.admin()
        self.guest = make.user(stage.tenant, role=Role.GUEST)

    def settle(self):
        """What else is to happen before anybody looks."""

    def read(self, url, *, who=None, language="en", status=200, **options):
        """The text of a page."""
        answer = browser(who or self.user, language).get(url, **options)
        assert answer.status_code == status, answer.content
        text = answer.content.decode()
        assert not re.findall("⁉.{0,60}⁉", text)
        return text


class MachineLook(Look):
    """The instance is one virtual machine."""

    def __init__(self, stage):
        super().__init__(stage)
        (self.server,) = self.instance.seen.servers
