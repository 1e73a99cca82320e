"""What a template may use of a cloud, asked when one is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from apps.vim.openstack.cloud import Cloud
from apps.vim.openstack.site import Flavor, SiteFacts, SiteImage


def facts_of(cloud: Cloud, chosen: Mapping[str, str]) -> SiteFacts:
    """Flavors, images, networks and zones that the project can see, and what it may make.

    ``chosen`` says by name which image is meant where there are several.
    """
    questions: Mapping[str, Callable[[], Any]] = {
        "flavors": lambda: list(cloud.listed("compute", "flavors", get_extra_specs=True)),
        "images": lambda: list(cloud.listed("image", "images", status="active")),
        "networks": lambda: list(cloud.listed("network", "networks")),
        "zones": lambda: list(cloud.listed("compute", "availability_zones")),
        "roles": lambda: cloud.roles,
        "volumes": lambda: cloud.has("block_storage"),
    }
    with ThreadPoolExecutor(len(questions)) as threads:
        waiting = {name: threads.submit(ask) for name, ask in questions.items()}
        told = {name: one.result() for name, one in waiting.items()}
    is_admin = "admin" in told["roles"]
    return SiteFacts(
        flavors=tuple(
            Flavor(one.name, one.vcpus, one.ram, one.disk, bool(one.extra_specs))
            for one in told["flavors"]
        ),
        images={
            one.name: SiteImage(one.id, one.disk_format or "", one.size or 0, one.min_disk or 0)
            # Of several of one name the chosen is taken, else the youngest.
            for one in sorted(
                told["images"],
                key=lambda one: (one.id == chosen.get(one.name), str(one.created_at)),
            )
        },
        networks=frozenset(one.name for one in told["networks"]),
        zones=frozenset(one.name for one in told["zones"]),
        has_volumes=told["volumes"],
        may_create_flavors=is_admin,
        may_create_provider_networks=is_admin,
    )
