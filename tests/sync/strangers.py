"""A center and an edge that do not know each other yet, with a wire in each direction."""

from __future__ import annotations

import uuid
from contextlib import contextmanager

import httpx
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client, override_settings

from apps.common import http
from apps.hosts.models import AppLcm
from apps.sync import admission, invitations, joining, puller
from apps.sync.models import JoinStep
from apps.tenants import keys, statements
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


class Other:
    """A site of which only the key is here."""

    def __init__(self):
        real = keys.this_site()
        self.site_id = uuid.uuid4()
        self.key = keys._new_key(type(real)(site_id=self.site_id, name="other"))
        self.public, self.private = self.key.public_key, self.key.private_key
        self.key.delete()

    def state(self, token, site_id=None):
        """Its proof for a token."""
        claims = {"iss": str(site_id or self.site_id), "aud": invitations.digest_of(token),
                  "use": "join"}
        return statements.jwt.encode(claims, self.private.reveal(), algorithm="EdDSA")


def other_site(token, *, site_id=None, ip="10.9.0.9", public=None, other=None):
    """A join of some other site."""
    other = other or Other()
    who = site_id or other.site_id
    return admission.JoinSpec(
        token, who, "other", public or other.public, other.state(token, who), ip, 8100)


def steps(name="far"):
    """The steps of an invitation, failed ones marked."""
    rows = JoinStep.objects.filter(invitation__name=name).order_by("id")
    return [row.step if row.ok else f"!{row.step}" for row in rows]
