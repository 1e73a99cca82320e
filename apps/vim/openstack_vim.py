"""The driver for OpenStack: one Heat stack for each instance.

A thin class: what it does is in :mod:`apps.vim.openstack`, a file for each promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.vim.contract import (
    Credentials,
    HostSettings,
    InstallSpec,
    ProbeResult,
    Usage,
    WorkloadStatus,
)
from apps.vim.images import NewImage, VimImage
from apps.vim.leftovers import Leftover
from apps.vim.openstack import consoles, following, glance, nova, probing, stacks
from apps.vim.openstack.cloud import cloud_for
from apps.vim.openstack.facts import facts_of
from apps.vim.openstack.login import read_login
from apps.vim.openstack.package import hot_of
from apps.vim.openstack.resources import resources
from apps.vim.openstack.status import status_of
from apps.vim.resources import CloudResources, ResourceKind
from apps.vim.servers import Action, ServerDetails
from apps.vim.turns import turn_of
from apps.vim.voices import LogPage, LogQuery, WorkloadEvent

UNMEASURED = N_("OpenStack tells what is promised to servers, and not what they use.")


class OpenStackVim:
    """One project of one region of a cloud."""

    upgrades_in_place = False

    def __init__(
        self,
        *,
        host_id: UUID,
        credentials: Credentials,
        state_dir: Path,
        settings: HostSettings | None = None,
    ) -> None:
        self._host_id = host_id
        self._cloud = cloud_for(credentials.content)

    @staticmethod
    def describe_credentials(content: bytes) -> dict[str, Any]:
        """Address, user, project, region and CA; no secret."""
        return read_login(content).describe()

    def probe(self) -> ProbeResult:
        """Services, quotas and their use, compute hosts as far as they may be seen."""
        return probing.probe(self._cloud)

    def install(self, spec: InstallSpec) -> None:
        """One stack; see the contract for what a repeat does."""
        stacks.require_heat(self._cloud)
        # Of two orders that arrive together Heat makes two stacks of one name.
        with turn_of(spec.instance_id):
            known = stacks.find(self._cloud, spec.instance_id)
            if known is not None and stacks.is_going(known):
                raise stacks.being_removed()
            if known is not None and not stacks.has_failed(known):
                return
            hot = hot_of(spec, facts_of(self._cloud, spec.images))
            stacks.make(self._cloud, self._host_id, spec.instance_id, hot, known)

    def status(self, instance_id: UUID) -> WorkloadStatus:
        """The truth as Heat and Nova tell it now."""
        return status_of(stacks.read(self._cloud, instance_id), clock.now())

    def uninstall(self, instance_id: UUID) -> None:
        """Have Heat take the stack away, with all that it made."""
        with turn_of(instance_id):
            stacks.remove(self._cloud, instance_id)

    def usage(self, instance_id: UUID | None = None) -> Usage:
        """Nobody measures: what is promised is in the capacity that a probe tells."""
        self._cloud.sign_in()
        return Usage(as_of=clock.now(), reason=Reason(UNMEASURED, "unmeasured"))

    def events(self, instance_id: UUID) -> tuple[WorkloadEvent, ...]:
        """What Heat did with the resources of the instance."""
        return stacks.events(self._cloud, instance_id)

    def logs(self, instance_id: UUID, query: LogQuery) -> LogPage:
        """The console of a server, as far as its hypervisor keeps it."""
        return consoles.page(self._cloud, instance_id, query)

    def server(self, instance_id: UUID, server_id: str) -> ServerDetails:
        """What Nova knows of one server now."""
        return nova.server(self._cloud, instance_id, server_id)

    def act(self, instance_id: UUID, server_id: str, action: Action) -> ServerDetails:
        """Have Nova start, stop, reboot ... a server."""
        return nova.act(self._cloud, instance_id, server_id, action)

    def screen(self, instance_id: UUID, server_id: str) -> str:
        """A new link to the screen of a server."""
        return nova.screen(self._cloud, instance_id, server_id)

    def resources(self, kind: ResourceKind) -> CloudResources:
        """Quotas of the project, or one of its lists."""
        return resources(self._cloud, kind)

    def images(self, name: str = "") -> tuple[VimImage, ...]:
        """What Glance shows to the project."""
        return glance.images(self._cloud, self._host_id, **({"name": name} if name else {}))

    def image(self, image_id: str) -> VimImage | None:
        """One of them."""
        return glance.image(self._cloud, self._host_id, image_id)

    def upload_image(self, new: NewImage, pieces: Iterable[bytes]) -> VimImage:
        """Bring one to Glance."""
        return glance.upload(self._cloud, self._host_id, new, pieces)

    def snapshot_server(self, server_id: str, new: NewImage) -> VimImage:
        """Have Nova make one."""
        return glance.snapshot(self._cloud, self._host_id, server_id, new)

    def read_image(self, image_id: str, offset: int = 0) -> Iterator[bytes]:
        """Read one from Glance."""
        return glance.read(self._cloud, image_id, offset)

    def remove_image(self, image_id: str) -> bool:
        """Take one away from Glance."""
        return glance.remove(self._cloud, image_id)

    def follow(self, changed: Callable[[UUID], None], stop: Event) -> None:
        """Look for changes every two seconds."""
        following.follow(self._cloud, self._host_id, changed, stop)

    def carried(self) -> list[Leftover]:
        """The stacks and images that carry the tags of this host."""
        return [
            *stacks.carried(self._cloud, self._host_id),
            *glance.carried(self._cloud, self._host_id),
        ]

    def remove_object(self, one: Leftover) -> bool:
        """Take one of them away; False where it was gone already."""
        if one.kind == glance.KIND:
            return glance.remove(self._cloud, one.path)
        return stacks.remove_object(self._cloud, one)
