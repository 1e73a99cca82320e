"""What differs between a center and an edge: mounts, periodic jobs, navigation.

This is the only module that reads ``MECM_ROLE``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured


def N_(text: str) -> str:  # noqa: N802 - as everywhere, but Django's needs settings, which need us
    """Mark ``text`` for extraction."""
    return text


@dataclass(frozen=True)
class Role:
    """One kind of site.

    ``mounts`` pairs a URL prefix with a URLconf module, ``beat`` maps a task name to its period in
    seconds, ``nav`` names the portal's sections in order, ``label`` is the mode chip's text,
    ``origin`` marks the rows that are born here, ``joins`` says that it joins another site and is
    not joined by others, and ``watches`` names coroutines that the site's
    event loop runs beside the work of Celery.  ``waiting`` lists paths that are answered on that
    loop, since their requests wait for news or for others; one that ends in a slash stands for all
    below it.  ``sockets`` lists those of its own websockets beside the live pages', and
    ``machines`` the beginnings of paths that applications call, with small bodies and by the
    thousand.
    """

    name: str
    label: str
    origin: str
    mounts: tuple[tuple[str, str], ...]
    beat: dict[str, float]
    nav: tuple[str, ...]
    joins: bool = False
    watches: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()


CENTER = Role(
    name="center",
    label=N_("Center"),
    origin="MEO",
    mounts=(
        ("inventory/v1/", "apps.hosts.urls"),
        ("inventory/v1/", "apps.instances.urls_inventory"),
        ("inventory/v1/", "apps.rules.urls_inventory"),
        ("apm/v1/", "apps.packages.urls"),
        ("appo/v1/", "apps.orchestration.urls_appo"),
        ("appo/v1/", "apps.rules.urls_appo"),
        ("appo/v1/", "apps.monitoring.urls_appo"),
        ("", "apps.sync.urls_center"),
    ),
    beat={
        "apps.sync.tasks.tell_keys": 30.0,
        "apps.sync.tasks.follow_edges": 5.0,
        "apps.sync.tasks.judge_links": 5.0,
        "apps.sync.tasks.purge": 3600.0,
        "apps.orchestration.tasks.probe_hosts": 15.0,
        "apps.packages.tasks.sweep_distributions": 2.0,
        "apps.packages.tasks.sweep_fetches": 2.0,
        "apps.orchestration.tasks.sweep_operations": 2.0,
        "apps.rules.tasks.sweep": 2.0,
        "apps.orchestration.tasks.advance_drains": 2.0,
        "apps.orchestration.tasks.watch_workloads": 1.0,
        "apps.orchestration.tasks.sweep_rollouts": 5.0,
        "apps.journal.tasks.purge": 3600.0,
        "apps.orchestration.tasks.purge_operations": 3600.0,
        "apps.orchestration.tasks.release_images": 3600.0,
        "apps.rules.tasks.purge": 3600.0,
        "apps.packages.tasks.sweep_orphans": 3600.0,
        "apps.images.tasks.sweep_images": 2.0,
        "apps.monitoring.tasks.sample_load": 30.0,
        "apps.monitoring.tasks.sample_edges": 60.0,
        "apps.monitoring.tasks.purge_load": 3600.0,
    },
    nav=("dashboard", "topology", "packages", "stores", "instances", "deployments", "hosts",
         "systems", "sync", "users", "activity"),
    watches=(
        "apps.sync.watcher.watch_edges",
        "apps.sync.channel.endpoint.watch_channels",
        "apps.orchestration.following.watch_vims",
    ),
    waiting=("/sync/v1/through/",),
    sockets=("/sync/v1/channel",),
)

EDGE = Role(
    name="edge",
    label=N_("Edge"),
    origin="MEPM",
    joins=True,
    mounts=(
        ("lcmcontroller/", "apps.sync.urls_lcm"),
        ("lcmcontroller/", "apps.orchestration.urls_lcm"),
        ("lcmcontroller/v1/", "apps.monitoring.urls_lcm"),
        ("apprulemgr/v1/", "apps.rules.urls_edge"),
        ("apprule/v1/", "apps.rules.urls_edge"),
        ("apprulemgr/v1/", "apps.sync.urls_rules"),
        ("apprule/v1/", "apps.sync.urls_rules"),
        ("sync/v1/", "apps.sync.urls"),
        ("mep/", "apps.mep.urls"),
        ("mepcfg/", "apps.mep.urls_cfg"),
    ),
    beat={
        "apps.sync.tasks.tell_keys": 30.0,
        "apps.sync.tasks.purge": 3600.0,
        "apps.sync.tasks.look_for_center": 10.0,
        "apps.mep.tasks.mirror": 2.0,
        "apps.mep.tasks.lapse": 60.0,
        "apps.mep.tasks.purge": 3600.0,
        "apps.orchestration.tasks.probe_hosts": 15.0,
        "apps.packages.tasks.sweep_distributions": 2.0,
        "apps.orchestration.tasks.sweep_operations": 2.0,
        "apps.rules.tasks.sweep": 2.0,
        "apps.orchestration.tasks.advance_drains": 2.0,
        "apps.orchestration.tasks.watch_workloads": 1.0,
        "apps.orchestration.tasks.sweep_rollouts": 5.0,
        "apps.journal.tasks.purge": 3600.0,
        "apps.orchestration.tasks.purge_operations": 3600.0,
        "apps.orchestration.tasks.release_images": 3600.0,
        "apps.rules.tasks.purge": 3600.0,
        "apps.packages.tasks.sweep_orphans": 3600.0,
        "apps.images.tasks.sweep_images": 2.0,
        "apps.monitoring.tasks.sample_load": 30.0,
        "apps.monitoring.tasks.purge_load": 3600.0,
    },
    nav=("dashboard", "topology", "packages", "instances", "deployments", "hosts", "mep",
         "mep_services", "mep_subscriptions", "mep_applications", "mep_topology", "waiting",
         "center", "users", "activity"),
    watches=(
        "apps.mep.liveness.watch.watch_heartbeats",
        "apps.mep.notify.deliver.deliver_notifications",
        "apps.monitoring.pulse.watch_pulse",
        "apps.sync.greeting.watch_center",
        "apps.sync.channel.dialing.dial_center",
        "apps.orchestration.following.watch_vims",
    ),
    waiting=("/sync/v1/changes",),
    machines=("/mep/", "/mepserver/", "/mepcfg/", "/mec_", "/applications/"),
)


def current() -> Role:
    """The role of this process; an unknown ``MECM_ROLE`` is a configuration error."""
    name = os.environ.get("MECM_ROLE", CENTER.name)
    for role in (CENTER, EDGE):
        if role.name == name:
            return role
    raise ImproperlyConfigured(f"MECM_ROLE is “{name}”; it must be “center” or “edge”.")
