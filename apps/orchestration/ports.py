"""Where an instance runs: this site's own host through its driver, or an edge over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from apps.instances.models import AppInstance
from apps.instances.services import Observation
from apps.tenants.actors import Actor
from apps.vim.image_lines import Snapshot


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


class Snapshots(Protocol):
    """The images of servers of one instance, or of all at a host, as one actor may handle them.

    They outlive their instance, and belong to its tenant still.
    """

    def all(self) -> list[Snapshot]:
        """Each of them, the newest first."""

    def one(self, image_id: str) -> Snapshot:
        """One of them by the id of the site that has it; NotFound where it is none."""

    def remove(self, image_id: str) -> None:
        """Order its end; one that is on its way out already is left to it."""

    def read(self, found: Snapshot, start: int, length: int) -> Iterator[bytes]:
        """So many bytes of a whole one from ``start`` on; the first are asked for at once.

        What goes wrong later is raised where the bytes are taken, and cuts what is sent.
        """
