"""Where an instance runs: this site's own host through its driver, or an edge over HTTP."""

from __future__ import annotations

from typing import Protocol

from apps.instances.models import AppInstance
from apps.instances.services import Observation
from apps.tenants.actors import Actor


class LcmTarget(Protocol):
    """A host that runs instances.  Each method may be called again after a crash."""

    def install(self, instance: AppInstance, *, actor: Actor) -> None:
        """Start it and return quickly; what runs already is left alone."""

    def observe(self, instance: AppInstance, *, actor: Actor) -> Observation:
        """What is known of it there now."""

    def announce_end(self, instance: AppInstance, *, actor: Actor) -> bool:
        """Tell the application that it ends; True while it has to be waited for."""

    def make_room(self, instance: AppInstance, *, actor: Actor) -> bool:
        """Take down what runs, so that another version can take its place; True: ask again soon."""

    def uninstall(self, instance: AppInstance, *, actor: Actor) -> None:
        """Start its removal and return quickly; what is not there counts as removed."""
