"""What a site has about its link to others, and bodies for the requests about it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from apps.common import clock
from apps.hosts.models import AppLcm
from apps.sync.models import Center, Invitation

LINK_PATHS = {"invitation_id": uuid.UUID(int=7), "edge_id": uuid.UUID(int=8)}


def prepare_link(role):
    """At a center an edge and an invitation, at an edge its center."""
    if role == "edge":
        Center.objects.create(site_id=uuid.uuid4(), name="center", url="http://center.test")
        return
    AppLcm(pk=LINK_PATHS["edge_id"], name="joined", ip="10.9.0.77", port=8100).save()
    Invitation.objects.create(pk=LINK_PATHS["invitation_id"], name="invited", digest="0" * 64,
                              expires_at=clock.now() + timedelta(hours=1))


def link_body(method, route):
    """An invitation that nobody made, a proof that is none; the rest is right."""
    last = route.rpartition("/")[2]
    if method == "DELETE" or last in ("revoke", "hello", "goodbye"):
        return {}
    token = f"{'0' * 48}-{'0' * 32}"
    return {"body": {
        "invitations": {"name": "newcomer"},
        "join": {"token": token, "site_id": str(uuid.uuid4()), "name": "x", "public_key": "x",
                 "proof": "x"},
        "accounts": {"username": "x", "password": "x"},
        "autonomy": {"autonomy_hours": 5},
        "keys": {"statement": "x"} if method == "PUT" else {"keep_hours": 1},
        "center": {"center": "nowhere", "token": token},
        "ack": {"upto": 0},
        "{conflict_id}": {"choices": {"app_name": "ours"}},
    }[last]}
