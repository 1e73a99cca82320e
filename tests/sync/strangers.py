"""A center and an edge that do not know each other yet, with a wire in each direction."""

from __future__ import annotations

from contextlib import contextmanager

import httpx
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client, override_settings

from apps.common import http
from apps.hosts.models import AppLcm
from apps.sync import admission, invitations, joining, puller
from apps.tenants.actors import SYSTEM
from apps.tenants.models import SigningKey
from tests.sites import TwoSites, Wire

CENTER_URL = "http://center.test:8000"
OF_A_SITE = ("ROLE", "ROOT_URLCONF", "SITE_NAME", "SITE_DIR", "PACKAGE_DIR", "VIM_STATE_DIR",
             "FILE_UPLOAD_TEMP_DIR")


class Outside:
    """The center as the edge reaches it."""

    def __init__(self, sites):
        self.sites = sites

    def answer(self, request):
        """What the center's own URLs answer to a request of the edge."""
        with self.sites.outside():
            response = Client().generic(
                request.method, request.url.raw_path.decode(), request.read(),
                content_type=request.headers.get("content-type", ""),
                headers={name: request.headers[name] for name in ("authorization",)
                         if name in request.headers},
                REMOTE_ADDR="10.9.0.1",
            )
        return httpx.Response(
            response.status_code, headers=dict(response.headers), content=response.content
        )


class Strangers(TwoSites):
    """Two sites before any key was exchanged; ``up`` is the wire from the edge to the center."""

    def __init__(self, template, folder):
        self.settings = {name: getattr(settings, name) for name in OF_A_SITE}
        self.center_connection = connections[DEFAULT_DB_ALIAS]
        super().__init__(template, folder)
        with self.inside():
            SigningKey.objects.exclude(site_id=self.site_id).delete()
        self.up = Wire(Outside(self))

    @contextmanager
    def outside(self):
        """Everything in the block happens at the center, also when the edge is at work."""
        before = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self.center_connection
        try:
            with override_settings(**self.settings):
                yield
        finally:
            connections[DEFAULT_DB_ALIAS] = before

    def link(self, monkeypatch):
        """A wire for each direction where the HTTP clients would open sockets."""

        def client(base_url, *, read_seconds=http.READ_SECONDS):
            wire = self.up if base_url == CENTER_URL else self.wire
            return httpx.Client(base_url=base_url, transport=wire, trust_env=False)

        monkeypatch.setattr(http, "client", client)

    def invite(self, name="far", **more):
        """A token of a new invitation."""
        return invitations.invite(actor=SYSTEM, name=name, **more).token

    def join(self, token, address="10.9.0.1:8100", url=CENTER_URL):
        """What the edge's administrator does with it."""
        with self.inside():
            return joining.join(actor=SYSTEM, url=url, token=token, address=address)

    def joined(self, **more):
        """Invite, join; returns the AppLCM at the center."""
        self.join(self.invite(**more))
        return AppLcm.objects.get(site_id=self.site_id)

    def at_edge(self, what, *args, **more):
        """Do something at the edge."""
        with self.inside():
            return what(*args, **more)

    def pull(self, edge):
        """Copy the edge's news."""
        return puller.pull(edge.pk)

    def revoke(self, edge):
        """Shut it out."""
        return admission.revoke(actor=SYSTEM, edge_id=edge.pk)
