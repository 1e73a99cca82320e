"""What the endpoints of the link between sites answer to every asker; columns are those of table.

``link`` endpoints believe the key of an edge alone, and none of the askers has one.
"""

from __future__ import annotations

_ALL_REFUSED = "401 401 401 401 401 401"
_ADMIN = "401 401 403 403 403"

CENTER_SYNC = {
    "GET sync/v1/site": "200 200 200 200 200 200",
    "GET sync/v1/invitations": f"{_ADMIN} 200",
    "POST sync/v1/invitations": f"{_ADMIN} 201",
    "GET sync/v1/invitations/{invitation_id}": f"{_ADMIN} 200",
    "DELETE sync/v1/invitations/{invitation_id}": f"{_ADMIN} 200",
    "POST sync/v1/edges/{edge_id}/revoke": f"{_ADMIN} 200",
    "PUT sync/v1/edges/{edge_id}/autonomy": f"{_ADMIN} 200",
    # The token in the body is the proof, and it is none.
    "POST sync/v1/join": _ALL_REFUSED,
    "POST sync/v1/hello": _ALL_REFUSED,
    "POST sync/v1/goodbye": _ALL_REFUSED,
    "POST sync/v1/accounts": _ALL_REFUSED,
    "GET sync/v1/keys": f"{_ADMIN} 200",
    "POST sync/v1/keys": f"{_ADMIN} 201",
    "PUT sync/v1/keys": _ALL_REFUSED,
}
# Whom an edge trusts is decided by its own administrators, not by the center's.
EDGE_SYNC = {
    # Which kind is meant is not said.
    "GET sync/v1/copy": f"{_ADMIN} 400 403 400",
    "GET sync/v1/digest": f"{_ADMIN} 200 403 200",
    "POST sync/v1/ack": f"{_ADMIN} 200 403 200",
    "GET sync/v1/center": f"{_ADMIN} 200 403 200",
    # It has joined one already, and the token is none.
    "POST sync/v1/center": f"{_ADMIN} 400 403 403",
    "DELETE sync/v1/center": f"{_ADMIN} 200 403 403",
    "GET sync/v1/keys": f"{_ADMIN} 200 403 200",
    "POST sync/v1/keys": f"{_ADMIN} 201 403 403",
    "PUT sync/v1/keys": f"{_ALL_REFUSED} 401 401",
}
