"""One readable line per event, for whoever watches the terminal of a site.  Not an audit log."""

from __future__ import annotations

import logging
from typing import Any

from django.utils import translation

from apps.common.words import Reason, say
from apps.journal.fanout import Event
from apps.monitoring.live import object_of

log = logging.getLogger("mecm.events")

_NAMES = {
    "applcm": "AppLCM", "apprulemanager": "rule manager", "host": "host", "package": "package",
    "distribution": "distribution", "instance": "instance", "operation": "operation",
    "tenant": "tenant", "user": "user", "mecservice": "MEC service",
    "appdconfiguration": "rules of", "ruletask": "rule task",
    "invitation": "invitation", "center": "center", "signingkey": "signing key",
    "application": "application", "subscription": "subscription to",
    "sync-run": "synchronization with",
}
# Applications do these by the thousand; who wants to see them looks at their pages.
_TOO_MANY = frozenset({"mecservice"})
_PHRASES = {
    "registered": "was registered",
    "updated": "was changed",
    "shared": "has other tenants now",
    "cordoned": "takes no new instances any more",
    "uncordoned": "takes new instances again",
    "draining": "is being drained",
    "drain_stopped": "is not drained any further",
    "drained": "is drained",
    "removing": "is being removed",
    "removed": "was removed",
    "reachable": "is reachable",
    "unreachable": "is not reachable",
    "credentials_stored": "has new credentials",
    "settings_changed": "has new driver settings",
    "credentials_removed": "has no credentials any more",
    "delivered": "has reached its edge",
    "not_delivered": "could not be delivered to its edge",
    "onboarded": "was checked and stored",
    "ordered": "was ordered",
    "arrived": "is Distributed",
    "withdrawing": "is being withdrawn",
    "withdrawn": "was withdrawn",
    "failed": "has failed",
    "create": "is Creating",
    "instantiate": "is Instantiating",
    "terminate": "is Terminating",
    "terminated": "was terminated",
    "enabled": "may sign in again",
    "disabled": "may not sign in any more",
    "password_changed": "has a new password",
    "password_reset": "got a new password",
    "queued": "was queued",
    "succeeded": "has succeeded",
    "cancelled": "was cancelled",
    "configured": "were ordered",
    "forgotten": "are gone",
    "contested": "was changed by both sites",
    "settled": "was settled",
    "alive": "is heard of again",
    "cut_off": "is cut off",
    "dead": "has been silent for too long",
    "asked": "was asked for",
    "away": "is away",
    "back": "is back",
    "success": "has succeeded",
    "created": "was created",
    "cached": "of the center signed in",
    "rotated": "is signed with from now on",
    "learned": "is believed from now on",
    "used": "was used",
    "joined": "was joined",
    "left": "was left",
    "revoked": "was shut out",
    "autonomy_set": "has another autonomy time",
    "failure": "has failed",
}

# Told of the instance, or of the host, whose they are.
_OF_IMAGES = {
    "images.snapshot.ordered": "was ordered to have an image made of its server “%(server)s”",
    "images.snapshot.removing": "was ordered to delete its image “%(image)s”",
}
_ORDERS = {"createConsole": "show the screen of"}


def on_event(event: Event) -> None:
    """Log an event as a sentence; news that is nobody's deed only at the level DEBUG."""
    if not log.isEnabledFor(logging.INFO):
        return
    if not event.recorded or event.kind in _TOO_MANY:
        log.debug("%s %s", event.verb, event.subject_id)
        return
    with translation.override("en"):
        log.info("%s", sentence(event, event.subject_name, event.actor_name))


def sentence(event: Event, name: str, actor_name: str) -> str:
    """``instance “web” is Instantiated (by alice)``."""
    kind = object_of(event.kind)
    parts = [f"{_NAMES.get(kind, kind)} “{name or event.subject_id}” {_phrase(event)}"]
    why = _reason(event.data.get("reason"))
    if why:
        parts.append(f": {why}")
    if actor_name and actor_name != "system":
        parts.append(f" (by {actor_name})")
    return "".join(parts)


def _phrase(event: Event) -> str:
    deed = event.verb.rpartition(".")[2]
    if event.verb.startswith("instances.server."):
        order = _ORDERS.get(deed, deed.replace("_", " "))
        return f"was ordered to {order} its server “{event.data['server']}”"
    if event.verb in _OF_IMAGES:
        return _OF_IMAGES[event.verb] % event.data
    state = event.data.get("state")
    health = event.data.get("health")
    if deed == "observed" and health:
        return f"is {state}, {health}" if state else f"is {health}"
    if object_of(event.kind) in ("instance", "operation") and state and deed != "terminated":
        return f"is {state}"
    return _PHRASES.get(deed, f"was {deed.replace('_', ' ')}")


def _reason(data: Any) -> str:
    return say(Reason.from_json(data)) if isinstance(data, dict) else ""
