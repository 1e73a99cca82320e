"""Where the rules of an instance take effect: this site's MEC platform, or that of an edge."""

from __future__ import annotations

from typing import Protocol

from apps.instances.models import AppInstance
from apps.rules.specs import AppdSpec
from apps.tenants.actors import Actor


class RulePlatform(Protocol):
    """A MEC platform.  Each method may be called again after a crash."""

    def put(
        self, instance: AppInstance, spec: AppdSpec, *, actor: Actor, based_on: int = 0
    ) -> int:
        """Make these the rules of the instance, all or none; returns an edge's version of them.

        ``based_on`` is the edge's version that is known here.
        """

    def remove(self, instance: AppInstance, *, actor: Actor, based_on: int = 0) -> None:
        """Take all its rules away; what is not there counts as removed."""
